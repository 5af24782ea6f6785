"""How a rule is tested: a compliant resource, and every way to break it with what must be said then."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi
from pulumi_policy import PolicyCustomTimeouts, PolicyResourceOptions, ResourceValidationArgs
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.rule import Rule
from tests.program.recorder import NAME, config_of

GONE = object()
"""As a value: the input is left out."""
HIDDEN = "hunter2-hunter2"
"""The secret of every case; no message may hold it."""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """A resource as the engine hands it to the pack."""

    type: str
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    name: str = "name"
    home: str = "pilotlight:azure:Access"
    """The component it belongs to; a part of its URN."""
    protect: bool = True
    ignored: tuple[str, ...] = ()

    @property
    def urn(self) -> str:
        return f"urn:pulumi:normal::petclinic-dr::{self.home}${self.type}::{self.name}"

    def args(self) -> ResourceValidationArgs:
        return ResourceValidationArgs(
            resource_type=self.type,
            props=unknown_checking_proxy(dict(self.inputs)),
            urn=self.urn,
            name=self.name,
            opts=options(protect=self.protect, ignored=self.ignored),
            provider=None,
        )


@dataclass(frozen=True, kw_only=True)
class Break:
    """One mutation of a compliant resource, and a part of the one message that it must cause."""

    says: str
    at: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Inputs that change, by dotted path; list positions are numbers."""
    but: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Fields of `Thing` that change."""
    config: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Case:
    """The test of one rule on one resource."""

    rule: Rule
    good: Thing
    breaks: list[Break]
    config: Mapping[str, str] = field(default_factory=dict[str, str])
    """Changes of the production stack's configuration."""


def options(*, protect: bool = True, ignored: tuple[str, ...] = ()) -> PolicyResourceOptions:
    return PolicyResourceOptions(protect, list(ignored), None, [], PolicyCustomTimeouts(0, 0, 0), [], None)


def configure(changes: Mapping[str, str] | None, *, stack: str = "normal") -> None:
    """The configuration as the engine hands it to the pack: all of it, or (None) nothing."""
    values = {} if changes is None else config_of(stack, changes)
    pulumi.runtime.set_all_config({f"{NAME}:{key}": value for key, value in values.items()})


def told(rule: Rule, thing: Thing) -> list[str]:
    """What the rule's resource policy reports, through the SDK."""
    found: list[str] = []
    policy: Any = rule.policies()[0]
    policy.validate(thing.args(), lambda message, _urn: found.append(message))
    return found


def broken(thing: Thing, change: Break) -> Thing:
    """The thing with the change made."""
    inputs = copy.deepcopy(dict(thing.inputs))
    for path, value in change.at.items():
        put(inputs, path, value)
    return replace(thing, inputs=inputs, **change.but)


def put(inputs: Any, path: str, value: Any) -> None:
    """Set, or with `GONE` remove, the value at a dotted path."""
    *parents, last = path.split(".")
    for part in parents:
        inputs = inputs[int(part)] if isinstance(inputs, list) else inputs.setdefault(part, {})
    if value is GONE:
        del inputs[last]
    elif isinstance(inputs, list):
        inputs[int(last)] = value
    else:
        inputs[last] = value


def unknowns(thing: Thing) -> Iterator[tuple[str, Thing]]:
    """The thing with each of its inputs, and each part of them, unknown in turn."""
    for path in _paths(thing.inputs):
        yield path, broken(thing, Break(says="", at={path: UNKNOWN_STRING_VALUE}))


def _paths(value: Any, above: str = "") -> Iterator[str]:
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, part in items:
        path = f"{above}.{key}" if above else str(key)
        yield path
        if isinstance(part, Mapping | list):
            yield from _paths(part, path)
