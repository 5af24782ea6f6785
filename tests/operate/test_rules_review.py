"""What reviews of the rules found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.handover.order import Divergence, new_order
from cli.operate import rules
from cli.operate.facts import Chain, Copy, Facts, Switches
from cli.operate.rules import Rule, plan
from cli.operate.steps import Ask, Code, Done, Give, Goal, Refuse, Set, Up, Wait, Withdraw
from tests.operate.test_rules import (
    ABORT,
    BACK,
    CUTOVER,
    EMERGENCY,
    FAILOVER,
    FINISH,
    HOME,
    NORMAL,
    OPEN,
    PAGE,
    PLANNED,
    answer,
    facts,
    following,
    refusal,
    weight,
)

ORDERED = facts(OPEN, "aws", 1, order=new_order("planned", "drain"), copy=Copy(1), origin="")


def test_abort_takes_the_opening_back_before_the_order_that_holds_it_up() -> None:
    """Without the order the standby would open at once, beside AWS, which opens again."""
    step = ABORT(ORDERED)
    assert isinstance(step, Set) and step.changes["enablePetclinic"] == "false"
    closed = replace(EMERGENCY, maintenance=True)
    assert ABORT(replace(ORDERED, config=closed)) == Up()
    assert ABORT(replace(ORDERED, config=closed, deployed=closed)) == Withdraw()


def test_an_unplanned_failover_over_a_planned_one_asks_anew_before_anything_opens() -> None:
    assert FAILOVER(ORDERED) == Set({"enablePetclinic": "false"})
    assert FAILOVER(replace(ORDERED, config=EMERGENCY, deployed=EMERGENCY)) == Withdraw()


def test_status_names_the_planned_command_while_its_order_stands() -> None:
    assert "--planned" in rules.advice(ORDERED)[1]


def test_a_planned_failover_whose_copy_differs_is_refused_at_once() -> None:
    order = new_order("planned", "drain")
    seen = facts(EMERGENCY, "aws", 1, order=order, copy=Copy(1), agreed=True)
    step = PLANNED(replace(seen, azure=answer(order, "azure", "differs", 1)))
    assert isinstance(step, Refuse) and step.code is Code.FAILED and "./dr abort" in step.text


def test_the_page_stays_until_the_standby_has_opened_again() -> None:
    config = Switches(mode="failback", enabled=True, maintenance=True)
    order = new_order("failback", "withdrawn")
    seen = facts(config, "azure", 2, order=order)
    drained = replace(seen, azure=answer(order, "azure", "drained", 2))
    assert FAILOVER(drained) == Wait(Goal.REOPENED)
    assert isinstance(FAILOVER(seen), Set)


def test_finish_goes_on_after_its_last_update_failed() -> None:
    released = Switches(mode="failback", enabled=True, weight=100, cutover="c3", release="c3")
    seen = facts(Switches(), "aws", 3, succeeded=released)
    assert FINISH(replace(seen, deployed=None)) == Up()


# --- a cutover with users behind the page ---


PAGE_UP = replace(OPEN, mode="failback", maintenance=True)


def behind_the_page(**more: int) -> Facts:
    return replace(following(**more), config=PAGE_UP, deployed=PAGE_UP, succeeded=PAGE_UP, page=True)


def test_a_cutover_waits_for_a_copy_that_fell_behind_while_the_page_came_up() -> None:
    assert CUTOVER(behind_the_page(behind=1001)) == Wait(Goal.FOLLOWING)
    assert isinstance(CUTOVER(behind_the_page(behind=1000)), Give)
    busy = behind_the_page()
    assert busy.aws is not None
    assert CUTOVER(replace(busy, aws=replace(busy.aws, state="waiting"))) == Wait(Goal.FOLLOWING)
    assert CUTOVER(replace(busy, aws=None)) == Wait(Goal.FOLLOWING)


def test_a_cutover_that_cannot_go_on_behind_the_page_says_that_and_how_to_open_again() -> None:
    seen = behind_the_page()
    assert seen.epoch is not None
    for stuck in (
        replace(seen, epoch=replace(seen.epoch, order=new_order("failback", "withdrawn"))),
        replace(seen, epoch=replace(seen.epoch, order=None)),
    ):
        assert "maintenance page" in refusal(CUTOVER, stuck)
        assert "./dr failback abort" in refusal(CUTOVER, stuck)


def test_a_divergence_under_a_cutover_order_is_said_and_not_waited_for() -> None:
    order = new_order("failback", "cutover")
    found = Divergence("0123456789abcdef", "", 2, {}, "q.sql.gz", "then", "now")
    seen = facts(
        PAGE_UP, "azure", 2, order=order, aws=answer(order, "aws", "divergence", 2, divergence=found)
    )
    assert "./dr failback abort" in refusal(CUTOVER, seen)


def test_a_cutover_whose_page_was_never_deployed_is_refused_while_the_copy_is_behind() -> None:
    set_only = replace(behind_the_page(behind=1001), deployed=OPEN)
    assert "lacks 1001" in refusal(CUTOVER, set_only)


def test_a_cutover_wants_a_dump_of_the_standby_by_which_a_second_disaster_can_be_restored() -> None:
    """Without one two changes of the writer lie behind AWS's first dump, and no chain reaches that far."""
    seen = following()
    assert isinstance(CUTOVER(seen), Set)
    for chain in (Chain(), Chain(1, 1)):
        assert "no complete dump of epoch 2" in refusal(CUTOVER, replace(seen, standby=chain))
    drained = replace(behind_the_page(), standby=Chain())  # as after one look that failed: users wait already
    assert CUTOVER(drained) == Give("failback", "cutover")
    assert drained.epoch is not None
    ordered = replace(drained, epoch=replace(drained.epoch, order=new_order("failback", "cutover")))
    assert CUTOVER(ordered) == Wait(Goal.AWS_WRITES)


# --- a standing replace order ---


@pytest.mark.parametrize("rule", [FINISH, weight(100), weight(10)])
def test_who_goes_on_with_the_way_back_takes_a_replace_order_back_first(rule: Rule) -> None:
    """An order that outlives the standby stays for ever, and its old "ready" counts in the next disaster."""
    order = new_order("replace", "replace")
    seen = facts(BACK.config, "aws", 3, home=Chain(3, 3), order=order)
    assert rule(seen) == Withdraw()


def test_a_replace_order_that_is_left_in_normal_can_be_taken_back_by_what_status_names() -> None:
    seen = facts(NORMAL, "aws", 3, order=new_order("replace", "replace"))
    code, text = rules.advice(seen)
    assert code is Code.DECIDE and "./dr abort" in text
    for rule in (ABORT, FINISH, FAILOVER):
        assert rule(seen) == Withdraw()
    assert [type(step) for step in plan(ABORT, seen)] == [Withdraw, Done]


def test_a_planned_order_that_is_left_in_normal_is_taken_back_until_aws_opened() -> None:
    order = new_order("planned", "drain")
    seen = facts(NORMAL, "aws", 1, order=order, aws=answer(order, "aws", "drained", 1))
    assert [type(step) for step in plan(ABORT, seen)] == [Withdraw, Wait, Done]


def test_weight_and_finish_name_the_way_back_to_failback() -> None:
    page = replace(OPEN, maintenance=True)
    seen = facts(page, "aws", 3, order=new_order("replace", "replace"))
    for rule in (FINISH, weight(10)):
        assert "./dr failback cutover" in refusal(rule, seen)


def test_a_cutover_goes_back_to_a_failback_that_the_program_takes() -> None:
    """On another clone ``enablePetclinic`` may say false; the program refuses failback with that."""
    seen = facts(NORMAL, "aws", 3, deployed=HOME, last_mode="failback", succeeded=HOME)
    step = CUTOVER(seen)
    assert isinstance(step, Set) and step.changes["enablePetclinic"] == "true"


# --- second disaster ---


def test_a_second_disaster_that_goes_on_shows_the_page_before_it_asks() -> None:
    order = new_order("replace", "replace")
    seen = facts(HOME, "aws", 3, order=order)
    steps = plan(FAILOVER, replace(seen, azure=answer(order, "azure", "ready", 3)))
    assert [type(step) for step in steps] == [Set, Up, Ask, Set, Up, Wait, Done]


# --- another clone ---


@pytest.mark.parametrize("deployed", [EMERGENCY, None])
def test_status_on_a_second_machine_does_not_advise_to_undo_the_emergency(deployed: Switches | None) -> None:
    seen = facts(NORMAL, "aws", 1, deployed=deployed, last_mode="emergency", succeeded=EMERGENCY, hold=True)
    code, text = rules.advice(seen)
    assert code is Code.DECIDE and "pulumi up" not in text
    assert all(word in text for word in ("pulumi config refresh", "./dr failover", "./dr abort"))


# --- forceFailover ---


def test_abort_says_at_once_that_route_53_is_forced_to_azure() -> None:
    """AWS is frozen in an emergency: no wait for DNS would ever end, with the hold dropped for nothing."""
    forced = replace(EMERGENCY, force=True)
    for deployed in (forced, None):
        seen = facts(forced, "aws", 1, deployed=deployed, origin="")
        assert "forceFailover" in refusal(ABORT, seen)
    set_but_not_deployed = facts(forced, "aws", 1, deployed=EMERGENCY, succeeded=EMERGENCY)
    steps = plan(ABORT, set_but_not_deployed)
    assert isinstance(steps[-1], Done)
    assert any(isinstance(step, Set) and step.changes.get("forceFailover") == "false" for step in steps)


def test_the_way_back_takes_force_failover_back_where_aws_can_be_changed() -> None:
    forced = replace(HOME, weight=100, force=True)
    seen = facts(forced, "aws", 3, home=Chain(3, 3))
    assert weight(100)(seen) == Set({"forceFailover": "false"})
    assert CUTOVER(seen) == Set({"forceFailover": "false"})
    assert "forceFailover" in refusal(FINISH, seen)
    assert "weight 100" in refusal(FINISH, seen) and "weight 100" in rules.advice(seen)[1]


# --- what is left ---


def test_the_page_alone_is_not_planned_over_a_standby_that_may_write() -> None:
    """Its database would be deleted, as far as the program knows: the scope shrinks."""
    seen = replace(facts(OPEN, "azure", 2), epoch=None, unreadable={"epoch": "403"})
    for blind in (seen, replace(seen, deployed=None), replace(seen, config=NORMAL)):
        assert "maintenance true" in refusal(PAGE, blind) and "403" in refusal(PAGE, blind)


def test_a_takeover_that_serves_needs_nothing_and_has_no_failback() -> None:
    takeover = replace(OPEN, purpose="takeover")
    code, text = rules.advice(facts(takeover, "azure", 2, copy=Copy(1)))
    assert code is Code.DONE and "no failback" in text
    code, text = rules.advice(facts(replace(takeover, enabled=False), "azure", 2, copy=Copy(1)))
    assert code is Code.DECIDE and "./dr failover" in text
    code, text = rules.advice(facts(takeover, "aws", 1))
    assert code is Code.DECIDE and "until the standby has become the writer" in text
