"""Azure Database for MySQL, flexible server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.azure_base import GROUP_PATH, AzureModel
from sandbox.providers.azure_network import find_subnet
from sandbox.providers.azure_privatedns import zone_links
from sandbox.providers.cloud import Cloud
from sandbox.providers.errors import UNVERIFIED, AzureError
from sandbox.providers.model import Frozen, Pattern, at
from sandbox.providers.shape import Problem
from sandbox.store import Resource

_SERVER = GROUP_PATH + "/providers/Microsoft.DBforMySQL/flexibleServers/{serverName}"
_DELEGATION = "Microsoft.DBforMySQL/flexibleServers"
_SUFFIX = "mysql.database.azure.com"
_VERSIONS = ("5.7", "8.0.21", "8.4")
_GTID_MODES = ("OFF", "OFF_PERMISSIVE", "ON_PERMISSIVE", "ON")
_TIERS = {"Standard_B": "Burstable", "Standard_D": "GeneralPurpose", "Standard_E": "MemoryOptimized"}


class Server(AzureModel):
    """A flexible server with private access."""

    pulumi_type = "azure-native:dbformysql:Server"
    sdk = ("pulumi_azure_native.dbformysql", "Server")
    path = _SERVER
    patterns = Frozen(
        {
            "serverName": Pattern(
                r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "3 to 63 lower-case letters, digits and hyphens"
            ),
            "version": Pattern("|".join(_VERSIONS), f"one of {', '.join(_VERSIONS)}"),
            "administratorLogin": Pattern(
                r"(?!(azure_superuser|admin|administrator|root|guest|public)$)[\w-]{1,32}",
                "a name that Azure does not reserve",
            ),
        }
    )
    strict_enums = frozenset({"sku.tier", "createMode"})
    # x-ms-mutability create,read in Microsoft.DBforMySQL 2024-02-01-preview
    replace_on = (
        "location",
        "administratorLogin",
        "createMode",
        "restorePointInTime",
        "sourceServerResourceId",
    )
    write_only = ("administratorLoginPassword",)
    unchangeable = Frozen(
        {
            "network.delegatedSubnetResourceId": UNVERIFIED,
            "network.privateDnsZoneResourceId": UNVERIFIED,
            "backup.geoRedundantBackup": UNVERIFIED,
        }
    )

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if inputs.get("createMode", "Default") == "Default":
            for key in ("administratorLogin", "administratorLoginPassword", "sku", "version"):
                if inputs.get(key) is None:
                    yield Problem(key, "is needed to create a server")
        if inputs.get("maintenanceWindow"):
            yield Problem("maintenanceWindow", "cannot be set during server creation: leave it out")
        name, tier = str(at(inputs, "sku.name")), at(inputs, "sku.tier")
        fitting = next((each for prefix, each in _TIERS.items() if name.startswith(prefix)), tier)
        if tier and fitting != tier and not name.startswith("04da"):
            yield Problem("sku.tier", f"{name} belongs to tier {fitting}, not {tier}")
        size = at(inputs, "storage.storageSizeGB")
        if isinstance(size, int) and not 20 <= size <= 16384:
            yield Problem("storage.storageSizeGB", f"must be 20 to 16384 GiB, not {size}")
        days = at(inputs, "backup.backupRetentionDays")
        if isinstance(days, int) and not 1 <= days <= 35:
            yield Problem("backup.backupRetentionDays", f"must be 1 to 35, not {days}")
        if at(inputs, "highAvailability.mode") not in {None, "Disabled"} and tier == "Burstable":
            yield Problem("highAvailability.mode", "Burstable servers have no high availability")
        if bool(at(inputs, "network.delegatedSubnetResourceId")) != bool(
            at(inputs, "network.privateDnsZoneResourceId")
        ):
            yield Problem(
                "network", "private access needs delegatedSubnetResourceId and privateDnsZoneResourceId"
            )

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        sku = at(inputs, "sku.name")
        if cloud.faults.no_capacity(str(sku)) and (not old or at(old.inputs, "sku.name") != sku):
            raise AzureError(
                409,
                UNVERIFIED,
                f"The requested sku {sku} is not available in {inputs.get('location')}: no capacity.",
            )
        before = at(old.inputs, "storage.storageSizeGB") if old else None
        after = at(inputs, "storage.storageSizeGB")
        if isinstance(before, int) and isinstance(after, int) and after < before:
            raise AzureError(400, UNVERIFIED, f"Storage cannot shrink: {before} -> {after} GiB.")
        taken = [
            each
            for each in cloud.store.find(self.pulumi_type, serverName=inputs["serverName"])
            if each.id != id
        ]
        if taken:
            raise AzureError(409, UNVERIFIED, f"Specified server name {inputs['serverName']} is taken.")
        if not old and at(inputs, "network.delegatedSubnetResourceId"):
            _must_reach_network(cloud, inputs)

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        private = bool(at(inputs, "network.delegatedSubnetResourceId"))
        return super().compute(cloud, id, inputs, old_outputs) | {
            "fullyQualifiedDomainName": f"{inputs['serverName']}.{_SUFFIX}",
            "state": "Ready",
            "replicationRole": "None",
            "replicaCapacity": 10,
            "network": {
                **(inputs.get("network") or {}),
                "publicNetworkAccess": "Disabled" if private else "Enabled",
            },
        }


class _ServerChild(AzureModel):
    """Something inside a server; a server takes one change at a time."""

    child = True
    linger_s = 0.15

    def busy_key(self, inputs: Mapping[str, Any]) -> str | None:
        return f"{inputs['resourceGroupName']}/{inputs['serverName']}"

    def busy_error(self, key: str) -> Exception:
        name = key.rsplit("/", 1)[-1]
        return AzureError(409, "ServerIsBusy", f"Cannot complete operation because server '{name}' is busy.")


class Configuration(_ServerChild):
    """A server parameter; all of them exist with the server."""

    pulumi_type = "azure-native:dbformysql:Configuration"
    sdk = ("pulumi_azure_native.dbformysql", "Configuration")
    path = _SERVER + "/configurations/{configurationName}"
    singleton = True

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if inputs.get("value") is not None and inputs.get("source") != "user-override":
            yield Problem("source", 'must be "user-override" with a value of our own')

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        if inputs["configurationName"] == "gtid_mode":
            _must_be_one_step(cloud, inputs, str(old.inputs["value"]) if old else _GTID_MODES[0])


class Database(_ServerChild):
    """A database."""

    pulumi_type = "azure-native:dbformysql:Database"
    sdk = ("pulumi_azure_native.dbformysql", "Database")
    path = _SERVER + "/databases/{databaseName}"
    patterns = Frozen({"databaseName": Pattern(r"[\w-]{1,64}", "1 to 64 letters, digits, _ and -")})
    replace_on = ("charset", "collation")

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "charset": inputs.get("charset", "utf8mb4"),
            "collation": inputs.get("collation", "utf8mb4_0900_ai_ci"),
        }


def _must_be_one_step(cloud: Cloud, inputs: Mapping[str, Any], before: str) -> None:
    """``gtid_mode`` is OFF on a new server without high availability and moves by single steps, the last of
    them with ``enforce_gtid_consistency`` on (the service's page on read replicas, and MySQL's own rule).

    Raises:
        AzureError: a step too far, or its precondition is missing.
    """
    after = str(inputs["value"])
    if after not in _GTID_MODES:
        raise AzureError(400, UNVERIFIED, f"gtid_mode must be one of {', '.join(_GTID_MODES)}, not {after}.")
    if abs(_GTID_MODES.index(after) - _GTID_MODES.index(before)) > 1:
        raise AzureError(400, UNVERIFIED, f"gtid_mode moves one step at a time: {before} -> {after}.")
    consistency = cloud.store.find(
        Configuration.pulumi_type,
        serverName=inputs["serverName"],
        configurationName="enforce_gtid_consistency",
    )
    if after == "ON" and not any(each.inputs["value"] == "ON" for each in consistency):
        raise AzureError(400, UNVERIFIED, "gtid_mode ON needs enforce_gtid_consistency ON.")


def _must_reach_network(cloud: Cloud, inputs: Mapping[str, Any]) -> None:
    """A server needs a subnet that is delegated to it and a private zone linked to that subnet's network.

    Raises:
        AzureError: when one is missing.
    """
    subnet_id, zone_id = (
        at(inputs, "network.delegatedSubnetResourceId"),
        at(inputs, "network.privateDnsZoneResourceId"),
    )
    delegated = [each.get("serviceName") for each in find_subnet(cloud, subnet_id).get("delegations") or ()]
    if _DELEGATION not in delegated:
        raise AzureError(
            400, "SubnetMissingRequiredDelegation", f"Subnet {subnet_id} is not delegated to {_DELEGATION}."
        )
    zone = zone_id.rsplit("/", 1)[-1]
    if not zone.endswith(_SUFFIX) or zone == f"{inputs['serverName']}.{_SUFFIX}":
        raise AzureError(
            400,
            "InvalidPrivateDnsZoneName",
            f"The private DNS zone name {zone} must end with {_SUFFIX} and must not be the server's own "
            "name.",
        )
    network_id = subnet_id.rsplit("/subnets/", 1)[0]
    if network_id.lower() not in zone_links(cloud, zone_id):
        raise AzureError(
            400,
            "VnetNotLinkedToPrivateDnsZone",
            f"The virtual network {network_id} is not linked to the private DNS zone {zone}.",
        )


MODELS = (Server(), Configuration(), Database())
