"""The operator's commands lead out of every state that agents, failures and plain ``pulumi`` lead into."""

from __future__ import annotations

from functools import cache

import pytest

from tests.model.explore import Bounds, Explored, explore, trace
from tests.model.intents import CALL_OFF, INTENTS, SERVE
from tests.model.mutants import Start
from tests.model.rules import Rules
from tests.model.starts import following, home_again, just_taken_home, normal, opened, second_time
from tests.model.tool import Intent, ToolWays, facts_of
from tests.model.world import Conf

_HOME = Bounds(writes=(1, 1), ups=1, orders=1, faults=1)
_RUNS = {
    "normal": (normal, Bounds(writes=(1, 1), ups=2, orders=1, faults=1)),
    "opened": (opened, Bounds(writes=(2, 1), ups=1, orders=1, faults=1)),
    "following": (following, Bounds(writes=(1, 1), ups=1, orders=2, faults=1)),
    "half taken over": (just_taken_home, _HOME),
    "home again": (home_again, _HOME),
    "second disaster": (second_time, Bounds(writes=(2, 1), ups=1, orders=1, faults=0)),
}


@cache
def _explored(start: Start, bounds: Bounds) -> Explored:
    return explore(start(bounds), bounds, Rules())


@pytest.mark.parametrize("intent", INTENTS, ids=str)
@pytest.mark.parametrize(("start", "bounds"), _RUNS.values(), ids=_RUNS)
def test_the_tools_commands_lead_to_where_the_operator_wants(
    start: Start, bounds: Bounds, intent: Intent
) -> None:
    rules, found = Rules(), _explored(start, bounds)
    assert not found.broken
    ways, walked = ToolWays(bounds, rules, intent=intent), 0
    for world in found.before:
        if intent.wanted(world, facts_of(world, rules)):
            walked += 1
            stuck = ways.stuck(world)
            assert not stuck, "\n".join([*trace(found, world), f"and to {intent}:", *stuck])
    assert walked or (intent is CALL_OFF and start in (opened, second_time))  # Azure is the writer there
    print(f"{intent}: {walked} of {len(found.before)} states, {bounds}")


def test_abort_lets_nobody_go_while_an_up_that_was_killed_may_have_ordered_the_opening() -> None:
    """The stack's file and history say nothing of it; the agent goes by ``orders.json``."""
    rules, (start, bounds) = Rules(), _RUNS["normal"]
    ways, walked = ToolWays(bounds, rules, intent=CALL_OFF, died=True), 0
    found = _explored(start, bounds)
    for world in found.before:
        stands = world.rolling is None and world.infra.mode == "emergency" and world.azure is not None
        if stands and CALL_OFF.wanted(world, facts_of(world, rules)):
            walked += 1
            stuck = ways.stuck(world)
            assert not stuck, "\n".join([*trace(found, world), *stuck])
    assert walked
    print(f"{CALL_OFF}, after an up that was killed: {walked} of {len(found.before)} states")


@pytest.mark.parametrize("aws_up", [False, True], ids=["AWS is gone", "AWS is well"])
def test_failover_goes_on_where_emergency_was_typed_by_hand_after_a_failback(aws_up: bool) -> None:
    """``pulumi config set mode emergency && pulumi up`` is the promise; after a failback the standby's
    database is an old one, and only an order replaces it. ``failover`` took this for the first disaster and
    waited for a restore that nobody does."""
    conf = Conf("emergency", enable=True)
    world = home_again(_HOME)._replace(infra=conf, blobs=conf, aws_up=aws_up)
    assert ToolWays(_HOME, Rules(), intent=SERVE).stuck(world) == []
