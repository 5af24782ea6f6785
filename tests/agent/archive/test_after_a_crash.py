"""What a server leaves behind that died while it wrote: built by hand, because none dies at a wanted byte."""

from __future__ import annotations

import hashlib
import struct
import uuid
import zlib

import pytest

from agent.archive.log import survey
from agent.archive.reading import transactions
from agent.archive.segment import Segment, encode, metadata_of
from agent.archive.start import LogFile, Server, find_start
from agent.binlog.events import MAGIC, Type
from agent.errors import LogError
from agent.gtid import GtidSet
from tests.agent.archive.test_histories import OLD, Memory

EMPTY = GtidSet({})


def event(kind: int, body: bytes) -> bytes:
    data = struct.pack("<IBIIIH", 0, kind, 1, 23 + len(body), 0, 0) + body
    return data + struct.pack("<I", zlib.crc32(data))


def head(number: int) -> bytes:
    begin = bytes(8) + struct.pack("<BHH", 0, 0, 0) + b"\0BEGIN"
    gtid = b"\0" + uuid.UUID(OLD).bytes + struct.pack("<Q", number)
    return event(Type.GTID, gtid) + event(Type.QUERY, begin)


def rows(text: bytes) -> bytes:
    return event(Type.ROWS_QUERY, text)


COMMIT = event(Type.XID, bytes(8))
ONE = head(1) + rows(b"one") + COMMIT
TWO = head(2) + rows(b"two again") + COMMIT


class Written:
    """Segments of one server, one behind the other in its present file."""

    def __init__(self) -> None:
        self.memory = Memory()
        self._file, self._position, self._previous = "binlog.000001", 4, ""

    def segment(self, log: bytes, *, before: str, gtids: str, open_gtid: str = "") -> None:
        start, self._position = self._position, self._position + len(log)
        segment = Segment(
            epoch=1,
            server_uuid=OLD,
            file=self._file,
            start=start,
            end=self._position,
            before=before,
            gtids=gtids,
            previous=self._previous,
            open_gtid=open_gtid,
            open_us=0,
            first_us=0,
            last_us=0,
            schemas=(),
            flaw="",
        )
        stored = encode(segment, MAGIC + log)
        self._previous = hashlib.sha256(stored).hexdigest()
        self.memory.blobs[segment.name] = stored, metadata_of(stored)

    def next_file(self) -> None:
        self._file, self._position = "binlog.000002", 4

    def read(self) -> dict[str, bytes]:
        """GTID -> the bodies of its events, of what a replay would run."""
        run = survey(self.memory.store, 1).run_for(EMPTY)
        return {
            one.gtid: b"".join(bytes(event.body) for event in one.events if event.type == Type.ROWS_QUERY)
            for one in transactions(self.memory.store, run, after=EMPTY)
        }


@pytest.fixture
def died() -> Written:
    """The first transaction, and three segments of the second one, whose end the server never wrote."""
    written = Written()
    cut = f"{OLD}:2"
    written.segment(ONE + head(2) + rows(b"lost"), before="", gtids=f"{OLD}:1", open_gtid=cut)
    written.segment(rows(b"lost too"), before=f"{OLD}:1", gtids="", open_gtid=cut)
    written.segment(rows(b"and this"), before=f"{OLD}:1", gtids="", open_gtid=cut)
    return written


def test_what_was_never_committed_is_no_transaction(died: Written) -> None:
    assert died.read() == {f"{OLD}:1": b"one"}


def test_a_transaction_that_was_run_again_after_the_crash_is_read_once_and_whole(died: Written) -> None:
    died.next_file()
    died.segment(TWO + head(3) + rows(b"three") + COMMIT, before=f"{OLD}:1", gtids=f"{OLD}:2-3")
    assert died.read() == {f"{OLD}:1": b"one", f"{OLD}:2": b"two again", f"{OLD}:3": b"three"}


def test_a_transaction_of_several_segments_is_read_whole(died: Written) -> None:
    died.segment(rows(b"!") + COMMIT, before=f"{OLD}:1", gtids=f"{OLD}:2")
    assert died.read() == {f"{OLD}:1": b"one", f"{OLD}:2": b"lostlost tooand this!"}


def test_a_file_that_is_shorter_than_what_was_archived_of_it_stops_the_archive(died: Written) -> None:
    """It was cut at the restart: what is written at those positions now is something else."""
    server = Server(OLD, (LogFile("binlog.000001", len(MAGIC) + len(ONE)),), GtidSet.parse(f"{OLD}:1"), EMPTY)
    log = survey(died.memory.store, 1)
    with pytest.raises(LogError, match=r"what stood in binlog\.000001 from \d+ to \d+.*new epoch"):
        find_start(server, log, died.memory.store, previous_gtids=lambda _: EMPTY, base=None)
    longer = Server(OLD, (LogFile("binlog.000001", log.pieces[-1].end.position),), server.executed, EMPTY)
    start = find_start(longer, log, died.memory.store, previous_gtids=lambda _: EMPTY, base=None)
    assert start.open_gtid == f"{OLD}:2" and start.position == longer.files[0].size
