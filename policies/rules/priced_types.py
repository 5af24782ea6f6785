"""Rule: nothing is free in silence."""

from __future__ import annotations

from collections.abc import Iterator

from costs.catalogue import entry
from costs.errors import CostError
from policies.rule import Rule
from policies.seen import Seen

_NO_RESOURCES = ("pulumi:pulumi:", "pilotlight:")


def problems(resource: Seen) -> Iterator[str]:
    """By its type alone."""
    if not resource.type.startswith(_NO_RESOURCES):
        try:
            entry(resource.type)
        except CostError as error:
            yield str(error)


RULE = Rule(
    name="priced-types",
    what="Every resource type has a cost function, or is named as free with the reason.",
    why="A new resource would be missing in the sum that the cost rules and the operator look at.",
    problems=problems,
)
