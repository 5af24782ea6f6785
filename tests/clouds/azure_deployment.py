"""Azure resources as the provider leaves them in the Store, for tests of the services behind them."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.clouds import azure_resources as azure
from sandbox.store import Resource, Store

TENANT = "11111111-2222-3333-4444-555555555555"
GROUP = "petclinic-dr"
GROUP_ID = f"/subscriptions/99999999-8888-7777-6666-555555555555/resourceGroups/{GROUP}/providers"

BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"


class AzureDeployment:
    """Puts resources of real shape into a Store; every method returns the resource."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(
        self, type: str, id: str, inputs: dict[str, Any], outputs: dict[str, Any] | None = None
    ) -> Resource:
        resource = Resource(type, id, f"urn:{id}", {"resourceGroupName": GROUP, **inputs}, outputs or {})
        self.store.put(resource)
        return resource

    def account(self, name: str, **inputs: Any) -> Resource:
        return self.put(
            azure.STORAGE_ACCOUNT,
            f"{GROUP_ID}/Microsoft.Storage/storageAccounts/{name}",
            {"accountName": name, "allowSharedKeyAccess": False, **inputs},
        )

    def worm(self, account: str, container: str, days: int = 14, **inputs: Any) -> Resource:
        return self.put(
            azure.IMMUTABILITY_POLICY,
            f"{self.container_id(account, container)}/immutabilityPolicies/default",
            {
                "accountName": account,
                "containerName": container,
                "immutabilityPeriodSinceCreationInDays": days,
                **inputs,
            },
        )

    def container_id(self, account: str, container: str) -> str:
        parent = f"{GROUP_ID}/Microsoft.Storage/storageAccounts/{account}"
        return f"{parent}/blobServices/default/containers/{container}"

    def static_website(self, account: str) -> Resource:
        inputs = {"accountName": account, "indexDocument": "index.html", "error404Document": "404.html"}
        return self.put(azure.STATIC_WEBSITE, f"{account}/staticWebsite", inputs)

    def identity(self, name: str) -> Resource:
        outputs = {"principalId": str(uuid.uuid4()), "clientId": str(uuid.uuid4()), "tenantId": TENANT}
        parent = f"{GROUP_ID}/Microsoft.ManagedIdentity/userAssignedIdentities"
        return self.put(azure.IDENTITY, f"{parent}/{name}", {"resourceName": name}, outputs)

    def federate(self, identity: Resource, issuer: str, subject: str, audience: str) -> Resource:
        return self.put(
            azure.FEDERATED_CREDENTIAL,
            f"{identity.id}/federatedIdentityCredentials/aws",
            {
                "resourceName": identity.inputs["resourceName"],
                "federatedIdentityCredentialResourceName": "aws",
                "issuer": issuer,
                "subject": subject,
                "audiences": [audience],
            },
        )

    def assign(self, identity: Resource | str, role: str, scope: str, **inputs: Any) -> Resource:
        """``identity``: one that was deployed, or the object id of another principal."""
        name = str(uuid.uuid4())
        return self.put(
            azure.ROLE_ASSIGNMENT,
            f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
            {
                "principalId": identity if isinstance(identity, str) else identity.outputs["principalId"],
                "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{role}",
                "scope": scope,
                **inputs,
            },
        )

    def role(self, *permissions: dict[str, list[str]]) -> str:
        """A custom role; its GUID."""
        name = str(uuid.uuid4())
        identifier = f"{GROUP_ID}/Microsoft.Authorization/roleDefinitions/{name}"
        self.put(azure.ROLE_DEFINITION, identifier, {"permissions": list(permissions)})
        return name

    def subnet(self, name: str, *service_endpoints: str) -> Resource:
        return self.put(
            azure.SUBNET,
            f"{GROUP_ID}/Microsoft.Network/virtualNetworks/dr/subnets/{name}",
            {"subnetName": name, "serviceEndpoints": [{"service": one} for one in service_endpoints]},
        )

    def machine(self, name: str, *identities: Resource) -> Resource:
        return self.put(
            azure.VIRTUAL_MACHINE,
            f"{GROUP_ID}/Microsoft.Compute/virtualMachines/{name}",
            {
                "vmName": name,
                "identity": {
                    "type": "UserAssigned",
                    "userAssignedIdentities": [one.id for one in identities],
                },
            },
        )

    def vault(self, name: str, **properties: Any) -> Resource:
        return self.put(
            azure.VAULT,
            f"{GROUP_ID}/Microsoft.KeyVault/vaults/{name}",
            {"vaultName": name, "properties": {"enableRbacAuthorization": True, **properties}},
        )

    def secret(self, vault: str, name: str, value: str) -> Resource:
        return self.put(
            azure.SECRET,
            f"{GROUP_ID}/Microsoft.KeyVault/vaults/{vault}/secrets/{name}",
            {"vaultName": vault, "secretName": name, "properties": {"value": value}},
        )
