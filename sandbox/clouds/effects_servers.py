"""What runs behind Azure's virtual machines and application gateways."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from sandbox.clouds import azure_resources as azure
from sandbox.clouds.callers import Caller
from sandbox.clouds.gateway import Gateway, Pem
from sandbox.clouds.gateway_plan import GatewayPlan, GatewayRefused, read_gateway
from sandbox.clouds.imds import AzureMetadata
from sandbox.clouds.machine import Machine, MachineSpec
from sandbox.clouds.vault_endpoint import KeyVaults, VaultRefused
from sandbox.providers.effects import Handler
from sandbox.store import Resource, Store

GATEWAY = "azure-native:network:ApplicationGateway"
_INTERFACE = "azure-native:network:NetworkInterface"
_PUBLIC_ADDRESS = "azure-native:network:PublicIPAddress"


class ServerError(RuntimeError):
    """A virtual machine that cannot be made from what the program says."""


def role_of(vm_name: str) -> str:
    """A virtual machine's role: ``vm-petclinic-app`` is ``dr-app``; a drill's keeps its occasion."""
    return "dr-" + vm_name.removeprefix("vm-").removeprefix("petclinic-")


class VirtualMachines(Handler):
    """Virtual machines, each with its metadata service.

    Args:
        store: the simulated subscription.
        make_metadata: a metadata service for a machine's role and the VM's id.
        make_machine: a machine for what Azure knows.
        machines: the world's machines, by role.
    """

    def __init__(
        self,
        store: Store,
        *,
        make_metadata: Callable[[str, str], AzureMetadata],
        make_machine: Callable[[MachineSpec], Machine],
        machines: dict[str, Machine],
    ) -> None:
        self._store = store
        self._make_metadata = make_metadata
        self._make_machine = make_machine
        self._machines = machines
        self._mutex = threading.Lock()
        self._metadata: dict[str, AzureMetadata] = {}

    def created(self, resource: Resource) -> None:
        self._make(resource).boot()

    def deleted(self, resource: Resource) -> None:
        role = role_of(resource.inputs["vmName"])
        machine = self._machines.pop(role, None)
        if machine is not None:
            machine.kill()
        with self._mutex:
            metadata = self._metadata.pop(role, None)
        if metadata is not None:
            metadata.stop()

    def restore(self) -> None:
        """Start the deployed machines again on their disks, after a restart of the sandbox."""
        for resource in self._store.find(azure.VIRTUAL_MACHINE):
            self._make(resource).reboot()

    def stop(self) -> None:
        """Shut all machines down."""
        for role in list(self._metadata):
            machine = self._machines.pop(role, None)
            if machine is not None:
                machine.stop()
            self._metadata.pop(role).stop()

    def locate(self, role: str) -> Caller:
        """Where a machine is on the network."""
        for resource in self._store.find(azure.VIRTUAL_MACHINE):
            if role_of(resource.inputs["vmName"]) == role:
                place = self._interface(resource)
                public = self._store.get(_PUBLIC_ADDRESS, str((place.get("publicIPAddress") or {}).get("id")))
                return Caller(
                    "azure",
                    role,
                    public_ip=public.outputs.get("ipAddress") if public else None,
                    subnet_id=(place.get("subnet") or {}).get("id"),
                )
        return Caller("azure", role)

    def _make(self, resource: Resource) -> Machine:
        role = role_of(resource.inputs["vmName"])
        if role in self._machines:
            raise ServerError(f"two virtual machines of role {role}: name one of them differently")
        metadata = self._make_metadata(role, resource.id)
        metadata.start()
        profile: dict[str, Any] = resource.inputs.get("osProfile") or {}
        machine = self._make_machine(
            MachineSpec(
                name=role,
                cloud="azure",
                user_data=str(profile.get("customData") or ""),
                private_ip=self._private_ip(resource),
                environment={"AZURE_POD_IDENTITY_AUTHORITY_HOST": metadata.url},
            )
        )
        with self._mutex:
            self._metadata[role] = metadata
        self._machines[role] = machine
        return machine

    def _interface(self, resource: Resource) -> dict[str, Any]:
        interfaces: list[dict[str, Any]] = (resource.inputs.get("networkProfile") or {}).get(
            "networkInterfaces"
        ) or []
        for reference in interfaces:
            interface = self._store.get(_INTERFACE, str(reference.get("id")))
            if interface is not None:
                return interface.inputs["ipConfigurations"][0]
        raise ServerError(f"{resource.inputs['vmName']} has no network interface that exists")

    def _private_ip(self, resource: Resource) -> str:
        address = self._interface(resource).get("privateIPAddress")
        if not address:
            raise ServerError(f"{resource.inputs['vmName']}: only fixed private addresses are simulated")
        return str(address)


class Gateways(Handler):
    """Application gateways.

    Args:
        store: the simulated subscription.
        make: an unconfigured gateway for a name.
    """

    def __init__(self, store: Store, make: Callable[[str], Gateway]) -> None:
        self._store = store
        self._make = make
        self._mutex = threading.Lock()
        self._running: dict[str, Gateway] = {}

    def created(self, resource: Resource) -> None:
        gateway = self._make(resource.inputs["applicationGatewayName"])
        gateway.apply(self._plan(resource))
        with self._mutex:
            self._running[resource.id] = gateway

    def updated(self, old: Resource, new: Resource) -> None:
        self._running[new.id].apply(self._plan(new))

    def deleted(self, resource: Resource) -> None:
        with self._mutex:
            gateway = self._running.pop(resource.id, None)
        if gateway is not None:
            gateway.stop()

    def restore(self) -> None:
        """Configure the deployed gateways again, after a restart of the sandbox."""
        for resource in self._store.find(GATEWAY):
            self.created(resource)

    def stop(self) -> None:
        """End all gateways."""
        with self._mutex:
            running = list(self._running.values())
            self._running.clear()
        for gateway in running:
            gateway.stop()

    def all(self) -> list[Gateway]:
        """Every running gateway."""
        with self._mutex:
            return list(self._running.values())

    def _plan(self, resource: Resource) -> GatewayPlan:
        return read_gateway(resource.inputs["applicationGatewayName"], resource.inputs, self._public_address)

    def _public_address(self, id: str) -> str:
        address = self._store.get(_PUBLIC_ADDRESS, id)
        if address is None:
            raise GatewayRefused(f"InvalidResourceReference: public address {id} does not exist")
        return str(address.outputs["ipAddress"])


def certificate_reader(store: Store, vaults: KeyVaults) -> Callable[[str, tuple[str, ...]], Pem]:
    """A function that reads a certificate as one of a gateway's identities.

    It raises GatewayRefused when the vault has no such certificate or none of the identities may read it.
    """

    def read(secret_url: str, identities: tuple[str, ...]) -> Pem:
        parts = urlsplit(secret_url)
        vault = (parts.hostname or "").partition(".")[0]
        path = parts.path.strip("/").split("/")
        if len(path) != 2 or path[0] != "secrets":
            raise GatewayRefused(
                f"keyVaultSecretId {secret_url}: give it without a version, else renewals are not followed"
            )
        problems: list[str] = []
        for identity_id in identities:
            identity = store.get(azure.IDENTITY, identity_id)
            if identity is None:
                problems.append(f"identity {identity_id} does not exist")
                continue
            try:
                certificate, key = vaults.certificate_for(identity.outputs["principalId"], vault, path[1])
                return Pem(certificate, key)
            except VaultRefused as refusal:
                problems.append(str(refusal))
        raise GatewayRefused(
            f"ApplicationGatewayKeyVaultSecretException: {secret_url}: "
            + ("; ".join(problems) or "the gateway has no identity")
        )

    return read
