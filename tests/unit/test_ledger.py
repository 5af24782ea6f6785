"""The ledger keeps what it was told, through crashes, and refuses to guess."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cli.rehearse.ledger import Entry, Ledger, LedgerError, read


def entry(number: int) -> Entry:
    return Entry(token=f"W{number}", owner=number, cloud="aws", sent=number, acknowledged=number + 0.5)


def test_entries_survive_their_process(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "a room" / "ledger.jsonl")
    ledger.add(entry(1))
    ledger.add(entry(2))
    ledger.close()
    assert list(read(ledger.file)) == [entry(1), entry(2)]
    assert stat.S_IMODE(ledger.file.stat().st_mode) == 0o600


def test_a_line_cut_by_a_crash_is_dropped_and_writing_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    first = Ledger(file)
    first.add(entry(1))
    first.close()
    with file.open("ab") as torn:
        torn.write(b'{"token": "W2", "own')
    assert list(read(file)) == [entry(1)]
    second = Ledger(file)
    second.add(entry(3))
    second.close()
    assert list(read(file)) == [entry(1), entry(3)] == second.entries()


def test_a_foreign_line_is_an_error_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    file.write_text('{"hello": 1}\n')
    with pytest.raises(LedgerError, match="line 1"):
        list(read(file))


def test_a_full_disk_is_not_a_kept_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add(entry(1))
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))  # the last room
    with pytest.raises(OSError, match="is the disk full"):
        ledger.add(entry(2))
    monkeypatch.undo()
    assert ledger.entries() == list(read(ledger.file)) == [entry(1)]
    ledger.close()


def test_no_file_is_an_empty_ledger(tmp_path: Path) -> None:
    assert list(read(tmp_path / "none.jsonl")) == []
