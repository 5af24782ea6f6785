"""The standby's secrets: made long before they are needed, and never in configuration or user data."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure
import pulumi_random as random

from components.azure.landing_zone import Ground
from components.names import Names
from components.options import durable_child
from components.settings import AzureSettings

DATABASE_PASSWORD, APPLICATION_PASSWORD = "database-admin-password", "application-password"


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """Where the standby's passwords are; only the database server is given a value."""

    vault_uri: str
    vault_id: pulumi.Output[str]
    database_secret: str
    application_secret: str
    database_password: pulumi.Output[str]

    def url(self, secret: str) -> str:
        """Version-less URL of a secret in the vault."""
        return f"{self.vault_uri}/secrets/{secret}"

    def scope(self, secret: str) -> pulumi.Output[str]:
        """Resource id of one secret, for a role assignment that reaches no other."""
        return pulumi.Output.concat(self.vault_id, "/secrets/", secret)


@dataclass(frozen=True, kw_only=True)
class KeyVaultArgs:
    """Inputs of :class:`KeyVault`."""

    names: Names
    settings: AzureSettings
    ground: Ground


class KeyVault(pulumi.ComponentResource):
    """A key vault with two generated passwords; an operator imports the gateway's certificate into it.

    Made in ``normal``: a deleted secret's name stays blocked for days, and access takes minutes to arrive.
    Cost: by the operation (0.03 USD for 10,000, Microsoft's list price, Korea not verified).
    """

    secrets: Secrets

    def __init__(self, name: str, args: KeyVaultArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pilotlight:azure:KeyVault", name, None, opts)
        readers = (args.ground.gateway_subnet_id, args.ground.app_subnet_id)
        vault = azure.keyvault.Vault(
            f"{name}-vault",
            vault_name=args.names.key_vault,
            resource_group_name=args.ground.resource_group,
            location=args.settings.location,
            properties={
                "tenant_id": args.settings.tenant_id,
                "sku": {"family": "A", "name": azure.keyvault.SkuName.STANDARD},
                "enable_rbac_authorization": True,
                "enable_soft_delete": True,
                "soft_delete_retention_in_days": 90,
                "enable_purge_protection": True,
                "network_acls": {
                    "default_action": "Deny",
                    "bypass": "AzureServices",  # the application gateway reads its certificate as one
                    "ip_rules": [{"value": address} for address in args.settings.operator_addresses],
                    "virtual_network_rules": [{"id": subnet} for subnet in readers],
                },
            },
            tags=args.names.tags,
            opts=durable_child(self),
        )
        passwords = {
            secret: password(f"{name}-{secret}", durable_child(self))
            for secret in (DATABASE_PASSWORD, APPLICATION_PASSWORD)
        }
        for secret, generated in passwords.items():
            azure.keyvault.Secret(
                f"{name}-{secret}-secret",
                secret_name=secret,
                vault_name=vault.name,
                resource_group_name=args.ground.resource_group,
                properties={"value": generated},
                tags=args.names.tags,
                opts=durable_child(self),
            )
        self.secrets = Secrets(
            vault_uri=f"https://{args.names.key_vault}.vault.azure.net",
            vault_id=vault.id,
            database_secret=DATABASE_PASSWORD,
            application_secret=APPLICATION_PASSWORD,
            database_password=passwords[DATABASE_PASSWORD],
        )
        self.register_outputs({"vault_uri": self.secrets.vault_uri})


def password(name: str, options: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """A generated password: three character classes, as Azure demands, and nothing that needs quoting."""
    generated = random.RandomPassword(
        name, length=32, special=False, min_lower=1, min_upper=1, min_numeric=1, opts=options
    )
    return pulumi.Output.secret(generated.result)
