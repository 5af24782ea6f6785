"""What runs behind Azure's storage and key vault resources: the gate and the vaults' endpoints."""

from __future__ import annotations

from pathlib import Path

from sandbox.clouds import azure_resources as azure
from sandbox.clouds.gate import Gate
from sandbox.clouds.vault_endpoint import KeyVaults
from sandbox.providers.assets import asset_bytes
from sandbox.providers.effects import Handler
from sandbox.store import Resource

BLOB = "azure-native:storage:Blob"


class Accounts(Handler):
    """Storage accounts."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def created(self, resource: Resource) -> None:
        self._gate.open_account(resource.inputs["accountName"])

    def deleted(self, resource: Resource) -> None:
        self._gate.close_account(resource.inputs["accountName"])


class Containers(Handler):
    """Blob containers."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def created(self, resource: Resource) -> None:
        self._gate.create_container(resource.inputs["accountName"], resource.inputs["containerName"])

    def deleted(self, resource: Resource) -> None:
        self._gate.delete_container(resource.inputs["accountName"], resource.inputs["containerName"])


class StaticWebsites(Handler):
    """Static websites: switching one on makes its container."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def created(self, resource: Resource) -> None:
        self._gate.create_container(resource.inputs["accountName"], "$web")


class Blobs(Handler):
    """Blobs that the program writes, as the deployer."""

    def __init__(self, gate: Gate, project: Path) -> None:
        self._gate = gate
        self._project = project

    def created(self, resource: Resource) -> None:
        inputs = resource.inputs
        data = b"" if inputs.get("source") is None else asset_bytes(inputs["source"], self._project)
        self._gate.put_as_operator(
            inputs["accountName"],
            inputs["containerName"],
            inputs["blobName"],
            data,
            inputs.get("contentType") or "application/octet-stream",
        )

    def updated(self, old: Resource, new: Resource) -> None:
        self.created(new)

    def deleted(self, resource: Resource) -> None:
        inputs = resource.inputs
        self._gate.delete_as_operator(inputs["accountName"], inputs["containerName"], inputs["blobName"])


class Vaults(Handler):
    """Key vaults; their secrets are read from the store at every request."""

    def __init__(self, vaults: KeyVaults) -> None:
        self._vaults = vaults

    def created(self, resource: Resource) -> None:
        self._vaults.open_vault(resource.inputs["vaultName"])

    def deleted(self, resource: Resource) -> None:
        self._vaults.close_vault(resource.inputs["vaultName"])


def storage_effects(gate: Gate, vaults: KeyVaults, project: Path) -> dict[str, Handler]:
    """Handlers by type token."""
    return {
        azure.STORAGE_ACCOUNT: Accounts(gate),
        azure.CONTAINER: Containers(gate),
        azure.STATIC_WEBSITE: StaticWebsites(gate),
        BLOB: Blobs(gate, project),
        azure.VAULT: Vaults(vaults),
    }
