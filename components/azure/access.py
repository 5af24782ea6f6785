"""Who may do what in Azure. All from ``normal`` on: propagation takes minutes that an emergency lacks."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.azure.backup_vault import BACKUPS, CONTROL, SIGNALS, BackupVault
from components.azure.key_vault import Secrets
from components.azure.landing_zone import LandingZone
from components.azure.maintenance_site import ARTIFACTS, ORDERS, MaintenanceSite
from components.names import Names
from components.options import child
from components.settings import AzureSettings

BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
"""Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"


@dataclass(frozen=True, kw_only=True)
class AccessArgs:
    """Inputs of :class:`Access`."""

    names: Names
    settings: AzureSettings
    landing: LandingZone
    vault: BackupVault
    site: MaintenanceSite
    secrets: Secrets
    issuer: pulumi.Input[str]
    subject: pulumi.Input[str]
    """ARN of the AWS role whose tokens Entra accepts."""
    aws_writes_control: bool
    """The AWS agent may write the epoch: in failback only."""


class Access(pulumi.ComponentResource):
    """Three identities, what each may do, and the federation that lets AWS be one of them without a key.

    Creates (all free): identities for the backup instance, the application server and the gateway; a custom
    role that reads and writes blobs but cannot delete; a federated credential; role assignments, each on one
    container or one secret.
    """

    backup_client_id: pulumi.Output[str]
    app_identity_id: pulumi.Output[str]
    app_client_id: pulumi.Output[str]
    gateway_identity_id: pulumi.Output[str]
    gateway_grant: azure.authorization.RoleAssignment
    app_grants: list[pulumi.Resource]

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pilotlight:azure:Access", name, None, opts)
        self._name, self._args = name, args
        backup, app, gateway = (self._identity(role) for role in ("backup", "app", "gateway"))
        azure.managedidentity.FederatedIdentityCredential(
            f"{name}-aws",
            federated_identity_credential_resource_name="aws-backup-instance",
            resource_name_=backup.name,
            resource_group_name=args.landing.ground.resource_group,
            issuer=args.issuer,
            subject=args.subject,
            audiences=["api://AzureADTokenExchange"],
            opts=child(self),
        )
        definition = azure.authorization.RoleDefinition(
            f"{name}-writer",
            role_definition_id=args.names.writer_role_id,
            role_name=args.names.writer_role,
            role_type="CustomRole",
            description="Reads and writes blobs; deletes nothing",
            scope=args.landing.resource_group_id,
            assignable_scopes=[args.landing.resource_group_id],
            # Blocks of a large blob need write; that it cannot overwrite a backup is the retention's work.
            permissions=[
                {
                    "actions": ["Microsoft.Storage/storageAccounts/blobServices/containers/read"],
                    "data_actions": [f"{_BLOBS}/{action}" for action in ("read", "write", "add/action")],
                }
            ],
            opts=child(self),
        )
        # Granted once it is there, by the id that Azure answers with when an assignment is read: the
        # definition's own names the group, and every refresh would find a difference and grant anew
        # (https://github.com/Azure/azure-rest-api-specs/issues/11103).
        writer = definition.id.apply(lambda _: self._role(args.names.writer_role_id))
        reader, secrets_user = self._role(BLOB_READER), self._role(SECRETS_USER)
        self._grant("backup-writes-backups", backup, writer, self._container(BACKUPS))
        self._grant("backup-writes-signals", backup, writer, self._container(SIGNALS))
        self._grant("backup-reads-control", backup, reader, self._container(CONTROL))
        if args.aws_writes_control:
            self._grant("backup-writes-control", backup, writer, self._container(CONTROL))
        self.app_grants = [
            self._grant("app-writes-backups", app, writer, self._container(BACKUPS)),
            self._grant("app-writes-signals", app, writer, self._container(SIGNALS)),
            self._grant("app-writes-control", app, writer, self._container(CONTROL)),
            self._grant("app-reads-artifacts", app, reader, self._site_container(ARTIFACTS)),
            self._grant("app-reads-orders", app, reader, self._site_container(ORDERS)),
            *(
                self._grant(f"app-reads-{secret}", app, secrets_user, args.secrets.scope(secret))
                for secret in (args.secrets.database_secret, args.secrets.application_secret)
            ),
        ]
        certificate = args.secrets.scope(args.settings.certificate)
        self.gateway_grant = self._grant("gateway-reads-certificate", gateway, secrets_user, certificate)
        if args.settings.operators_group_id:
            self._operators(writer)

        self.backup_client_id = backup.client_id
        self.app_identity_id, self.app_client_id = app.id, app.client_id
        self.gateway_identity_id = gateway.id
        self.register_outputs({"backup_client_id": self.backup_client_id})

    def _identity(self, role: str) -> azure.managedidentity.UserAssignedIdentity:
        return azure.managedidentity.UserAssignedIdentity(
            f"{self._name}-{role}",
            resource_name_=self._args.names.azure("id", role),
            resource_group_name=self._args.landing.ground.resource_group,
            location=self._args.settings.location,
            tags=self._args.names.tags,
            opts=child(self),
        )

    def _grant(
        self,
        what: str,
        who: azure.managedidentity.UserAssignedIdentity,
        role: pulumi.Input[str],
        scope: pulumi.Input[str],
    ) -> azure.authorization.RoleAssignment:
        return azure.authorization.RoleAssignment(
            f"{self._name}-{what}",
            principal_id=who.principal_id,
            principal_type="ServicePrincipal",  # without it Azure looks up a principal it may not know yet
            role_definition_id=role,
            scope=scope,
            opts=child(self),
        )

    def _operators(self, writer: pulumi.Input[str]) -> None:
        """Operators decide through control blobs, read what agents report and what a failback could not
        merge, and upload the application."""
        grants = {
            "write-control": (writer, self._container(CONTROL)),
            "read-signals": (self._role(BLOB_READER), self._container(SIGNALS)),
            "read-backups": (self._role(BLOB_READER), self._container(BACKUPS)),
            "write-site": (self._role(BLOB_CONTRIBUTOR), self._args.site.account_id),
        }
        for what, (role, scope) in grants.items():
            azure.authorization.RoleAssignment(
                f"{self._name}-operators-{what}",
                principal_id=self._args.settings.operators_group_id,
                principal_type="Group",
                role_definition_id=role,
                scope=scope,
                opts=child(self),
            )

    def _container(self, container: str) -> pulumi.Output[str]:
        return self._args.vault.container_ids[container]

    def _site_container(self, container: str) -> pulumi.Output[str]:
        return self._args.site.container_ids[container]

    def _role(self, role: str) -> str:
        return role_id(self._args.settings.subscription_id, role)


def role_id(subscription_id: str, role: str) -> str:
    """Full id of a role, built-in or our own, as Azure itself writes it in an assignment."""
    return f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{role}"
