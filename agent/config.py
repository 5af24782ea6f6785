"""The agent's one configuration file, read into frozen dataclasses.

The same file serves the backup instance beside RDS, the application server beside Azure MySQL, and anybody
else's MySQL and Blob endpoint. It holds no secret: passwords and keys are named, not written.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from agent.errors import ConfigError
from agent.fields import Fields

Site = Literal["aws", "azure"]

# Shorter than this a dump would follow a dump; a day is the longest that still deserves the name "backup".
MIN_INTERVAL_S = 1
MAX_INTERVAL_S = 86_400


@dataclass(frozen=True)
class AwsSecret:
    """A secret of AWS Secrets Manager: the password itself, or RDS's JSON with a ``password`` key."""

    arn: str
    region: str


@dataclass(frozen=True)
class AzureSecret:
    """A secret of Azure Key Vault by its URL, ``https://<vault>.vault.azure.net/secrets/<name>``."""

    url: str


@dataclass(frozen=True)
class FileSecret:
    """A file that holds the password and nothing else; one line end at its end is not part of it."""

    path: Path


PasswordSource = AwsSecret | AzureSecret | FileSecret


@dataclass(frozen=True)
class Database:
    """The MySQL server beside this agent and what of it is backed up.

    Attributes:
        application_users: names of the accounts that the application uses; locked while another site writes.
    """

    host: str
    port: int
    schemas: tuple[str, ...]
    user: str
    password: PasswordSource
    tls: Literal["required", "verify"]
    ca_file: Path | None
    application_users: tuple[str, ...] = ()


@dataclass(frozen=True)
class Storage:
    """The Blob endpoint and its three containers.

    ``restore_from`` is where restores read: ``backups`` itself, except in a drill, which reads production's
    backups and writes its own.
    """

    endpoint: str
    backups: str
    restore_from: str
    signals: str
    control: str


@dataclass(frozen=True)
class OrdersPlace:
    """The container in which an operator's ``orders.json`` lies; another account than the backups', because
    the Pulumi program can write blobs only with a shared key, and the backups' account has none."""

    endpoint: str
    container: str


@dataclass(frozen=True)
class AwsWebIdentity:
    """An Azure identity reached with a token that AWS STS signs (outbound web identity federation)."""

    region: str
    tenant_id: str
    client_id: str


@dataclass(frozen=True)
class AzureManagedIdentity:
    """A user-assigned managed identity of the Azure machine that this runs on."""

    client_id: str


@dataclass(frozen=True)
class AccountKey:
    """A storage account's key in a file: for the local emulator and for use outside both clouds."""

    account: str
    key_file: Path


@dataclass(frozen=True)
class Emulator:
    """The account of the local emulators (Azurite), whose key is published and opens nothing else."""


Identity = AwsWebIdentity | AzureManagedIdentity | AccountKey | Emulator


@dataclass(frozen=True)
class Dump:
    """When to dump, and when to give up on one.

    Attributes:
        interval_s: seconds from the start of one dump to the start of the next.
        stall_s: seconds without a byte after which mysqldump is killed (a ``;;`` inside an event's body can
            hang it, and so can a lock).
        egress_gb_per_month: the interval stretches so that dumps stay below it; None: no budget.
        refresh_s: a dump is made after so many seconds even when nothing changed, so that age rules never
            meet the newest one.
    """

    interval_s: float
    stall_s: float
    egress_gb_per_month: float | None
    refresh_s: float


@dataclass(frozen=True)
class Archive:
    """The continuous archive of the binary log.

    Attributes:
        flush_s: seconds from the first byte that waits to the write of a segment.
        segment_bytes: of log, before compression, after which a segment is written at once.
        pack_s: seconds of log that are packed into one blob.
    """

    flush_s: float
    segment_bytes: int
    pack_s: float


@dataclass(frozen=True)
class Verify:
    """How often the newest chain is restored into a scratch server and compared.

    Attributes:
        mode: ``auto`` is full up to ``full_up_to_mb`` of SQL text and sampled above it.
    """

    interval_s: float
    mode: Literal["auto", "full", "sampled", "off"]
    full_up_to_mb: float


@dataclass(frozen=True)
class Metrics:
    """Where metrics go: CloudWatch, in a namespace of a region."""

    cloudwatch_namespace: str
    region: str


@dataclass(frozen=True)
class RdsSnapshot:
    """The RDS instance of this database, of which a snapshot is taken before anything in it is replaced."""

    instance: str
    region: str


@dataclass(frozen=True)
class Application:
    """The account that the restore makes for the application, and where the application finds it."""

    user: str
    password: PasswordSource
    environment_file: Path


@dataclass(frozen=True)
class Config:
    """Everything the agent is told. ``state_dir`` holds locks only: losing it loses nothing.

    ``orders`` is None where no orders are given: beside RDS. Without ``archive`` the loss is up to one dump
    interval; without ``verify`` nothing is restored on a schedule; without ``metrics`` none are sent; without
    ``rds_snapshot`` a database is replaced without a snapshot of its service.
    """

    site: Site
    database: Database
    storage: Storage
    orders: OrdersPlace | None
    identity: Identity
    dump: Dump
    archive: Archive | None
    verify: Verify | None
    metrics: Metrics | None
    application: Application | None
    rds_snapshot: RdsSnapshot | None
    state_dir: Path


def load(path: Path) -> Config:
    """Read ``path``.

    Raises:
        ConfigError: the file cannot be read, is not JSON, or a key is missing, wrong or unknown.
    """
    try:
        document: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read the configuration {path}: {error.strerror}; name it with --config"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}; agent/example.json shows one") from error
    return parse(document, str(path))


def parse(document: object, where: str) -> Config:
    """The configuration in a parsed JSON document; ``where`` names it in messages."""
    top = Fields(document, "", where, ConfigError)
    config = Config(
        site=cast(Site, top.one_of("site", ("aws", "azure"))),
        database=_database(top.fields("database")),
        storage=_storage(top.fields("storage")),
        orders=_orders(top.fields("orders")) if top.has("orders") else None,
        identity=_identity(top.fields("identity")),
        dump=_dump(top.fields("dump")),
        archive=_archive(top.fields("archive")) if top.has("archive") else None,
        verify=_verify(top.fields("verify")) if top.has("verify") else None,
        metrics=_metrics(top.fields("metrics")) if top.has("metrics") else None,
        application=_application(top.fields("application")) if top.has("application") else None,
        rds_snapshot=_rds_snapshot(top.fields("rds_snapshot")) if top.has("rds_snapshot") else None,
        state_dir=Path(top.text("state_dir", "/var/lib/pilotlight")),
    )
    top.done()
    return config


def _database(f: Fields) -> Database:
    database = Database(
        host=f.text("host", "petclinic.abc.ap-northeast-2.rds.amazonaws.com"),
        port=f.integer("port", least=1, most=65535, default=3306),
        schemas=f.texts("schemas", ["petclinic"], at_least=1),
        user=f.text("user", "backup"),
        password=_password(f.fields("password")),
        tls=cast('Literal["required", "verify"]', f.one_of("tls", ("required", "verify"), "required")),
        ca_file=Path(f.text("ca_file", "/etc/ssl/certs/ca-certificates.crt")) if f.has("ca_file") else None,
        application_users=f.texts("application_users", ["petclinic"]) if f.has("application_users") else (),
    )
    if database.user in database.application_users:
        raise f.fail("application_users", f"{database.user} is the agent's own account; never lock it")
    if database.tls == "verify" and database.ca_file is None:
        raise f.fail("ca_file", 'tls is "verify", so name the file with the certificates to trust')
    for schema in database.schemas:
        if schema.lower() in ("mysql", "sys", "information_schema", "performance_schema", "pilotlight"):
            raise f.fail(
                "schemas", f"{schema} belongs to the server or to this agent; name only your own schemas"
            )
    f.done()
    return database


def _password(f: Fields) -> PasswordSource:
    source: PasswordSource
    if f.has("aws_secret"):
        source = AwsSecret(
            arn=f.text("aws_secret", "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:db-AbCdEf"),
            region=f.text("region", "ap-northeast-2"),
        )
    elif f.has("azure_secret"):
        example = "https://petclinic.vault.azure.net/secrets/database-admin-password"
        source = AzureSecret(f.text("azure_secret", example))
        if not re.fullmatch(r"https://[^/]+/secrets/[0-9A-Za-z-]+", source.url):
            raise f.fail("azure_secret", f"write a secret's URL such as {example}")
    elif f.has("file"):
        source = FileSecret(Path(f.text("file", "/etc/pilotlight/password")))
    else:
        raise f.fail(
            "aws_secret", 'name where the password is: "aws_secret" with "region", "azure_secret", or "file"'
        )
    f.done()
    return source


def _storage(f: Fields) -> Storage:
    backups = f.text("backups", "mysql-backups", "mysql-backups")
    storage = Storage(
        endpoint=f.text("endpoint", "https://account.blob.core.windows.net").rstrip("/"),
        backups=backups,
        restore_from=f.text("restore_from", "mysql-backups") if f.has("restore_from") else backups,
        signals=f.text("signals", "signals", "signals"),
        control=f.text("control", "control", "control"),
    )
    _require_url(f, storage.endpoint)
    f.done()
    return storage


def _orders(f: Fields) -> OrdersPlace:
    place = OrdersPlace(
        endpoint=f.text("endpoint", "https://account.blob.core.windows.net").rstrip("/"),
        container=f.text("container", "orders", "orders"),
    )
    _require_url(f, place.endpoint)
    f.done()
    return place


def _require_url(f: Fields, endpoint: str) -> None:
    if not re.match(r"https?://[^/]", endpoint):
        raise f.fail("endpoint", 'write a URL such as "https://account.blob.core.windows.net"')


def _identity(f: Fields) -> Identity:
    identity: Identity
    match f.one_of("kind", ("aws_web_identity", "azure_managed_identity", "account_key", "emulator")):
        case "aws_web_identity":
            identity = AwsWebIdentity(
                region=f.text("region", "ap-northeast-2"),
                tenant_id=f.text("tenant_id", "00000000-0000-0000-0000-000000000000"),
                client_id=f.text("client_id", "00000000-0000-0000-0000-000000000000"),
            )
        case "azure_managed_identity":
            identity = AzureManagedIdentity(
                client_id=f.text("client_id", "00000000-0000-0000-0000-000000000000")
            )
        case "emulator":
            identity = Emulator()
        case _:
            identity = AccountKey(
                account=f.text("account", "devstoreaccount1"),
                key_file=Path(f.text("key_file", "/etc/pilotlight/account-key")),
            )
    f.done()
    return identity


def _dump(f: Fields) -> Dump:
    dump = Dump(
        interval_s=f.number("interval_seconds", least=MIN_INTERVAL_S, most=MAX_INTERVAL_S, default=300),
        stall_s=f.number("stall_seconds", least=1, most=MAX_INTERVAL_S, default=120),
        egress_gb_per_month=f.number("egress_gb_per_month", least=0.001, most=1_000_000)
        if f.has("egress_gb_per_month")
        else None,
        refresh_s=f.number("refresh_seconds", least=1, most=7 * MAX_INTERVAL_S, default=86_400),
    )
    f.done()
    return dump


def _archive(f: Fields) -> Archive:
    archive = Archive(
        flush_s=f.number("flush_seconds", least=0.05, most=60, default=1.0),
        segment_bytes=f.integer("segment_bytes", least=65_536, most=64 * 2**20, default=8 * 2**20),
        pack_s=f.number("pack_seconds", least=1, most=MAX_INTERVAL_S, default=3600),
    )
    f.done()
    return archive


def _verify(f: Fields) -> Verify:
    verify = Verify(
        interval_s=f.number("interval_seconds", least=1, most=30 * MAX_INTERVAL_S, default=21_600),
        mode=cast(
            'Literal["auto", "full", "sampled", "off"]',
            f.one_of("mode", ("auto", "full", "sampled", "off"), "auto"),
        ),
        full_up_to_mb=f.number("full_up_to_mb", least=1, most=10_000_000, default=2000),
    )
    f.done()
    return verify


def _metrics(f: Fields) -> Metrics:
    metrics = Metrics(
        cloudwatch_namespace=f.text("cloudwatch_namespace", "PilotLight"),
        region=f.text("region", "ap-northeast-2"),
    )
    f.done()
    return metrics


def _rds_snapshot(f: Fields) -> RdsSnapshot:
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
    place = RdsSnapshot(
        instance=f.text("instance", "petclinic"),
        region=f.text("region", "ap-northeast-2"),
    )
    if not re.fullmatch(r"[A-Za-z](?:-?[0-9A-Za-z]){0,62}", place.instance):
        raise f.fail("instance", 'write the identifier of the RDS instance, such as "petclinic"')
    f.done()
    return place


def _application(f: Fields) -> Application:
    application = Application(
        user=f.text("user", "petclinic"),
        password=_password(f.fields("password")),
        environment_file=Path(f.text("environment_file", "/run/pilotlight/petclinic.env")),
    )
    if not re.fullmatch(r"[0-9A-Za-z_.-]{1,32}", application.user):
        raise f.fail(
            "user", "write at most 32 letters, digits, '_', '.' or '-' (MySQL's limit for account names)"
        )
    f.done()
    return application
