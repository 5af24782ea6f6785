"""What all simulated Azure resources share: ARM ids, parents, references, made-up names.

Which changes replace a resource is from pulumi-azure-native (provider/pkg/gen/replacement.go) and from
``x-ms-mutability`` in the published ARM specifications; every part of an id always does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from sandbox.providers import wire
from sandbox.providers.cloud import Cloud, guid, hex_id, strings
from sandbox.providers.errors import AzureError, CloudError
from sandbox.providers.model import Frozen, TypeModel
from sandbox.providers.shape import Problem
from sandbox.store import Resource

PUBLIC_BLOCK = "198.51.100"  # TEST-NET-2: a missed translation reaches nobody
GROUP_PATH = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"

_FIREWALLED = ("azure-native:storage:", "azure-native:keyvault:")
"""Services that name subnets in their firewalls; that keeps no subnet from being deleted."""

_known_types: set[str] = set()
_singletons: set[str] = set()


def normal_location(location: str) -> str:
    """``Korea Central`` -> ``koreacentral``."""
    return location.replace(" ", "").lower()


class AzureModel(TypeModel):
    """An ARM resource type. Class attributes beyond TypeModel's:

    Attributes:
        path: the id as a template over input names and ``subscriptionId``; the last name is the resource's.
        child: a child takes its logical name when it has none; others get eight hex digits added.
        in_use: (HTTP status, code) of a delete while others refer to the resource; None when ARM does not
            mind.
        global_only: the resource's location must be ``global``.
        unchangeable: dotted paths whose update ARM refuses, with the code.
    """

    path: ClassVar[str]
    child: ClassVar[bool] = False
    in_use: ClassVar[tuple[int, str] | None] = None
    global_only: ClassVar[bool] = False
    unchangeable: ClassVar[Mapping[str, str]] = Frozen({})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not hasattr(cls, "path"):
            return
        parts = tuple(re.findall(r"\{(\w+)\}", cls.path))
        cls.name_input = parts[-1] if cls.name_input is None else cls.name_input
        cls.replace_on = tuple(dict.fromkeys((*(p for p in parts if p != "subscriptionId"), *cls.replace_on)))
        _known_types.add(cls.arm_type().lower())
        if cls.singleton:
            _singletons.add(cls.arm_type().lower())

    @classmethod
    def arm_type(cls) -> str:
        """``Microsoft.Network/virtualNetworks/subnets``."""
        provider, *segments = cls.path.rsplit("/providers/", 1)[-1].split("/")
        return "/".join([provider, *segments[::2]])

    def made_up_name(self, logical_name: str) -> str:
        return logical_name if self.child else logical_name + hex_id(8)

    def complete(
        self, cloud: Cloud, inputs: dict[str, Any], old_inputs: Mapping[str, Any], logical_name: str
    ) -> dict[str, Any]:
        inputs = super().complete(cloud, inputs, old_inputs, logical_name)
        if "location" in self.shape.inputs:
            group = inputs.get("resourceGroupName")
            place = inputs.get("location") or cloud.settings.get("location") or _group_location(cloud, group)
            if place and not self.global_only:
                inputs["location"] = place if place == wire.UNKNOWN else normal_location(place)
        return inputs

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        found = super().problems(inputs)
        location = inputs.get("location")
        if self.global_only and location not in {"global", "Global", wire.UNKNOWN}:
            found.append(Problem("location", f"must be 'global' for {self.arm_type()}, not {location!r}"))
        return found

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        settings = {"subscriptionId": cloud.settings.get("subscriptionId", guid("subscription"))}
        return self.path.format_map({**inputs, **settings})

    def existing_error(self, id: str) -> Exception | None:
        return CloudError(f"cannot create already existing resource '{id}'")

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        if old:
            self._refuse_changes(inputs, old)
        _must_exist_around(cloud, id)
        for path, text in strings(inputs):
            _must_exist(cloud, text, self.arm_type(), f"{id} ({path})", own_id=id)

    def _refuse_changes(self, inputs: Mapping[str, Any], old: Resource) -> None:
        for path, code in self.unchangeable.items():
            before, after = _deep(old.inputs, path), _deep(inputs, path)
            if before != after:
                raise AzureError(409, code, f"Changing property '{path}' is not allowed.")

    def release(self, cloud: Cloud, resource: Resource) -> None:
        if self.in_use is None:
            return
        inside = {each.id for each in self.children(cloud, resource)}
        users = [
            each
            for each in cloud.users_of(resource.id)
            if each.id not in inside and not each.type.startswith(_FIREWALLED)
        ]
        if users:
            status, code = self.in_use
            raise AzureError(
                status, code, f"{resource.id} cannot be deleted because it is in use by {users[0].id}."
            )

    def children(self, cloud: Cloud, resource: Resource) -> list[Resource]:
        prefix = resource.id.lower() + "/"
        inside = [each for each in cloud.store.all() if each.id.lower().startswith(prefix)]
        return sorted(inside, key=lambda each: each.id.count("/"), reverse=True)

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        made: dict[str, Any] = {
            "name": id.rsplit("/", 1)[-1],
            "type": self.arm_type(),
            "provisioningState": "Succeeded",
            "etag": guid(),
        }
        if inputs.get("identity"):
            made["identity"] = _identity_output(cloud, inputs["identity"], old_outputs.get("identity") or {})
        return {key: value for key, value in made.items() if key in self.shape.outputs}

    def echo(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        # The identity comes back in another shape (compute); ``type`` as an input is not ARM's type.
        return {key: value for key, value in super().echo(inputs).items() if key != "identity"}


def _group_location(cloud: Cloud, group: Any) -> str | None:
    for each in cloud.store.find("azure-native:resources:ResourceGroup"):
        if isinstance(group, str) and each.outputs["name"].lower() == group.lower():
            return each.outputs["location"]
    return None


def _identity_output(cloud: Cloud, identity: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """``userAssignedIdentities`` goes in as a list of ids and comes out as a map with their principals."""
    output: dict[str, Any] = {"type": identity.get("type")}
    if "SystemAssigned" in str(identity.get("type")):
        output["principalId"] = old.get("principalId") or guid()
        output["tenantId"] = cloud.settings.get("tenantId", guid("tenant"))
    assigned: dict[str, Any] = {}
    for id in identity.get("userAssignedIdentities") or ():
        found = cloud.by_id(id)
        if found:
            assigned[id] = {key: found.outputs[key] for key in ("clientId", "principalId")}
    if assigned:
        output["userAssignedIdentities"] = assigned
    return output


def _must_exist_around(cloud: Cloud, id: str) -> None:
    """The resource group and the parent of a new resource.

    Raises:
        AzureError: when one of them is missing.
    """
    group = re.match(r"(?i)/subscriptions/[^/]+/resourceGroups/([^/]+)/.", id)
    if group and not cloud.by_id("/".join(id.split("/")[:5])):
        raise AzureError(404, "ResourceGroupNotFound", f"Resource group '{group[1]}' could not be found.")
    parent = id.rsplit("/", 2)[0]
    known = "/providers/" in parent and parent.rsplit("/providers/", 1)[-1].count("/") >= 2
    if known and arm_type_of(parent) in _known_types and not exists(cloud, parent):
        raise AzureError(
            404,
            "ParentResourceNotFound",
            f"Failed to perform 'write' on resource of type '{arm_type_of(id)}', because the parent resource "
            f"'{parent}' could not be found.",
        )


def arm_type_of(id: str) -> str:
    """The ARM type of an id in lower case (``microsoft.network/virtualnetworks/subnets``)."""
    provider, *segments = id.rsplit("/providers/", 1)[-1].split("/")
    return "/".join([provider, *segments[::2]]).lower()


def exists(cloud: Cloud, id: str) -> bool:
    """Whether ``id`` is a resource, a subnet written inside its network, or exists with its parent anyway."""
    if cloud.by_id(id):
        return True
    if "/providers/" in id and arm_type_of(id) in _singletons:
        return exists(cloud, id.rsplit("/", 2)[0])
    parent, kind, name = id.rsplit("/", 2) if id.count("/") > 2 else ("", "", "")
    owner = cloud.by_id(parent)
    inline = (owner.inputs.get(kind) or []) if owner else []
    return any(
        isinstance(each, Mapping) and str(each.get("name", "")).lower() == name.lower() for each in inline
    )


def _must_exist(cloud: Cloud, text: str, arm_type: str, user: str, *, own_id: str) -> None:
    """Refuse a reference to a resource of a known type, in our own subscription, that is not there."""
    ours = f"/subscriptions/{cloud.settings.get('subscriptionId', guid('subscription'))}/resourcegroups/"
    lower = text.lower()
    if not lower.startswith(ours) or lower == own_id.lower() or lower.startswith(own_id.lower() + "/"):
        return
    if arm_type.startswith("Microsoft.Authorization/"):
        # a role may be given at a part that only the data plane knows (a secret, a container)
        text = "/".join(text.split("/")[:9])
    known = "/providers/" not in lower or arm_type_of(text) in _known_types
    if not known or exists(cloud, text):
        return
    if arm_type.startswith("Microsoft.Network/"):
        raise AzureError(
            400,
            "InvalidResourceReference",
            f"Resource {text} referenced by resource {user} was not found. Please make sure that the "
            "referenced "
            "resource exists, and that both resources are in the same region.",
        )
    raise AzureError(404, "ResourceNotFound", f"The Resource '{text}', needed by {user}, was not found.")


def _deep(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def unknown_free(values: Any) -> Iterator[Any]:
    """The members of a list input that are known now."""
    return (each for each in values or () if not wire.has_unknown(each))
