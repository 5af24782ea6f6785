"""Managed identities and their federated credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.azure_base import GROUP_PATH, AzureModel
from sandbox.providers.cloud import Cloud, guid
from sandbox.providers.errors import AzureError
from sandbox.providers.model import Frozen, Pattern
from sandbox.providers.shape import Problem
from sandbox.store import Resource

_IDENTITY_PATH = GROUP_PATH + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"


class UserAssignedIdentity(AzureModel):
    """A user-assigned identity."""

    pulumi_type = "azure-native:managedidentity:UserAssignedIdentity"
    sdk = ("pulumi_azure_native.managedidentity", "UserAssignedIdentity")
    path = _IDENTITY_PATH
    patterns = Frozen(
        {"resourceName": Pattern(r"[a-zA-Z0-9][\w-]{2,127}", "3 to 128 letters, digits, _ and -")}
    )
    replace_on = ("location",)

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "clientId": old_outputs.get("clientId") or guid(),
            "principalId": old_outputs.get("principalId") or guid(),
            "tenantId": cloud.settings.get("tenantId", guid("tenant")),
        }


class FederatedIdentityCredential(AzureModel):
    """Trust in another issuer's tokens. One identity takes one write at a time."""

    pulumi_type = "azure-native:managedidentity:FederatedIdentityCredential"
    sdk = ("pulumi_azure_native.managedidentity", "FederatedIdentityCredential")
    path = _IDENTITY_PATH + "/federatedIdentityCredentials/{federatedIdentityCredentialResourceName}"
    child = True
    patterns = Frozen(
        {
            "federatedIdentityCredentialResourceName": Pattern(
                r"[a-zA-Z0-9][\w-]{2,119}", "3 to 120 letters, digits, _, -"
            ),
            "issuer": Pattern(
                r"https://[^\s]+[^/\s]", "an https URL without a slash at its end, exactly as in the tokens"
            ),
        }
    )
    linger_s = 0.15

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        audiences = inputs.get("audiences")
        if isinstance(audiences, list) and len(audiences) != 1:  # pyright: ignore[reportUnknownArgumentType]
            yield Problem("audiences", f"exactly one audience, not {audiences}")

    def busy_key(self, inputs: Mapping[str, Any]) -> str | None:
        return f"{inputs['resourceGroupName']}/{inputs['resourceName']}"

    def busy_error(self, key: str) -> Exception:
        return AzureError(
            409,
            "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
            "Too many Federated Identity Credentials are written concurrently for the managed identity "
            f"'{key}'. "
            "Concurrent Federated Identity Credentials writes under the same managed identity are not "
            "supported.",
        )

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        for other in cloud.store.find(self.pulumi_type, issuer=inputs["issuer"], subject=inputs["subject"]):
            if other.id != id and other.id.rsplit("/", 1)[0] == id.rsplit("/", 1)[0]:
                raise AzureError(
                    409,
                    "Conflict",
                    "Issuer and subject combination already exists for this Managed Identity.",
                )


MODELS = (UserAssignedIdentity(), FederatedIdentityCredential())
