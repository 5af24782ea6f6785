"""What a cost function is given and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from costs.assumptions import Assumptions
from costs.ranges import Range
from costs.resources import Resource

SERVER = "azure-native:compute:VirtualMachine"
HEALTH_CHECK = "aws:route53/healthCheck:HealthCheck"
AWS_HOSTS = ".amazonaws.com"
"""Ending of host names that Route 53 surely bills as AWS endpoints."""


@dataclass(frozen=True)
class Use:
    """One thing a resource is billed for: `quantity` a month, in the unit of the price `key`."""

    what: str
    quantity: Range
    key: str


@dataclass(frozen=True)
class Context:
    """The rest of the stack (some prices depend on a neighbour) and the assumptions."""

    stack: Sequence[Resource]
    assumptions: Assumptions

    def of_type(self, token: str) -> list[Resource]:
        return [resource for resource in self.stack if resource.type == token]


@dataclass(frozen=True)
class Priced:
    """Cost function of a type, and the inputs it reads (reference lists keep only these)."""

    uses: Callable[[Resource, Context], list[Use]]
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Free:
    """Named as free, with the reason. `reads`: inputs that a neighbour's cost function looks at."""

    reason: str
    reads: tuple[str, ...] = ()


Entry = Priced | Free


def amount(value: float) -> Range:
    return Range.exactly(value)
