"""What the commands decide, from facts alone."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from agent.epoch import Epoch
from agent.handover.order import Answer, Divergence, Order, State, new_order
from cli.operate import rules, rules_failback
from cli.operate.facts import SWITCHES, Chain, Copy, Facts, Switches, switches_from
from cli.operate.rules import Rule, plan
from cli.operate.steps import (
    Ask,
    Code,
    Done,
    DropHold,
    Give,
    Goal,
    Refuse,
    Seal,
    Set,
    Step,
    Up,
    Wait,
    Withdraw,
    expect,
    words,
)
from components.config_reader import Reader
from components.switches import read_switches

AWS, AZURE = "203.0.113.7", "198.51.100.10"
NORMAL = Switches()
EMERGENCY = Switches(mode="emergency")
OPEN = Switches(mode="emergency", enabled=True)
HOME = Switches(mode="failback", enabled=True, cutover="c3")
RELEASED = replace(HOME, weight=100, release="c3")
FAILOVER: Rule = rules.failover
PLANNED: Rule = partial(rules.failover, planned=True)
PAGE: Rule = partial(rules.failover, scope="maintenance")
ABORT: Rule = rules.abort
SYNC: Rule = rules_failback.sync
CUTOVER: Rule = rules_failback.cutover
FINISH: Rule = rules_failback.finish
GIVE_UP: Rule = rules_failback.abort


def weight(per_cent: int) -> Rule:
    return partial(rules_failback.weight, per_cent=per_cent)


def facts(switches: Switches, writer: str, number: int, **more: Any) -> Facts:
    """Deployed as the file says, and all can be read."""
    order: Order | None = more.pop("order", None)
    epoch = Epoch(number, writer, "", f"c{number}", order, "etag")  # pyright: ignore[reportArgumentType]
    home = switches.mode == "normal" or bool(switches.cutover)
    base = Facts(
        config=switches,
        deployed=switches,
        last_mode=switches.mode,
        succeeded=switches,
        epoch=epoch,
        hold=not home,
        addresses=(AWS,) if home else (AZURE,),
        reserved=AZURE,
    )
    return replace(base, **more)


def answer(order: Order, site: str, state: State, number: int, **more: Any) -> Answer:
    return Answer(site, number, order.id, state, f"is {state}", **more)  # pyright: ignore[reportArgumentType]


NOW = facts(NORMAL, "aws", 1)
SERVING = facts(OPEN, "azure", 2, copy=Copy(1))
BACK = facts(replace(HOME, weight=100), "aws", 3, home=Chain(3, 3))


def end(rule: Rule, seen: Facts) -> Step:
    return plan(rule, seen)[-1]


def refusal(rule: Rule, seen: Facts) -> str:
    last = rule(seen)
    assert isinstance(last, Refuse), words(last)
    return last.text


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        (FAILOVER, NOW),
        (PLANNED, NOW),
        (PAGE, NOW),
        (ABORT, facts(EMERGENCY, "aws", 1)),
        (ABORT, facts(Switches(mode="emergency", scope="maintenance"), "aws", 1)),
        (SYNC, SERVING),
        (GIVE_UP, SERVING),
        (weight(50), replace(BACK, config=replace(HOME, weight=10))),
        (FINISH, BACK),
        (FAILOVER, BACK),
        (FAILOVER, facts(replace(OPEN, mode="failback", maintenance=True), "azure", 2)),
    ],
)
def test_every_plan_ends_well_and_no_state_on_its_way_contradicts_itself(rule: Rule, seen: Facts) -> None:
    steps = plan(rule, seen)
    assert isinstance(steps[-1], Done), words(steps[-1])
    for step in steps:
        seen = expect(seen, step)
        if isinstance(step, Up):
            values = {key: str(getattr(seen.config, name)).lower() for name, key in SWITCHES.items()}
            reader = Reader(values.get)
            read_switches(reader)
            assert not reader.problems


def test_failover_waits_for_the_copy_and_asks_before_it_opens() -> None:
    kinds = [type(step) for step in plan(FAILOVER, NOW)]
    assert kinds == [Set, Up, Wait, Ask, Set, Up, Wait, Done]


def test_a_failed_restore_is_no_copy() -> None:
    seen = facts(EMERGENCY, "aws", 1, copy=Copy(1, error="the disk is full"))
    assert FAILOVER(seen) == Wait(Goal.RESTORED)


def test_a_copy_of_an_older_epoch_is_replaced_also_where_emergency_was_typed_by_hand() -> None:
    assert FAILOVER(facts(EMERGENCY, "aws", 3, copy=Copy(1))) == Give("replace", "replace")


def test_an_unplanned_failover_withdraws_a_standing_planned_order_first() -> None:
    seen = facts(EMERGENCY, "aws", 1, order=new_order("planned", "drain"))
    assert FAILOVER(seen) == Withdraw()
    assert not isinstance(PLANNED(seen), Withdraw)


def test_a_planned_failover_opens_only_after_ready() -> None:
    order = new_order("planned", "drain")
    seen = facts(EMERGENCY, "aws", 1, order=order, copy=Copy(1), agreed=True)
    assert PLANNED(seen) == Wait(Goal.READY)
    old = answer(new_order("planned", "drain"), "azure", "ready", 1)
    assert PLANNED(replace(seen, azure=old)) == Wait(Goal.READY)
    ready = replace(seen, azure=answer(order, "azure", "ready", 1))
    assert PLANNED(ready) == Set({"enablePetclinic": "true"})


def test_a_planned_order_is_given_only_once_a_copy_is_held_and_a_person_agreed() -> None:
    seen = facts(EMERGENCY, "aws", 1, copy=Copy(1))
    assert PLANNED(seen) == Ask()
    assert PLANNED(replace(seen, agreed=True)) == Give("planned", "drain")
    assert PLANNED(replace(seen, copy=None, agreed=True)) == Wait(Goal.RESTORED)


def test_a_full_emergency_does_not_shrink_to_the_page() -> None:
    assert "./dr abort" in refusal(PAGE, facts(EMERGENCY, "aws", 1))
    assert "maintenance true" in refusal(PAGE, SERVING)


def test_without_the_epoch_nobody_is_moved_and_the_plain_way_is_named() -> None:
    blind = replace(NOW, epoch=None, unreadable={"epoch": "403"})
    for rule in (FAILOVER, PLANNED):
        assert "pulumi config set mode emergency" in refusal(rule, blind)
    for rule in (ABORT, SYNC, CUTOVER, weight(10), FINISH, GIVE_UP):
        assert "az login" in refusal(rule, blind) and "emergency" not in refusal(rule, blind)
    assert isinstance(PAGE(blind), Set)


@pytest.mark.parametrize("rule", [ABORT, SYNC, CUTOVER, weight(10), FINISH, GIVE_UP])
def test_a_stack_without_an_aws_side_has_no_way_back(rule: Rule) -> None:
    takeover = facts(replace(OPEN, purpose="takeover"), "azure", 2, copy=Copy(1))
    assert "purpose is 'takeover'" in refusal(rule, takeover)
    assert isinstance(FAILOVER(takeover), Done)


# ---------------------------------------------------------------------------------------------------- abort


def test_abort_lifts_the_hold_before_the_stack_is_changed_and_after_the_epoch_is_sealed() -> None:
    kinds = [type(step) for step in plan(ABORT, facts(EMERGENCY, "aws", 1))]
    assert kinds.index(Seal) < kinds.index(DropHold) < kinds.index(Wait) < kinds.index(Set)


def test_abort_never_runs_up_in_an_emergency_whose_opening_was_not_ordered() -> None:
    """It would complete a standby that nobody wants, or make the hold again that was just lifted."""
    killed = replace(facts(EMERGENCY, "aws", 1), deployed=None)
    seen = killed
    for step in plan(ABORT, killed):
        assert not (isinstance(step, Up) and seen.config.mode == "emergency")
        seen = expect(seen, step)


def test_abort_closes_an_ordered_opening_before_it_seals() -> None:
    steps = plan(ABORT, facts(OPEN, "aws", 1, copy=Copy(1)))
    kinds = [type(step) for step in steps]
    assert kinds.index(Up) < kinds.index(Seal) < kinds.index(DropHold)
    assert steps[kinds.index(Set)] == Set({"enablePetclinic": "false", "maintenance": "true"})


def test_abort_does_nothing_while_the_origin_or_the_hold_is_unknown_or_bad() -> None:
    seen = facts(EMERGENCY, "aws", 1)
    assert "refused" in refusal(ABORT, replace(seen, origin="connection refused"))
    assert "cannot be read" in refusal(ABORT, replace(seen, hold=None))


def test_abort_goes_on_after_the_hold_was_lifted() -> None:
    lifted = replace(facts(EMERGENCY, "aws", 1), hold=False, deployed=None, origin="", sealed=True)
    assert ABORT(lifted) == Wait(Goal.AWS_ONLY)
    assert isinstance(ABORT(replace(lifted, settled=True)), Set)


def test_abort_is_refused_once_opened_and_after_a_failback() -> None:
    assert "./dr failback sync" in refusal(ABORT, SERVING)
    assert "./dr failback cutover" in refusal(ABORT, BACK)


# ------------------------------------------------------------------------------------------------- failback


def following(**more: Any) -> Facts:
    order = new_order("failback", "sync", more.pop("accept", ""))
    said = answer(order, "aws", "following", 2, behind=more.pop("behind", 0))
    epoch = replace(SERVING.epoch, order=order)  # pyright: ignore[reportArgumentType]
    return replace(SERVING, epoch=epoch, aws=said, standby=Chain(2))


def test_sync_keeps_what_was_accepted() -> None:
    seen = following(accept="0123456789abcdef")
    assert isinstance(SYNC(seen), Done)
    accept = partial(rules_failback.sync, accept="f" * 16)
    assert isinstance(accept(seen), Refuse)


def test_a_divergence_ends_with_a_decision_that_names_the_command() -> None:
    order = new_order("failback", "sync")
    found = Divergence(
        "0123456789abcdef", "", 2, {"petclinic.owners": 3}, "q.sql.gz", "then", "now", "purged"
    )
    said = answer(order, "aws", "divergence", 2, divergence=found)
    seen = facts(OPEN, "azure", 2, order=order, aws=said)
    last = SYNC(seen)
    assert isinstance(last, Refuse) and last.code is Code.DECIDE
    for part in ("--accept-divergence 0123456789abcdef", "petclinic.owners 3", "q.sql.gz", "then", "purged"):
        assert part in last.text
    accept = partial(rules_failback.sync, accept="0123456789abcdef")
    assert accept(seen) == Give("failback", "sync", "0123456789abcdef")


def test_cutover_wants_a_follower_that_is_little_behind() -> None:
    assert "./dr failback sync" in refusal(CUTOVER, SERVING)
    assert "lacks 1001" in refusal(CUTOVER, following(behind=1001))
    assert "./dr failback abort" not in refusal(CUTOVER, following(behind=1001))
    assert isinstance(CUTOVER(following(behind=1000)), Set)


def test_cutover_shows_the_page_before_it_drains_and_keeps_what_was_accepted() -> None:
    steps = plan(CUTOVER, following(accept="0123456789abcdef"))
    kinds = [type(step) for step in steps]
    assert kinds == [Set, Up, Wait, Give, Wait, Set, Up, Done]
    assert steps[3] == Give("failback", "cutover", "0123456789abcdef")


@pytest.mark.parametrize("writer", ["azure", "aws"])
def test_cutover_goes_on_from_either_side_of_the_take_over(writer: str) -> None:
    order = new_order("failback", "cutover") if writer == "azure" else None
    page = replace(OPEN, mode="failback", maintenance=True)
    seen = facts(page, writer, 2 if writer == "azure" else 3, order=order)
    assert isinstance(end(CUTOVER, seen), Done)


def test_a_second_disaster_that_was_none_is_called_off_without_a_gap() -> None:
    """AWS came back before the standby took over: the switches first, then the order."""
    page = replace(OPEN, maintenance=True)
    steps = plan(CUTOVER, facts(page, "aws", 3, order=new_order("replace", "replace")))
    assert [type(step) for step in steps] == [Set, Up, Withdraw, Done]


@pytest.mark.parametrize(
    ("home", "missing"),
    [
        (Chain(2, 3), "no dump"),
        (Chain(3, 2), "verified"),
        (Chain(3, 3, "a hole"), "a hole"),
    ],
)
def test_weights_move_only_when_the_new_chain_is_proved(home: Chain, missing: str) -> None:
    seen = facts(HOME, "aws", 3, home=home)
    assert missing in refusal(weight(10), seen)
    assert isinstance(weight(0)(seen), Done)
    assert missing in refusal(FINISH, replace(BACK, home=home))


def test_weights_need_the_cutover_of_this_epoch() -> None:
    assert "./dr failback cutover" in refusal(weight(10), facts(HOME, "aws", 4, home=Chain(4, 4)))
    assert "./dr failback cutover" in refusal(weight(10), SERVING)


def test_finish_wants_all_users_to_go_straight_to_aws_as_deployed() -> None:
    light = replace(HOME, weight=50)
    for now in (light, replace(light, release="c3")):
        assert "weight 100" in refusal(FINISH, facts(now, "aws", 3, home=Chain(3, 3)))
    assert "weight 100" in refusal(FINISH, replace(BACK, deployed=light, succeeded=light))


def test_finish_waits_until_no_cache_holds_azures_address_also_when_it_goes_on() -> None:
    for seen in (BACK, facts(RELEASED, "aws", 3, home=Chain(3, 3))):
        assert FINISH(seen) == Wait(Goal.AWS_ONLY)
        assert isinstance(FINISH(replace(seen, settled=True)), Set)


def test_finish_releases_by_the_cutover_id_before_it_deletes() -> None:
    steps = plan(FINISH, BACK)
    assert steps[1] == Set({"releaseDatabase": "c3"})
    assert [type(step) for step in steps] == [Wait, Set, Up, Set, Up, Done]


def test_finish_ended_half_way_goes_on_from_normal() -> None:
    half = replace(facts(NORMAL, "aws", 3), deployed=None, last_mode="failback", succeeded=RELEASED)
    assert [type(step) for step in plan(FINISH, half)] == [Up, Done]
    assert isinstance(FINISH(NOW), Done)


@pytest.mark.parametrize("deployed", [HOME, None, OPEN, replace(RELEASED, release="c1")])
def test_finish_deploys_mode_normal_only_where_it_released_the_standby(deployed: Switches | None) -> None:
    """On a second machine the stack's file says normal while another clone's failback is deployed."""
    stale = facts(NORMAL, "aws", 3, deployed=deployed, last_mode="failback", succeeded=deployed or HOME)
    assert "pulumi config refresh" in refusal(FINISH, stale)
    assert "finish" not in rules.advice(stale)[1]
    assert "pulumi config refresh" in rules.advice(stale)[1]


def test_a_disaster_in_a_half_finished_failback_counts_as_the_second_one() -> None:
    half = replace(facts(NORMAL, "aws", 3), deployed=None, last_mode="failback")
    assert FAILOVER(half) == Give("replace", "replace")


def test_giving_the_failback_up_waits_until_the_standby_has_reopened() -> None:
    order = new_order("failback", "withdrawn")
    page = replace(OPEN, mode="failback", maintenance=True)
    drained = answer(new_order("failback", "cutover"), "azure", "drained", 2)
    seen = facts(page, "azure", 2, order=order, azure=drained)
    assert GIVE_UP(seen) == Wait(Goal.REOPENED)
    assert isinstance(GIVE_UP(replace(seen, azure=replace(drained, state="reopened"))), Set)


@pytest.mark.parametrize(("rule", "writer"), [(GIVE_UP, "azure"), (ABORT, "aws")])
def test_who_cannot_read_an_answer_does_not_call_the_writer_open(rule: Rule, writer: str) -> None:
    order = new_order("failback", "withdrawn")
    switches = replace(OPEN, mode="failback") if writer == "azure" else EMERGENCY
    why = {f"answer-{writer}": "503"}
    seen = facts(switches, writer, 2 if writer == "azure" else 1, order=order, origin="", unreadable=why)
    assert rule(seen) == Wait(Goal.REOPENED)


def test_a_second_disaster_keeps_the_page_up_until_the_database_is_replaced() -> None:
    steps = plan(FAILOVER, BACK)
    assert steps[0] == Give("replace", "replace")
    seen = BACK
    for step in steps:
        seen = expect(seen, step)
        if isinstance(step, Up):
            break
    assert seen.config.maintenance and seen.config.mode == "emergency" and seen.config.enabled
    assert isinstance(steps[-1], Done)


# --------------------------------------------------------------------------------------------------- status


@pytest.mark.parametrize(
    ("seen", "code", "named"),
    [
        (NOW, Code.DONE, "./dr failover"),
        (replace(NOW, epoch=None), Code.FAILED, "epoch"),
        (replace(NOW, config=EMERGENCY), Code.DECIDE, "./dr failover"),
        (facts(EMERGENCY, "aws", 1, copy=Copy(1)), Code.DECIDE, "--open"),
        (facts(Switches(mode="emergency", scope="maintenance"), "aws", 1), Code.DECIDE, "./dr abort"),
        (SERVING, Code.DONE, "./dr failback sync"),
        (following(), Code.DONE, "./dr failback cutover"),
        (facts(replace(OPEN, mode="failback", maintenance=True), "aws", 3), Code.DECIDE, "cutover"),
        (facts(HOME, "aws", 3), Code.DECIDE, "verified"),
        (facts(HOME, "aws", 3, home=Chain(3, 3)), Code.DECIDE, "weight 100"),
        (BACK, Code.DECIDE, "./dr failback finish"),
    ],
)
def test_the_next_step_fits_the_situation(seen: Facts, code: Code, named: str) -> None:
    advised, text = rules.advice(seen)
    assert advised is code and named in text


def test_switches_are_read_as_the_program_reads_them() -> None:
    assert switches_from({}) == NORMAL
    values = {"enablePetclinic": "True", "awsWeight": "7", "cutover": "c", "maintenance": "false"}
    assert switches_from(values) == Switches(enabled=True, weight=7, cutover="c")
    assert OPEN.changes_to(NORMAL) == {"mode": "normal", "enablePetclinic": "false"}
    assert HOME.changes_to(replace(HOME, cutover="")) == {"cutover": None}
