"""A small Azure deployment, made through the provider without an engine."""

from __future__ import annotations

import base64
from typing import Any

from sandbox.providers.provider import Provider
from sandbox.store import Resource

GROUP = {"resourceGroupName": "rg"}
USER_DATA = base64.b64encode(b"#cloud-config\n").decode()


class Rejected(Exception):
    """Check found something wrong with the inputs."""


class Azure:
    """Makes and changes resources as the engine would: Check, then Create or Update."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.cloud = provider.cloud

    def make(self, type: str, /, **inputs: Any) -> Resource:
        """Create one resource, e.g. ``make("network:Subnet", ...)``.

        Raises:
            Rejected: with everything that Check said.
            CloudError: what the cloud said.
        """
        token = f"azure-native:{type}"
        return self.provider.create(token, self._urn(token), self.checked(token, inputs))

    def change(self, resource: Resource, **inputs: Any) -> Resource:
        """Update a resource in place with these inputs on top of its own."""
        checked = self.checked(resource.type, {**resource.inputs, **inputs}, resource)
        return self.provider.update(resource.type, resource.urn, resource.id, checked)

    def delete(self, resource: Resource) -> None:
        """Delete a resource."""
        self.provider.delete(resource.type, resource.id)

    def checked(self, token: str, inputs: dict[str, Any], old: Resource | None = None) -> dict[str, Any]:
        """The inputs after Check."""
        completed, problems = self.provider.check(token, "logical", old.inputs if old else {}, dict(inputs))
        if problems:
            raise Rejected("; ".join(f"{path} {reason}" for path, reason in problems))
        return completed

    @staticmethod
    def _urn(token: str) -> str:
        return f"urn:pulumi:dev::tiny::{token}::logical"

    # --- parts that others stand on -------------------------------------------------------------------

    def group(self) -> Resource:
        """The resource group ``rg`` in Korea Central."""
        return self.make("resources:ResourceGroup", resourceGroupName="rg", location="Korea Central")

    def network(self) -> Resource:
        """A virtual network 10.80.0.0/16 without subnets."""
        return self.make(
            "network:VirtualNetwork",
            **GROUP,
            virtualNetworkName="vnet",
            addressSpace={"addressPrefixes": ["10.80.0.0/16"]},
        )

    def subnet(self, name: str, prefix: str, **inputs: Any) -> Resource:
        """A subnet of that network."""
        return self.make(
            "network:Subnet",
            **GROUP,
            virtualNetworkName="vnet",
            subnetName=name,
            addressPrefix=prefix,
            **inputs,
        )

    def database_subnet(self) -> Resource:
        """A subnet delegated to MySQL."""
        delegation = {"name": "mysql", "serviceName": "Microsoft.DBforMySQL/flexibleServers"}
        return self.subnet("database", "10.80.3.0/24", delegations=[delegation])

    def zone(self, name: str = "pet.private.mysql.database.azure.com") -> Resource:
        """A private zone for MySQL."""
        return self.make("privatedns:PrivateZone", **GROUP, privateZoneName=name, location="global")

    def link(self, network: Resource, zone: Resource) -> Resource:
        """The link between both."""
        return self.make(
            "privatedns:VirtualNetworkLink",
            **GROUP,
            privateZoneName=zone.outputs["name"],
            virtualNetworkLinkName="link",
            location="global",
            virtualNetwork={"id": network.id},
            registrationEnabled=False,
        )

    def server(self, subnet: Resource, zone: Resource, **inputs: Any) -> Resource:
        """A MySQL server with private access."""
        settings: dict[str, Any] = {
            "serverName": "mysql-pet",
            "administratorLogin": "dbadmin",
            "administratorLoginPassword": "secret",
            "version": "8.0.21",
            "sku": {"name": "Standard_D2ds_v4", "tier": "GeneralPurpose"},
            "network": {"delegatedSubnetResourceId": subnet.id, "privateDnsZoneResourceId": zone.id},
        }
        return self.make("dbformysql:Server", **GROUP, **{**settings, **inputs})

    def account(self, **inputs: Any) -> Resource:
        """A storage account."""
        settings: dict[str, Any] = {
            "accountName": "petvault",
            "kind": "StorageV2",
            "sku": {"name": "Standard_ZRS"},
        }
        return self.make("storage:StorageAccount", **GROUP, **{**settings, **inputs})

    def identity(self, name: str = "agent") -> Resource:
        """A user-assigned identity."""
        return self.make("managedidentity:UserAssignedIdentity", **GROUP, resourceName=name)

    def nic(self, subnet: Resource, address: str | None = None, name: str = "nic") -> Resource:
        """A network interface."""
        configuration: dict[str, Any] = {"name": "ip", "subnet": {"id": subnet.id}}
        if address:
            configuration |= {"privateIPAllocationMethod": "Static", "privateIPAddress": address}
        return self.make(
            "network:NetworkInterface", **GROUP, networkInterfaceName=name, ipConfigurations=[configuration]
        )

    def machine(self, nic: Resource, **inputs: Any) -> Resource:
        """A Linux machine."""
        key = {"path": "/home/op/.ssh/authorized_keys", "keyData": "ssh-ed25519 AAAA"}
        settings: dict[str, Any] = {
            "vmName": "app",
            "hardwareProfile": {"vmSize": "Standard_B2s"},
            "networkProfile": {"networkInterfaces": [{"id": nic.id}]},
            "osProfile": {
                "computerName": "app",
                "adminUsername": "op",
                "customData": USER_DATA,
                "linuxConfiguration": {"disablePasswordAuthentication": True, "ssh": {"publicKeys": [key]}},
            },
            "storageProfile": {
                "imageReference": {
                    "publisher": "Canonical",
                    "offer": "ubuntu-24_04-lts",
                    "sku": "server",
                    "version": "latest",
                }
            },
        }
        return self.make("compute:VirtualMachine", **GROUP, **{**settings, **inputs})
