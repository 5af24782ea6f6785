"""Comparing a copy with its manifest: what counts, and what a server may do without harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.dumpscan import Contents, Event, TableRows
from agent.manifest import Manifest
from agent.verify import compare, enabled_events
from tests.agent.samples import manifest

ROWS = TableRows(ordered=True, rows_sha256="a" * 64, bytes=10, rows=1)
COPY = Contents(
    tables={"petclinic": {"owners": ROWS}},
    views={},
    events={},
    objects={"tables": 1, "columns": 2, "triggers": 1},
    time_zones=(),
    raw_bytes=1,
    longest_statement=1,
)


def wanted(**others: Any) -> Manifest:
    return replace(
        manifest("backup_20260101T000000Z.sql.gz"),
        tables={"petclinic": {"Owners": ROWS}},
        objects=COPY.objects,
        **others,
    )


def test_an_equal_copy_is_equal_whatever_its_capitals() -> None:
    assert compare(wanted(), COPY) == ([], [])


@pytest.mark.parametrize(
    ("copy", "sentence"),
    [
        (replace(COPY, tables={"petclinic": {}}), "table petclinic.owners is missing"),
        (replace(COPY, tables={"petclinic": {"owners": replace(ROWS, rows_sha256="b" * 64)}}), "the rows of"),
        (
            replace(COPY, tables={"petclinic": {"owners": ROWS, "x": ROWS}}),
            "table petclinic.x is not in the backup",
        ),
        (replace(COPY, objects={**COPY.objects, "triggers": 0}), "0 triggers instead of 1"),
        (replace(COPY, objects={**COPY.objects, "functions": 1}), "1 functions instead of 0"),
    ],
)
def test_every_difference_is_named(copy: Contents, sentence: str) -> None:
    differences, _ = compare(wanted(), copy)
    assert sentence in "; ".join(differences)


def test_only_an_event_whose_time_may_be_past_may_be_missing() -> None:
    events = {
        "petclinic": {"daily": Event(enabled=True, expires=False), "once": Event(enabled=True, expires=True)}
    }
    backup = wanted(events=events)
    assert enabled_events(backup) == [("petclinic", "daily"), ("petclinic", "once")]
    differences, warnings = compare(backup, COPY)
    assert differences == ["event petclinic.daily is missing"]
    assert len(warnings) == 1 and "once" in warnings[0]
