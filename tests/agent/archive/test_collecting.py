"""From events to batches where a server does what a test cannot make it do; and what silence proves."""

from __future__ import annotations

import struct
import threading
import uuid
from collections.abc import Iterator
from typing import cast

import pytest

from agent.archive.collector import Batch, Collector
from agent.archive.tail import Tail
from agent.binlog.events import Event, Type
from agent.binlog.stream import LogStream, Placed
from agent.errors import LogError
from agent.gtid import GtidSet
from tests.agent.conftest import wait_for

SERVER = uuid.UUID(int=7)
PATIENCE_S = 30
EMPTY = GtidSet({})


class Log:
    """Events one behind the other."""

    def __init__(self, file: str = "binlog.000001") -> None:
        self.file, self.position = file, 4

    def event(self, kind: int, body: bytes = b"") -> Placed:
        start, raw = self.position, bytes(19) + body
        self.position += len(raw)
        return Placed(
            Event(raw, memoryview(body), kind, 0, self.position, False), self.file, start, self.position
        )

    def head(self, number: int) -> Placed:
        return self.event(Type.GTID, b"\0" + SERVER.bytes + struct.pack("<Q", number))

    def begin(self) -> Placed:
        return self.event(Type.QUERY, bytes(8) + struct.pack("<BHH", 0, 0, 0) + b"\0BEGIN")

    def transaction(self, number: int) -> list[Placed]:
        return [self.head(number), self.begin(), self.event(Type.XID, bytes(8))]

    def heartbeat(self) -> Placed:
        return Placed(self.event(Type.HEARTBEAT).event, self.file, self.position, self.position)


def fed(collector: Collector, events: list[Placed]) -> list[Batch]:
    return [batch for placed in events for batch in collector.feed(placed)]


def test_a_transaction_that_ends_with_its_file_was_never_committed() -> None:
    """The server died in it, right behind what filled a segment: the next file is archived all the same."""
    first, second = Log(), Log("binlog.000002")
    collector = Collector(limit=1000, dumped=["clinic"], skip=EMPTY)
    batches = fed(collector, [first.head(1), first.begin(), first.event(Type.ROWS_QUERY, bytes(1000))])
    assert [batch.open_gtid for batch in batches] == [f"{SERVER}:1"]
    assert fed(collector, [second.event(Type.FORMAT_DESCRIPTION), *second.transaction(1)]) == []
    batch = collector.take()
    assert batch is not None and batch.gtids == [f"{SERVER}:1"] and batch.file == second.file


def test_what_the_server_lost_between_two_transactions_is_a_flaw() -> None:
    log = Log()
    collector = Collector(limit=1000, dumped=["clinic"], skip=EMPTY)
    fed(collector, [*log.transaction(1), log.event(Type.INCIDENT), *log.transaction(2), *log.transaction(3)])
    batch = collector.take()
    assert batch is not None and batch.flaw.startswith(f"transaction {SERVER}:2: the server says")


def test_what_the_server_lost_inside_a_transaction_is_its_flaw() -> None:
    """A statement whose changes did not fit into the log's cache: a GTID, an INCIDENT, and nothing more."""
    log = Log()
    collector = Collector(limit=1000, dumped=["clinic"], skip=EMPTY)
    fed(collector, [*log.transaction(1), log.head(2), log.event(Type.INCIDENT), *log.transaction(3)])
    batch = collector.take()
    assert batch is not None and batch.gtids == [f"{SERVER}:{number}" for number in (1, 2, 3)]
    assert (
        batch.flaw.startswith(f"transaction {SERVER}:2: the server says") and f"{SERVER}:2" in batch.touched
    )


def test_a_transaction_without_a_gtid_stops_the_archive() -> None:
    """gtid_mode went back while the archive ran: what has no name cannot be told from what is archived."""
    log = Log()
    collector = Collector(limit=1000, dumped=["clinic"], skip=EMPTY)
    fed(collector, log.transaction(1))
    with pytest.raises(LogError, match=r"without a GTID at binlog\.000001:.*set gtid_mode to ON"):
        fed(collector, [log.event(Type.ANONYMOUS_GTID, bytes(25)), log.begin()])
    batch = collector.take()
    assert batch is not None and batch.gtids == [f"{SERVER}:1"], "what came before is kept"


class Silence:
    """A stream whose first heartbeat lay in a buffer for long, and whose second one comes when it is due."""

    def __init__(self) -> None:
        self.old_was_read = threading.Event()
        self.ended = threading.Event()
        self.live = threading.Event()

    def __iter__(self) -> Iterator[Placed]:
        log = Log()
        yield log.heartbeat()
        self.old_was_read.set()
        self.live.wait(PATIENCE_S)
        yield log.heartbeat()
        self.ended.wait(PATIENCE_S)

    def interrupt(self) -> None:
        self.ended.set()


def test_an_old_heartbeat_proves_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.archive.tail._WAITED_S", 2.0, raising=False)
    stream = Silence()
    collector = Collector(limit=1000, dumped=["clinic"], skip=EMPTY)
    with Tail(cast("LogStream", stream), collector) as tail:
        stream.old_was_read.wait(PATIENCE_S)
        assert tail.quiet_since(0) is None
        assert tail.take(flush_s=0, patience_s=2.5) is None  # the time that the server stays silent
        stream.live.set()
        wait_for(lambda: tail.quiet_since(0) is not None, PATIENCE_S)
