"""Reading the log behind a base to its end, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from agent import tail
from agent.archive.run import Run
from agent.binlog.events import Event, Type
from agent.binlog.rows_map import TableMap, read_table_map
from agent.binlog.transactions import Transaction
from agent.gtid import GtidSet
from agent.storage import BlobStore
from tests.agent.samples import UUID, manifest

RUN = Run((), GtidSet({}), GtidSet({}), 0, "", ())


def table_map(number: int, table: bytes) -> Event:
    """A table of ``petclinic`` with one INT column, opened under ``number``."""
    names = b"".join(bytes((len(name),)) + name + b"\0" for name in (b"petclinic", table))
    body = number.to_bytes(6, "little") + bytes(2) + names + b"\x01\x03\x00\x00"
    return Event(bytes(19) + body, memoryview(body), Type.TABLE_MAP, 0, 0, False)


def read(monkeypatch: pytest.MonkeyPatch, events: list[Event]) -> tuple[tail.Tail, list[str]]:
    """The tail that consists of these events, one a transaction; the tables as often as they were decoded."""
    decoded: list[str] = []

    def log(*_: Any, **__: Any) -> Iterator[Transaction]:
        for number, event in enumerate(events, 1):
            yield Transaction(f"{UUID}1:{number}", number, iter([event]))

    def decode(body: memoryview) -> TableMap:
        found = read_table_map(body)
        decoded.append(found.table)
        return found

    monkeypatch.setattr(tail, "transactions", log)
    monkeypatch.setattr(tail, "read_table_map", decode)
    return tail.read_tail(cast("BlobStore", None), RUN, manifest("backup_1.sql.gz"), None), decoded


def test_a_table_that_is_opened_again_and_again_is_remembered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each opening has another number; a tail of days would remember them all."""
    events = [table_map(number, b"Owners") for number in range(100, 150)]
    found, decoded = read(monkeypatch, [*events, table_map(7, b"Pets")])
    assert decoded == ["Owners", "Pets"]
    assert found.names == {"owners": "Owners", "pets": "Pets"} and found.transactions == 51
