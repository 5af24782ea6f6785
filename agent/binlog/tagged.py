"""GTIDs as MySQL 8.3 and later write them where they have a tag, and the sets at the head of a log file.

A tagged GTID event is written with the server's serialization library (libs/mysql/serialization): numbers of
variable length, fields with an id each. Untagged ones keep the old layout.
"""

from __future__ import annotations

import struct
import uuid

from agent.errors import LogError
from agent.gtid import GtidSet, Interval

_FLAGS, _UUID, _NUMBER, _TAG, _LAST_COMMITTED, _SEQUENCE, _COMMITTED = range(7)
_TAGGED_SET = 1
_UUID_BYTES = 16


class _Reader:
    """Numbers and strings of the serialization library, one behind the other."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = bytes(data)
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._data)

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise LogError("a GTID in the binary log is cut; read it again")
        self._at += count
        return taken

    def number(self) -> int:
        """The count of trailing ones in the first byte is the count of bytes that follow it."""
        first = self.take(1)[0]
        more = 0
        while more < 8 and first >> more & 1:
            more += 1
        if more == 8:
            return int.from_bytes(self.take(8), "little")
        return int.from_bytes(bytes([first]) + self.take(more), "little") >> (more + 1)

    def signed(self) -> int:
        """The sign is in the lowest bit."""
        value = self.number()
        return -(value >> 1) - 1 if value & 1 else value >> 1

    def text(self) -> str:
        return self.take(self.number()).decode()


def read_tagged(body: bytes | memoryview) -> tuple[str, int]:
    """The GTID in a tagged GTID event's body, and its commit time in microseconds (0: not given).

    Raises:
        LogError: it is not laid out as this agent knows.
    """
    reader = _Reader(body)
    version = reader.number()
    if version != 1:
        raise LogError(f"a tagged GTID has layout {version}; this agent knows layout 1, use a newer one")
    reader.number()  # its length
    reader.number()  # the last field that must be understood
    source, number, tag, committed = "", 0, "", 0
    while not reader.at_end:
        field = reader.number()
        if field == _FLAGS:
            reader.number()
        elif field == _UUID:
            source = str(uuid.UUID(bytes=bytes(reader.number() for _ in range(_UUID_BYTES))))
        elif field == _NUMBER:
            number = reader.signed()
        elif field == _TAG:
            tag = reader.text()
        elif field in (_LAST_COMMITTED, _SEQUENCE):
            reader.signed()
        elif field == _COMMITTED:
            committed = reader.number()
            break
        else:
            break
    if not source or number < 1:
        raise LogError("a tagged GTID in the binary log names no transaction; use a newer agent")
    return f"{source}:{tag}:{number}" if tag else f"{source}:{number}", committed


def read_set(body: bytes | memoryview) -> GtidSet:
    """The content of a PREVIOUS_GTIDS event: all that was committed before its file began.

    Raises:
        LogError: it is cut.
    """
    reader = _Reader(body)
    head = reader.take(8)
    tagged = head[7] == _TAGGED_SET
    sources = int.from_bytes(head[1:7] if tagged else head, "little")
    found: dict[str, tuple[Interval, ...]] = {}
    for _ in range(sources):
        source = str(uuid.UUID(bytes=reader.take(_UUID_BYTES)))
        if tagged and (tag := reader.text()):
            source += f":{tag}"
        count = int.from_bytes(reader.take(8), "little")
        pairs = [struct.unpack("<QQ", reader.take(16)) for _ in range(count)]
        found[source] = tuple((first, end - 1) for first, end in pairs)
    return GtidSet(dict(sorted(found.items())))
