"""A deployment from the repository never undoes what somebody switched by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli import deployed
from cli.problem import Problem

_NORMAL: dict[str, Any] = {"mode": "normal", "enablePetclinic": False, "maintenance": False}
_OPENED: dict[str, Any] = {"mode": "emergency", "enablePetclinic": True, "maintenance": False}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (_NORMAL, {}),  # the first deployment
        (_NORMAL, {"mode": "normal", "opened": False}),
        (_OPENED, {"mode": "emergency", "opened": False}),  # the opening itself
        (_OPENED, {"mode": "emergency", "opened": True}),
        (_OPENED | {"enablePetclinic": "true"}, {"mode": "emergency", "opened": True}),
    ],
)
def test_what_was_committed_is_deployed(wanted: dict[str, Any], found: dict[str, Any]) -> None:
    deployed.refuse_other_mode("normal", wanted, found)


@pytest.mark.parametrize(
    ("wanted", "found", "fix"),
    [
        (_NORMAL, {"mode": "emergency", "opened": False}, "petclinic-dr:mode: emergency"),
        (_NORMAL, {"mode": "failback", "opened": True}, "petclinic-dr:mode: failback"),
        (_OPENED, {"mode": "normal", "opened": False}, "petclinic-dr:mode: normal"),
        (
            _OPENED | {"enablePetclinic": False},
            {"mode": "emergency", "opened": True},
            "enablePetclinic: true",
        ),
        (_OPENED | {"maintenance": True}, {"mode": "emergency", "opened": True}, "maintenance"),
        (_NORMAL, {"opened": True}, "mode None"),  # a state that tells no mode is not a good sign
    ],
)
def test_what_was_switched_by_hand_stops_it(wanted: dict[str, Any], found: dict[str, Any], fix: str) -> None:
    with pytest.raises(Problem, match=fix):
        deployed.refuse_other_mode("normal", wanted, found)


def test_the_repository_s_own_stacks_can_be_read() -> None:
    assert deployed.committed("normal")["mode"] == "normal"
    assert deployed.committed("emergency")["mode"] == "emergency"
    assert deployed.committed("normal")["maintenance"] is False, "a default of Pulumi.yaml"
    with pytest.raises(Problem, match=r"Pulumi\.staging\.yaml"):
        deployed.committed("staging")


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called ``pulumi`` that a test fills."""
    program = tmp_path / "pulumi"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return program


def test_the_command_goes_on(pulumi: Path) -> None:
    pulumi.write_text('#!/bin/sh\necho \'{"mode": "normal", "opened": false}\'\n')
    assert deployed.main(["normal"]) == 0


def test_the_command_refuses(pulumi: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi.write_text('#!/bin/sh\necho \'{"mode": "emergency", "opened": true}\'\n')
    assert deployed.main(["normal"]) == 1
    assert "deployed in mode 'emergency'" in capsys.readouterr().err


def test_a_state_that_cannot_be_read_stops_it(pulumi: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not knowing is no reason to go on."""
    pulumi.write_text("#!/bin/sh\necho 'error: no stack named normal' >&2\nexit 255\n")
    assert deployed.main(["normal"]) == 1
    assert "no stack named normal" in capsys.readouterr().err
