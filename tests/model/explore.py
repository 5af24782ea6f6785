"""Breadth first over all reachable states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.model.agents import Step, agent_steps
from tests.model.operators import operator_steps
from tests.model.properties import broken
from tests.model.rules import Rules
from tests.model.surroundings import surrounding_steps
from tests.model.world import AWS, AZURE, World


@dataclass(frozen=True)
class Bounds:
    """How far the exploration goes.

    Attributes:
        writes: acknowledged by AWS and by Azure, at most.
        ups, orders, faults: of operators and of the surroundings, at most.
        depth: steps from the start, at most; None: to closure.
        sites: of each process; Azure's is the last.
    """

    writes: tuple[int, int]
    ups: int
    orders: int
    faults: int
    depth: int | None = None
    sites: tuple[int, ...] = (AWS, AZURE)


@dataclass
class Explored:
    """What was found.

    Attributes:
        before: each state -> (the state before it, what happened). counterexample: the first property that
            broke and the steps to it, in words.
        depth: of the last state. closed: whether all reachable states were seen.
    """

    before: dict[World, tuple[World | None, str]] = field(
        default_factory=dict[World, "tuple[World | None, str]"]
    )
    broken: str = ""
    trace: list[str] = field(default_factory=list[str])
    depth: int = 0
    closed: bool = True


def steps(world: World, bounds: Bounds, rules: Rules) -> Iterator[Step]:
    """All that may happen next."""
    yield from agent_steps(world, bounds.sites, rules)
    yield from operator_steps(world, rules)
    yield from surrounding_steps(world, bounds.writes, rules)


def explore(start: World, bounds: Bounds, rules: Rules) -> Explored:
    """All states, until one breaks a property."""
    found = Explored(before={start: (None, "")})
    edge = [start]
    while edge:
        if bounds.depth is not None and found.depth >= bounds.depth:
            found.closed = False
            return found
        found.depth += 1
        further: list[World] = []
        for world in edge:
            for what, after, wrong in steps(world, bounds, rules):
                if after in found.before:
                    continue
                found.before[after] = (world, what)
                found.broken = wrong or broken(after)
                if found.broken:
                    found.trace = trace(found, after)
                    return found
                further.append(after)
        edge = further
    found.depth -= 1
    return found


def trace(found: Explored, world: World) -> list[str]:
    """The steps to a state."""
    said: list[str] = []
    at: World | None = world
    while at is not None:
        at, what = found.before[at]
        said.append(what)
    return said[-2::-1]
