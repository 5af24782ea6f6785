"""The standby's two machines: nginx, and PetClinic with the agent beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.azure.foundation import Foundation
from components.azure.key_vault import password
from components.azure.standby_database import ADMIN
from components.backup_settings import BackupSettings
from components.guests import documents
from components.guests.render import Guest, cloud_init, encoded
from components.options import child
from components.settings import ApplicationSettings, AzureSettings

_IMAGE = azure.compute.ImageReferenceArgs(
    publisher="Canonical", offer="ubuntu-24_04-lts", sku="server", version="latest"
)


@dataclass(frozen=True, kw_only=True)
class StandbyServersArgs:
    """Inputs of :class:`StandbyServers`."""

    foundation: Foundation
    settings: AzureSettings
    application: ApplicationSettings
    backups: BackupSettings
    database_host: pulumi.Input[str]
    databases: Sequence[pulumi.Resource]
    """The schemas, which the application server must find at its first boot."""
    agent_sha256: str


class StandbyServers(pulumi.ComponentResource):
    """A web server and an application server at fixed private addresses.

    Nobody logs in over the network: no SSH port is open in any security group and no key is installed. Azure
    demands some login, so each server gets a generated password that only the state holds (encrypted); it
    serves the serial console. Everyday commands go through ``az vm run-command``.

    Running servers are never changed by a mode: ``customData`` is ignored, they learn from control blobs.
    Each has a public address for what it fetches at boot (Azure's implicit one is being withdrawn); security
    groups admit nothing through it. Cost: B2s 0.052 USD an hour each, 0.005 for each address (Azure retail
    price, Korea Central, 2026-06-18).
    """

    server_ids: dict[str, pulumi.Output[str]]
    """By role: app, web."""

    def __init__(
        self, name: str, args: StandbyServersArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("pilotlight:azure:StandbyServers", name, None, opts)
        self._name, self._args = name, args
        network, settings = args.settings.network, args.settings
        app_data = pulumi.Output.all(args.database_host, args.foundation.app_client_id).apply(
            lambda known: self._app_user_data(known[0], known[1])
        )
        upstream = {"upstream": documents.nginx_upstream(network.app_server)}
        app = self._server(
            "app",
            size=settings.app_server_size,
            subnet_id=args.foundation.ground.app_subnet_id,
            address=network.app_server,
            custom_data=app_data,
            identity_id=args.foundation.app_identity_id,
            after=[*args.databases, *args.foundation.servers_need],
        )
        web = self._server(
            "web",
            size=settings.web_server_size,
            subnet_id=args.foundation.ground.web_subnet_id,
            address=network.web_server,
            custom_data=encoded(cloud_init(Guest.WEB_SERVER, upstream)),
        )
        self.server_ids = {"app": app.id, "web": web.id}
        self.register_outputs({})

    def _app_user_data(self, database_host: str, client_id: str) -> str:
        args, foundation = self._args, self._args.foundation
        secrets = foundation.secrets
        agent = documents.azure_agent(
            host=database_host,
            user=ADMIN,
            admin_secret=secrets.url(secrets.database_secret),
            application_secret=secrets.url(secrets.application_secret),
            schemas=list(args.application.schemas),
            storage=foundation.storage,
            orders=foundation.orders,
            client_id=client_id,
            backups=args.backups,
        )
        install = documents.azure_install(
            artifacts=foundation.artifacts_url,
            agent=foundation.agent_url,
            agent_sha256=args.agent_sha256,
            jar=args.application.jar,
            jar_sha256=args.application.jar_sha256,
            client_id=client_id,
        )
        return encoded(cloud_init(Guest.APP_SERVER, {"agent": agent, "install": install}))

    def _server(
        self,
        role: str,
        *,
        size: str,
        subnet_id: pulumi.Input[str],
        address: str,
        custom_data: pulumi.Input[str],
        identity_id: pulumi.Input[str] | None = None,
        after: Sequence[pulumi.Resource] = (),
    ) -> azure.compute.VirtualMachine:
        names = self._args.foundation.names
        group = self._args.foundation.ground.resource_group
        location = self._args.settings.location
        egress = azure.network.PublicIPAddress(
            f"{self._name}-{role}-egress",
            public_ip_address_name=names.azure("pip", role),
            resource_group_name=group,
            location=location,
            public_ip_allocation_method="Static",
            sku={"name": "Standard"},
            tags=names.tags,
            opts=child(self),
        )
        interface = azure.network.NetworkInterface(
            f"{self._name}-{role}-interface",
            network_interface_name=names.azure("nic", role),
            resource_group_name=group,
            location=location,
            ip_configurations=[
                {
                    "name": "primary",
                    "primary": True,
                    "subnet": {"id": subnet_id},
                    "private_ip_address": address,
                    "private_ip_allocation_method": "Static",
                    "public_ip_address": {"id": egress.id},
                }
            ],
            tags=names.tags,
            opts=child(self),
        )
        return azure.compute.VirtualMachine(
            f"{self._name}-{role}",
            vm_name=names.azure("vm", role),
            resource_group_name=group,
            location=location,
            hardware_profile={"vm_size": size},
            identity=azure.compute.VirtualMachineIdentityArgs(
                type=azure.compute.ResourceIdentityType.USER_ASSIGNED,
                user_assigned_identities=[identity_id],
            )
            if identity_id is not None
            else None,
            os_profile={
                "computer_name": f"petclinic-{role}",
                "admin_username": "pilotlight",
                "admin_password": password(f"{self._name}-{role}-console", child(self)),
                "custom_data": custom_data,
                "linux_configuration": {
                    "disable_password_authentication": False,
                    "provision_vm_agent": True,
                },
            },
            storage_profile=azure.compute.StorageProfileArgs(
                image_reference=_IMAGE,
                os_disk=azure.compute.OSDiskArgs(
                    name=names.azure("disk", role),
                    create_option="FromImage",
                    delete_option="Delete",
                    disk_size_gb=64,
                    managed_disk=azure.compute.ManagedDiskParametersArgs(
                        storage_account_type="StandardSSD_LRS"
                    ),
                ),
            ),
            network_profile={"network_interfaces": [{"id": interface.id, "primary": True}]},
            diagnostics_profile={"boot_diagnostics": {"enabled": True}},
            tags=names.tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(after),
                # Azure refuses to change it: https://github.com/pulumi/pulumi-azure-native/issues/577
                ignore_changes=["osProfile.customData"],
            ),
        )
