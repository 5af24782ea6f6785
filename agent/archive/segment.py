"""A segment of the archived log: a gzip file that is a small, valid binary log.

``zcat SEGMENT > log && mysqlbinlog log`` reads it with none of our software. What the chain needs to know
travels inside the gzip header's extra field (RFC 1952, 2.3.1.1), which gzip readers skip; so a segment
describes itself wherever it is copied, and packing segments is putting them one behind the other.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import cast

from isal import isal_zlib

from agent.errors import LogError
from agent.fields import Fields
from agent.gtid import GtidSet

SEGMENTS = "binlog"
PACKS = "packs"
_SCHEMA = 1
_HEAD = b"\x1f\x8b\x08\x04"  # gzip, deflate, with an extra field
SEGMENT, PACK = b"PL", b"PP"  # RFC 1952's two letters of a subfield
EMPTY_MEMBER = b"\x03\x00" + bytes(8)  # no data, and its checksum and length
DESCRIPTION = "description"  # metadata key: the same document, so that a listing already shows it
_LONGEST = 0xFFFF - 4
_LONGEST_METADATA = 6_000  # the service's limit for all of a blob's metadata is 8 KiB
_LEVEL = 2
_RAW_DEFLATE = -15


@dataclass(frozen=True)
class Segment:
    """What a segment holds.

    Attributes:
        epoch: in which its writer wrote.
        server_uuid, file, start, end: the server, its log file, and the positions in that file of the first
            byte and of the first byte after it. A segment lies within one file.
        before: GTID set of everything committed on that server before ``start``.
        gtids: the transactions that end in this segment. ``before`` and ``gtids`` together are the next
            segment's ``before``; anything else is a hole.
        previous: SHA-256 of the stored segment before it on this server; empty for the first one.
        open_gtid, open_us: the transaction, too large for one segment, inside which this one ends, and its
            commit time; empty and 0 when the segment ends with a transaction's end.
        first_us, last_us: commit times of the first and last transaction of ``gtids``, microseconds since
            1970 by the server's clock; 0 when there are none.
        schemas: those that its transactions changed.
        flaw: what in it cannot be replayed, as a sentence, the last of several; empty when all can.
        deflated_bytes: length of the compressed data, without gzip's head and tail.
    """

    epoch: int
    server_uuid: str
    file: str
    start: int
    end: int
    before: str
    gtids: str
    previous: str
    open_gtid: str
    open_us: int
    first_us: int
    last_us: int
    schemas: tuple[str, ...]
    flaw: str
    deflated_bytes: int = 0

    @property
    def unfinished(self) -> bool:
        """Whether it ends inside a transaction."""
        return bool(self.open_gtid)

    @property
    def name(self) -> str:
        """The blob's name: the start position alone, so that the create-only write is the lock."""
        return segment_name(self.epoch, self.server_uuid, self.file, self.start)


def segment_name(epoch: int, server_uuid: str, file: str, start: int) -> str:
    """The name of the segment that begins at a position."""
    return f"{SEGMENTS}/{epoch}/{server_uuid}/{file}.{start:012d}.gz"


def encode(segment: Segment, log: bytes) -> bytes:
    """The stored form. ``log``: the magic number, a FORMAT_DESCRIPTION event, then the events.

    Raises:
        LogError: the description does not fit into a gzip header (64 KiB).
    """
    compressor = isal_zlib.compressobj(_LEVEL, wbits=_RAW_DEFLATE)
    deflated = compressor.compress(log) + compressor.flush()
    head = gzip_head(SEGMENT, asdict(replace(segment, deflated_bytes=len(deflated))), segment.name)
    return b"".join((head, deflated, _tail(log)))


def gzip_head(kind: bytes, document: Mapping[str, object], name: str) -> bytes:
    """The head of a gzip member that carries ``document``.

    Raises:
        LogError: it does not fit (64 KiB).
    """
    text = json.dumps({**document, "schema": _SCHEMA}, separators=(",", ":")).encode()
    if len(text) > _LONGEST:
        raise LogError(
            f"the GTID sets of {name} need {len(text)} bytes and {_LONGEST} fit; "
            "begin a new chain (a new dump) on a server whose gtid_executed is short"
        )
    extra = kind + struct.pack("<H", len(text)) + text
    return _HEAD + struct.pack("<IBBH", 0, 0, 255, len(extra)) + extra


def _tail(log: bytes) -> bytes:
    return struct.pack("<II", zlib.crc32(log), len(log) & 0xFFFFFFFF)


def decode(stored: bytes | memoryview, where: str) -> tuple[Segment, bytes]:
    """One segment and its log, proved by gzip's own checksum.

    Raises:
        LogError: it is damaged, cut, or of a later version of this agent.
    """
    segment, start = describe(stored, where)
    end = start + segment.deflated_bytes
    if len(stored) < end + 8:
        raise LogError(f"the segment {where} is cut")
    try:
        log = isal_zlib.decompress(stored[start:end], _RAW_DEFLATE)
    except cast("type[Exception]", isal_zlib.IsalError) as error:
        raise LogError(f"the segment {where} is damaged: {error}") from error
    if _tail(log) != bytes(stored[end : end + 8]):
        raise LogError(f"the segment {where} is damaged: gzip's checksum is another")
    return segment, log


def members(stored: bytes, where: str) -> Iterator[tuple[Segment, memoryview]]:
    """The stored segments of a pack, or the one of a segment.

    Raises:
        LogError: see ``decode``.
    """
    rest = memoryview(stored)
    if kind_of(rest, where) == PACK:
        _, start = read_head(rest, where, PACK)
        rest = rest[start + len(EMPTY_MEMBER) :]
    while rest:
        segment, start = describe(rest, where)
        length = start + segment.deflated_bytes + 8
        if len(rest) < length:
            raise LogError(f"{where} is cut")
        yield segment, rest[:length]
        rest = rest[length:]


def kind_of(stored: bytes | memoryview, where: str) -> bytes:
    """``SEGMENT`` or ``PACK``.

    Raises:
        LogError: neither.
    """
    kind = bytes(stored[12:14])
    if bytes(stored[:4]) != _HEAD or kind not in (SEGMENT, PACK):
        raise LogError(f"{where} is no piece of an archived log")
    return kind


def read_head(stored: bytes | memoryview, where: str, kind: bytes) -> tuple[Fields, int]:
    """The document in the head of a gzip member, and where the compressed data begins.

    Raises:
        LogError: it is not there, damaged, or of a later version of this agent.
    """
    if kind_of(stored, where) != kind:
        raise LogError(f"{where} is not what its name says")
    length = int.from_bytes(stored[14:16], "little")
    return read_document(bytes(stored[16 : 16 + length]), where), 16 + length


def metadata_of(stored: bytes) -> dict[str, str]:
    """The description for a listing; nothing where it is too long for one, and the blob itself is asked."""
    length = int.from_bytes(stored[14:16], "little")
    text = stored[16 : 16 + length].decode()
    return {DESCRIPTION: text} if length <= _LONGEST_METADATA else {}


def read_document(text: bytes | str, where: str) -> Fields:
    """A description as JSON.

    Raises:
        LogError: it is damaged, or of a later version of this agent.
    """
    try:
        document: object = json.loads(text)
    except ValueError as error:
        raise LogError(f"the description in {where} is not JSON: {error}") from error
    f = Fields(document, "", where, LogError)
    if f.integer("schema", least=1, most=1_000_000) != _SCHEMA:
        raise f.fail("schema", f"this agent reads version {_SCHEMA}; use the agent that wrote it")
    return f


def describe(stored: bytes | memoryview, where: str) -> tuple[Segment, int]:
    """The description at the start of ``stored``, and where the compressed data begins.

    Raises:
        LogError: see ``read_head``.
    """
    f, start = read_head(stored, where, SEGMENT)
    return segment_of(f), start


def segment_of(f: Fields) -> Segment:
    """The segment that a document describes.

    Raises:
        LogError: a field is missing or wrong.
    """
    segment = Segment(
        epoch=f.integer("epoch", least=1, most=2**53),
        server_uuid=f.text("server_uuid", "00000000-0000-0000-0000-000000000000"),
        file=f.text("file", "binlog.000001"),
        start=f.integer("start", least=0, most=2**63),
        end=f.integer("end", least=0, most=2**63),
        before=f.text("before", "", default=""),
        gtids=f.text("gtids", "", default=""),
        previous=f.text("previous", "", default=""),
        open_gtid=f.text("open_gtid", "", default=""),
        open_us=f.integer("open_us", least=0, most=2**63),
        first_us=f.integer("first_us", least=0, most=2**63),
        last_us=f.integer("last_us", least=0, most=2**63),
        schemas=f.texts("schemas", ["petclinic"]),
        flaw=f.text("flaw", "", default=""),
        deflated_bytes=f.integer("deflated_bytes", least=1, most=2**63),
    )
    for key in ("before", "gtids"):
        try:
            GtidSet.parse(getattr(segment, key))
        except ValueError as error:
            raise f.fail(key, str(error)) from error
    return segment
