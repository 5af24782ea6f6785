"""The second way in: a stack with no AWS and no durable data, standing on what production left in Azure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pulumi
import pulumi_azure_native as azure

from components.azure.access import BLOB_READER, SECRETS_USER, role_id
from components.azure.backup_vault import BACKUPS, CONTROL, SIGNALS
from components.azure.foundation import BlobPlace, Foundation
from components.azure.key_vault import APPLICATION_PASSWORD, DATABASE_PASSWORD, Secrets, password
from components.azure.landing_zone import ZONES, Ground
from components.azure.maintenance_site import ARTIFACTS, ORDERS
from components.azure.production import Production
from components.guests.documents import Orders
from components.names import Names
from components.options import blob_child, child
from components.switches import Purpose


@dataclass(frozen=True, kw_only=True)
class BorrowedFoundationArgs:
    """Inputs of :class:`BorrowedFoundation`."""

    names: Names
    production: Production
    purpose: Purpose
    location: str
    certificate: str
    agent_file: Path


class BorrowedFoundation(pulumi.ComponentResource):
    """What a drill or a takeover adds to production's durable resources, under names of its own.

    Both make: a resource group, two identities with role assignments, two secrets in production's key vault,
    and beside production's artifacts the agent of this checkout, which may be another than the deployed one.
    A drill also makes a public address and containers for its own backups, signals and control blobs, and
    may only read production's backups. A takeover uses production's reserved address and containers.

    It stands in production's network, because the vault's firewall admits that network's subnets and no other
    (https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations).
    Cost: a drill's address, 0.005 USD an hour; the rest is free.
    """

    foundation: Foundation

    def __init__(
        self, name: str, args: BorrowedFoundationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("pilotlight:azure:BorrowedFoundation", name, None, opts)
        self._name, self._args = name, args
        production = args.production
        group = azure.resources.ResourceGroup(
            f"{name}-group",
            resource_group_name=args.names.resource_group,
            location=args.location,
            tags=args.names.tags,
            opts=child(self),
        )
        app, gateway = (self._identity(role, group) for role in ("app", "gateway"))
        secrets = self._secrets()
        storage, orders = production.storage, ORDERS
        containers: dict[str, azure.storage.BlobContainer] = {}
        if args.purpose is Purpose.DRILL:
            containers = self._containers()
            orders = args.names.container(ORDERS)
            storage = replace(
                storage,
                backups=args.names.container(BACKUPS),
                signals=args.names.container(SIGNALS),
                control=args.names.container(CONTROL),
                restore_from=BACKUPS,
            )
        access = self._access(app, secrets, containers)
        certificate = f"{production.key_vault_id}/secrets/{args.certificate}"
        gateway_grant = self._grant("gateway-reads-certificate", gateway, SECRETS_USER, certificate)
        endpoint = production.site_endpoint()
        site = {
            "resource_group": production.names.resource_group,
            "account_name": production.names.site_account,
        }
        agent_name = f"agent-{args.names.occasion}.zip"
        agent = azure.storage.Blob(
            f"{name}-agent",
            blob_name=agent_name,
            account_name=production.names.site_account,
            container_name=ARTIFACTS,
            resource_group_name=production.names.resource_group,
            type=azure.storage.BlobType.BLOCK,
            content_type="application/zip",
            source=pulumi.FileAsset(str(args.agent_file)),
            opts=blob_child(self),
        )
        self.foundation = Foundation(
            names=args.names,
            ground=self._ground(group),
            storage=storage,
            orders=Orders(endpoint=production.site_blobs, container=orders),
            orders_place=BlobPlace(**site, container=containers[ORDERS].name if containers else orders),
            hold_place=BlobPlace(**site, container="$web"),
            artifacts_url=production.artifacts_url,
            agent_url=f"{production.artifacts_url}/{agent_name}",
            artifacts_account=pulumi.Output.from_input(production.names.site_account),
            backup_account=pulumi.Output.from_input(production.names.vault_account),
            site_endpoint=endpoint,
            page_url=pulumi.Output.concat(endpoint, "/index.html"),
            secrets=secrets,
            watch=production.watch,
            app_identity_id=app.id,
            app_client_id=app.client_id,
            gateway_identity_id=gateway.id,
            gateway_needs=[gateway_grant],
            servers_need=[*access, *containers.values(), agent],
        )
        self.register_outputs({})

    def _ground(self, group: azure.resources.ResourceGroup) -> Ground:
        production = self._args.production
        if self._args.purpose is Purpose.DRILL:
            address = azure.network.PublicIPAddress(
                f"{self._name}-gateway-address",
                public_ip_address_name=self._args.names.azure("pip", "gateway"),
                resource_group_name=group.name,
                location=self._args.location,
                public_ip_allocation_method="Static",
                sku={"name": "Standard"},
                zones=ZONES,
                tags=self._args.names.tags,
                opts=child(self),
            )
        else:
            address = production.gateway_address()
        subnet = {
            role: pulumi.Output.from_input(production.subnet_id(role))
            for role in ("gateway", "web", "app", "database")
        }
        return Ground(
            resource_group=group.name,
            gateway_subnet_id=subnet["gateway"],
            web_subnet_id=subnet["web"],
            app_subnet_id=subnet["app"],
            database_subnet_id=subnet["database"],
            private_zone_id=pulumi.Output.from_input(production.private_zone_id),
            gateway_address_id=address.id,
            gateway_ip=address.ip_address.apply(lambda known: known or ""),
        )

    def _containers(self) -> dict[str, azure.storage.BlobContainer]:
        """A drill's own containers, so that it never touches production's epoch, orders or backups."""
        production, names = self._args.production.names, self._args.names
        homes = dict.fromkeys((BACKUPS, SIGNALS, CONTROL), production.vault_account)
        return {
            purpose: azure.storage.BlobContainer(
                f"{self._name}-{purpose}",
                container_name=names.container(purpose),
                account_name=account,
                resource_group_name=production.resource_group,
                public_access=azure.storage.PublicAccess.NONE,
                opts=child(self),
            )
            for purpose, account in (homes | {ORDERS: production.site_account}).items()
        }

    def _secrets(self) -> Secrets:
        production, names = self._args.production, self._args.names
        passwords: dict[str, pulumi.Output[str]] = {}
        for secret in (DATABASE_PASSWORD, APPLICATION_PASSWORD):
            passwords[secret] = password(f"{self._name}-{secret}", child(self))
            azure.keyvault.Secret(
                f"{self._name}-{secret}-secret",
                secret_name=names.secret(secret),
                vault_name=production.names.key_vault,
                resource_group_name=production.names.resource_group,
                properties={"value": passwords[secret]},
                tags=names.tags,
                # The provider deletes a secret through the vault's own endpoint, not Resource Manager: that
                # needs a data role and a way through the vault's firewall, and CI has neither. Source:
                # custom_keyvault.go in https://github.com/pulumi/pulumi-azure-native
                opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
            )
        return Secrets(
            vault_uri=f"https://{production.names.key_vault}.vault.azure.net",
            vault_id=pulumi.Output.from_input(production.key_vault_id),
            database_secret=names.secret(DATABASE_PASSWORD),
            application_secret=names.secret(APPLICATION_PASSWORD),
            database_password=passwords[DATABASE_PASSWORD],
        )

    def _access(
        self,
        app: azure.managedidentity.UserAssignedIdentity,
        secrets: Secrets,
        own: dict[str, azure.storage.BlobContainer],
    ) -> list[pulumi.Resource]:
        """What the application server may do; ``own`` are a drill's containers, written instead of
        production's."""
        production, containers = self._args.production, "blobServices/default/containers"
        vault, site = production.vault_account_id, production.site_account_id

        def scope(account: str, purpose: str) -> pulumi.Input[str]:
            # By the resource's own id where this stack makes it: a role is granted on what exists.
            return own[purpose].id if purpose in own else f"{account}/{containers}/{purpose}"

        granted: list[pulumi.Resource] = [
            self._grant(f"app-writes-{what}", app, production.names.writer_role_id, scope(vault, what))
            for what in (BACKUPS, SIGNALS, CONTROL)
        ]
        read = {
            BACKUPS: f"{vault}/{containers}/{BACKUPS}",
            ARTIFACTS: scope(site, ARTIFACTS),
            ORDERS: scope(site, ORDERS),
        }
        for what, where in read.items():
            granted.append(self._grant(f"app-reads-{what}", app, BLOB_READER, where))
        for what, secret in (
            (DATABASE_PASSWORD, secrets.database_secret),
            (APPLICATION_PASSWORD, secrets.application_secret),
        ):
            granted.append(self._grant(f"app-reads-{what}", app, SECRETS_USER, secrets.scope(secret)))
        return granted

    def _identity(
        self, role: str, group: azure.resources.ResourceGroup
    ) -> azure.managedidentity.UserAssignedIdentity:
        return azure.managedidentity.UserAssignedIdentity(
            f"{self._name}-{role}",
            resource_name_=self._args.names.azure("id", role),
            resource_group_name=group.name,
            location=self._args.location,
            tags=self._args.names.tags,
            opts=child(self),
        )

    def _grant(
        self,
        what: str,
        who: azure.managedidentity.UserAssignedIdentity,
        role: str,
        scope: pulumi.Input[str],
    ) -> azure.authorization.RoleAssignment:
        return azure.authorization.RoleAssignment(
            f"{self._name}-{what}",
            principal_id=who.principal_id,
            principal_type="ServicePrincipal",
            role_definition_id=role_id(self._args.production.subscription_id, role),
            scope=scope,
            opts=child(self),
        )
