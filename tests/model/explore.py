"""Breadth first over all reachable states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.model.agents import Step, agent_steps
from tests.model.operators import operator_steps
from tests.model.properties import broken
from tests.model.rules import Rules
from tests.model.surroundings import surrounding_steps
from tests.model.world import AWS, AZURE, Base, Conf, Control, Copied, World


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

    before: dict[World, tuple[World | None, str]] = field(default_factory=dict[World, "tuple[World | None, str]"])
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


def normal(bounds: Bounds) -> World:
    """AWS serves, the standby is a pilot light."""
    quiet = Conf("normal", enable=False)
    return World(
        control=Control(1, AWS, 0, "", None),
        aws=Base(0, closed=False, granted=True, marker=None),
        azure=None,
        aws_up=True,
        link=True,
        chains=(0,),
        kept=0,
        exported=0,
        said=(None, None),
        blobs=quiet,
        infra=quiet,
        rolling=None,
        minds=(None,) * len(bounds.sites),
        written=(0, 0),
        lost=0,
        fenced=0,
        ups=bounds.ups,
        orders=bounds.orders,
        faults=bounds.faults,
        ids=0,
    )


def opened(bounds: Bounds) -> World:
    """Azure opened without AWS's part in it; AWS is up, was not looked at since, and holds what Azure lacks."""
    conf = Conf("emergency", enable=True)
    return normal(bounds)._replace(
        control=Control(2, AZURE, 1, "unasked", None),
        aws=Base(3, closed=False, granted=True, marker=None),
        azure=Base(1, closed=False, granted=True, marker=Copied(True, 1, 1, 2)),
        chains=(1, 1),
        blobs=conf,
        infra=conf,
        written=(2, 0),
    )


def home_again(bounds: Bounds) -> World:
    """AWS took over by a cutover; its program says so, and the standby is still there."""
    conf = Conf("failback", enable=True, cutover=3)
    return normal(bounds)._replace(
        control=Control(3, AWS, 9, "order", None),
        aws=Base(9, closed=False, granted=True, marker=Copied(True, 2, 9, 3)),
        azure=Base(9, closed=True, granted=True, marker=Copied(True, 1, 1, 2)),
        chains=(1, 9, 9),
        blobs=conf,
        infra=conf,
        written=(1, 1),
        fenced=2,
    )


def just_taken_home(bounds: Bounds) -> World:
    """As above, a moment after the epoch was written: AWS is not opened yet."""
    world = home_again(bounds)
    return world._replace(aws=Base(9, closed=True, granted=True, marker=Copied(True, 2, 9, 0)))


def following(bounds: Bounds) -> World:
    """Azure writes, and AWS holds a copy of it and follows; the program is in failback."""
    conf = Conf("failback", enable=True)
    return opened(bounds)._replace(
        aws=Base(9, closed=True, granted=True, marker=Copied(True, 2, 9, 0)),
        azure=Base(9, closed=False, granted=True, marker=Copied(True, 1, 1, 2)),
        chains=(1, 9),
        blobs=conf,
        infra=conf,
        written=(1, 1),
        fenced=2,
    )


def second_time(bounds: Bounds) -> World:
    """After a cutover AWS failed again, and Azure opened from its chain; AWS is back with a write of its own."""
    conf = Conf("failback", enable=True)
    return normal(bounds)._replace(
        control=Control(4, AZURE, 9, "unasked", None),
        aws=Base(11, closed=False, granted=True, marker=Copied(True, 2, 9, 3)),
        azure=Base(9, closed=False, granted=True, marker=Copied(True, 3, 9, 4)),
        chains=(1, 9, 9, 9),
        blobs=conf,
        infra=conf,
        written=(2, 1),
        fenced=3,
    )
