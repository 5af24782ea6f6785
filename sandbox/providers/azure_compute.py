"""Virtual machines."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers import wire
from sandbox.providers.azure_base import GROUP_PATH, AzureModel
from sandbox.providers.cloud import Cloud, guid, timestamp
from sandbox.providers.errors import AzureError
from sandbox.providers.model import Frozen, Pattern, at
from sandbox.providers.shape import Problem
from sandbox.store import Resource

_CUSTOM_DATA_LIMIT = 65535  # bytes decoded, ARM reference osProfile.customData


class VirtualMachine(AzureModel):
    """A virtual machine. What it booted with cannot change (409 PropertyChangeNotAllowed)."""

    pulumi_type = "azure-native:compute:VirtualMachine"
    sdk = ("pulumi_azure_native.compute", "VirtualMachine")
    path = GROUP_PATH + "/providers/Microsoft.Compute/virtualMachines/{vmName}"
    patterns = Frozen(
        {
            "vmName": Pattern(
                r"[a-zA-Z0-9][\w.-]{0,62}[a-zA-Z0-9]|[a-zA-Z0-9]", "1 to 64 letters, digits and -."
            )
        }
    )
    replace_on = ("location",)
    write_only = ("osProfile.adminPassword", "osProfile.customData")
    unchangeable = Frozen(
        {
            "osProfile.customData": "PropertyChangeNotAllowed",
            "osProfile.computerName": "PropertyChangeNotAllowed",
            "osProfile.adminUsername": "PropertyChangeNotAllowed",
            "osProfile.linuxConfiguration.ssh": "PropertyChangeNotAllowed",
            "osProfile.linuxConfiguration.disablePasswordAuthentication": "PropertyChangeNotAllowed",
            "storageProfile.imageReference": "PropertyChangeNotAllowed",
            "zones": "ResourceAvailabilityZonesCannotBeModified",
        }
    )

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        for path in (
            "hardwareProfile.vmSize",
            "storageProfile.imageReference",
            "osProfile.computerName",
            "osProfile.adminUsername",
            "networkProfile.networkInterfaces",
        ):
            if not at(inputs, path):
                yield Problem(path, "is needed to create a machine")
        linux = at(inputs, "osProfile.linuxConfiguration") or {}
        if linux.get("disablePasswordAuthentication"):
            if not at(linux, "ssh.publicKeys"):
                yield Problem(
                    "osProfile.linuxConfiguration.ssh", "a public key is needed when passwords are disabled"
                )
        elif not at(inputs, "osProfile.adminPassword"):
            yield Problem(
                "osProfile",
                "Authentication using either SSH or by user name and password must be enabled in Linux "
                "profile.",
            )
        yield from _custom_data_problems(at(inputs, "osProfile.customData"))

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        size = at(inputs, "hardwareProfile.vmSize")
        if cloud.faults.no_capacity(str(size)) and (
            not old or at(old.inputs, "hardwareProfile.vmSize") != size
        ):
            raise AzureError(
                409,
                "SkuNotAvailable",
                "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: "
                f"{size}' is "
                f"currently not available in location '{inputs['location']}'. Please try another size or "
                "deploy to a "
                "different location or different zone.",
            )
        for nic in inputs["networkProfile"]["networkInterfaces"]:
            others = [
                each for each in cloud.users_of(nic["id"]) if each.type == self.pulumi_type and each.id != id
            ]
            if others:
                raise AzureError(
                    400,
                    "NicInUse",
                    f"Network Interface {nic['id']} is used by existing resource {others[0].id}.",
                )

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "vmId": old_outputs.get("vmId") or guid(),
            "timeCreated": old_outputs.get("timeCreated") or timestamp(),
        }


def _custom_data_problems(data: Any) -> Iterator[Problem]:
    if not isinstance(data, str) or data == wire.UNKNOWN:
        return
    try:
        size = len(base64.b64decode(data, validate=True))
    except binascii.Error:
        yield Problem("osProfile.customData", "must be base64")
        return
    if size > _CUSTOM_DATA_LIMIT:
        yield Problem("osProfile.customData", f"is {size} bytes; the limit is {_CUSTOM_DATA_LIMIT}")


MODELS = (VirtualMachine(),)
