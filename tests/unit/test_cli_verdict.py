"""The verdict can say no: each invariant that spans the story, broken on purpose."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cli.rehearse.client import Client
from cli.rehearse.command import STORIES as OFFERED
from cli.rehearse.ledger import Ledger
from cli.rehearse.progress import Progress
from cli.rehearse.stage import Stage, Step, StepFailed, brief
from cli.rehearse.stories import STORIES
from cli.rehearse.vault import Vault
from cli.rehearse.verdict import draw_up
from cli.world import World
from sandbox.engine.cli import EngineError

NOW = 1_800_000_000.0
DISASTER, OPEN, BACK = NOW + 10, NOW + 50, NOW + 80


def call(provider: str, method: str, at: float, *, preview: bool = False) -> dict[str, Any]:
    return {"time": at, "provider": provider, "method": method, "preview": preview}


def request(service: str, at: float, side: str = "azure") -> dict[str, Any]:
    return {"time": datetime.fromtimestamp(at, UTC).isoformat(), "service": service, "side": side}


GOOD_CALLS = [
    call("aws", "Create", NOW),
    call("aws", "Check", NOW + 20),
    call("azure-native", "Create", NOW + 20),
]
GOOD_REQUESTS = [request("aws", NOW, "aws"), request("blob", NOW + 30)]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    clouds = SimpleNamespace(standby=None, primary=SimpleNamespace(running=False))
    world = SimpleNamespace(root=tmp_path, clouds=clouds)
    made = Stage(
        world=cast(World, world),
        progress=Progress(io.StringIO()),
        ledger=Ledger(tmp_path / "l.jsonl"),
        run="x",
    )
    made.client = cast(Client, SimpleNamespace(check=lambda: None, attempts=lambda since=0.0: []))
    made._vault = cast(Vault, SimpleNamespace(epoch=dict))  # pyright: ignore[reportPrivateUsage]
    made.moments = {"disaster": DISASTER, "open": OPEN, "aws back": BACK}
    yield made
    made.ledger.close()


def verdict(
    stage: Stage, calls: list[dict[str, Any]] = GOOD_CALLS, requests: list[dict[str, Any]] = GOOD_REQUESTS
) -> dict[str, bool]:
    for name, lines in (("calls", calls), ("requests", requests)):
        (stage.world.root / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    stage.checks.clear()
    draw_up(stage)
    return {check.name.split(":")[0]: check.held for check in stage.checks}


CALLS, REQUESTS = ("failover makes no AWS API call", "no request reaches an AWS service during failover")


def test_a_good_story_holds(stage: Stage) -> None:
    assert verdict(stage) == {CALLS: True, REQUESTS: True}


@pytest.mark.parametrize("method", ["Create", "Read", "Update", "Delete", "Invoke"])
def test_one_aws_call_during_failover_breaks_it(stage: Stage, method: str) -> None:
    assert verdict(stage, [*GOOD_CALLS, call("aws", method, DISASTER + 1)])[CALLS] is False


def test_what_only_previews_or_came_before_is_no_call(stage: Stage) -> None:
    others = [call("aws", "Create", DISASTER + 1, preview=True), call("aws", "Create", DISASTER - 1)]
    assert verdict(stage, [*GOOD_CALLS, *others])[CALLS] is True


def test_an_empty_log_proves_nothing(stage: Stage) -> None:
    held = verdict(stage, [], [])
    assert (held[CALLS], held[REQUESTS]) == (False, False)


@pytest.mark.parametrize(
    ("service", "side"), [("aws", "azure"), ("aws", "internet"), ("ec2-metadata", "azure")]
)
def test_one_request_to_aws_during_failover_breaks_it(stage: Stage, service: str, side: str) -> None:
    assert verdict(stage, requests=[*GOOD_REQUESTS, request(service, DISASTER + 1, side)])[REQUESTS] is False


def test_an_aws_that_woke_up_may_ask_its_own_services_and_the_program_may_not(stage: Stage) -> None:
    stage.moments["aws back"] = OPEN - 10  # in the middle of the failover
    own = request("aws", OPEN - 5, "aws")
    assert verdict(stage, requests=[*GOOD_REQUESTS, own])[REQUESTS] is True
    assert verdict(stage, [*GOOD_CALLS, call("aws", "Read", OPEN - 5)])[CALLS] is False


def test_a_failing_step_is_recorded_and_ends_the_story(stage: Stage) -> None:
    def act(_: Stage) -> str:
        raise EngineError(
            "pulumi up ended with status 1:\nUpdating\nDiagnostics:\n  x:\n    error: no such mode\nOutputs:"
        )

    with pytest.raises(StepFailed, match="no such mode"):
        stage.play(Step("failover", "pulumi up", act))
    record = stage.records[0]
    assert (record.passed, record.phase) == (False, "failover")
    assert record.result.splitlines()[-1].strip() == "error: no such mode"


def test_a_client_that_gave_up_fails_the_step_that_it_disturbs(stage: Stage) -> None:
    def gone() -> None:
        raise OSError(28, "No space left on device", "ledger.jsonl")

    stage.client = cast(Client, SimpleNamespace(check=gone))
    with pytest.raises(StepFailed, match="No space left"):
        stage.play(Step("normal", "anything", lambda _: "fine"))


def test_waiting_ends(stage: Stage) -> None:
    stage.world.trouble = lambda: "; dr-app: failed"  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(StepFailed, match="waited 0 s for a miracle; dr-app: failed"):
        stage.wait("a miracle", lambda: None, 0.2)


def test_an_engine_error_without_diagnostics_shows_its_last_lines() -> None:
    assert brief(EngineError("pulumi up took more than 300 s:\na\nb\nc\nd\ne")).endswith(
        "c\n       d\n       e"
    )


@pytest.mark.parametrize(
    ("name", "phases"),
    [
        ("disaster", ["normal", "scare", "disaster", "failover", "back"]),
        ("split", ["normal", "disaster", "failover", "back"]),
        ("again", ["normal", "planned", "before", "after"]),
    ],
)
def test_a_story_has_every_phase_in_order_and_no_title_twice_in_one(name: str, phases: list[str]) -> None:
    steps = STORIES[name].steps
    assert list(dict.fromkeys(step.phase for step in steps)) == phases
    assert len({(step.phase, step.title) for step in steps}) == len(steps)
    assert all(step.act.__doc__ for step in steps)


def test_every_story_is_offered() -> None:
    assert tuple(STORIES) == OFFERED
