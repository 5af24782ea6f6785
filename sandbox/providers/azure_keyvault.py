"""Key vaults and secrets. Both keep the names of what was deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.azure_base import GROUP_PATH, AzureModel
from sandbox.providers.azure_storage import must_have_endpoint
from sandbox.providers.cloud import Cloud, hex_id
from sandbox.providers.errors import AzureError
from sandbox.providers.model import Frozen, Pattern, at
from sandbox.providers.shape import Problem
from sandbox.store import Resource


class Vault(AzureModel):
    """A key vault. A deleted one keeps its name until it is purged; createMode recover brings it back."""

    pulumi_type = "azure-native:keyvault:Vault"
    sdk = ("pulumi_azure_native.keyvault", "Vault")
    path = GROUP_PATH + "/providers/Microsoft.KeyVault/vaults/{vaultName}"
    patterns = Frozen(
        {
            "vaultName": Pattern(
                r"(?!.*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]",
                "3 to 24 letters, digits and single hyphens (Key Vault)",
            )
        }
    )
    replace_on = ("location",)

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if at(inputs, "properties.enableSoftDelete") is False:
            yield Problem("properties.enableSoftDelete", "cannot be false any more: leave it out")
        if at(inputs, "properties.enablePurgeProtection") is False:
            yield Problem(
                "properties.enablePurgeProtection",
                'The property "enablePurgeProtection" cannot be set to false: leave it out instead',
            )
        days = at(inputs, "properties.softDeleteRetentionInDays")
        if isinstance(days, int) and not 7 <= days <= 90:
            yield Problem("properties.softDeleteRetentionInDays", f"must be 7 to 90, not {days}")

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        name = inputs["vaultName"]
        if any(
            each.id != id and each.inputs["vaultName"] == name for each in cloud.store.find(self.pulumi_type)
        ):
            raise AzureError(
                409,
                "VaultAlreadyExists",
                f"The vault name '{name}' is already in use. Vault names are globally unique so it is "
                "possible that the "
                "name is already taken.",
            )
        recovers = at(inputs, "properties.createMode") == "recover"
        if not old and cloud.store.is_soft_deleted(_vault_key(name)) and not recovers:
            raise AzureError(
                409,
                "ConflictError",
                "A vault with the same name already exists in deleted state. You need to either recover or "
                "purge existing "
                f"key vault: {name}",
            )
        if (
            old
            and at(old.inputs, "properties.enablePurgeProtection")
            and not at(inputs, "properties.enablePurgeProtection")
        ):
            raise AzureError(
                400,
                "BadRequest",
                'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection '
                "for a vault "
                "is an irreversible action.",
            )
        for rule in at(inputs, "properties.networkAcls.virtualNetworkRules") or ():
            must_have_endpoint(cloud, rule["id"], "Microsoft.KeyVault")

    def after_delete(self, cloud: Cloud, resource: Resource) -> None:
        cloud.store.remember_deleted(_vault_key(resource.inputs["vaultName"]))

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        properties = {
            **inputs["properties"],
            "vaultUri": f"https://{str(inputs['vaultName']).lower()}.vault.azure.net/",
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": at(inputs, "properties.softDeleteRetentionInDays") or 90,
            "provisioningState": "Succeeded",
        }
        properties.pop("createMode", None)
        return super().compute(cloud, id, inputs, old_outputs) | {"properties": properties}


class Secret(AzureModel):
    """A secret, written through ARM (the vault's firewall and data roles do not matter), deleted softly."""

    pulumi_type = "azure-native:keyvault:Secret"
    sdk = ("pulumi_azure_native.keyvault", "Secret")
    path = Vault.path + "/secrets/{secretName}"
    child = True
    patterns = Frozen(
        {"secretName": Pattern(r"[a-zA-Z0-9-]{1,127}", "1 to 127 letters, digits and hyphens (Key Vault)")}
    )
    write_only = ("properties.value",)

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        if not old and cloud.store.is_soft_deleted(_secret_key(inputs)):
            raise AzureError(
                409,
                "ObjectIsDeletedButRecoverable",
                f"Secret {inputs['secretName']} is currently in a deleted but recoverable state, and its "
                "name cannot be "
                "reused; in this state, the secret can only be recovered or purged.",
            )

    def after_delete(self, cloud: Cloud, resource: Resource) -> None:
        cloud.store.remember_deleted(_secret_key(resource.inputs))

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        uri = f"https://{str(inputs['vaultName']).lower()}.vault.azure.net/secrets/{inputs['secretName']}"
        visible = {key: value for key, value in inputs["properties"].items() if key != "value"}
        return super().compute(cloud, id, inputs, old_outputs) | {
            "properties": visible | {"secretUri": uri, "secretUriWithVersion": f"{uri}/{hex_id(32)}"},
        }


def _vault_key(name: str) -> str:
    return f"vault/{name.lower()}"


def _secret_key(inputs: Mapping[str, Any]) -> str:
    return f"secret/{str(inputs['vaultName']).lower()}/{str(inputs['secretName']).lower()}"


MODELS = (Vault(), Secret())
