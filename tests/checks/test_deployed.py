"""A deployment from the repository never undoes what somebody switched by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cli import deployed
from cli.operate.facts import SWITCHES, Switches, switches_from
from cli.operate.pulumi import PAGE, Run
from cli.problem import Problem

_NORMAL = Switches()
_STANDBY = Switches(mode="emergency")
_OPENED = Switches(mode="emergency", enabled=True)
_HOME = Switches(mode="failback", enabled=True, cutover="c3", weight=10)
_AT = "2026-01-01T00:00:00.000Z"


def run(switches: Switches, result: str = "succeeded", kind: str = "update") -> Run:
    return Run(kind, result, _AT, switches)


@pytest.mark.parametrize(
    ("wanted", "history"),
    [
        (_NORMAL, []),  # the first deployment
        (_NORMAL, [run(_NORMAL), run(_HOME)]),
        (_OPENED, [run(_OPENED), run(_STANDBY)]),
        (_NORMAL, [run(_NORMAL, "failed"), run(_NORMAL)]),  # this workflow's own, repeated
        (_NORMAL, [run(_NORMAL, "failed")]),  # and before any succeeded
        (_NORMAL, [run(_NORMAL, kind="refresh"), run(_NORMAL)]),
    ],
)
def test_what_was_committed_is_deployed(wanted: Switches, history: list[Run]) -> None:
    deployed.refuse_other_switches("normal", wanted, history)


@pytest.mark.parametrize(
    ("wanted", "history", "fix"),
    [
        (_NORMAL, [run(_STANDBY)], "commit 'petclinic-dr:mode: emergency'"),
        (_STANDBY, [run(_NORMAL)], "commit 'petclinic-dr:mode: normal'"),
        (_STANDBY, [run(_OPENED)], "'petclinic-dr:enablePetclinic: true'"),
        (_OPENED, [run(_STANDBY)], "'petclinic-dr:enablePetclinic: false'"),
        (replace(_HOME, cutover=""), [run(_HOME)], "'petclinic-dr:cutover: c3'"),
        # An emergency that failed half-way, and is the operator's to end, whichever of the two is committed.
        (_NORMAL, [run(_STANDBY, "failed"), run(_NORMAL)], "'pulumi up' on stack normal, which ended failed"),
        (_STANDBY, [run(_STANDBY, "failed"), run(_NORMAL)], "by hand"),
        (_OPENED, [run(_NORMAL, "failed"), run(_OPENED)], "by hand"),
        # ./dr abort has lifted the hold.
        (_STANDBY, [run(_STANDBY, kind="destroy"), run(_STANDBY)], "destroy"),
        (_NORMAL, [run(_NORMAL, "failed")] * PAGE, "none of the last 10"),
    ],
)
def test_what_was_switched_by_hand_stops_it(wanted: Switches, history: list[Run], fix: str) -> None:
    with pytest.raises(Problem, match=fix):
        deployed.refuse_other_switches("normal", wanted, history)


@pytest.mark.parametrize("switch", SWITCHES)
def test_no_switch_is_left_out(switch: str) -> None:
    default: Any = getattr(_NORMAL, switch)
    others: dict[type, Any] = {bool: not default, int: 10, str: "other"}
    switched = replace(_NORMAL, **{switch: others[type(default)]})
    with pytest.raises(Problem, match=SWITCHES[switch]):
        deployed.refuse_other_switches("normal", _NORMAL, [run(switched)])


def test_the_repository_s_own_stacks_can_be_read() -> None:
    assert switches_from(deployed.committed("normal")) == _NORMAL
    assert switches_from(deployed.committed("emergency")) == replace(_STANDBY, purpose="drill")
    assert deployed.committed("normal")["maintenance"] is False, "a default of Pulumi.yaml"
    with pytest.raises(Problem, match=r"Pulumi\.staging\.yaml"):
        deployed.committed("staging")


@dataclass
class Pulumi:
    """A program called ``pulumi`` that answers from files."""

    folder: Path

    def says(self, history: list[dict[str, Any]], written: str = _AT, resources: int = 0) -> None:
        stacks = [{"name": "normal", "lastUpdate": written}]
        state = {"deployment": {"resources": [{}] * resources}}
        for name, document in (("history", history), ("ls", stacks), ("export", state)):
            (self.folder / name).write_text(json.dumps(document))
        self.program(f'exec cat "{self.folder}/$2"')

    def program(self, script: str) -> None:
        (self.folder / "pulumi").write_text(f"#!/bin/sh\n{script}\n")
        (self.folder / "pulumi").chmod(0o755)


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Pulumi(tmp_path)


def _entry(mode: str, result: str) -> dict[str, Any]:
    config = {"petclinic-dr:mode": {"value": mode, "secret": False}}
    return {"kind": "update", "result": result, "endTime": _AT, "config": config}


def test_the_command_goes_on(pulumi: Pulumi) -> None:
    pulumi.says([_entry("normal", "succeeded")])
    assert deployed.main(["normal"]) == 0
    pulumi.says([])  # never deployed
    assert deployed.main(["normal"]) == 0


def test_the_command_refuses_after_an_emergency_that_failed_half_way(
    pulumi: Pulumi, capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi.says([_entry("emergency", "failed"), _entry("normal", "succeeded")])
    assert deployed.main(["normal"]) == 1
    assert "was run with mode: emergency" in capsys.readouterr().err


@pytest.mark.parametrize("history", [[], [_entry("normal", "succeeded")]])
def test_a_killed_update_stops_it(
    pulumi: Pulumi, capsys: pytest.CaptureFixture[str], history: list[dict[str, Any]]
) -> None:
    """It has no entry in the history, and nobody knows its switches."""
    pulumi.says(history, written="2026-01-01T01:00:00.000Z", resources=3)
    assert deployed.main(["normal"]) == 1
    assert "half-way" in capsys.readouterr().err


def test_a_state_that_cannot_be_read_stops_it(pulumi: Pulumi, capsys: pytest.CaptureFixture[str]) -> None:
    """Not knowing is no reason to go on."""
    pulumi.program("echo 'error: no stack named normal' >&2\nexit 255")
    assert deployed.main(["normal"]) == 1
    said = capsys.readouterr().err
    assert "no stack named normal" in said and "pulumi stack init normal" in said
