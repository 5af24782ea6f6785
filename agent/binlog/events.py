"""Events of MySQL's binary log: the envelope of all, and the few whose content the archive must know.

Layout: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication_binlog_event.html and, for
the bodies, libs/mysql/binlog/event/ of the server's source.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from dataclasses import dataclass
from enum import IntEnum

from agent.binlog.tagged import read_tagged
from agent.errors import LogError

MAGIC = b"\xfebin"
HEADER_BYTES = 19
_HEADER = struct.Struct("<IBIIIH")
_CHECKSUM_BYTES = 4
_ARTIFICIAL = 0x20
"""Made up by the server for this connection; such an event is in no file."""


class Type(IntEnum):
    """The event types that mean something to the agent."""

    QUERY = 2
    STOP = 3
    ROTATE = 4
    FORMAT_DESCRIPTION = 15
    XID = 16
    BEGIN_LOAD_QUERY = 17
    EXECUTE_LOAD_QUERY = 18
    TABLE_MAP = 19
    INCIDENT = 26
    HEARTBEAT = 27
    ROWS_QUERY = 29
    WRITE_ROWS = 30
    UPDATE_ROWS = 31
    DELETE_ROWS = 32
    GTID = 33
    ANONYMOUS_GTID = 34
    PREVIOUS_GTIDS = 35
    XA_PREPARE = 38
    PARTIAL_UPDATE_ROWS = 39
    TRANSACTION_PAYLOAD = 40
    HEARTBEAT_V2 = 41
    GTID_TAGGED = 42


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        raw: all of it as the server sent it, its checksum included.
        body: what stands between the header and the checksum.
        type: a number, mostly one of ``Type``.
        time: seconds since 1970 at the start of the statement, by the server's clock.
        end: where the next event begins in its file, modulo 2**32; 0 for most artificial events.
    """

    raw: bytes
    body: memoryview
    type: int
    time: int
    end: int
    artificial: bool


@dataclass(frozen=True, slots=True)
class Gtid:
    """The head of a transaction.

    Attributes:
        gtid: ``uuid:number`` or ``uuid:tag:number``.
        committed_us: microseconds since 1970 at its commit on the server whose log this is.
    """

    gtid: str
    committed_us: int


@dataclass(frozen=True, slots=True)
class Query:
    """A statement.

    Attributes:
        schema: the default schema.
        status: the session's settings, still encoded (Query_event's status variables).
    """

    schema: str
    status: bytes
    statement: bytes


def decode(raw: bytes, *, checksummed: bool) -> Event:
    """Take one event out of its envelope and prove its checksum.

    Raises:
        LogError: it is cut or damaged.
    """
    if len(raw) < HEADER_BYTES:
        raise LogError(f"a binary log event has {len(raw)} bytes, less than its header; read it again")
    time, kind, _server, length, end, flags = _HEADER.unpack_from(raw)
    if length != len(raw):
        raise LogError(f"a binary log event of {length} bytes came with {len(raw)}; read it again")
    stop = len(raw)
    if checksummed or kind == Type.FORMAT_DESCRIPTION:
        stop -= _CHECKSUM_BYTES
        if checksummed and zlib.crc32(memoryview(raw)[:stop]) != int.from_bytes(raw[stop:], "little"):
            raise LogError(f"the checksum of a binary log event of type {kind} is wrong; read it again")
    return Event(raw, memoryview(raw)[HEADER_BYTES:stop], kind, time, end, bool(flags & _ARTIFICIAL))


def is_checksummed(format_description: Event) -> bool:
    """Whether the events that follow this FORMAT_DESCRIPTION end with a CRC32.

    Raises:
        LogError: another checksum than CRC32.
    """
    # The algorithm's number is the last byte of the body: 0 none, 1 CRC32.
    algorithm = format_description.body[-1]
    if algorithm not in (0, 1):
        raise LogError(f"the server's binlog_checksum has the unknown number {algorithm}; set it to CRC32")
    return algorithm == 1


def read_gtid(event: Event) -> Gtid:
    """The content of a GTID event, tagged or not.

    Raises:
        LogError: a tagged one that is not laid out as this agent knows.
    """
    body = event.body
    if event.type == Type.GTID_TAGGED:
        gtid, committed = read_tagged(body)
        return Gtid(gtid, committed or event.time * 1_000_000)
    number = int.from_bytes(body[17:25], "little")
    # flags 1, uuid 16, number 8, logical timestamps 1 + 8 + 8, then the commit time in 7 bytes whose highest
    # bit says that the original commit time follows.
    committed = int.from_bytes(body[42:49], "little") & ((1 << 55) - 1) if len(body) >= 49 else 0
    source = str(uuid.UUID(bytes=bytes(body[1:17])))
    return Gtid(f"{source}:{number}", committed or event.time * 1_000_000)


def read_query(event: Event) -> Query:
    """The content of a QUERY event."""
    body = event.body
    schema_bytes, _error, status_bytes = struct.unpack_from("<BHH", body, 8)
    status_end = 13 + status_bytes
    schema_end = status_end + schema_bytes
    return Query(
        schema=bytes(body[status_end:schema_end]).decode(),
        status=bytes(body[13:status_end]),
        statement=bytes(body[schema_end + 1 :]),
    )


# Lengths of the session's settings in a QUERY event, by code; None: a length byte tells. What stands behind
# the schemas' names is of no interest here. Query_event in statement_events.h of the server's source.
_SETTINGS: dict[int, int | None] = {
    0: 4,  # flags
    1: 8,  # SQL mode
    3: 4,  # auto-increment
    4: 6,  # character sets
    5: None,  # time zone
    6: None,  # catalog
    7: 2,  # names of days and months
    8: 2,  # the schema's collation
    9: 8,  # tables of a multi-table update
    10: 4,  # length at the source
}
_INVOKER, _UPDATED_SCHEMAS, _TOO_MANY = 11, 12, 254


def updated_schemas(query: Query) -> tuple[str, ...] | None:
    """The schemas that a statement changed; None where the server did not say (more than 16 of them)."""
    status, at = query.status, 0
    while at < len(status):
        code = status[at]
        at += 1
        if code == _INVOKER:
            at += 1 + status[at]
            at += 1 + status[at]
        elif code == _UPDATED_SCHEMAS:
            if status[at] == _TOO_MANY:
                return None
            names = status[at + 1 :].split(b"\0", status[at])[: status[at]]
            return tuple(name.decode() for name in names)
        elif code in _SETTINGS:
            length = _SETTINGS[code]
            at += 1 + status[at] if length is None else length
        else:
            break
    return (query.schema,) if query.schema else None


def read_table_map_schema(event: Event) -> str:
    """The schema of the table that a TABLE_MAP event announces."""
    length = event.body[8]
    return bytes(event.body[9 : 9 + length]).decode()


def read_rotate(event: Event) -> tuple[str, int]:
    """The file that follows and the position in it."""
    return bytes(event.body[8:]).decode(), int.from_bytes(event.body[:8], "little")
