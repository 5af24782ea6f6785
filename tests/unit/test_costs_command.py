"""`./dr cost` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import cost
from cli.__main__ import main
from costs.resources import REFERENCE, load_list


def test_it_prints_lines_and_sums(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost"]) == 0
    out = capsys.readouterr().out
    for expected in ("Normal, a month", "Emergency, an hour on top", "a year with 4 drills", "Plan A"):
        assert expected in out


def test_json_holds_the_same_sums(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    parts = sum(line["usd_monthly"]["expected"] for line in answer["normal"])
    assert answer["normal_monthly"]["expected"] == pytest.approx(parts, abs=0.01)
    assert answer["promise_kept"] is True


def test_a_size_that_breaks_the_promise_fails_and_says_what_the_agent_makes_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["cost", "--dump-mb", "250", "--set", "active_intervals_a_day=288"]) == 1
    captured = capsys.readouterr()
    assert "makes the agent dump every 7,200 s instead of 300 s" in captured.out
    assert "the limit is 25.00" in captured.err


def test_an_interval_inside_the_budget_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    main(["cost", "--dump-mb", "50", "--interval", "7200"])
    assert "A dump every 7200 s keeps inside its egress budget of 90 GB" in capsys.readouterr().out


def test_without_a_budget_no_interval_is_promised(capsys: pytest.CaptureFixture[str]) -> None:
    main(["cost", "--set", "dump_egress_gb_per_month=0"])
    assert "whatever it sends out of AWS" in capsys.readouterr().out


def test_a_real_stack_is_priced_from_its_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resources = [
        {
            "urn": f"urn:pulumi:s::p::{r.type}::{r.name}",
            "type": r.type,
            "custom": True,
            "inputs": dict(r.inputs),
        }
        for r in load_list(REFERENCE / "normal.json")
    ]
    file = tmp_path / "state of today.json"
    file.write_text(json.dumps({"deployment": {"resources": resources}}))
    assert main(["cost", "--state", str(file), "--json"]) == 0
    from_state = json.loads(capsys.readouterr().out)["monthly"]
    main(["cost", "--json"])
    assert from_state == json.loads(capsys.readouterr().out)["normal_monthly"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "dump_sql_mb=big"], "NAME=NUMBER"),
        (["--set", "nonsense=1"], "unknown; known:"),
        (["--dump-mb", "0"], "must be above 0"),
        (["--state", "/nonexistent/state.json"], "No such file"),
    ],
)
def test_bad_input_is_one_sentence(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", *words]) == 1
    assert says in capsys.readouterr().err


def test_write_renews_lists_and_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into a copy: the test itself must not repair what another test is there to find."""
    for mode in cost.MODES:
        (tmp_path / f"{mode}.json").write_text("[]")
    monkeypatch.setattr(cost, "REFERENCE", tmp_path)
    monkeypatch.setattr(cost, "DOCUMENT", tmp_path / "COST_ANALYSIS.md")
    monkeypatch.setattr(cost, "CLONE", tmp_path)
    monkeypatch.setattr(cost, "recorded", lambda mode: (REFERENCE / f"{mode}.json").read_text())  # pyright: ignore
    assert cost.write() == 0
    assert (tmp_path / "normal.json").read_text() == (REFERENCE / "normal.json").read_text()
    assert "What the standby costs" in (tmp_path / "COST_ANALYSIS.md").read_text()
