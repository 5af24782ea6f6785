"""Which published operation creates each Azure type of the program.

The ``azure-mgmt-*`` packages are generated from the same published specifications as the provider; each
carries the API version that ``pulumi-azure-native`` sends, or the nearest that was published as a package.
``NEAREST`` names those; test_azure_inputs.py compares the versions with what the SDK says.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

_NETWORK = "azure.mgmt.network"
_STORAGE = "azure.mgmt.storage"
_COMPUTE = "azure.mgmt.compute.v2024_11_01"
_KEY_VAULT = "azure.mgmt.keyvault.v2024_11_01"
_MYSQL = "azure.mgmt.mysqlflexibleservers"
_DNS = "azure.mgmt.privatedns"
_IDENTITY = "azure.mgmt.msi.v2023_01_31"
_ASSIGNMENTS = "azure.mgmt.authorization.v2022_04_01"
_DEFINITIONS = "azure.mgmt.authorization.v2022_05_01_preview"
_GROUPS = "azure.mgmt.resource.resources.v2024_07_01"
_ACTIONS = "azure.mgmt.monitor.v2023_01_01"
_DIAGNOSTICS = "azure.mgmt.monitor.v2021_05_01_preview"
_METRICS = "azure.mgmt.monitor.v2018_03_01"
_QUERIES = "azure.mgmt.monitor.v2022_08_01_preview"
_LOGS = "azure.mgmt.loganalytics"

OPERATIONS: dict[str, tuple[str, str, str]] = {
    "authorization:RoleAssignment": (_ASSIGNMENTS, "RoleAssignmentsOperations", "create"),
    "authorization:RoleDefinition": (_DEFINITIONS, "RoleDefinitionsOperations", "create_or_update"),
    "compute:VirtualMachine": (_COMPUTE, "VirtualMachinesOperations", "begin_create_or_update"),
    "dbformysql:Configuration": (_MYSQL, "ConfigurationsOperations", "begin_create_or_update"),
    "dbformysql:Database": (_MYSQL, "DatabasesOperations", "begin_create_or_update"),
    "dbformysql:Server": (_MYSQL, "ServersOperations", "begin_create"),
    "keyvault:Secret": (_KEY_VAULT, "SecretsOperations", "create_or_update"),
    "keyvault:Vault": (_KEY_VAULT, "VaultsOperations", "begin_create_or_update"),
    "managedidentity:FederatedIdentityCredential": (
        _IDENTITY,
        "FederatedIdentityCredentialsOperations",
        "create_or_update",
    ),
    "managedidentity:UserAssignedIdentity": (
        _IDENTITY,
        "UserAssignedIdentitiesOperations",
        "create_or_update",
    ),
    "monitor:ActionGroup": (_ACTIONS, "ActionGroupsOperations", "create_or_update"),
    "monitor:DiagnosticSetting": (_DIAGNOSTICS, "DiagnosticSettingsOperations", "create_or_update"),
    "monitor:MetricAlert": (_METRICS, "MetricAlertsOperations", "create_or_update"),
    "monitor:ScheduledQueryRule": (_QUERIES, "ScheduledQueryRulesOperations", "create_or_update"),
    "network:ApplicationGateway": (_NETWORK, "ApplicationGatewaysOperations", "begin_create_or_update"),
    "network:NatGateway": (_NETWORK, "NatGatewaysOperations", "begin_create_or_update"),
    "network:NetworkInterface": (_NETWORK, "NetworkInterfacesOperations", "begin_create_or_update"),
    "network:NetworkSecurityGroup": (
        _NETWORK,
        "NetworkSecurityGroupsOperations",
        "begin_create_or_update",
    ),
    "network:PublicIPAddress": (_NETWORK, "PublicIPAddressesOperations", "begin_create_or_update"),
    "network:Subnet": (_NETWORK, "SubnetsOperations", "begin_create_or_update"),
    "network:VirtualNetwork": (_NETWORK, "VirtualNetworksOperations", "begin_create_or_update"),
    "network:WebApplicationFirewallPolicy": (
        _NETWORK,
        "WebApplicationFirewallPoliciesOperations",
        "create_or_update",
    ),
    "operationalinsights:Workspace": (_LOGS, "WorkspacesOperations", "begin_create_or_update"),
    "privatedns:PrivateZone": (_DNS, "PrivateZonesOperations", "begin_create_or_update"),
    "privatedns:VirtualNetworkLink": (_DNS, "VirtualNetworkLinksOperations", "begin_create_or_update"),
    "resources:ResourceGroup": (_GROUPS, "ResourceGroupsOperations", "create_or_update"),
    "storage:BlobContainer": (_STORAGE, "BlobContainersOperations", "create"),
    "storage:BlobContainerImmutabilityPolicy": (
        _STORAGE,
        "BlobContainersOperations",
        "create_or_update_immutability_policy",
    ),
    "storage:BlobServiceProperties": (_STORAGE, "BlobServicesOperations", "set_service_properties"),
    "storage:ManagementPolicy": (_STORAGE, "ManagementPoliciesOperations", "create_or_update"),
    "storage:StorageAccount": (_STORAGE, "StorageAccountsOperations", "begin_create"),
}
"""Pulumi type without its package: module of the published client, class and method that create it."""

NEAREST = {
    "dbformysql:Configuration": "2024-12-30",
    "dbformysql:Database": "2024-12-30",
    "dbformysql:Server": "2024-12-30",
    "monitor:ActionGroup": "2023-01-01",
    "monitor:ScheduledQueryRule": "2022-08-01-preview",
    "operationalinsights:Workspace": "2025-07-01",
    "resources:ResourceGroup": "2024-07-01",
}
"""Types whose pinned version was never published as a package, with the version that judges them."""

DATA_PLANE = {"storage:Blob", "storage:StorageAccountStaticWebsite"}
"""Not ARM resources: the provider talks to the Blob endpoint itself (blob_service.py)."""


class NoReference(Exception):
    """Nothing published is known for a type."""


@dataclass(frozen=True)
class Operation:
    """A published operation.

    Attributes:
        build: makes the request; refuses what may not stand in the URL, by length and by pattern.
        path: what stands in the URL, in Python's spelling.
        body: class of the request's body.
        api_version: what the published client asks for.
    """

    build: Callable[..., Any]
    path: tuple[str, ...]
    body: Any
    api_version: str


@functools.cache
def operation(type_: str) -> Operation:
    """The operation that creates ``type_`` (without ``azure-native:``).

    Raises:
        NoReference: the table does not name it.
    """
    if type_ not in OPERATIONS:
        raise NoReference(
            f"no reference for type azure-native:{type_}: add it to OPERATIONS in tests/checks/arm_types.py"
        )
    package, group, method = OPERATIONS[type_]
    client = getattr(importlib.import_module(f"{package}.operations"), group)
    build = _builder(client, group.removesuffix("Operations"), method.removeprefix("begin_"))
    parameters = inspect.signature(build).parameters.values()
    version = re.search(r'"api-version", "([\w-]+)"|api_version.*"(20[\w-]+)"', inspect.getsource(build))
    if version is None:
        raise NoReference(f"{build.__qualname__} names no API version")
    return Operation(
        build=build,
        path=tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD),
        body=_body(getattr(client, method)),
        api_version=version[1] or version[2],
    )


def _builder(client: type, group: str, verb: str) -> Callable[..., Any]:
    """The function that makes the request; a package may keep it beside a base class of the client."""
    # Packages with all operations in one file put the group's name into the function's.
    names = (f"build_{_snake(group)}_{verb}_request", f"build_{verb}_request")
    for base in client.__mro__[:-1]:
        module = importlib.import_module(base.__module__)
        for name in names:
            if hasattr(module, name):
                return getattr(module, name)
    raise NoReference(f"{client.__module__} has no {names[1]}: correct the table in arm_types.py")


def _body(method: Callable[..., Any]) -> Any:
    for parameter in inspect.signature(method).parameters.values():
        for option in get_args(parameter.annotation):
            if hasattr(option, "_attribute_map"):
                return option
    raise NoReference(f"{method.__qualname__} takes no model: name another operation in arm_types.py")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
