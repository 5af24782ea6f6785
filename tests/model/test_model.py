"""The control plane, explored: see docs/model.md for what is modelled and what is not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.model.explore import Bounds, Explored, explore, trace
from tests.model.mutants import COUNTEREXAMPLES, MUTANTS, Mutant, Start
from tests.model.rules import Rules
from tests.model.starts import following, home_again, just_taken_home, normal, opened, second_time
from tests.model.way_forward import Ways
from tests.model.world import AWS, AZURE


@dataclass(frozen=True)
class Run:
    """One exploration to closure within bounds; ``least`` states, or the model has shrunk unnoticed."""

    name: str
    start: Start
    bounds: Bounds
    least: int

    def __str__(self) -> str:
        return self.name


RUNS = (
    Run("from normal", normal, Bounds(writes=(2, 1), ups=2, orders=1, faults=1), 80_000),
    Run("from an opened standby", opened, Bounds(writes=(3, 1), ups=1, orders=2, faults=1), 50_000),
    Run("from a copy that follows", following, Bounds(writes=(2, 2), ups=1, orders=3, faults=1), 100_000),
    Run(
        "from a take-over half done",
        just_taken_home,
        Bounds(writes=(2, 2), ups=1, orders=2, faults=1),
        50_000,
    ),
    Run("from AWS home again", home_again, Bounds(writes=(2, 2), ups=2, orders=1, faults=1), 15_000),
    Run("from a second disaster", second_time, Bounds(writes=(3, 2), ups=1, orders=2, faults=0), 15_000),
    Run(
        "two agents in AWS",
        normal,
        Bounds(writes=(1, 1), ups=1, orders=2, faults=0, sites=(AWS, AWS, AZURE)),
        20_000,
    ),
    Run(
        "two agents in Azure",
        following,
        Bounds(writes=(1, 2), ups=0, orders=3, faults=0, sites=(AWS, AZURE, AZURE)),
        5_000,
    ),
)


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_one_writer_nothing_lost_and_always_a_way_forward(run: Run) -> None:
    rules = Rules()
    found = explore(run.start(run.bounds), run.bounds, rules)
    print(f"{run}: {len(found.before)} states, depth {found.depth}, {run.bounds}")
    assert not found.broken, _story(found)
    assert found.closed
    assert len(found.before) >= run.least
    ways = Ways(run.bounds, rules)
    for world in found.before:
        stuck = ways.stuck(world)
        assert not stuck, "\n".join([*trace(found, world), "and from there:", *stuck])


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_broken_rule_is_noticed(mutant: Mutant) -> None:
    found = explore(mutant.start(mutant.bounds), mutant.bounds, mutant.rules)
    if mutant.finds:
        assert mutant.finds in found.broken
        return
    assert not found.broken
    ways = Ways(mutant.bounds, mutant.rules)
    assert any(ways.stuck(world) for world in found.before)


@pytest.mark.parametrize("found", COUNTEREXAMPLES, ids=str)
def test_a_counterexample_stays_found(found: Mutant) -> None:
    explored = explore(found.start(found.bounds), found.bounds, found.rules)
    assert found.finds in explored.broken


def _story(found: Explored) -> str:
    return "\n".join([*found.trace, f"-> {found.broken}"])
