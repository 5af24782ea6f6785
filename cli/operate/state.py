"""Where what is deployed answers, from the stack's state.

A failed ``up`` leaves the outputs of the one before it, or none after the first
(``tests/engine/test_history.py``); the resources are what there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ACCOUNT = "azure-native:storage:StorageAccount"
_VAULT = f"pilotlight:azure:BackupVault${_ACCOUNT}::"
_SITE = f"pilotlight:azure:MaintenanceSite${_ACCOUNT}::"
_ADDRESS = "azure-native:network:PublicIPAddress"
_DATABASE = "azure-native:dbformysql:Server"
_HOLD = "$azure-native:storage:Blob::hold-switch-blob"


@dataclass(frozen=True)
class Deployed:
    """Places and times of what is deployed; empty where it is not.

    Attributes:
        vault: blob endpoint of the backups. site: URL of the static site. gateway_ip: the reserved address.
        standby_since: when the standby's database was made, ISO 8601.
        hold_urn: of the hold switch's blob.
        database: the standby's is there, whether or not its time is known.
    """

    vault: str = ""
    site: str = ""
    gateway_ip: str = ""
    standby_since: str = ""
    hold_urn: str = ""
    database: bool = False


def deployed(resources: Sequence[Mapping[str, Any]], outputs: Mapping[str, Any]) -> Deployed:
    """From the stack's outputs where they are there, else from its resources.

    Args:
        resources: of ``pulumi stack export``.
    """
    found = {"vault": "", "site": "", "gateway_ip": "", "standby_since": "", "hold_urn": ""}
    for resource in resources:
        urn, kind = str(resource.get("urn", "")), resource.get("type")
        values: Mapping[str, Any] = resource.get("outputs") or {}
        if _VAULT in urn:
            found["vault"] = str((values.get("primaryEndpoints") or {}).get("blob") or "").rstrip("/")
        elif _SITE in urn:
            found["site"] = str((values.get("primaryEndpoints") or {}).get("web") or "").rstrip("/")
        elif kind == _ADDRESS and values.get("ipAddress"):
            found["gateway_ip"] = str(values["ipAddress"])
        elif kind == _DATABASE:
            found["standby_since"] = str(resource.get("created") or "")
        elif urn.endswith(_HOLD):
            found["hold_urn"] = urn
    for key, output in (
        ("vault", "backup_endpoint"),
        ("site", "site_endpoint"),
        ("gateway_ip", "gateway_ip"),
    ):
        if outputs.get(output):
            found[key] = str(outputs[output]).rstrip("/")
    return Deployed(**found, database=any(resource.get("type") == _DATABASE for resource in resources))
