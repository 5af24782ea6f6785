"""What the benchmarks say is what their files of results say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks import __main__ as command
from benchmarks import results
from benchmarks.results import DOCUMENT, NAMES, Results, document


def test_the_document_is_made_from_the_results() -> None:
    """Whoever edits a figure by hand meets this test."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_every_benchmark_exists() -> None:
    for name in NAMES:
        assert importlib.util.find_spec(f"benchmarks.{name}"), name


def test_a_section_says_where_when_and_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(results, "DOCUMENT", tmp_path / "performance.md")
    found = Results("dump", "Dump", "Promised: 4x.", ("what", "s"), (("plain", "1.0"),), ("a note",))
    found.show(cast(Any, SimpleNamespace(mysql_version=(8, 4, 5))), "./dr bench dump", save=True)
    text = (tmp_path / "performance.md").read_text()
    for part in (
        "| plain | 1.0 |",
        "Promised: 4x.",
        "MySQL 8.4.5",
        "load average",
        "`./dr bench dump`",
        "a note",
    ):
        assert part in text
    assert "Not measured yet: `./dr bench restore`" in text


def test_wrong_usage_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["nothing"])
    assert ended.value.code == 2
    with pytest.raises(SystemExit):
        command.main(["--help"])
    assert "usage: ./dr bench" in capsys.readouterr().out
