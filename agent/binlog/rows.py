"""WRITE, UPDATE and DELETE_ROWS events (version 2): rows as lists of SQL literals.

Layout: libs/mysql/binlog/event/rows_event.h of the server's source ("Rows_event").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.binlog.events import Event, Type
from agent.binlog.rows_map import packed_integer
from agent.binlog.rows_types import NULL, Read
from agent.errors import LogError

Row = list[bytes]
"""A literal for each column of the table map."""

KINDS = frozenset((Type.WRITE_ROWS, Type.UPDATE_ROWS, Type.DELETE_ROWS))
_NO_FOREIGN_KEY_CHECKS = 2


@dataclass(frozen=True, slots=True)
class Rows:
    """The head of a rows event.

    Attributes:
        table_id: of the TABLE_MAP event that describes its table.
        checked: False where the source's session had foreign_key_checks off: nothing cascaded then.
        data, start: the event's body, and where its first row begins.
        columns: how many the table has.
    """

    kind: int
    table_id: int
    checked: bool
    data: bytes
    start: int
    columns: int


def read_rows(event: Event) -> Rows:
    """The head of a rows event.

    Raises:
        LogError: it does not hold whole rows (binlog_row_image is not FULL).
    """
    data = bytes(event.body)
    columns, start, whole = _head(data, event.type)
    if not whole:
        raise LogError("the log holds parts of rows only; set binlog_row_image=FULL and take a new dump")
    flags = int.from_bytes(data[6:8], "little")
    return Rows(
        event.type,
        int.from_bytes(data[:6], "little"),
        not flags & _NO_FOREIGN_KEY_CHECKS,
        data,
        start,
        columns,
    )


def are_whole(event: Event) -> bool:
    """Whether the rows of a rows event have all their columns."""
    return _head(event.body, event.type)[2]


def _head(body: bytes | memoryview, kind: int) -> tuple[int, int, bool]:
    """How many columns the table has, where the first row begins, and whether each row has all of them."""
    columns, at = packed_integer(body, 8 + int.from_bytes(body[8:10], "little"))
    size = (columns + 7) // 8
    every, whole = (1 << columns) - 1, True
    for _ in range(2 if kind == Type.UPDATE_ROWS else 1):
        whole = whole and int.from_bytes(body[at : at + size], "little") & every == every
        at += size
    return columns, at, whole


def images(rows: Rows, readers: Sequence[Read]) -> Iterator[tuple[Row | None, Row | None]]:
    """(before, after) of each row; None where there is none."""
    data, at, end = rows.data, rows.start, len(rows.data)
    while at < end:
        first, at = _image(data, at, readers)
        if rows.kind == Type.WRITE_ROWS:
            yield None, first
        elif rows.kind == Type.DELETE_ROWS:
            yield first, None
        else:
            second, at = _image(data, at, readers)
            yield first, second


def _image(data: bytes, at: int, readers: Sequence[Read]) -> tuple[Row, int]:
    start = at + (len(readers) + 7 >> 3)
    nulls = int.from_bytes(data[at:start], "little")
    at = start
    row: Row = []
    add = row.append
    if not nulls:
        for read in readers:
            literal, at = read(data, at)
            add(literal)
        return row, at
    for read in readers:
        if nulls & 1:
            add(NULL)
        else:
            literal, at = read(data, at)
            add(literal)
        nulls >>= 1
    return row, at
