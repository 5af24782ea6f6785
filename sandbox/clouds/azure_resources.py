"""Type tokens of the Azure resources that the services look at, and the ways to find one of them."""

from __future__ import annotations

from sandbox.store import Resource, Store

STORAGE_ACCOUNT = "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"
IMMUTABILITY_POLICY = "azure-native:storage:BlobContainerImmutabilityPolicy"
STATIC_WEBSITE = "azure-native:storage:StorageAccountStaticWebsite"
SUBNET = "azure-native:network:Subnet"
ROLE_ASSIGNMENT = "azure-native:authorization:RoleAssignment"
ROLE_DEFINITION = "azure-native:authorization:RoleDefinition"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
FEDERATED_CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"
VAULT = "azure-native:keyvault:Vault"
SECRET = "azure-native:keyvault:Secret"  # noqa: S105 - a type token
VIRTUAL_MACHINE = "azure-native:compute:VirtualMachine"


def find_account(store: Store, name: str) -> Resource | None:
    """The storage account of that name (names are unique in all of Azure)."""
    return next(iter(store.find(STORAGE_ACCOUNT, accountName=name)), None)


def find_vault(store: Store, name: str) -> Resource | None:
    """The key vault of that name (names are unique in all of Azure)."""
    return next(iter(store.find(VAULT, vaultName=name)), None)
