"""May this principal, from this place, do that? Pure decisions over what the program deployed on Azure.

Nothing here opens a connection or reads a file: resources come in as the Store knows them, answers go out.
Role-based access: learn.microsoft.com/azure/role-based-access-control/overview (assignments add up; a scope
covers everything below it; notActions cut down one role only). Firewall:
.../azure/storage/common/storage-network-security.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.clouds.callers import Caller
from sandbox.store import Resource

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
_SECRETS = "Microsoft.KeyVault/vaults/secrets"


class UndecidableError(LookupError):
    """The program deployed something that cannot be judged here; the message names the file to extend."""


@dataclass(frozen=True)
class Permissions:
    """One entry of a role definition's ``permissions``; ``*`` stands for any text."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def allow(self, action: str, *, data: bool) -> bool:
        """Whether these permissions alone cover ``action``."""
        wanted, unwanted = (
            (self.data_actions, self.not_data_actions) if data else (self.actions, self.not_actions)
        )
        return _matches(action, wanted) and not _matches(action, unwanted)


# learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage and .../security
BUILT_IN_ROLES: Mapping[str, Permissions] = {
    # Storage Blob Data Contributor
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": Permissions(
        actions=(f"{_CONTAINERS}/delete", f"{_CONTAINERS}/read", f"{_CONTAINERS}/write"),
        data_actions=tuple(
            f"{_BLOBS}/{right}" for right in ("delete", "read", "write", "move/action", "add/action")
        ),
    ),
    # Storage Blob Data Reader
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": Permissions(
        actions=(f"{_CONTAINERS}/read",), data_actions=(f"{_BLOBS}/read",)
    ),
    # Storage Blob Data Owner
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": Permissions(
        actions=(f"{_CONTAINERS}/*",), data_actions=(f"{_BLOBS}/*",)
    ),
    # Key Vault Secrets User
    "4633458b-17de-408a-b874-0445c86b69e6": Permissions(
        data_actions=(f"{_SECRETS}/getSecret/action", f"{_SECRETS}/readMetadata/action")
    ),
}


def role_allows(
    action: str,
    *,
    data: bool,
    principal_id: str,
    resource_id: str,
    assignments: Iterable[Resource],
    definitions: Iterable[Resource],
    groups: Iterable[str] = (),
) -> bool:
    """Whether some role grants ``action``: one assigned to the principal or a group of it, at or above
    ``resource_id``.

    Args:
        data: whether it is a data action (what a token for storage or a vault needs) or a management action.
        assignments: ``azure-native:authorization:RoleAssignment`` resources.
        definitions: ``azure-native:authorization:RoleDefinition`` resources (custom roles).
        groups: object ids of the groups that the principal is a member of.

    Raises:
        UndecidableError: no known role grants it, but one that this module cannot read might.
    """
    custom = {_last_part(role.id): _permissions_of(role) for role in definitions}
    unreadable: list[str] = []
    holders = {holder.lower() for holder in (principal_id, *groups)}
    for assignment in assignments:
        inputs = assignment.inputs
        if inputs["principalId"].lower() not in holders or not covers(inputs["scope"], resource_id):
            continue
        role = _last_part(inputs["roleDefinitionId"])
        if inputs.get("condition"):
            unreadable.append(f"the condition of role assignment {assignment.id}")
        elif role in custom:
            if any(permissions.allow(action, data=data) for permissions in custom[role]):
                return True
        elif role in BUILT_IN_ROLES:
            if BUILT_IN_ROLES[role].allow(action, data=data):
                return True
        else:
            unreadable.append(f"role {role}")
    if unreadable:
        raise UndecidableError(
            f"{' and '.join(unreadable)} cannot be judged: extend sandbox/clouds/authorization.py"
        )
    return False


def covers(scope: str, resource_id: str) -> bool:
    """Whether an assignment at ``scope`` reaches ``resource_id`` (ARM ids compare without case)."""
    scope, resource_id = scope.rstrip("/").lower(), resource_id.lower()
    return resource_id == scope or resource_id.startswith(scope + "/")


@dataclass(frozen=True)
class NetworkRules:
    """The firewall of a storage account or a key vault, as deployed."""

    public: bool
    admit_all: bool
    ip_ranges: tuple[str, ...]
    subnet_ids: tuple[str, ...]

    @classmethod
    def of_account(cls, inputs: Mapping[str, Any]) -> NetworkRules:
        """From a StorageAccount's inputs."""
        rules = inputs.get("networkRuleSet") or {}
        return cls(
            public=inputs.get("publicNetworkAccess", "Enabled") == "Enabled",
            admit_all=rules.get("defaultAction", "Allow") == "Allow",
            ip_ranges=tuple(rule["iPAddressOrRange"] for rule in rules.get("ipRules") or []),
            subnet_ids=tuple(
                rule["virtualNetworkResourceId"] for rule in rules.get("virtualNetworkRules") or []
            ),
        )

    @classmethod
    def of_vault(cls, inputs: Mapping[str, Any]) -> NetworkRules:
        """From a key vault's inputs."""
        properties = inputs["properties"]
        rules = properties.get("networkAcls") or {}
        return cls(
            public=str(properties.get("publicNetworkAccess", "Enabled")).lower() == "enabled",
            admit_all=rules.get("defaultAction", "Allow") == "Allow",
            ip_ranges=tuple(rule["value"] for rule in rules.get("ipRules") or []),
            subnet_ids=tuple(rule["id"] for rule in rules.get("virtualNetworkRules") or []),
        )

    def admit(self, caller: Caller, *, service: str, subnets: Iterable[Resource]) -> bool:
        """Whether the firewall lets the caller through.

        IP rules have no effect on callers in the same region, so an Azure machine needs a rule for its
        subnet, and that subnet a service endpoint for ``service`` (``Microsoft.Storage`` or
        ``Microsoft.KeyVault``).

        Args:
            subnets: ``azure-native:network:Subnet`` resources.
        """
        if not self.public:
            return False
        if self.admit_all:
            return True
        if caller.side == "azure":
            return caller.subnet_id is not None and any(
                _same_id(caller.subnet_id, subnet.id)
                and any(_same_id(subnet.id, admitted) for admitted in self.subnet_ids)
                and _has_service_endpoint(subnet, service)
                for subnet in subnets
            )
        return caller.public_ip is not None and any(
            ipaddress.ip_address(caller.public_ip) in ipaddress.ip_network(admitted)
            for admitted in self.ip_ranges
        )


@dataclass(frozen=True)
class Retention:
    """A container's time-based retention (write once, read many).

    Rules: learn.microsoft.com/azure/storage/blobs/immutable-container-level-worm-policies. A blob can be
    created once and never overwritten, not even after the period; it can be deleted after the period. It
    makes no difference whether the policy is locked.
    """

    period: timedelta
    append_allowed: bool

    @classmethod
    def of_container(cls, policies: Iterable[Resource]) -> Retention | None:
        """From the ``BlobContainerImmutabilityPolicy`` resources of one container."""
        for policy in policies:
            inputs = policy.inputs
            return cls(
                timedelta(days=inputs.get("immutabilityPeriodSinceCreationInDays") or 0),
                bool(inputs.get("allowProtectedAppendWrites") or inputs.get("allowProtectedAppendWritesAll")),
            )
        return None

    def forbids_delete(self, created: datetime, now: datetime) -> bool:
        """Whether a blob made at ``created`` is still held at ``now`` (both with a time zone)."""
        return now < created + self.period


def _matches(action: str, patterns: Iterable[str]) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) for pattern in patterns
    )


def _permissions_of(definition: Resource) -> list[Permissions]:
    return [
        Permissions(
            tuple(entry.get("actions") or ()),
            tuple(entry.get("notActions") or ()),
            tuple(entry.get("dataActions") or ()),
            tuple(entry.get("notDataActions") or ()),
        )
        for entry in definition.inputs.get("permissions") or []
    ]


def _has_service_endpoint(subnet: Resource, service: str) -> bool:
    endpoints = subnet.inputs.get("serviceEndpoints") or []
    return any(endpoint.get("service") in (service, f"{service}.Global") for endpoint in endpoints)


def _last_part(identifier: str) -> str:
    return identifier.rstrip("/").rsplit("/", 1)[-1].lower()


def _same_id(one: str, other: str) -> bool:
    return one.lower() == other.lower()
