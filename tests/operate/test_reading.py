"""What the tool says while it waits, and what it makes of documents: nobody waits for hours unknowingly."""

from __future__ import annotations

import gzip
import json
import re
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from agent.epoch import give_order, take_over
from agent.handover.order import Divergence, new_order
from agent.signals import write_restore_failure
from cli.operate import read, rules, rules_failback
from cli.operate.facts import Copy, Switches
from cli.operate.pace import Clock
from cli.operate.progress import waiting
from cli.operate.pulumi import Pulumi
from cli.operate.read import Failure, Sight, Source
from cli.operate.rules import Rule
from cli.operate.state import Deployed
from cli.operate.steps import Done, Goal, Refuse
from tests.operate.conftest import FIRST_DIGEST, Scene
from tests.operate.test_rules import EMERGENCY, OPEN, answer, facts

WRITER_AZURE = facts(OPEN, "azure", 2)


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def beat(at: str, **errors: str) -> dict[str, Any]:
    return {"at": at, "interval_seconds": 300, "errors": errors}


# -------------------------------------------------------------------------------------------------- waiting

AGENTS = [
    (Goal.RESTORED, "azure"),
    (Goal.REPLACED, "azure"),
    (Goal.AZURE_WRITES, "azure"),
    (Goal.READY, "aws"),
    (Goal.READY, "azure"),
    (Goal.FOLLOWING, "aws"),
    (Goal.AWS_WRITES, "aws"),
    (Goal.AWS_WRITES, "azure"),
    (Goal.REOPENED, "azure"),
]


@pytest.mark.parametrize(("goal", "site"), AGENTS)
def test_a_silent_agent_is_named_whatever_is_waited_for(goal: Goal, site: str) -> None:
    beats = {name: beat(ago(seconds=5)) for name in ("aws", "azure")}
    who = "AWS's agent" if site == "aws" else "Azure's agent"
    assert who not in waiting(goal, Sight(WRITER_AZURE, heartbeats=beats))
    silent = {**beats, site: beat(ago(hours=6))}
    assert f"{who} is silent for 6 h" in waiting(goal, Sight(WRITER_AZURE, heartbeats=silent))
    del silent[site]
    assert f"{who} was never heard of" in waiting(goal, Sight(WRITER_AZURE, heartbeats=silent))


@pytest.mark.parametrize(("goal", "site"), AGENTS)
def test_what_an_agent_cannot_do_is_said_whatever_is_waited_for(goal: Goal, site: str) -> None:
    beats = {name: beat(ago(seconds=5)) for name in ("aws", "azure")}
    beats[site] = beat(ago(seconds=5), opening="the account is locked")
    assert "says opening: the account is locked" in waiting(goal, Sight(WRITER_AZURE, heartbeats=beats))


def test_a_standby_s_heartbeat_from_before_it_was_made_is_no_sign_of_life() -> None:
    places = Deployed(standby_since=ago(minutes=30))
    seen = Sight(facts(EMERGENCY, "aws", 1), places=places, heartbeats={"azure": beat(ago(days=40), old="x")})
    said = waiting(Goal.RESTORED, seen)
    assert "since its database was made 30 min ago" in said and "old" not in said


def test_what_cannot_be_read_is_not_called_silent() -> None:
    nothing = replace(WRITER_AZURE, unreadable={"epoch": "the vault is gone"})
    assert waiting(Goal.FOLLOWING, Sight(nothing)) == "cannot look: the vault is gone"
    part = replace(WRITER_AZURE, unreadable={"heartbeat-aws": "503"})
    said = waiting(Goal.FOLLOWING, Sight(part))
    assert "cannot be read: 503" in said and "never" not in said


def test_no_agent_is_blamed_for_the_page_or_dns() -> None:
    for goal in (Goal.PAGE, Goal.AWS_ONLY):
        assert "agent" not in waiting(goal, Sight(WRITER_AZURE))


def test_a_long_line_is_shown_whole_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    said: list[str] = []
    clock = Clock(said.append)
    clock.show("short")
    assert "short" in capsys.readouterr().out and not said
    clock.show("x" * 200)
    assert "x" * 200 in said[0]


# ------------------------------------------------------------------------------------- the standby's restore


def look(scene: Scene) -> Sight:
    return Source(Pulumi(scene.folder, "normal", print)).look()


def fail(scene: Scene, finished: str, **more: Any) -> None:
    report = {"site": "azure", "error": "the disk is full", "started": finished, "finished": finished}
    write_restore_failure(scene.store("signals"), report | more)


def standby(scene: Scene) -> None:
    scene.set(config={**scene.stack["config"], "mode": "emergency"})
    assert Pulumi(scene.folder, "normal", print).change("up", "--yes", "--skip-preview")[0] == 0


def test_a_failed_restore_is_said_while_it_is_waited_for_and_by_status(
    quick_scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = quick_scene
    scene.aws_lives = scene.restores = False
    polls: list[int] = []

    def sleep(_seconds: float) -> None:
        polls.append(1)
        scene.restores = len(polls) > 2  # the boot's unit tries again
        scene.step()

    monkeypatch.setattr("cli.operate.act.sleep", sleep)
    assert scene.run("failover", "--yes") == 4
    assert re.search(r"its last restore failed \d+ s ago: the disk is full", capsys.readouterr().out)
    scene.run("status")
    assert "the disk is full" not in capsys.readouterr().out, "a good restore came after it"
    fail(scene, datetime.now(UTC).isoformat())
    scene.run("status")
    assert "restore           WRONG: its last restore failed" in capsys.readouterr().out


def test_only_a_failure_of_this_database_after_its_last_good_restore_counts(quick_scene: Scene) -> None:
    scene = quick_scene
    fail(scene, ago(minutes=1))  # of a standby before this one
    standby(scene)
    assert look(scene).failed is None and look(scene).facts.copy is None
    later = datetime.now(UTC).isoformat()
    fail(scene, later)
    seen = look(scene)
    assert seen.failed == Failure("the disk is full", later)
    assert seen.facts.copy is None and not rules.holds_copy(seen.facts)
    assert not rules.after_cutover(seen.facts), "a failure is no copy of an earlier epoch"
    scene.step()
    seen = look(scene)
    assert seen.failed is None and rules.holds_copy(seen.facts)
    fail(scene, datetime.now(UTC).isoformat())
    seen = look(scene)
    assert seen.failed and rules.holds_copy(seen.facts), "it had not touched the proved copy yet"
    fail(scene, datetime.now(UTC).isoformat(), seconds={"choose": 1.0, "clear": 1.0})
    assert not rules.holds_copy(look(scene).facts), "the proved copy is gone"
    fail(scene, datetime.now(UTC).isoformat(), error="")
    assert look(scene).failed is None, "one ended well since"


# ----------------------------------------------------------------------------------------------- divergence

FOUND = Divergence(FIRST_DIGEST, "", 2, {"petclinic.owners": 3}, "quarantine_d.sql.gz", "", "")


def diverged(scene: Scene) -> None:
    """The standby writes, no order was given, and AWS's agent has exported what RDS has."""
    take_over(scene.store("control"), scene.epoch, "azure")
    scene.set(config={**scene.stack["config"], "mode": "emergency", "enablePetclinic": "true"})
    assert Pulumi(scene.folder, "normal", print).change("up", "--yes", "--skip-preview")[0] == 0
    scene.step()
    said = {"site": "aws", "at": ago(seconds=1), "epoch": 2, "handover": {"divergence": asdict(FOUND)}}
    scene.store("signals").replace("heartbeat-aws.json", json.dumps(said).encode())


def test_a_divergence_before_any_order_is_a_line_of_status_and_waits_for_a_person(
    quick_scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    diverged(quick_scene)
    assert quick_scene.run("status") == 4
    said = capsys.readouterr().out
    assert f"{FIRST_DIGEST}: RDS holds 2 transactions" in said
    assert "./dr failback show-divergence" in said.partition("next:")[2]


def test_a_divergence_before_any_order_can_be_read(
    quick_scene: Scene, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    diverged(quick_scene)
    store = quick_scene.store("mysql-backups")
    monkeypatch.setattr(store, "chunks", lambda blob: [gzip.compress(f"-- {blob}".encode())], raising=False)
    assert quick_scene.run("failback", "show-divergence") == 0
    assert b"-- quarantine_d.sql.gz" in capfdbinary.readouterr().out


def test_an_accepted_divergence_waits_for_nobody(
    quick_scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    diverged(quick_scene)
    give_order(quick_scene.store("control"), quick_scene.epoch, new_order("failback", "sync", FIRST_DIGEST))
    quick_scene.run("status")
    said = capsys.readouterr().out
    assert f"{FIRST_DIGEST}, accepted" in said and "show-divergence" not in said


def test_a_divergence_of_an_earlier_epoch_is_none_of_this_one() -> None:
    beats = {"aws": {"epoch": 1, "handover": {"divergence": asdict(FOUND)}}}
    old = answer(new_order("failback", "sync"), "aws", "divergence", 1, divergence=FOUND)
    assert Sight(replace(WRITER_AZURE, aws=old), heartbeats=beats).divergence is None
    beats["aws"]["epoch"] = 2
    assert Sight(replace(WRITER_AZURE, aws=old), heartbeats=beats).divergence == FOUND


# ---------------------------------------------------------------------------------------------------- drills

COMMANDS: list[Rule] = [
    rules.failover,
    partial(rules.failover, planned=True),
    partial(rules.failover, scope="maintenance"),
    rules.abort,
    rules_failback.sync,
    rules_failback.cutover,
    partial(rules_failback.weight, per_cent=10),
    rules_failback.finish,
    rules_failback.abort,
]


@pytest.mark.parametrize("rule", COMMANDS)
def test_no_command_on_a_drill_touches_production_s_epoch(rule: Rule) -> None:
    drill = Switches(mode="emergency", purpose="drill")
    for order in (None, new_order("planned", "drain")):
        step = rule(facts(drill, "aws", 1, order=order, copy=Copy(1), origin=""))
        assert isinstance(step, Refuse) and "purpose is 'drill'" in step.text


def test_status_of_a_drill_says_whose_epoch_it_shows(
    quick_scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    quick_scene.step()
    quick_scene.set(
        config={**quick_scene.stack["config"], "purpose": "drill", "mode": "emergency", "occasion": "d1"}
    )
    before = quick_scene.epoch
    quick_scene.run("status")
    said = capsys.readouterr().out
    assert "writer aws (production's, not the drill's)" in said
    assert "./dr failover" not in said.partition("next:")[2]
    assert quick_scene.run("failover", "--yes") == 3
    assert quick_scene.epoch == before and quick_scene.changes == []


def test_a_copy_is_of_the_epoch_that_it_holds_and_not_of_the_one_it_began() -> None:
    """A restore with ``--take-over`` names the new epoch in its report: that copy waits for nothing."""
    report = {"epoch": 3, "take_over": True, "reached": {"epoch": 2}}
    copy = read._copy_of(report)  # pyright: ignore[reportPrivateUsage]
    assert copy.epoch == 2
    serves = facts(replace(OPEN, purpose="takeover"), "azure", 3, copy=copy)
    assert isinstance(rules.failover(serves), Done)
