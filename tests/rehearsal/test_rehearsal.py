"""The main job, as a stranger runs it: one command, in a folder with a space in its name; three stories."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.report.write import duration

CLONE = Path(__file__).resolve().parents[2]
_PATIENCE_S = 3000  # tests share the machine
pytestmark = pytest.mark.timeout(_PATIENCE_S + 60)


@dataclass(frozen=True)
class Rehearsal:
    """A whole rehearsal: what it printed, its report, and the report's folder."""

    done: subprocess.CompletedProcess[str]
    report: dict[str, Any]
    folder: Path

    def commands(self, title: str) -> list[str]:
        """What was typed in the step of that title."""
        (step,) = [step for step in self.report["steps"] if step["title"] == title]
        return step["commands"]

    def held(self, beginning: str) -> dict[str, Any]:
        """The invariant whose name begins so; it held."""
        found = [check for check in self.report["checks"] if check["name"].startswith(beginning)]
        assert found, f"nothing was checked of {beginning!r}"
        assert all(check["held"] for check in found)
        return found[0]

    def figures(self) -> dict[str, str]:
        """What was measured, by name."""
        return {figure["name"]: figure["value"] for figure in self.report["measured"]}


def rehearse(folder: Path, story: str) -> Rehearsal:
    """Run one; whatever came out."""
    command = [sys.executable, "-m", "cli", "rehearse", "--story", story]
    command += ["--root", str(folder / "root"), "--reports", str(folder / "reports")]
    done = subprocess.run(
        command, cwd=CLONE, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
    )
    (report,) = (folder / "reports").iterdir()
    return Rehearsal(done, json.loads((report / "report.json").read_text()), report)


@pytest.fixture(scope="module")
def disaster(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    return rehearse(tmp_path_factory.mktemp("a folder") / "with spaces", "disaster")


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    return rehearse(tmp_path_factory.mktemp("split"), "split")


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    return rehearse(tmp_path_factory.mktemp("again"), "again")


def passes(rehearsal: Rehearsal, checks: int) -> None:
    """Every step and every invariant, and at least so many of them; the account adds up."""
    done, report = rehearsal.done, rehearsal.report
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    assert [step["title"] for step in report["steps"] if not step["passed"]] == []
    assert [check["name"] for check in report["checks"] if not check["held"]] == []
    assert len(report["checks"]) >= checks
    assert report["passed"]
    writes = report["writes"]
    fates = (
        "in the final database",
        "exported as diverged",
        "in a quarantined dump only",
        "lost in a disaster",
    )
    assert writes["acknowledged"] == sum(writes[fate] for fate in fates) > 0
    assert len(report["lost"]) == writes["acknowledged"] - writes["in the final database"]
    rehearsal.held("every acknowledged write is accounted for")
    rehearsal.held("one writer")
    rehearsal.held("no process is left")


def test_the_whole_story_passes(disaster: Rehearsal) -> None:
    passes(disaster, checks=14)
    assert {"normal", "scare", "disaster", "failover", "back"} == {
        step["phase"] for step in disaster.report["steps"]
    }


def test_the_failover_is_exactly_what_is_promised(disaster: Rehearsal) -> None:
    assert disaster.commands("mode emergency, pulumi up") == [
        "pulumi config set mode emergency",
        "pulumi up --yes --skip-preview",
    ]
    disaster.held("failover makes no AWS API call")
    disaster.held("no request reaches an AWS service during failover")


def test_the_identity_that_writes_backups_is_refused_whatever_harms_them(disaster: Rehearsal) -> None:
    disaster.held("the identity that writes backups can neither change nor delete one")


def test_agents_and_tool_are_killed_on_the_way_home_and_it_is_reached(disaster: Rehearsal) -> None:
    disaster.held("a killed tool and a killed agent go on from where they are")
    disaster.held("./dr failback weight 50 --yes is killed in its update and given again")
    disaster.held("./dr failback finish --yes is killed in its update and given again")
    disaster.held("at the cutover both databases are equal")


def test_a_cutover_is_measured_by_a_visitor(disaster: Rehearsal) -> None:
    figures = disaster.figures()
    assert "Cutover: without an acknowledged write" in figures
    failed, attempts = figures["Cutover: requests that failed"].split(" of ")
    assert 0 < int(failed) < int(attempts)


def test_both_clouds_served_and_the_disaster_was_felt(disaster: Rehearsal) -> None:
    report = disaster.report
    assert report["writes"]["acknowledged by AWS's address"] > 0
    assert report["writes"]["acknowledged by Azure's address"] > 0
    assert report["outages"], "the disaster must have been felt"
    assert all(figure["source"] and figure["date"] for figure in report["modelled"])


def test_the_page_stands_alone(disaster: Rehearsal) -> None:
    page = (disaster.folder / "report.html").read_text()
    assert "<svg" in page
    assert "src=" not in page
    assert "@import" not in page


def test_its_length_is_reported(disaster: Rehearsal) -> None:
    assert f"PASSED in {duration(disaster.report['seconds'])}" in disaster.done.stdout


def test_a_cloud_that_wakes_up_half_way_loses_nothing_silently(split: Rehearsal) -> None:
    passes(split, checks=11)
    assert split.report["writes"]["exported as diverged"] > 0
    assert split.report["writes"]["acknowledged to the internal client"] > 0
    split.held("every write that AWS acknowledged after the fork is in the divergence export")
    split.held("behind the fence AWS acknowledges nothing")
    assert "Two clouds acknowledged writes" in split.figures()


def test_of_two_operators_one_wins(split: Rehearsal) -> None:
    split.held("two operators open at once: one epoch begins")
    split.held("a cutover against its abort: one of them wins, the other says so")
    split.held("a copy waits until what diverged is accepted by its digest")


def test_a_second_disaster_loses_nothing_that_was_archived(again: Rehearsal) -> None:
    passes(again, checks=9)
    again.held("a planned failover loses nothing")
    again.held("AWS dies before the cutover: nothing moves")
    again.held("the second disaster strikes before the new chain has a base")
    again.held("after the second disaster nothing that was archived is lost")
