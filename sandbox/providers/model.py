"""What a simulated provider knows of one resource type. One subclass per type, one module per service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from sandbox.providers import wire
from sandbox.providers.cloud import Cloud, hex_id
from sandbox.providers.shape import Problem, Shape, shape_of
from sandbox.store import Resource

Frozen = MappingProxyType
"""A table that belongs to a class and that nobody changes."""


@dataclass(frozen=True)
class Pattern:
    """A rule for a string input.

    Attributes:
        expression: the regular expression that the whole value must match.
        rule: the rule in words, for the error.
    """

    expression: str
    rule: str


class TypeModel:
    """The behaviour of one resource type; class attributes say what differs from the plain case.

    Attributes:
        pulumi_type: the type token, as in the SDK (``aws.ec2.Eip.pulumi_type``).
        sdk: module and class of the SDK that hold its shape.
        name_input: the input that holds the resource's name, made up when left out; None when it has none.
        strict_enums: paths whose SDK enums are complete.
        patterns: rules for string inputs by path.
        replace_on: inputs whose change replaces the resource (top-level names or dotted paths).
        write_only: inputs (dotted paths) that the cloud never gives back.
        secret_outputs: outputs marked secret.
        singleton: exists with its parent, so that creating it adopts what is there.
        linger_s: seconds for which a create holds its ``busy_key``, so that creates which the program does
            not order do collide.
    """

    pulumi_type: ClassVar[str]
    sdk: ClassVar[tuple[str, str]]
    name_input: ClassVar[str | None] = None
    strict_enums: ClassVar[frozenset[str]] = frozenset()
    patterns: ClassVar[Mapping[str, Pattern]] = Frozen({})
    replace_on: ClassVar[tuple[str, ...]] = ()
    write_only: ClassVar[tuple[str, ...]] = ()
    secret_outputs: ClassVar[tuple[str, ...]] = ()
    singleton: ClassVar[bool] = False
    linger_s: ClassVar[float] = 0.0

    @property
    def shape(self) -> Shape:
        """What the SDK knows of this type."""
        return shape_of(*self.sdk)

    # --- the provider's own knowledge, needs no cloud --------------------------------------------------

    def made_up_name(self, logical_name: str) -> str:
        """The name of a resource whose program gave none."""
        return f"{logical_name}-{hex_id(7)}"

    def collides(self, old: Mapping[str, Any], new: Mapping[str, Any], logical_name: str) -> bool:
        """Whether a replacement would have the name of the resource that it replaces, so that one must go
        first.

        A made-up name does not count: the engine asks for a new one for the replacement.
        """
        if not self.name_input or old.get(self.name_input) != new.get(self.name_input):
            return False
        name = str(new.get(self.name_input))
        return re.fullmatch(re.escape(logical_name) + r"-?[0-9a-f]{7,8}", name) is None

    def complete(
        self, cloud: Cloud, inputs: dict[str, Any], old_inputs: Mapping[str, Any], logical_name: str
    ) -> dict[str, Any]:
        """The inputs with the provider's defaults; a made-up name stays what it was."""
        if self.name_input and inputs.get(self.name_input) is None:
            inputs[self.name_input] = old_inputs.get(self.name_input) or self.made_up_name(logical_name)
        return inputs

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """Everything that is known to be wrong with the inputs alone. Unknown values pass."""
        found = self.shape.problems(inputs, self.strict_enums)
        for path, pattern in self.patterns.items():
            value = at(inputs, path)
            if (
                isinstance(value, str)
                and value != wire.UNKNOWN
                and not re.fullmatch(pattern.expression, value, re.DOTALL)
            ):
                found.append(Problem(path, f"{value!r} is not allowed: {pattern.rule}"))
        return [*found, *self.check(inputs)]

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        """Rules of this type beyond shape and patterns."""
        return iter(())

    # --- what the cloud's API does ---------------------------------------------------------------------

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        """The id of a new resource with these inputs."""
        raise NotImplementedError(f"{self.pulumi_type} has no id rule")

    def existing_error(self, id: str) -> Exception | None:
        """The refusal when a resource of that id exists already; None when ids are always new."""
        return None

    def busy_key(self, inputs: Mapping[str, Any]) -> str | None:
        """What a create keeps busy for others (the parent that takes one change at a time), or None."""
        return None

    def busy_error(self, key: str) -> Exception:
        """The refusal of a create whose ``busy_key`` is taken."""
        raise NotImplementedError(f"{self.pulumi_type} is never busy ({key})")

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        """Refuse a create (``old`` is None) or an update that the real API refuses.

        Raises:
            CloudError: in the API's wording.
        """

    def release(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse a delete that the real API refuses.

        Raises:
            CloudError: in the API's wording.
        """

    def children(self, cloud: Cloud, resource: Resource) -> list[Resource]:
        """Resources that the cloud deletes along with this one, in the order of their deletion."""
        return []

    def after_delete(self, cloud: Cloud, resource: Resource) -> None:
        """What the cloud remembers of a deleted resource (soft-deleted names)."""

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Outputs that the cloud makes. ``old_outputs`` is empty on create; what is there must stay."""
        return {}

    def outputs(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """All outputs: the inputs that come back, and what the cloud makes."""
        return self.echo(inputs) | self.compute(cloud, id, inputs, old_outputs)

    def echo(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that come back as outputs of the same name."""
        echoed = {key: value for key, value in inputs.items() if key in self.shape.outputs}
        for path in self.write_only:
            echoed = without(echoed, path)
        return echoed


def at(values: Any, path: str) -> Any:
    """The value at a dotted path of objects, or None."""
    for key in path.split("."):
        if not isinstance(values, Mapping):
            return None
        values = values.get(key)
    return values


def without(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A copy of ``values`` without the member at a dotted path."""
    head, _, rest = path.partition(".")
    copy = dict(values)
    if not rest:
        copy.pop(head, None)
    elif isinstance(copy.get(head), Mapping):
        copy[head] = without(copy[head], rest)
    return copy
