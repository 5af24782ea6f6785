"""Role definitions and role assignments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers import wire
from sandbox.providers.azure_base import AzureModel
from sandbox.providers.cloud import Cloud, guid
from sandbox.providers.errors import AzureError
from sandbox.providers.model import Frozen, Pattern, at
from sandbox.providers.shape import Problem
from sandbox.store import Resource

BUILT_IN_ROLES = {
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "a4417e6f-fecd-4de8-b567-7b0420556985": "Key Vault Certificates Officer",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": "Reader",
}
_GUID = Pattern(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a GUID")


class RoleDefinition(AzureModel):
    """A custom role."""

    pulumi_type = "azure-native:authorization:RoleDefinition"
    sdk = ("pulumi_azure_native.authorization", "RoleDefinition")
    path = "{scope}/providers/Microsoft.Authorization/roleDefinitions/{roleDefinitionId}"
    patterns = Frozen({"roleDefinitionId": _GUID})

    def made_up_name(self, logical_name: str) -> str:
        return guid()

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        for key in ("roleName", "permissions", "assignableScopes"):
            if not inputs.get(key):
                yield Problem(key, "is needed: Azure answers RoleDefinitionInvalid or InvalidRoleDefinition")
        scopes = inputs.get("assignableScopes") or []
        if scopes and not wire.has_unknown(scopes) and inputs.get("scope") not in {*scopes, wire.UNKNOWN}:
            yield Problem("assignableScopes", f"must contain the role's own scope {inputs.get('scope')}")

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        if any(each.id != id for each in cloud.store.find(self.pulumi_type, roleName=inputs["roleName"])):
            raise AzureError(
                409,
                "RoleDefinitionWithSameNameExists",
                f"A custom role with the same name already exists in this directory ({inputs['roleName']}).",
            )

    def release(self, cloud: Cloud, resource: Resource) -> None:
        wanted = resource.id.rsplit("/", 1)[-1].lower()
        for each in cloud.store.find(RoleAssignment.pulumi_type):
            if str(each.inputs["roleDefinitionId"]).lower().endswith(wanted):
                raise AzureError(
                    400, "RoleDefinitionHasAssignments", f"There are existing role assignments: {each.id}"
                )

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "roleType": inputs.get("roleType", "CustomRole")
        }


class RoleAssignment(AzureModel):
    """A role of a principal at a scope."""

    pulumi_type = "azure-native:authorization:RoleAssignment"
    sdk = ("pulumi_azure_native.authorization", "RoleAssignment")
    path = "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}"
    patterns = Frozen({"roleAssignmentName": _GUID})
    replace_on = ("principalId",)

    def made_up_name(self, logical_name: str) -> str:
        return guid()

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if not inputs.get("principalType"):
            yield Problem(
                "principalType",
                "is needed (ServicePrincipal for a managed identity): without it Azure looks the principal "
                "up and "
                "answers PrincipalNotFound for one that was made a moment ago",
            )
        if bool(inputs.get("condition")) != bool(inputs.get("conditionVersion")):
            yield Problem("conditionVersion", 'condition and conditionVersion ("2.0") go together')

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        role = str(inputs["roleDefinitionId"]).rsplit("/", 1)[-1].lower()
        customs = {
            each.id.rsplit("/", 1)[-1].lower() for each in cloud.store.find(RoleDefinition.pulumi_type)
        }
        if role not in BUILT_IN_ROLES and role not in customs:
            raise AzureError(
                404,
                "RoleDefinitionDoesNotExist",
                f"The specified role definition with ID '{role}' does not exist.",
            )
        if old and old.inputs["roleDefinitionId"] != inputs["roleDefinitionId"]:
            raise AzureError(
                400,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )
        if inputs["principalType"] == "ServicePrincipal" and inputs["principalId"] not in _principals(cloud):
            raise AzureError(
                400,
                "PrincipalNotFound",
                f"Principal {inputs['principalId']} does not exist in the directory. Check that you have "
                "the correct "
                "principal ID.",
            )
        for other in cloud.store.find(
            self.pulumi_type, principalId=inputs["principalId"], scope=inputs["scope"]
        ):
            if other.id != id and str(other.inputs["roleDefinitionId"]).lower().endswith(role):
                raise AzureError(409, "RoleAssignmentExists", "The role assignment already exists.")


def _principals(cloud: Cloud) -> set[str]:
    """Object ids of all managed identities."""
    found = {each.outputs.get("principalId") for each in cloud.store.all()}
    found |= {at(each.outputs, "identity.principalId") for each in cloud.store.all()}
    return {each for each in found if each}


MODELS = (RoleDefinition(), RoleAssignment())
