"""The main job, as a stranger runs it: one command, in a folder with a space in its name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

Rehearsal = tuple[subprocess.CompletedProcess[str], dict[str, Any], Path]
CLONE = Path(__file__).resolve().parents[2]
_PATIENCE_S = 900  # tests share the machine


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    """One whole rehearsal: what it printed, its report, and the report's folder."""
    folder = tmp_path_factory.mktemp("a folder") / "with spaces"
    command = [
        sys.executable,
        "-m",
        "cli",
        "rehearse",
        "--root",
        folder / "root",
        "--reports",
        folder / "reports",
    ]
    done = subprocess.run(
        command, cwd=CLONE, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
    )
    (report,) = (folder / "reports").iterdir()
    return done, json.loads((report / "report.json").read_text()), report


@pytest.mark.timeout(_PATIENCE_S + 60)
def test_the_story_passes(rehearsal: Rehearsal) -> None:
    done, report, _ = rehearsal
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert report["passed"]
    assert [step["title"] for step in report["steps"] if not step["passed"]] == []
    assert [check["name"] for check in report["checks"] if not check["held"]] == []
    assert len(report["checks"]) >= 11
    assert {"normal", "abort", "disaster", "failover", "back"} == {step["phase"] for step in report["steps"]}


def test_the_failover_is_exactly_what_is_promised(
    rehearsal: Rehearsal,
) -> None:
    steps = {step["title"]: step["commands"] for step in rehearsal[1]["steps"]}
    assert steps["mode emergency, pulumi up"] == [
        "pulumi config set mode emergency",
        "pulumi up --yes --skip-preview",
    ]


def test_the_account_is_complete(
    rehearsal: Rehearsal,
) -> None:
    report = rehearsal[1]
    writes = report["writes"]
    assert writes["acknowledged"] == writes["in the final database"] + writes["lost in the disaster"]
    assert writes["acknowledged by AWS"] > 0
    assert writes["acknowledged by Azure"] > 0
    assert len(report["lost"]) == writes["lost in the disaster"]
    assert report["outages"], "the disaster must have been felt"
    assert all(figure["source"] and figure["date"] for figure in report["modelled"])


def test_the_page_stands_alone(
    rehearsal: Rehearsal,
) -> None:
    page = (rehearsal[2] / "report.html").read_text()
    assert "<svg" in page
    assert "src=" not in page
    assert "@import" not in page


def test_its_length_is_reported(
    rehearsal: Rehearsal,
) -> None:
    done, report, _ = rehearsal
    assert f"PASSED in {int(report['seconds']) // 60} min" in done.stdout
