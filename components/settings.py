"""The whole configuration as frozen dataclasses: read once, checked before anything changes. Pure.

Defaults live in ``Pulumi.yaml`` only; what is missing here is an error and not a second default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.backup_settings import BackupSettings, read_backups
from components.config_reader import Get, Reader, SettingsError
from components.network_plan import NetworkPlan
from components.switches import Mode, Purpose, Scope, Switches, read_switches

__all__ = ["Mode", "Purpose", "Scope", "Settings", "SettingsError", "Switches", "read_settings"]

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_EXAMPLE_GUID = "11111111-2222-3333-4444-555555555555"
_EXAMPLE_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_HOST = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+"
_EMAIL = r"[^@\s\"]{1,64}@" + _HOST
_RDS_INSTANCE = r"(?=.{1,63}$)[a-z](-?[a-z0-9])*"
"""RDS keeps identifiers in lower case, and IAM compares them letter by letter."""
_SCHEMA = r"[A-Za-z0-9_]{1,64}"


@dataclass(frozen=True, kw_only=True)
class AwsSettings:
    """What exists in AWS already, and the backup instance's size."""

    region: str
    account_id: str
    vpc_id: str
    subnet_ids: tuple[str, ...]
    rds_host: str
    rds_port: int
    rds_user: str
    rds_secret_arn: str
    rds_security_group_id: str
    rds_instance_id: str
    """Of which a snapshot is taken before a failback replaces its data; empty: none is."""
    instance_type: str
    zone_id: str
    zone_name: str
    alb_name: str
    alb_zone_id: str
    origin_name: str
    """Host name of the origin's health check; the load balancer's rules must accept it."""
    route_table_ids: tuple[str, ...]
    """Tables that get the S3 gateway endpoint; none: no such endpoint."""
    interface_endpoints: bool


@dataclass(frozen=True, kw_only=True)
class AzureSettings:
    """Where the standby lives and how large it is when it runs."""

    subscription_id: str
    tenant_id: str
    location: str
    network: NetworkPlan
    operator_addresses: tuple[str, ...]
    operators_group_id: str
    retention_days: int
    database_sku: str
    database_storage_gb: int
    database_time_zone: str
    """Offset like ``+09:00``; empty: Azure's own, which is UTC."""
    web_server_size: str
    app_server_size: str
    certificate: str
    gateway_waf: bool

    @property
    def database_tier(self) -> str:
        """The tier Azure wants beside the SKU; it follows from the SKU's family letter."""
        family = self.database_sku.removeprefix("Standard_")[:1]
        return {"B": "Burstable", "D": "GeneralPurpose"}.get(family, "MemoryOptimized")


@dataclass(frozen=True, kw_only=True)
class ApplicationSettings:
    """PetClinic itself."""

    public_name: str
    health_path: str
    probe_path: str
    """A page that reads the database."""
    schemas: tuple[str, ...]
    database_users: tuple[str, ...]
    """Accounts in RDS that the agent locks while Azure is the writer."""
    jar: str
    jar_sha256: str


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the program is told."""

    switches: Switches
    aws: AwsSettings | None
    """None in a drill or takeover stack, which has no AWS side."""
    azure: AzureSettings
    application: ApplicationSettings
    backups: BackupSettings
    alert_emails: tuple[str, ...]
    production_stack: str
    occasion: str


def read_settings(get: Get) -> Settings:
    """All settings of the stack.

    Args:
        get: ``pulumi.Config().get``, or the ``get`` of any mapping in tests.

    Raises:
        SettingsError: with every problem found, each naming key, value and the command that fixes it.
    """
    reader = Reader(get)
    switches = read_switches(reader)
    network = _network(reader, second_set=switches.purpose is Purpose.DRILL)
    aws = _aws(reader) if switches.owns_production else None
    azure_values = _azure_values(reader)
    application = _application(reader)
    backups = read_backups(reader)
    emails = reader.texts("alertEmails", example=["operators@example.com"], pattern=_EMAIL, required=False)
    occasion = ""
    if not switches.owns_production:
        occasion = reader.text("occasion", example="drill1", pattern=r"[a-z0-9]{1,12}")
    production = reader.text("productionStack", example="normal", pattern=r"[A-Za-z0-9._-]{1,100}")
    if reader.problems or network is None:
        raise SettingsError(reader.problems)
    azure = AzureSettings(network=network, **azure_values)
    return Settings(
        switches=switches,
        aws=aws,
        azure=azure,
        application=application,
        backups=backups,
        alert_emails=emails,
        production_stack=production,
        occasion=occasion,
    )


def _aws(reader: Reader) -> AwsSettings:
    alb_name = reader.text(
        "albDnsName", example="petclinic-1.ap-northeast-2.elb.amazonaws.com", pattern=_HOST
    )
    return AwsSettings(
        region=reader.text("awsRegion", example="ap-northeast-2", pattern=r"[a-z]{2}(-[a-z]+)+-\d"),
        account_id=reader.text("awsAccountId", example="111122223333", pattern=r"\d{12}"),
        vpc_id=reader.text("awsVpcId", example="vpc-0a1b2c3d4e5f60718", pattern=r"vpc-[0-9a-f]{8,17}"),
        subnet_ids=reader.texts(
            "awsSubnetIds", example=["subnet-0a1b2c3d4e5f60718"], pattern=r"subnet-[0-9a-f]{8,17}"
        ),
        rds_host=reader.text(
            "rdsHost", example="petclinic.abc.ap-northeast-2.rds.amazonaws.com", pattern=_HOST
        ),
        rds_port=reader.integer("rdsPort", low=1, high=65535, example=3306),
        rds_user=reader.text("rdsUser", example="backup", pattern=r"[A-Za-z0-9_]{1,32}"),
        rds_secret_arn=reader.text(
            "rdsSecretArn",
            example="arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:petclinic/backup-AbCdEf",
            pattern=r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+",
        ),
        rds_security_group_id=reader.text(
            "rdsSecurityGroupId", example="sg-0a1b2c3d4e5f60718", pattern=r"sg-[0-9a-f]{8,17}"
        ),
        rds_instance_id=reader.text(
            "rdsInstanceId", example="petclinic", pattern=_RDS_INSTANCE, required=False
        ),
        instance_type=reader.text(
            "backupInstanceType", example="t4g.micro", pattern=r"(t4g|m[678]g|c[678]g)\.\w+"
        ),
        zone_id=reader.text("zoneId", example="Z0123456789ABCDEFGHIJ", pattern=r"Z[A-Z0-9]{5,31}"),
        zone_name=reader.text("zoneName", example="example.com", pattern=_HOST),
        alb_name=alb_name,
        alb_zone_id=reader.text("albZoneId", example="ZWKZPGTI48KDX", pattern=r"Z[A-Z0-9]{5,31}"),
        origin_name=reader.text(
            "originName", example="origin.petclinic.example.com", pattern=_HOST, required=False
        )
        or alb_name,
        route_table_ids=reader.texts(
            "awsRouteTableIds",
            example=["rtb-0a1b2c3d4e5f60718"],
            pattern=r"rtb-[0-9a-f]{8,17}",
            required=False,
        ),
        interface_endpoints=reader.flag("awsInterfaceEndpoints"),
    )


def _azure_values(reader: Reader) -> dict[str, Any]:
    sku = r"Standard_[BDE][A-Za-z0-9_]+"
    return {
        "subscription_id": reader.text("azureSubscriptionId", example=_EXAMPLE_GUID, pattern=_GUID),
        "tenant_id": reader.text("azureTenantId", example=_EXAMPLE_GUID, pattern=_GUID),
        "location": reader.text("azureRegion", example="koreacentral", pattern=r"[a-z0-9]{3,40}"),
        "operator_addresses": reader.public_addresses("operatorAddresses"),
        "operators_group_id": reader.text(
            "operatorsGroupId", example=_EXAMPLE_GUID, pattern=_GUID, required=False
        ),
        "retention_days": reader.integer("retentionDays", low=1, high=146000, example=7),
        "database_sku": reader.text("databaseSku", example="Standard_D2ds_v4", pattern=sku),
        "database_storage_gb": reader.integer("databaseStorageGb", low=20, high=16384, example=64),
        "database_time_zone": reader.text(
            "databaseTimeZone", example="+09:00", pattern=r"[+-](0\d|1[0-4]):[0-5]\d", required=False
        ),
        "web_server_size": reader.text("webServerSize", example="Standard_B2s", pattern=r"Standard_\w+"),
        "app_server_size": reader.text("appServerSize", example="Standard_B2s", pattern=r"Standard_\w+"),
        "certificate": reader.text(
            "gatewayCertificate", example="petclinic-tls", pattern=r"[A-Za-z0-9-]{1,127}"
        ),
        "gateway_waf": reader.flag("gatewayWaf"),
    }


def _application(reader: Reader) -> ApplicationSettings:
    return ApplicationSettings(
        public_name=reader.text("publicName", example="petclinic.example.com", pattern=_HOST),
        health_path=reader.text("healthPath", example="/actuator/health", pattern=r"/[A-Za-z0-9/_.-]*"),
        probe_path=reader.text("probePath", example="/owners", pattern=r"/[A-Za-z0-9/_.-]*"),
        schemas=reader.texts("schemas", example=["petclinic"], pattern=_SCHEMA),
        database_users=reader.texts(
            "applicationUsers", example=["petclinic"], pattern=r"[A-Za-z0-9_.-]{1,32}"
        ),
        jar=reader.text("appJar", example="petclinic.jar", pattern=r"[A-Za-z0-9._-]{1,200}"),
        jar_sha256=reader.text("appJarSha256", example=_EXAMPLE_SHA256, pattern=r"[0-9a-f]{64}"),
    )


def _network(reader: Reader, *, second_set: bool) -> NetworkPlan | None:
    vnet = reader.network("vnetCidr", example="10.80.0.0/16")
    gateway = reader.network("gatewaySubnetCidr", example="10.80.0.0/24")
    web = reader.network("webSubnetCidr", example="10.80.1.0/24")
    app = reader.network("appSubnetCidr", example="10.80.2.0/24")
    database = reader.network("databaseSubnetCidr", example="10.80.3.0/24")
    if vnet is None or gateway is None or web is None or app is None or database is None:
        return None
    plan = NetworkPlan(vnet=vnet, gateway=gateway, web=web, app=app, database=database, second_set=second_set)
    for problem in plan.problems():
        reader.wrong(problem.key, problem.value, problem.reason, problem.fix)
    return plan
