"""What a review of the rules found: an order is never taken back while something waits for it to go."""

from __future__ import annotations

from dataclasses import replace

from agent.handover.order import new_order
from cli.operate import rules
from cli.operate.facts import Copy, Switches
from cli.operate.steps import Code, Goal, Refuse, Set, Up, Wait, Withdraw
from tests.operate.test_rules import ABORT, EMERGENCY, FAILOVER, FINISH, OPEN, PLANNED, answer, facts

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
    seen = facts(Switches(), "aws", 3)
    assert FINISH(replace(seen, deployed=None)) == Up()
