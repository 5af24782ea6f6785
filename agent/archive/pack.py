"""Packs: the segments of a period in one blob, so that a restore reads few large blobs.

A pack is an empty gzip member whose head describes the whole, and behind it the stored segments as they are:
``zcat`` reads it like them. Nothing is deleted here, and nothing is lost when packing fails: readers take the
segments for what no pack covers. The name says where a pack begins; whoever writes it first has written it.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.archive.segment import PACKS
from agent.errors import LogError
from agent.fields import Fields
from agent.gtid import GtidSet


@dataclass(frozen=True)
class Pack:
    """What a pack holds; see ``Segment`` for what has the same name.

    Attributes:
        file, start: where its first segment begins. end_file, end: where its last one ends.
        segments: how many.
        previous: what the first segment says. last: SHA-256 of the last stored segment.
    """

    epoch: int
    server_uuid: str
    file: str
    start: int
    end_file: str
    end: int
    segments: int
    before: str
    gtids: str
    previous: str
    last: str
    open_gtid: str
    open_us: int
    first_us: int
    last_us: int
    flaw: str

    @property
    def name(self) -> str:
        """The blob's name."""
        return f"{PACKS}/{self.epoch}/{self.server_uuid}/{self.file}.{self.start:012d}.gz"


def pack_of(f: Fields) -> Pack:
    """The pack that a document describes.

    Raises:
        LogError: a field is missing or wrong.
    """
    pack = Pack(
        epoch=f.integer("epoch", least=1, most=2**53),
        server_uuid=f.text("server_uuid", "00000000-0000-0000-0000-000000000000"),
        file=f.text("file", "binlog.000001"),
        start=f.integer("start", least=0, most=2**63),
        end_file=f.text("end_file", "binlog.000001"),
        end=f.integer("end", least=0, most=2**63),
        segments=f.integer("segments", least=1, most=2**53),
        before=f.text("before", "", default=""),
        gtids=f.text("gtids", "", default=""),
        previous=f.text("previous", "", default=""),
        last=f.text("last", "", default=""),
        open_gtid=f.text("open_gtid", "", default=""),
        open_us=f.integer("open_us", least=0, most=2**63),
        first_us=f.integer("first_us", least=0, most=2**63),
        last_us=f.integer("last_us", least=0, most=2**63),
        flaw=f.text("flaw", "", default=""),
    )
    for key in ("before", "gtids"):
        try:
            GtidSet.parse(getattr(pack, key))
        except ValueError as error:
            raise f.fail(key, str(error)) from error
    if not pack.end_file.rpartition(".")[2].isdigit():
        raise LogError(f"{pack.name} ends in {pack.end_file}, which is no log file")
    return pack
