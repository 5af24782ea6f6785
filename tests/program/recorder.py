"""Runs the real ``__main__.py`` under mocks and records every resource with the options it was given.

Configuration is read the way the CLI does it: defaults of Pulumi.yaml, then the stack's own file, then a
test's changes. Outputs are known (``preview=False``): under an unknown output an assertion would never run.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import runpy
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi
import yaml
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.stack import Stack

from components.guests.bundle import agent_bundle

PROJECT = Path(__file__).parents[2]
NAME = "petclinic-dr"
_SECRET = "4dabf18193072939515e22adb298388d"


@dataclass(frozen=True)
class Recorded:
    """One registered resource."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    provider: str
    protect: bool
    retain: bool
    ignore_changes: tuple[str, ...]
    delete_before_replace: bool
    aliases: int
    dependencies: tuple[str, ...]
    custom: bool
    read: bool = False
    deleted_with: str = ""
    create_timeout: str = ""


@dataclass
class Run:
    """What one run of the program registered."""

    resources: list[Recorded] = field(default_factory=list[Recorded])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    finished: set[str] = field(default_factory=set[str])
    """Components that registered their outputs."""

    def __iter__(self) -> Iterator[Recorded]:
        return iter(self.resources)

    def names(self) -> set[tuple[str, str]]:
        """Type and name of everything, components too."""
        return {(resource.type, resource.name) for resource in self.resources}

    def one(self, name: str, type_: str = "") -> Recorded:
        """The resource of that name; an AssertionError when there is none or more than one."""
        found = [r for r in self.resources if r.name == name and (not type_ or r.type == type_)]
        assert len(found) == 1, f"{len(found)} resources are called {name!r}"
        return found[0]

    def of(self, prefix: str) -> list[Recorded]:
        """All real resources whose type starts with ``prefix``."""
        return [r for r in self.resources if r.custom and r.type.startswith(prefix)]


def config_of(stack: str, changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The stack's configuration as the program sees it: everything is text."""
    return dict(_committed(stack)) | dict(changes or {})


@functools.cache
def _committed(stack: str) -> dict[str, str]:
    project = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
    values = {key: entry["default"] for key, entry in project["config"].items()}
    own = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())["config"]
    values |= {key.removeprefix(f"{NAME}:"): value for key, value in own.items()}
    return {key: _as_text(value) for key, value in values.items()}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


class _Monitor(MockMonitor):
    """Keeps the requests: only they show protect, retainOnDelete, ignoreChanges, parent and provider."""

    def __init__(self, mocks: Mocks, run: Run) -> None:
        super().__init__(mocks)
        self._run = run

    def RegisterResource(self, request: Any) -> Any:
        if request.type != "pulumi:pulumi:Stack":
            self._run.resources.append(_recorded(request))
        return _closing_loops(super().RegisterResource, request)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        if "::pulumi:pulumi:Stack::" not in request.urn:
            self._run.finished.add(request.urn.rsplit("::", 1)[1])
        return _closing_loops(super().RegisterResourceOutputs, request)

    def ReadResource(self, request: Any) -> Any:
        self._run.resources.append(
            Recorded(
                type=request.type,
                name=request.name,
                inputs={"id": request.id},
                parent=request.parent,
                provider=request.provider,
                protect=False,
                retain=False,
                ignore_changes=(),
                delete_before_replace=False,
                aliases=0,
                dependencies=tuple(request.dependencies),
                custom=True,
                read=True,
            )
        )
        return _closing_loops(super().ReadResource, request)


def _closing_loops(call: Callable[[Any], Any], request: Any) -> Any:
    """The SDK opens an event loop in every worker thread and leaves it to the garbage collector."""
    try:
        return call(request)
    finally:
        if threading.current_thread() is not threading.main_thread():
            with contextlib.suppress(RuntimeError):  # it has none
                asyncio.get_event_loop().close()
            asyncio.set_event_loop(None)


def _recorded(request: Any) -> Recorded:
    return Recorded(
        type=request.type,
        name=request.name,
        inputs=plain(rpc.deserialize_properties(request.object)),
        parent=request.parent,
        provider=request.provider,
        protect=bool(request.protect),
        retain=bool(request.retainOnDelete),
        ignore_changes=tuple(request.ignoreChanges),
        delete_before_replace=bool(request.deleteBeforeReplace),
        aliases=len(request.aliasURNs) + sum(_moves(alias) for alias in request.aliases),
        dependencies=tuple(request.dependencies),
        custom=request.custom,
        deleted_with=request.deletedWith,
        create_timeout=request.customTimeouts.create,
    )


def _moves(alias: Any) -> bool:
    """Azure's SDK lists every API version of a type as an alias of type alone; any other one is a leak."""
    return bool(alias.urn or alias.spec.name or alias.spec.parentUrn or alias.spec.stack)


def plain(value: Any) -> Any:
    """``value`` without secret wrappers; assets become their text or their file's path."""
    if isinstance(value, dict):
        if _SECRET in value:
            return plain(value["value"])
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, pulumi.StringAsset):
        return value.text
    if isinstance(value, pulumi.FileAsset):
        return value.path
    return value


class _Mocks(Mocks):
    """Answers with what a provider would compute, in the real shape."""

    def call(self, args: Any) -> Any:
        raise AssertionError(f"the program may not look anything up, but it calls {args.token}")

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        state = {**args.inputs, **_computed(args)}
        if given := args.inputs.get("identity", {}).get("userAssignedIdentities"):
            # Goes in as a list and comes out as a map; the SDK cannot read anything else.
            known = {identity: {"clientId": "c", "principalId": "p"} for identity in given}
            state["identity"] = {**args.inputs["identity"], "userAssignedIdentities": known}
        return f"/id/{args.name}", state


def _computed(args: MockResourceArgs) -> dict[str, Any]:
    """What the provider adds; the same for every resource of a type, but for names."""
    inputs, name = args.inputs, args.name
    account, server = inputs.get("accountName", "drsite"), inputs.get("serverName", "server")
    fixed: dict[str, dict[str, Any]] = {
        "aws:iam/role:Role": {"arn": f"arn:aws:iam::111122223333:role/{inputs.get('name')}"},
        "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation": {
            "issuerIdentifier": "https://11111111.tokens.sts.global.api.aws"
        },
        "aws:iam/instanceProfile:InstanceProfile": {
            "arn": "arn:aws:iam::111122223333:instance-profile/backup",
            "name": name,
        },
        "aws:sns/topic:Topic": {"arn": f"arn:aws:sns:somewhere:111122223333:/id/{name}"},
        "aws:ec2/eip:Eip": {"publicIp": "203.0.113.5", "allocationId": "eipalloc-0123456789abcdef0"},
        "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
        "azure-native:network:PublicIPAddress": {"ipAddress": "198.51.100.7", "name": name},
        "azure-native:storage:StorageAccount": {
            "name": account,
            "primaryEndpoints": {"web": f"https://{account}.z12.web.core.windows.net/"},
        },
        "azure-native:storage:StorageAccountStaticWebsite": {"containerName": "$web"},
        "azure-native:managedidentity:UserAssignedIdentity": {
            "name": inputs.get("resourceName", name),
            "clientId": f"client-{name}",
            "principalId": f"principal-{name}",
        },
        "azure-native:dbformysql:Server": {
            "name": server,
            "fullyQualifiedDomainName": f"{server}.mysql.database.azure.com",
        },
        "random:index/randomPassword:RandomPassword": {"result": PASSWORD},
    }
    return fixed.get(args.typ) or {"name": _own_name(args)}


PASSWORD = "hunter2Hunter2"


def _own_name(args: MockResourceArgs) -> str:
    keys = {
        "ResourceGroup": "resourceGroupName",
        "VirtualNetwork": "virtualNetworkName",
        "PrivateZone": "privateZoneName",
        "BlobContainer": "containerName",
        "Vault": "vaultName",
    }
    key = keys.get(args.typ.rsplit(":", 1)[1], "name")
    return str(args.inputs.get(key, args.name))


_bundle = functools.cache(agent_bundle)


def run_program(stack: str = "normal", **changes: str) -> Run:
    """Registers everything that ``pulumi up`` would. Runs with the same input are made once."""
    return _run(stack, tuple(sorted(changes.items())))


@functools.cache
def _run(stack: str, changes: tuple[tuple[str, str], ...]) -> Run:
    run = Run()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        mocks = _Mocks()
        set_mocks(mocks, project=NAME, stack=stack, preview=False, monitor=_Monitor(mocks, run))
        pulumi.runtime.set_all_config(
            {f"{NAME}:{key}": value for key, value in config_of(stack, dict(changes)).items()}
        )

        @pulumi.runtime.test
        def program() -> pulumi.Output[None]:
            runpy.run_path(str(PROJECT / "__main__.py"))
            stack = pulumi.runtime.get_root_resource()
            assert isinstance(stack, Stack)
            exported = stack.outputs
            return pulumi.Output.all(**exported).apply(run.outputs.update)

        # Azure's types list some 20 older API versions each. Turning each into an URN, which only a child
        # of theirs would need, takes two thirds of the time; the requests carry the aliases all the same.
        # One bundle for all runs: an agent edited meanwhile is no difference between two modes.
        with (
            mock.patch("pulumi.resource.collapse_alias_to_urn", return_value="unused"),
            mock.patch("components.guests.bundle.agent_bundle", _bundle),
        ):
            program()
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return run
