"""What a dump holds, learned while it streams by: hashes of each table's rows, and a count of every object.

Read on the way out (into the manifest) and again from the restored copy (to compare).
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import accumulate
from operator import methodcaller

from agent.dumplines import IDENTIFIER, Classifier, Kind, name, stored_head
from agent.errors import DumpError
from agent.streams import LONG, LineSplitter

INSERT = re.compile(rb"INSERT INTO " + IDENTIFIER + rb" (?:\((?:`(?:[^`]|``)+`(?:, ?)?)+\) )?VALUES ")
_TABLE = re.compile(rb"CREATE TABLE " + IDENTIFIER)
_JSON = re.compile(rb"  " + IDENTIFIER + rb" json\b")
_USE = re.compile(rb"USE " + IDENTIFIER)
# One row of a multi-row INSERT. Possessive (++), so that a row of any size needs no backtracking.
ROW = re.compile(rb"\((?:[^'()]++|'(?:[^'\\]++|\\.)*+')*+\)", re.DOTALL)
_EVENT_STATE = re.compile(rb" ON COMPLETION (?P<keep>NOT )?PRESERVE (?P<state>ENABLE|DISABLE)")
_ZONE = re.compile(rb"SET time_zone += '([^']*)'")
_SUM = 1 << 256
_QUOTES = methodcaller("count", b"'")

_PARTS = (
    (b"  CONSTRAINT ", b" FOREIGN KEY ", "foreign_keys"),
    (b"  CONSTRAINT ", b" CHECK ", "checks"),
    (b"  PRIMARY KEY ", b"", "keys"),
    (b"  UNIQUE KEY ", b"", "keys"),
    (b"  KEY ", b"", "keys"),
    (b"  FULLTEXT KEY ", b"", "keys"),
    (b"  SPATIAL KEY ", b"", "keys"),
    (b"  `", b"", "columns"),
)


@dataclass
class TableRows:
    """The rows of one table.

    Attributes:
        ordered: True: rows come in the order of the primary key, and the hash is SHA-256 over them joined by
            commas. False: without a primary key the order may differ from copy to copy, and the hash is the
            sum of the rows' SHA-256 values modulo 2**256. Neither depends on how rows were spread over
            statements.
        bytes: length of the rows as text.
        rows: how many there are; None where they were not counted, as in a manifest of version 1.
    """

    ordered: bool
    rows_sha256: str
    bytes: int
    rows: int | None

    def same_rows(self, other: TableRows) -> bool:
        """Whether both hold the same rows; the count follows from the hash."""
        return (self.ordered, self.rows_sha256, self.bytes) == (
            other.ordered,
            other.rows_sha256,
            other.bytes,
        )


@dataclass
class _Table:
    ordered: bool = False
    has_json: bool = False
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)  # pyright: ignore[reportPrivateUsage]
    sum: int = 0
    bytes: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Event:
    """A scheduled event.

    Attributes:
        expires: it is dropped by the server once its time is past, so a restored copy may lack it.
    """

    enabled: bool
    expires: bool


@dataclass(frozen=True)
class Contents:
    """What a complete dump held. Names are as the server wrote them; ``json_tables``: with JSON in them."""

    tables: dict[str, dict[str, TableRows]]
    views: dict[str, tuple[str, ...]]
    events: dict[str, dict[str, Event]]
    objects: dict[str, int]
    time_zones: tuple[str, ...]
    raw_bytes: int
    longest_statement: int
    json_tables: frozenset[tuple[str, str]] = frozenset()


class DumpScanner:
    """Feed it the stream in pieces; ``finish`` says what it was, or that it was cut.

    Args:
        counts_rows: False leaves ``TableRows.rows`` empty, at half the CPU time; the hashes tell as much.
    """

    def __init__(self, *, counts_rows: bool = True) -> None:
        self._counts_rows = counts_rows
        self._lines = Classifier()
        self._splitter = LineSplitter(ends=False)
        self._schema = ""
        self._tables: dict[str, dict[str, _Table]] = {}
        self._table = _Table()
        self._views: dict[str, list[str]] = {}
        self._events: dict[str, dict[str, Event]] = {}
        self._objects: Counter[str] = Counter()
        self._zones: set[str] = set()
        self._completed = False
        self._raw_bytes = 0
        self._longest = 0

    @property
    def has_begun(self) -> bool:
        """Whether the first schema has begun; by then mysqldump has opened its snapshot."""
        return bool(self._schema)

    def feed(self, data: bytes) -> None:
        """Take the next piece.

        Raises:
            DumpError: a line is not what mysqldump of MySQL 8.0 to 9.x writes.
        """
        self._raw_bytes += len(data)
        for line in self._splitter.feed(data):
            self._line(line)

    def finish(self) -> Contents:
        """The contents of the whole stream.

        Raises:
            DumpError: mysqldump's last line is missing, so the stream was cut.
        """
        if self._splitter.rest or not self._completed:
            raise DumpError('the dump was cut: its last line is not "-- Dump completed"')
        self._objects["tables"] = sum(len(tables) for tables in self._tables.values())
        self._objects["views"] = sum(len(views) for views in self._views.values())
        self._objects["events"] = sum(len(events) for events in self._events.values())
        return Contents(
            tables={
                schema: {table: self._rows(found) for table, found in tables.items()}
                for schema, tables in self._tables.items()
            },
            views={schema: tuple(views) for schema, views in self._views.items()},
            events=self._events,
            objects=dict(sorted(self._objects.items())),
            time_zones=tuple(sorted(self._zones)),
            raw_bytes=self._raw_bytes,
            longest_statement=self._longest,
            json_tables=frozenset(
                (schema, table)
                for schema, tables in self._tables.items()
                for table, found in tables.items()
                if found.has_json
            ),
        )

    def _rows(self, table: _Table) -> TableRows:
        return _rows(table) if self._counts_rows else replace(_rows(table), rows=None)

    def _line(self, line: bytes) -> None:
        kind = self._lines.kind(line)
        if line:
            self._completed = kind is Kind.COMPLETED
        match kind:
            case Kind.INSERT:
                self.insert(line)
            case Kind.TABLE_PART:
                self.table_part(line)
            case Kind.USE:
                self._schema = name(_groups(_USE, line))
                self._tables.setdefault(self._schema, {})
            case Kind.CREATE_TABLE:
                self.create_table(line)
            case Kind.VIEW:
                found = _groups(re.compile(rb"/\*!50001 VIEW " + IDENTIFIER), line)
                self._views.setdefault(self._schema, []).append(name(found))
            case Kind.STORED:
                self._stored(line)
            case Kind.TIME_ZONE:
                self._zones.add(_groups(_ZONE, line).decode())
            case _:
                pass

    def create_table(self, line: bytes) -> None:
        """Begin a table."""
        self._table = _Table()
        self._tables[self._schema][name(_groups(_TABLE, line))] = self._table

    def insert(self, line: bytes) -> None:
        """Take the rows of one statement."""
        head = INSERT.match(line)
        if not head or not line.endswith(b");"):
            raise _not_understood(line)
        self._longest = max(self._longest, len(line))
        table = self._tables[self._schema][name(head[1])]
        rows = memoryview(line)[head.end() : -1]
        if table.ordered:
            table.hash.update(b"," if table.bytes else b"")
            table.hash.update(rows)
            if self._counts_rows:
                table.rows += _count_rows(line, head.end())
        else:
            added, counted = _sum_of_rows(line, head.end())
            table.sum = (table.sum + added) % _SUM
            table.rows += counted
        table.bytes += len(rows)

    def table_part(self, line: bytes) -> None:
        """Count a column or a key."""
        for start, inside, counted in _PARTS:
            if line.startswith(start) and inside in line:
                self._objects[counted] += 1
                break
        if line.startswith(b"  PRIMARY KEY "):
            self._table.ordered = True
        elif _JSON.match(line):
            self._table.has_json = True

    def _stored(self, line: bytes) -> None:
        head = stored_head(line)
        if not head:
            raise _not_understood(line)
        if head["type"] != b"EVENT":
            self._objects[head["type"].decode().lower() + "s"] += 1
            return
        state = _EVENT_STATE.search(line, head.end())
        if not state:
            raise _not_understood(line)
        recurs = b" ON SCHEDULE EVERY " in line[head.end() : state.start()]
        ends = b" ENDS '" in line[head.end() : state.start()]
        self._events.setdefault(self._schema, {})[name(head[3])] = Event(
            enabled=state["state"] == b"ENABLE",
            expires=state["keep"] is not None and (ends or not recurs),
        )


def no_rows(*, ordered: bool) -> TableRows:
    """What an empty table looks like."""
    return _rows(_Table(ordered=ordered))


def _rows(table: _Table) -> TableRows:
    digest = table.hash.hexdigest() if table.ordered else f"{table.sum:064x}"
    return TableRows(ordered=table.ordered, rows_sha256=digest, bytes=table.bytes, rows=table.rows)


def count_rows(values: bytes) -> int:
    """How many rows the text behind VALUES holds.

    Rows meet at ``),(``. Inside a string that means nothing, and up to there the quotes are odd in number;
    one look at each piece is several times cheaper than taking the rows apart.
    """
    if b"\\" in values:
        values = values.replace(rb"\\", b"").replace(rb"\'", b"")
    pieces = values.split(b"),(")
    if b"'" not in values:
        return len(pieces)
    quotes = accumulate(map(_QUOTES, pieces))
    return sum(1 for number in quotes if number % 2 == 0)


def _count_rows(line: bytes, at: int) -> int:
    """How many rows an INSERT has from ``at`` on; without a copy of a long one, which has few."""
    if len(line) <= LONG:
        return count_rows(line[at:])
    rows = 0
    while row := ROW.match(line, at):
        rows += 1
        at = row.end() + 1
    if at != len(line):
        raise _not_understood(line[at:])
    return rows


def _sum_of_rows(line: bytes, at: int) -> tuple[int, int]:
    """The SHA-256 values of the rows from ``at`` to the end of an INSERT, added up; and their number."""
    total = rows = 0
    text = memoryview(line)
    while row := ROW.match(line, at):
        total += int.from_bytes(hashlib.sha256(text[at : row.end()]).digest(), "big")
        rows += 1
        at = row.end() + 1  # past the comma or the semicolon
    if at != len(line):
        raise _not_understood(line[at:])
    return total, rows


def _groups(pattern: re.Pattern[bytes], line: bytes) -> bytes:
    found = pattern.search(line)
    if not found:
        raise _not_understood(line)
    return found[1]


def _not_understood(line: bytes) -> DumpError:
    return DumpError(f"this line of mysqldump's output is not understood: {line[:120]!r}")
