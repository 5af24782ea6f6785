"""Storage accounts, containers and their policies (the control plane; blobs are in azure_storage_data)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.azure_base import GROUP_PATH, AzureModel, unknown_free
from sandbox.providers.azure_network import find_subnet
from sandbox.providers.cloud import Cloud, timestamp
from sandbox.providers.errors import UNVERIFIED, AzureError
from sandbox.providers.model import Frozen, Pattern, at
from sandbox.providers.shape import Problem
from sandbox.store import Resource

_ACCOUNT = GROUP_PATH + "/providers/Microsoft.Storage/storageAccounts/{accountName}"
WEB_ZONE = "z12"
"""The zone code in static website endpoints; Azure gives one per region and does not document which."""


class StorageAccount(AzureModel):
    """A storage account; its name is unique in the world."""

    pulumi_type = "azure-native:storage:StorageAccount"
    sdk = ("pulumi_azure_native.storage", "StorageAccount")
    path = _ACCOUNT
    patterns = Frozen(
        {
            "accountName": Pattern(
                r"[a-z0-9]{3,24}", "3 to 24 lower-case letters and digits, no hyphen (Storage)"
            )
        }
    )
    strict_enums = frozenset({"kind", "sku.name", "networkRuleSet.defaultAction", "minimumTlsVersion"})
    replace_on = ("location", "isHnsEnabled")
    unchangeable = Frozen({"immutableStorageWithVersioning.enabled": UNVERIFIED})

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        for rule in unknown_free(at(inputs, "networkRuleSet.ipRules")):
            yield from _ip_rule_problems(str(rule.get("iPAddressOrRange")))

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        if any(
            each.id != id for each in cloud.store.find(self.pulumi_type, accountName=inputs["accountName"])
        ):
            raise AzureError(
                409,
                "StorageAccountAlreadyTaken",
                f"The storage account named {inputs['accountName']} is already taken.",
            )
        for rule in at(inputs, "networkRuleSet.virtualNetworkRules") or ():
            must_have_endpoint(cloud, rule["virtualNetworkResourceId"], "Microsoft.Storage")

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        name = inputs["accountName"]
        endpoints = {
            kind: f"https://{name}.{kind}.core.windows.net/"
            for kind in ("blob", "dfs", "file", "queue", "table")
        }
        return super().compute(cloud, id, inputs, old_outputs) | {
            "creationTime": old_outputs.get("creationTime") or timestamp(),
            "enableHttpsTrafficOnly": inputs.get("enableHttpsTrafficOnly", True),
            "primaryEndpoints": endpoints | {"web": f"https://{name}.{WEB_ZONE}.web.core.windows.net/"},
            "primaryLocation": inputs["location"],
            "statusOfPrimary": "available",
            "sku": {**inputs["sku"], "tier": str(inputs["sku"]["name"]).split("_")[0]},
        }


class BlobServiceProperties(AzureModel):
    """Versioning, soft delete and change feed of an account's blobs; exists with the account."""

    pulumi_type = "azure-native:storage:BlobServiceProperties"
    sdk = ("pulumi_azure_native.storage", "BlobServiceProperties")
    path = _ACCOUNT + "/blobServices/{blobServicesName}"
    child, singleton = True, True
    patterns = Frozen({"blobServicesName": Pattern("default", "the name must be 'default'")})

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        restore, keep = at(inputs, "restorePolicy.days"), at(inputs, "deleteRetentionPolicy.days")
        if isinstance(restore, int) and (not isinstance(keep, int) or restore >= keep):
            yield Problem(
                "restorePolicy.days", f"must be less than deleteRetentionPolicy.days: {restore} >= {keep}"
            )
        for path in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
            days = at(inputs, f"{path}.days")
            if isinstance(days, int) and not 1 <= days <= 365:
                yield Problem(f"{path}.days", f"must be 1 to 365, not {days}")

    def children(self, cloud: Cloud, resource: Resource) -> list[Resource]:
        # ids of containers lie below the service's, but taking its settings back deletes no container
        return []


class BlobContainer(AzureModel):
    """A container."""

    pulumi_type = "azure-native:storage:BlobContainer"
    sdk = ("pulumi_azure_native.storage", "BlobContainer")
    path = _ACCOUNT + "/blobServices/default/containers/{containerName}"
    child = True
    patterns = Frozen(
        {
            "containerName": Pattern(
                r"\$web|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
                "3 to 63 lower-case letters, digits and single hyphens",
            )
        }
    )

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        account = must_have_account(cloud, id)
        if inputs.get("publicAccess", "None") != "None" and not account.inputs.get("allowBlobPublicAccess"):
            raise AzureError(
                409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account."
            )

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "publicAccess": inputs.get("publicAccess", "None"),
            "hasImmutabilityPolicy": False,
            "hasLegalHold": False,
            "leaseState": "Available",
        }


class BlobContainerImmutabilityPolicy(AzureModel):
    """Time-based retention of a container. The provider can neither change nor delete it.

    Update and delete fail with 412, because azure-native sends no ETag (pulumi-azure-native #2156, open).
    """

    pulumi_type = "azure-native:storage:BlobContainerImmutabilityPolicy"
    sdk = ("pulumi_azure_native.storage", "BlobContainerImmutabilityPolicy")
    path = BlobContainer.path + "/immutabilityPolicies/{immutabilityPolicyName}"
    child = True
    patterns = Frozen({"immutabilityPolicyName": Pattern("default", "the name must be 'default'")})

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        days = inputs.get("immutabilityPeriodSinceCreationInDays")
        if days is None or (isinstance(days, int) and not 1 <= days <= 146000):
            yield Problem("immutabilityPeriodSinceCreationInDays", f"must be 1 to 146000 days, not {days}")

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        if old:
            raise _etag_refusal()

    def release(self, cloud: Cloud, resource: Resource) -> None:
        raise _etag_refusal()

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {"state": "Unlocked"}


class ManagementPolicy(AzureModel):
    """The lifecycle rules of an account."""

    pulumi_type = "azure-native:storage:ManagementPolicy"
    sdk = ("pulumi_azure_native.storage", "ManagementPolicy")
    path = _ACCOUNT + "/managementPolicies/{managementPolicyName}"
    child = True
    patterns = Frozen({"managementPolicyName": Pattern("default", "the name must be 'default'")})

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        for rule in unknown_free(at(inputs, "policy.rules")):
            if not at(rule, "definition.actions"):
                yield Problem("policy.rules", f"rule {rule.get('name')}: at least one action is needed")
            if not at(rule, "definition.filters.blobTypes"):
                yield Problem("policy.rules", f"rule {rule.get('name')}: filters.blobTypes is needed")


def must_have_account(cloud: Cloud, id: str) -> Resource:
    """The storage account that the resource of that id belongs to.

    Raises:
        AzureError: when it does not exist.
    """
    account = cloud.by_id("/".join(id.split("/")[:9]))
    if account is None:
        name = id.split("/")[8]
        raise AzureError(
            404, "ResourceNotFound", f"The Resource 'Microsoft.Storage/storageAccounts/{name}' was not found."
        )
    return account


def must_have_endpoint(cloud: Cloud, subnet_id: str, service: str) -> None:
    """Refuse a firewall rule for a subnet without the service's endpoint, as storage and key vault do.

    Raises:
        AzureError: in the services' wording.
    """
    endpoints = [each.get("service") for each in find_subnet(cloud, subnet_id).get("serviceEndpoints") or ()]
    if service not in endpoints:
        name = subnet_id.rsplit("/", 1)[-1]
        raise AzureError(
            400,
            "NetworkAclsValidationFailure",
            f"Validation of network acls failure: SubnetsHaveNoServiceEndpointsConfigured:Subnets {name} do "
            "not have "
            f"ServiceEndpoints for {service} resources configured. Add {service} to subnet's "
            "ServiceEndpoints collection "
            f"before trying to ACL {service} resources to these subnets.",
        )


def _ip_rule_problems(rule: str) -> Iterator[Problem]:
    path = "networkRuleSet.ipRules.iPAddressOrRange"
    try:
        network = ipaddress.ip_network(rule)
    except ValueError as error:
        yield Problem(path, str(error))
        return
    private = [ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
    if not isinstance(network, ipaddress.IPv4Network) or any(map(network.subnet_of, private)):
        yield Problem(path, f"{rule} is not a public IPv4 address: storage accepts no other in its firewall")
    if "/" in rule and network.prefixlen > 30:
        yield Problem(path, f"{rule}: storage accepts no /31 and /32, write single addresses plainly")


def _etag_refusal() -> AzureError:
    return AzureError(
        412,
        "PreconditionFailed",
        "The operation for blob container immutability policy failed due to incorrect etag "
        "(pulumi-azure-native "
        "#2156): keep the policy out of updates and deletes, with retain_on_delete.",
    )


MODELS = (
    StorageAccount(),
    BlobServiceProperties(),
    BlobContainer(),
    BlobContainerImmutabilityPolicy(),
    ManagementPolicy(),
)
