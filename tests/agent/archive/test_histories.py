"""What must never become one chain: log with a gap in it, and the logs of two histories."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from typing import cast

from agent.archive.log import Log, survey
from agent.archive.packing import pack
from agent.archive.run import Piece, Place
from agent.archive.segment import Segment, encode, metadata_of
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

    def create(self, name: str, data: bytes, metadata: Mapping[str, str]) -> None:
        if name in self.blobs:
            raise BlobExistsError(name)
        self.blobs[name] = data, metadata


def chain(memory: Memory, parts: list[tuple[str, str, int]]) -> None:
    """Segments of one server, each (before, gtids, second of its commit), linked by their hashes."""
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
            open_gtid="",
            open_us=0,
            first_us=second * 1_000_000,
            last_us=second * 1_000_000,
            schemas=(),
            flaw="",
        )
        stored = encode(segment, b"log")
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
