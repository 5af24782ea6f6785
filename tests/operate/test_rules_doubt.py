"""Where nobody knows what an ``up`` has done, or who writes, the commands keep to what cannot do harm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.handover.order import new_order
from cli.operate import rules
from cli.operate.facts import Copy, Facts, Switches
from cli.operate.rules import plan
from cli.operate.steps import Ask, Code, Done, DropHold, Goal, Refuse, Seal, Set, Up, Wait, expect
from tests.operate.test_rules import (
    ABORT,
    BACK,
    EMERGENCY,
    FAILOVER,
    HOME,
    NORMAL,
    NOW,
    OPEN,
    PAGE,
    PLANNED,
    facts,
    refusal,
)

CLOSED = replace(EMERGENCY, maintenance=True)
TAKEOVER = replace(OPEN, purpose="takeover")


def doubtful(config: Switches, **more: object) -> Facts:
    """An ``up`` was killed with a standby in place: what it wrote into orders.json is not known."""
    seen = replace(facts(config, "aws", 1), deployed=None, succeeded=NORMAL, database=True, origin="")
    return replace(seen, **more)  # pyright: ignore[reportArgumentType]


# ---------------------------------------------------------------------------------------------------- abort


@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize("config", [EMERGENCY, OPEN, Switches(mode="emergency", scope="maintenance")])
def test_abort_closes_a_standby_that_may_have_been_told_to_open_before_it_lets_users_go(
    config: Switches, hold: bool
) -> None:
    """Killed after orders.json said open: the agent would take over as soon as it can, with the hold gone."""
    seen = doubtful(config, hold=hold)
    steps = plan(ABORT, seen)
    kinds = [type(step) for step in steps]
    assert kinds.index(Up) < kinds.index(Seal) < kinds.index(DropHold) and kinds[-1] is Done
    for step in steps[: kinds.index(Up)]:
        seen = expect(seen, step)
    assert seen.config == CLOSED


def test_abort_of_an_emergency_that_another_clones_file_calls_normal_closes_it_first() -> None:
    step = ABORT(doubtful(NORMAL, hold=True))
    assert isinstance(step, Set) and step.changes["mode"] == "emergency"


def test_abort_closes_an_opening_first_also_where_the_hold_is_gone() -> None:
    """The engine refuses to unprotect the database and to delete it in one ``up``."""
    for deployed in (OPEN, None):
        seen = replace(doubtful(OPEN, hold=False), deployed=deployed)
        steps = plan(ABORT, seen)
        kinds = [type(step) for step in steps]
        assert kinds[:2] == [Set, Up] and kinds.index(Up) < kinds.index(Seal)
        assert steps[0] == Set({"enablePetclinic": "false", "maintenance": "true"})


def test_abort_makes_no_hold_again_that_a_run_before_it_lifted_from_a_closed_standby() -> None:
    for ordered in (EMERGENCY, CLOSED):
        lifted = doubtful(ordered, hold=False, ordered=ordered)
        assert ABORT(lifted) == Seal()
    assert ABORT(doubtful(NORMAL, hold=False)) == Seal()  # its last ``up``, to normal, was killed


def test_abort_builds_no_standby_to_close_one_that_was_only_set_in_the_file() -> None:
    seen = facts(OPEN, "aws", 1, deployed=NORMAL, succeeded=NORMAL, hold=False, origin="")
    assert ABORT(seen) == Seal()


def test_abort_that_was_overtaken_after_it_lifted_the_hold_names_what_leads_users_to_the_writer() -> None:
    overtaken = facts(CLOSED, "azure", 2, deployed=None, hold=False)
    text = refusal(ABORT, overtaken)
    assert "./dr failover" in text and text.index("./dr failover") < text.index("./dr failback sync")
    assert "./dr failover" not in refusal(ABORT, facts(OPEN, "azure", 2))


# ------------------------------------------------------------------------------------------------- failover


@pytest.mark.parametrize("order", [None, new_order("replace", "replace")])
def test_no_failover_is_called_planned_that_gives_up_what_a_living_aws_has_not_archived(
    order: object,
) -> None:
    for config in (HOME, replace(OPEN, mode="failback", maintenance=True), OPEN):
        seen = facts(config, "aws", 3, order=order, copy=Copy(1))
        text = refusal(PLANNED, seen)
        assert "./dr failback finish" in text and "without --planned" in text
        assert not isinstance(FAILOVER(seen), Refuse)
    assert "./dr failback finish" in refusal(PLANNED, BACK)


@pytest.mark.parametrize("back", [HOME, replace(OPEN, mode="failback")])
def test_without_the_epoch_nobody_is_told_to_type_an_emergency_over_a_failback(back: Switches) -> None:
    blind = replace(NOW, epoch=None, unreadable={"epoch": "403"})
    for seen in (
        replace(blind, config=back),
        replace(blind, last_mode="failback"),
        replace(blind, config=EMERGENCY, succeeded=back),
    ):
        for rule in (FAILOVER, PLANNED):
            assert "az login" in refusal(rule, seen) and "set mode" not in refusal(rule, seen)


@pytest.mark.parametrize(
    "seen",
    [
        replace(facts(EMERGENCY, "aws", 1), deployed=None),
        replace(facts(OPEN, "aws", 1), deployed=None),
        replace(NOW, deployed=None, last_mode="emergency"),
        replace(NOW, deployed=None, config=replace(NORMAL, enabled=True)),
        doubtful(Switches(mode="emergency", scope="maintenance")),
    ],
)
def test_the_page_alone_tears_no_standby_down_that_may_be_opening(seen: Facts) -> None:
    assert "./dr abort" in refusal(PAGE, seen)


def test_the_page_alone_can_be_repeated_after_its_own_up_was_ended() -> None:
    page = Switches(mode="emergency", scope="maintenance")
    assert PAGE(replace(facts(page, "aws", 1), deployed=None, succeeded=NORMAL)) == Up()


# ------------------------------------------------------------------------------------------------- takeover


@pytest.mark.parametrize("switches", [TAKEOVER, replace(TAKEOVER, enabled=False)])
@pytest.mark.parametrize("copy", [None, Copy(2, error="the disk is full")])
def test_a_takeover_does_not_call_itself_the_writer_that_productions_standby_is(
    switches: Switches, copy: Copy | None
) -> None:
    seen = facts(switches, "azure", 2, copy=copy)
    text = refusal(FAILOVER, seen)
    assert "production's standby" in text and "runbooks/drill.md" in text
    assert rules.advice(seen)[1] == text
    unread = replace(seen, unreadable={"restore reports": "503"})
    for text in (refusal(FAILOVER, unread), rules.advice(unread)[1]):
        assert "503" in text and "destroy" not in text, "it may have served for days"


def test_a_takeover_of_what_productions_standby_archived_asks_before_it_opens() -> None:
    restored = facts(replace(TAKEOVER, enabled=False), "azure", 2, copy=Copy(2))
    assert [type(step) for step in plan(FAILOVER, restored)] == [Ask, Set, Up, Wait, Done]
    waiting = replace(restored, config=TAKEOVER, deployed=TAKEOVER, agreed=True)
    assert FAILOVER(waiting) == Wait(Goal.AZURE_WRITES), "it has yet to begin an epoch of its own"
    code, text = rules.advice(waiting)
    assert code is Code.DECIDE and "./dr failover" in text
    own = replace(restored, copy=Copy(1))  # this standby has taken over itself
    assert [type(step) for step in plan(FAILOVER, own)] == [Set, Up, Done]
