"""What must never become one chain: log with a gap in it, and the logs of two histories."""

from __future__ import annotations

import hashlib
import struct
import threading
import uuid
import zlib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import cast

import pytest

from agent.archive.log import Log, survey, transactions
from agent.archive.packing import pack
from agent.archive.run import Piece, Place
from agent.archive.segment import Segment, encode, metadata_of
from agent.binlog.events import MAGIC, Type
from agent.errors import LogError
from agent.gtid import GtidSet
from agent.storage import BlobEntry, BlobExistsError, BlobStore

OLD, NEW = (f"{n:08d}-0000-0000-0000-000000000000" for n in (1, 2))


class Memory:
    """As much of a container as the archive needs to be read and packed."""

    def __init__(self) -> None:
        self.blobs: dict[str, tuple[bytes, Mapping[str, str]]] = {}

    @property
    def store(self) -> BlobStore:
        return cast("BlobStore", self)

    def entries(self, prefix: str) -> Iterator[BlobEntry]:
        for name, (data, metadata) in sorted(self.blobs.items()):
            if name.startswith(prefix):
                yield BlobEntry(name, len(data), metadata)

    def folders(self, prefix: str, delimiter: str) -> Iterator[str]:
        rests = [name.removeprefix(prefix) for name in self.blobs if name.startswith(prefix)]
        yield from sorted(
            {prefix + rest.split(delimiter)[0] + delimiter for rest in rests if delimiter in rest}
        )

    def read(self, name: str) -> tuple[bytes, str]:
        return self.blobs[name][0], ""

    def read_start(self, name: str, length: int) -> bytes:
        return self.blobs[name][0][:length]

    def create(self, name: str, data: bytes, metadata: Mapping[str, str]) -> None:
        if name in self.blobs:
            raise BlobExistsError(name)
        self.blobs[name] = data, metadata


def chain(
    memory: Memory,
    parts: list[tuple[str, str, int]],
    logs: Sequence[bytes] = (),
    flaws: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """Segments of one server, each (before, gtids, second of its commit), linked by their hashes.

    Args:
        logs: their events; where one adds no transaction, the next one ends the one that it opens.
        flaws: of the segments with these numbers, from 0 on.
    """
    previous = ""
    for number, (before, gtids, second) in enumerate(parts):
        segment = Segment(
            epoch=1,
            server_uuid=OLD,
            file="binlog.000001",
            start=1000 * number + 4,
            end=1000 * number + 1004,
            before=before,
            gtids=gtids,
            previous=previous,
            open_gtid="" if gtids else parts[number + 1][1],
            open_us=0,
            first_us=second * 1_000_000,
            last_us=second * 1_000_000,
            schemas=(),
            flaw=flaws.get(number, ""),
        )
        stored = encode(segment, MAGIC + logs[number] if logs else b"log")
        previous = hashlib.sha256(stored).hexdigest()
        memory.blobs[segment.name] = stored, metadata_of(stored)


def test_a_pack_hides_no_hole() -> None:
    """The server purged 21-50; all is of one hour, and one blob would say: 1-10, and 11-20 and 51-70 here."""
    memory = Memory()
    chain(
        memory,
        [
            (f"{OLD}:1-10", f"{OLD}:11-20", 10),
            (f"{OLD}:1-50", f"{OLD}:51-60", 20),
            (f"{OLD}:1-60", f"{OLD}:61-70", 30),
            (f"{OLD}:1-70", f"{OLD}:71-80", 4000),
        ],
    )
    base = GtidSet.parse(f"{OLD}:1-15")
    unpacked = survey(memory.store, 1).run_for(base)
    assert pack(memory.store, 1, 3600, threading.Event()) == 2
    packed = survey(memory.store, 1).run_for(base)
    assert str(packed.gtids) == str(unpacked.gtids) == f"{OLD}:16-20"
    assert f"{OLD}:21-50" in packed.hole
    later = survey(memory.store, 1).run_for(GtidSet.parse(f"{OLD}:1-55"))
    assert later.hole == "" and str(later.gtids) == f"{OLD}:56-80"


def test_a_pack_whose_last_flaw_the_base_has_passed_is_no_hole() -> None:
    """A base lies between two segments, and after an hour in the middle of a pack."""
    memory = Memory()
    parts = [(f"{OLD}:1-{n}0", f"{OLD}:{n}1-{n + 1}0", 10 + n) for n in range(1, 5)]
    late = (f"{OLD}:1-50", f"{OLD}:51-60", 4000)
    said = "transaction {}: rows changed by a statement".format
    chain(memory, [*parts, late], flaws={0: said(f"{OLD}:13"), 2: said(f"{OLD}:35")})
    assert pack(memory.store, 1, 3600, threading.Event()) == 1

    def flaws(last: int) -> int:
        return len(survey(memory.store, 1).run_for(GtidSet.parse(f"{OLD}:1-{last}")).flaws)

    assert [flaws(last) for last in (11, 20, 34, 35, 40, 50)] == [1, 1, 1, 0, 0, 0]


def piece(uuid: str, before: str, gtids: str) -> Piece:
    return Piece(
        name=f"the log of {uuid}",
        size=1,
        source=(uuid, "binlog"),
        start=Place(1, 4),
        end=Place(1, 14),
        before=GtidSet.parse(before),
        gtids=GtidSet.parse(gtids),
        previous="",
        last="",
        open_gtid="",
        open_us=0,
        first_us=1,
        last_us=1,
        flaw="",
    )


def test_the_log_of_an_abandoned_history_is_not_replayed_onto_the_new_ones_base() -> None:
    """The server was restored to 1-100, as another server, and dumped again in the same epoch."""
    log = Log(1, (piece(OLD, f"{OLD}:1-100", f"{OLD}:101-150"),))
    run = log.run_for(GtidSet.parse(f"{OLD}:1-100,{NEW}:1-5"))
    assert not run.pieces and not run.gtids
    assert "another history" in run.hole and f"{OLD}:101-150" in run.hole
    for base in (f"{OLD}:1-100", f"{OLD}:1-120", f"{OLD}:1-150,{NEW}:1-5"):
        found = log.run_for(GtidSet.parse(base))
        assert found.hole == "" and f"{OLD}:1-150" in str(found.gtids | GtidSet.parse(base))


HOUR = 3600
# Four segments, one an hour, and the base that each ends with.
LINKED = [(f"{OLD}:1-{10 * n}", f"{OLD}:{10 * n + 1}-{10 * n + 10}", HOUR * n) for n in range(1, 5)]


def base(end: int) -> GtidSet:
    return GtidSet.parse(f"{OLD}:1-{end}")


def segment(number: int) -> str:
    return f"binlog/1/{OLD}/binlog.000001.{1000 * number + 4:012d}.gz"


def spoil(memory: Memory, name: str) -> None:
    memory.blobs[name] = b"not a segment", {}


def test_damage_in_the_log_is_no_hole_any_more_once_a_dump_has_passed_it() -> None:
    memory = Memory()
    chain(memory, LINKED)
    spoil(memory, segment(1))
    log = survey(memory.store, 1)
    assert log.damaged
    before = log.run_for(base(15))
    assert f"{OLD}:21-30" in before.hole and "no piece of an archived log" in before.hole
    for end in (30, 35, 40, 45, 50):
        after = log.run_for(base(end))
        assert after.hole == "" and base(50) == base(end) | after.gtids, end


def event(kind: int, body: bytes) -> bytes:
    """One event of the log, with its checksum."""
    head = struct.pack("<IBIIIH", 0, kind, 1, 23 + len(body), 0, 0) + body
    return head + struct.pack("<I", zlib.crc32(head))


def test_a_run_never_begins_inside_a_transaction_whose_beginning_is_damaged() -> None:
    """It filled two segments; of the second alone nothing tells that it is a second one."""
    memory = Memory()
    head = event(Type.GTID, b"\0" + uuid.UUID(OLD).bytes + struct.pack("<Q", 11) + bytes(17))
    begin = event(Type.QUERY, bytes(8) + struct.pack("<BHH", 0, 0, 0) + b"\0BEGIN")
    rows, end = event(Type.ROWS_QUERY, bytes(9)), event(Type.XID, bytes(8))
    chain(memory, [(f"{OLD}:1-10", "", 10), (f"{OLD}:1-10", f"{OLD}:11", 10)], [head + begin, rows + end])
    found = survey(memory.store, 1).run_for(base(10))
    assert [one.gtid for one in transactions(memory.store, found, after=base(10))] == [f"{OLD}:11"]
    spoil(memory, segment(0))
    log = survey(memory.store, 1)
    with pytest.raises(LogError, match="outside of a transaction"):
        list(transactions(memory.store, log.run_for(base(10)), after=base(10)))


def test_damage_at_the_end_of_the_log_is_a_hole() -> None:
    memory = Memory()
    chain(memory, LINKED)
    spoil(memory, segment(3))
    run = survey(memory.store, 1).run_for(base(15))
    assert str(run.gtids) == f"{OLD}:16-40" and "no piece of an archived log" in run.hole


def test_damage_where_the_log_begins_is_named_with_the_hole() -> None:
    memory = Memory()
    chain(memory, LINKED)
    spoil(memory, segment(0))
    run = survey(memory.store, 1).run_for(base(10))
    assert not run.pieces and "no piece of an archived log" in run.hole


@pytest.mark.parametrize(
    "name",
    [
        f"binlog/1/{OLD}/binlog.000001.notes.txt",
        f"packs/1/{OLD}/readme.txt",
        segment(0).replace("binlog/", "packs/", 1),
        segment(2).replace("binlog/", "packs/", 1),
        segment(0).replace(OLD, NEW),
        segment(1).replace("004.gz", "500.gz"),
    ],
    ids=["a note", "a note among packs", "a pack", "a pack in the middle", "another server's", "inside"],
)
def test_a_damaged_blob_that_hides_no_log_is_no_hole(name: str) -> None:
    memory = Memory()
    chain(memory, LINKED)
    spoil(memory, name)
    log = survey(memory.store, 1)
    assert list(log.damaged) == [name]
    for end in (10, 25, 50):
        run = log.run_for(base(end))
        assert run.hole == "" and base(50) == base(end) | run.gtids


def test_packing_goes_on_behind_a_damaged_pack() -> None:
    memory = Memory()
    chain(memory, LINKED)
    damaged, *others = (segment(number).replace("binlog/", "packs/", 1) for number in range(3))
    spoil(memory, damaged)
    assert pack(memory.store, 1, HOUR, threading.Event()) == 2
    assert all(memory.blobs[name][1] for name in others) and not memory.blobs[damaged][1]
    assert pack(memory.store, 1, HOUR, threading.Event()) == 0
    run = survey(memory.store, 1).run_for(base(10))
    assert run.hole == "" and str(run.gtids) == f"{OLD}:11-50"


def test_packing_stops_where_another_agent_was_faster() -> None:
    """Its pack may reach further than ours would: one that begins inside it would only be read twice."""
    memory = Memory()
    chain(memory, LINKED)
    taken = segment(0).replace("binlog/", "packs/", 1)
    written = list[str]()

    def create(name: str, data: bytes, metadata: Mapping[str, str]) -> None:
        if name == taken:
            raise BlobExistsError(name)
        written.append(name)

    memory.create = create  # type: ignore[method-assign]
    assert pack(memory.store, 1, HOUR, threading.Event()) == 0 and not written
