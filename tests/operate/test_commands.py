"""The commands from end to end: what they leave behind, what they refuse, how they go on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.epoch import give_order, read_epoch
from agent.handover.order import Answer, write_answer
from cli.__main__ import main
from cli.operate.facts import Switches
from cli.operate.pulumi import Pulumi
from cli.operate.read import Source
from tests.agent.samples import manifest
from tests.operate import fake_pulumi
from tests.operate.conftest import ALB, FIRST_DIGEST, SETTINGS, Scene

NORMAL = Switches()


def opened(scene: Scene) -> None:
    scene.aws_lives = False
    assert scene.run("failover", "--yes", "--open") == 0
    scene.aws_lives = True


def home(scene: Scene) -> None:
    opened(scene)
    assert scene.run("failback", "sync", "--yes") == 0
    assert scene.run("failback", "cutover", "--yes") == 0
    scene.step()


def test_failover_opens_the_standby_and_asks_nothing_of_aws(scene: Scene) -> None:
    opened(scene)
    assert scene.epoch.writer == "azure"
    assert scene.deployed == scene.config == Switches(mode="emergency", enabled=True)
    assert scene.run("failover", "--yes") == 0
    scene.step()
    assert scene.run("status") == 0


def test_failover_does_not_open_unasked(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.aws_lives = False
    assert scene.run("failover", "--yes") == 4
    said = capsys.readouterr()
    assert scene.epoch.writer == "aws" and not scene.config.enabled
    assert "backup_20260101T000000Z.sql.gz" in said.out and "nothing that was archived is missing" in said.out


def test_without_a_yes_nothing_is_done(scene: Scene) -> None:
    before = scene.state()
    assert scene.run("failover") == 4
    assert scene.state() == before and scene.changes == []


def test_a_planned_failover_opens_only_when_aws_is_drained_and_the_copy_equal(scene: Scene) -> None:
    assert scene.run("failover", "--planned", "--yes", "--open") == 0
    assert scene.epoch.writer == "azure"


def test_an_unplanned_failover_withdraws_a_planned_order_that_nobody_answers(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.aws_lives = False
    monkeypatch.setattr("cli.operate.act.patience_s", lambda _goal: 1.0)
    assert scene.run("failover", "--planned", "--yes", "--open") == 5
    assert "./dr failover" in capsys.readouterr().err
    assert scene.epoch.writer == "aws" and not scene.config.enabled
    assert scene.run("failover", "--yes", "--open") == 0
    assert scene.epoch.writer == "azure"


def test_an_abort_lifts_the_hold_first_and_goes_back_when_dns_answers_aws(scene: Scene) -> None:
    before = scene.state()
    assert scene.run("failover", "--scope", "maintenance", "--yes") == 0
    assert scene.hold
    assert scene.run("abort", "--yes") == 0
    assert scene.state() == before
    kinds = [words[0] for words in scene.changes]
    assert kinds.index("destroy") < len(kinds) - 1 - kinds[::-1].index("up")
    assert scene.run("abort", "--yes") == 0


def test_an_abort_stays_where_it_is_while_aws_does_not_serve(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scene.run("failover", "--scope", "maintenance", "--yes") == 0
    scene.aws_lives = False
    assert scene.run("abort", "--yes") == 3
    assert "no route" in capsys.readouterr().out and scene.hold


def test_an_abort_after_the_opening_is_refused_with_the_right_command(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(scene)
    assert scene.run("abort", "--yes") == 3
    assert "./dr failback sync" in capsys.readouterr().err


def test_an_abort_of_an_ordered_opening_closes_the_standby_before_anything_else(scene: Scene) -> None:
    before = scene.state()
    scene.restores = False
    assert scene.run("failover", "--scope", "maintenance", "--yes") == 0
    stack = scene.stack["config"] | {"emergencyScope": "full", "enablePetclinic": "true"}
    scene.set(config=stack)
    fake_pulumi.call(scene.folder, ["up", "--yes", "--skip-preview"])
    assert scene.run("abort", "--yes") == 0
    assert scene.state() == before


def test_an_abort_closes_a_standby_whose_last_up_was_killed_before_it_lets_users_go(scene: Scene) -> None:
    """It may have written the opening into orders.json; the stack's file says nothing of that any more."""
    before = scene.state()
    scene.restores = False
    scene.set(config={**scene.stack["config"], "mode": "emergency"})
    fake_pulumi.call(scene.folder, ["up", "--yes", "--skip-preview"])
    scene.set(written=(datetime.now(UTC) + timedelta(seconds=60)).isoformat(), calls=[])
    assert scene.run("abort", "--yes") == 0
    kinds = [words[0] for words in scene.changes]
    assert "up" in kinds[: kinds.index("destroy")] and kinds.count("destroy") == 1
    assert scene.state() == before


def test_the_whole_way_back_ends_where_it_began(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    before = scene.state()
    home(scene)
    assert "users saw the page for" in capsys.readouterr().out
    assert scene.epoch.writer == "aws"
    assert scene.config.cutover == scene.epoch.cutover and not scene.config.maintenance
    for per_cent in ("10", "100"):
        assert scene.run("failback", "weight", per_cent, "--yes") == 0
    assert scene.run("failback", "finish", "--yes") == 0
    assert scene.state() == {**before, "writer": "aws"}
    assert "cutover" not in scene.stack["config"] and "releaseDatabase" not in scene.stack["config"]
    assert scene.run("failback", "finish", "--yes") == 0


def test_a_divergence_waits_for_a_person_who_names_it(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(scene)
    scene.diverged = True
    assert scene.run("failback", "sync", "--yes") == 4
    said = capsys.readouterr().out
    assert f"--accept-divergence {FIRST_DIGEST}" in said and "petclinic.owners 3" in said
    assert scene.run("failback", "sync", "--yes", "--accept-divergence", "f" * 16) == 2
    assert scene.run("failback", "sync", "--yes", "--accept-divergence", FIRST_DIGEST) == 0
    assert scene.run("failback", "cutover", "--yes") == 0


def test_a_cutover_that_finds_a_difference_says_so_and_can_be_taken_back(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(scene)
    assert scene.run("failback", "sync", "--yes") == 0
    scene.differs = True
    assert scene.run("failback", "cutover", "--yes") == 1
    assert "./dr failback abort" in capsys.readouterr().out
    assert scene.run("failback", "abort", "--yes") == 0
    assert scene.epoch.writer == "azure" and scene.config == Switches(mode="emergency", enabled=True)


def test_a_cutover_is_refused_until_the_standby_has_a_dump_of_its_own(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.dumps = False
    opened(scene)
    assert scene.run("failback", "sync", "--yes") == 0
    changes = len(scene.changes)
    assert scene.run("failback", "cutover", "--yes") == 3
    assert "no complete dump of epoch 2" in capsys.readouterr().err
    vault = scene.store("mysql-backups")
    for epoch, ends in ((1, 3), (2, 0)):  # an agent that has just started names no dump; the vault does
        name = f"backup_2026010{epoch}T000000Z"
        vault.create(f"{name}.sql.gz", b"")
        vault.create(f"{name}.json", manifest(f"{name}.sql.gz", epoch=epoch).to_json())
        assert scene.run("failback", "cutover", "--yes") == ends
        assert ends == 0 or len(scene.changes) == changes


def test_on_a_second_clone_finish_undoes_nothing(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """Its file says normal; what is deployed says failback, with users behind Azure's gateway."""
    home(scene)
    cloud, changes = scene.state()["cloud"], len(scene.changes)
    scene.set(config=dict(SETTINGS))
    assert scene.run("failback", "finish", "--yes") == 3
    assert "pulumi config refresh" in capsys.readouterr().err
    assert scene.run("status") == 4
    assert "pulumi config refresh" in capsys.readouterr().out
    assert scene.state()["cloud"] == cloud and len(scene.changes) == changes


def test_what_was_said_of_a_deleted_standby_is_not_believed_of_the_present_one(scene: Scene) -> None:
    said = Answer("azure", 1, "an order", "ready", "")
    write_answer(scene.store("signals"), said)
    source = Source(Pulumi(scene.folder, "normal", print))
    assert source.look().facts.azure is not None
    scene.set(config={**scene.stack["config"], "mode": "emergency"})
    assert fake_pulumi.call(scene.folder, ["up", "--yes", "--skip-preview"])[0] == 0
    assert source.look().facts.azure is None
    write_answer(scene.store("signals"), said)
    assert source.look().facts.azure is not None


@pytest.mark.parametrize("action", [["cutover"], ["weight", "10"], ["finish"], ["sync"], ["abort"]])
def test_the_way_back_is_refused_before_there_was_a_failover(scene: Scene, action: list[str]) -> None:
    before = scene.state()
    code = scene.run("failback", *action, "--yes")
    assert code == (0 if action == ["finish"] else 3)
    assert scene.state() == before and scene.changes == []


def test_a_second_disaster_before_the_cutover_gives_the_failback_up(scene: Scene) -> None:
    opened(scene)
    assert scene.run("failback", "sync", "--yes") == 0
    scene.differs = True
    assert scene.run("failback", "cutover", "--yes") == 1
    scene.aws_lives = False
    assert scene.run("failover", "--yes") == 0
    assert scene.epoch.writer == "azure" and scene.config == Switches(mode="emergency", enabled=True)


def test_a_failover_that_a_cutover_was_quicker_than_opens_nothing_over_the_new_writer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its plan was to withdraw the order; what AWS's take-over makes of the rule nobody has agreed to."""
    opened(scene)
    assert scene.run("failback", "sync", "--yes") == 0
    scene.differs = True
    assert scene.run("failback", "cutover", "--yes") == 1
    scene.differs, changes, before = False, len(scene.changes), scene.config

    def late(*words: Any) -> None:
        scene.step()
        give_order(*words)

    monkeypatch.setattr("cli.operate.act.give_order", late)
    assert scene.run("failover", "--open", "--yes") == 4
    said = capsys.readouterr().out
    assert "aws became the writer of epoch 3 while this command ran" in said and "./dr status" in said
    assert scene.epoch.writer == "aws" and scene.epoch.order is None
    assert scene.config == before and len(scene.changes) == changes


def test_a_second_disaster_after_the_cutover_replaces_the_old_database(scene: Scene) -> None:
    home(scene)
    number = scene.epoch.epoch
    scene.aws_lives = False
    assert scene.run("failover", "--yes", "--open") == 0
    assert scene.epoch.writer == "azure" and scene.epoch.epoch == number + 1
    assert scene.served == scene.epoch.epoch and scene.config == Switches(mode="emergency", enabled=True)


COMMANDS = (
    ["failover", "--open"],
    ["failover", "--planned", "--open"],
    ["failover", "--scope", "maintenance"],
    ["abort"],
)


@pytest.mark.parametrize("words", COMMANDS)
def test_a_dry_run_shows_the_plan_and_changes_nothing(
    scene: Scene, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if words == ["abort"]:
        assert scene.run("failover", "--scope", "maintenance", "--yes") == 0
    before, changes, epoch = scene.state(), len(scene.changes), scene.epoch
    assert scene.run(*words, "--dry-run") == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert scene.state() == before and len(scene.changes) == changes and scene.epoch == epoch


@pytest.mark.parametrize(
    "words",
    [
        ["failback", "weight", "101"],
        ["failback", "weight", "-1"],
        ["failback", "weight", "many"],
        ["failback", "sync", "--accept-divergence", "../x"],
        ["failback"],
        ["adopt"],
        ["failover", "--scope", "some"],
    ],
)
def test_wrong_words_are_wrong_usage(scene: Scene, words: list[str]) -> None:
    assert scene.run(*words) == 2
    assert scene.changes == []


def test_a_folder_without_the_project_is_named(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--cwd", str(scene.folder.parent)]) == 1
    assert "--cwd is" in capsys.readouterr().err


def test_status_says_what_it_could_not_read_and_why(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.step()
    assert scene.run("status") == 0
    monkeypatch.setattr("cli.operate.web.addresses", lambda _name: _unreachable())
    assert scene.run("status") == 1
    assert "the resolver is gone" in capsys.readouterr().out
    assert scene.run("status", "--json") == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["code"] == 1 and shown["epoch"]["writer"] == "aws" and "./dr failover" in shown["next"]


def test_status_does_not_believe_a_heartbeat_of_the_future(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.step()
    signals = scene.store("signals")
    beat = json.loads(signals.read("heartbeat-aws.json")[0])
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    beat |= {"at": tomorrow, "archive": beat["archive"] | {"archived_through": tomorrow}}
    signals.replace("heartbeat-aws.json", json.dumps(beat).encode())
    assert scene.run("status") != 0
    said = capsys.readouterr().out
    assert "s in the future" in said and "archived through  WRONG" in said


def test_with_the_vault_gone_status_shows_the_rest_and_commands_say_what_to_do(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(_endpoint: str, _container: str) -> None:
        raise ConnectionError("the vault is gone")

    monkeypatch.setattr("cli.operate.blobs.store", gone)
    assert scene.run("status") == 1
    said = capsys.readouterr().out
    assert "mode normal" in said and f"{ALB} (AWS)" in said and "hold              off" in said
    assert said.count("the vault is gone") >= 2 and "next:" in said
    assert scene.run("failover", "--yes") == 3
    assert "pulumi config set mode emergency" in capsys.readouterr().err


def test_a_vault_that_does_not_answer_for_a_while_ends_no_wait(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = [0]

    def polls(_seconds: float) -> None:
        silent[0] += 1
        if silent[0] < 4:
            monkeypatch.setattr("cli.operate.read.read_epoch", lambda _store: _unreachable())
        else:
            monkeypatch.setattr("cli.operate.read.read_epoch", read_epoch)
            scene.step()

    monkeypatch.setattr("cli.operate.act.sleep", polls)
    opened(scene)
    assert silent[0] >= 4


def _unreachable() -> tuple[str, ...]:
    raise ConnectionError("the resolver is gone")
