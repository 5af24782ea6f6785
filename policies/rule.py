"""A rule: what must hold, why, and the two functions that look for what does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from policies.seen import Seen, inputs_of, plain, see


@dataclass(frozen=True)
class Stack:
    """The whole stack, after every resource was seen."""

    resources: Sequence[Seen]
    """Real resources and their inputs; of a resource that no resource rule was shown, none."""
    outputs: Seen | None
    """The stack's own outputs as ``inputs``; None when the engine does not tell them."""

    def of(self, token: str) -> list[Seen]:
        """All resources of a type."""
        return [resource for resource in self.resources if resource.type == token]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of the pack.

    ``problems`` looks at one resource before the engine makes it, so it can stop an update;
    ``stack_problems`` at all of them after the program ran: in an update that is too late to stop anything,
    in its preview not.
    Both yield sentences without secrets that say what is wrong and how to put it right.
    """

    name: str
    what: str
    """What must hold."""
    why: str
    """What happens where it does not."""
    types: frozenset[str] = frozenset()
    """Types that ``problems`` looks at; empty: all."""
    problems: Callable[[Seen], Iterable[str]] | None = None
    stack_problems: Callable[[Stack], Iterable[str]] | None = None
    level: EnforcementLevel = EnforcementLevel.MANDATORY

    def policies(self) -> list[Policy]:
        """The rule as the engine takes it; the part that looks at the stack has a name of its own."""
        found: list[Policy] = []
        if self.problems is not None:
            found.append(
                ResourceValidationPolicy(
                    name=self.name,
                    description=self.what,
                    enforcement_level=self.level,
                    validate=self._check_resource,
                )
            )
        if self.stack_problems is not None:
            found.append(
                StackValidationPolicy(
                    name=f"{self.name}-stack" if found else self.name,
                    description=self.what,
                    enforcement_level=self.level,
                    validate=self._check_stack,
                )
            )
        return found

    def _check_resource(self, args: ResourceValidationArgs, report: ReportViolation) -> None:
        seen = see(args)
        if self.problems is not None and (not self.types or seen.type in self.types):
            for problem in self.problems(seen):
                report(f"{seen.name}: {problem}", None)

    def _check_stack(self, args: StackValidationArgs, report: ReportViolation) -> None:
        if self.stack_problems is not None:
            for problem in self.stack_problems(stack_of(args.resources)):
                report(problem, None)


def stack_of(resources: Sequence[PolicyResource]) -> Stack:
    """The engine's list as `Stack`."""
    seen: list[Seen] = []
    outputs: Seen | None = None
    for resource in resources:
        kind, name, urn = resource.resource_type, resource.name, resource.urn
        if kind == "pulumi:pulumi:Stack":
            values = plain(resource.props)
            outputs = Seen(type=kind, name=name, urn=urn, inputs=values if isinstance(values, dict) else {})
        elif not kind.startswith("pilotlight:"):
            seen.append(inputs_of(urn) or Seen(type=kind, name=name, urn=urn, inputs={}))
    return Stack(seen, outputs)
