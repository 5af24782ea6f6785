"""Cost functions of the Azure types. Free ones name their reason. Storage is in azure_storage.py."""

from __future__ import annotations

from costs import usage
from costs.azure_storage import STORAGE
from costs.catalogue_types import SERVER, Context, Entry, Free, Priced, Use, amount
from costs.errors import CostError
from costs.prices import HOURS_PER_MONTH
from costs.ranges import Range
from costs.resources import Resource

DATABASE = "azure-native:dbformysql:Server"
GATEWAY = "azure-native:network:ApplicationGateway"
WORKSPACE = "azure-native:operationalinsights:Workspace"

RESERVED_UNITS = 10
"""Capacity units that Azure bills for every instance of `minCapacity` or of a fixed `sku.capacity`."""
DISK_SIZES = {"StandardSSD": (("E4", 32), ("E6", 64)), "Premium": (("P4", 32),), "Standard": (("S4", 32),)}
DEFAULT_DISK_GB = 30
"""Operating system disk of Canonical's Ubuntu images when the program names no size."""


def _server(server: Resource, context: Context) -> list[Use]:
    size = server.text("hardwareProfile.vmSize")
    return [Use(size, amount(HOURS_PER_MONTH), f"azure.vm.{size}"), _disk(server)]


def _disk(server: Resource) -> Use:
    kind = str(server.get("storageProfile.osDisk.managedDisk.storageAccountType") or "StandardSSD_LRS")
    size = server.number("storageProfile.osDisk.diskSizeGB", DEFAULT_DISK_GB)
    for tier, holds in DISK_SIZES.get(kind.partition("_")[0], ()):
        if size <= holds:
            return Use(f"system disk {tier} for {size:g} GB", amount(1), f"azure.disk.{tier}")
    raise CostError(
        f"{server.type} {server.name!r}: no price for a disk of {size:g} GB of {kind}: "
        "extend DISK_SIZES in costs/azure.py and costs/prices.yaml"
    )


def _database(database: Resource, context: Context) -> list[Use]:
    sku = database.text("sku.name")
    copies = 1 if database.get("highAvailability.mode") in (None, "Disabled") else 2
    storage = database.number("storage.storageSizeGB", 20)
    uses = [
        Use(f"MySQL {sku}", amount(copies * HOURS_PER_MONTH), f"azure.mysql.{sku}"),
        Use(f"storage, {storage:g} GB", amount(copies * storage), "azure.mysql.storage"),
    ]
    if database.get("storage.autoIoScaling") == "Enabled":
        requests = context.assumptions.emergency_io_millions_an_hour * HOURS_PER_MONTH
        uses.append(Use("paid IO of autoscale IOPS", requests, "azure.mysql.autoscale-io"))
    return uses


def _gateway(gateway: Resource, context: Context) -> list[Use]:
    tier = gateway.text("sku.tier")
    instances = gateway.number("autoscaleConfiguration.minCapacity", gateway.number("sku.capacity", 0))
    reserved = instances * RESERVED_UNITS
    used = context.assumptions.gateway_capacity_units
    units = Range(max(reserved, used.low), max(reserved, used.expected), max(reserved, used.high))
    egress = amount(context.assumptions.emergency_egress_gb_an_hour * HOURS_PER_MONTH)
    return [
        Use(f"gateway {tier}", amount(HOURS_PER_MONTH), f"azure.gateway.{tier}"),
        Use("capacity units", units * HOURS_PER_MONTH, f"azure.gateway.{tier}.capacity"),
        Use("pages sent to users", egress, "azure.egress.internet"),
    ]


def _public_ip(address: Resource, _context: Context) -> list[Use]:
    return [
        Use("public IPv4 address, in use or reserved", amount(HOURS_PER_MONTH), "azure.ip.standard-static")
    ]


def _nat(_gateway: Resource, _context: Context) -> list[Use]:
    return [Use("NAT gateway", amount(HOURS_PER_MONTH), "azure.nat.gateway")]


def _vpn(gateway: Resource, _context: Context) -> list[Use]:
    sku = gateway.text("sku.name")
    return [Use(f"VPN gateway {sku}", amount(HOURS_PER_MONTH), f"azure.vpn.{sku}")]


def _zone(_zone_resource: Resource, _context: Context) -> list[Use]:
    return [Use("private DNS zone", amount(1), "azure.dns.private-zone")]


def _vault(_vault_resource: Resource, _context: Context) -> list[Use]:
    """The gateway polls its certificate every four hours; servers two secrets at boot: far below 10,000."""
    return [Use("operations", amount(0.1), "azure.keyvault.operations")]


def _metric_alert(alert: Resource, _context: Context) -> list[Use]:
    series = len(alert.items("criteria.allOf")) or 1
    return [Use("watched time series", amount(series), "azure.monitor.metric-series")]


def _log_alert(alert: Resource, _context: Context) -> list[Use]:
    """Priced by how often it asks; quarter-hourly and rarer is the cheapest step."""
    wanted = alert.text("evaluationFrequency")
    step = wanted if wanted in ("PT1M", "PT5M", "PT10M") else "PT15M"
    return [Use(f"log alert every {wanted}", amount(1), f"azure.monitor.log-alert.{step}")]


def _workspace(_workspace_resource: Resource, context: Context) -> list[Use]:
    """Log volume: the vault's writes all month, gateway and database while they run."""
    a = context.assumptions
    running = bool(context.of_type(SERVER))
    writes = usage.write_operations(a) + usage.heartbeats_per_month(a)
    gb = writes * a.log_kb_per_write / 1e6 + (a.emergency_log_gb_an_hour * HOURS_PER_MONTH if running else 0)
    # The free 5 GB belong to the billing account: enough for the quiet state, not counted on in an emergency.
    if running:
        return [Use("log ingestion", amount(gb), "azure.monitor.log-ingestion")]
    billed = amount(gb).above(a.azure_free_log_gb)
    return [Use(f"log ingestion of {gb:.2f} GB, above the free", billed, "azure.monitor.log-ingestion")]


_RIGHTS = Free("identities and role assignments cost nothing")
_NETWORK = Free("virtual networks and their rules cost nothing")
_WITH_SERVER = Free("part of the database server")

AZURE: dict[str, Entry] = {
    **STORAGE,
    "azure-native:resources:ResourceGroup": Free("only groups what is in it"),
    "azure-native:network:VirtualNetwork": _NETWORK,
    "azure-native:network:Subnet": _NETWORK,
    "azure-native:network:NetworkSecurityGroup": _NETWORK,
    "azure-native:network:SecurityRule": _NETWORK,
    "azure-native:network:NetworkInterface": Free("paid with the server it belongs to"),
    "azure-native:network:WebApplicationFirewallPolicy": Free("its rules are in the gateway's WAF_v2 price"),
    "azure-native:network:PublicIPAddress": Priced(_public_ip),
    "azure-native:network:NatGateway": Priced(_nat),
    "azure-native:network:VirtualNetworkGateway": Priced(_vpn, ("sku",)),
    GATEWAY: Priced(_gateway, ("sku", "autoscaleConfiguration")),
    "azure-native:privatedns:PrivateZone": Priced(_zone),
    "azure-native:privatedns:VirtualNetworkLink": Free(
        "links cost nothing; queries inside are far below a million"
    ),
    "azure-native:managedidentity:UserAssignedIdentity": _RIGHTS,
    "azure-native:managedidentity:FederatedIdentityCredential": _RIGHTS,
    "azure-native:authorization:RoleDefinition": _RIGHTS,
    "azure-native:authorization:RoleAssignment": _RIGHTS,
    "azure-native:keyvault:Vault": Priced(_vault),
    "azure-native:keyvault:Secret": Free(
        "secrets at rest cost nothing; operations are counted with the vault"
    ),
    DATABASE: Priced(_database, ("sku", "storage", "highAvailability")),
    "azure-native:dbformysql:Configuration": _WITH_SERVER,
    "azure-native:dbformysql:Database": _WITH_SERVER,
    SERVER: Priced(_server, ("hardwareProfile", "storageProfile.osDisk")),
    "azure-native:monitor:MetricAlert": Priced(_metric_alert, ("criteria",)),
    "azure-native:monitor:ScheduledQueryRule": Priced(_log_alert, ("evaluationFrequency",)),
    "azure-native:monitor:ActionGroup": Free("the first thousand mails a month are free"),
    "azure-native:monitor:DiagnosticSetting": Free("what it sends is counted at the workspace"),
    WORKSPACE: Priced(_workspace),
}
