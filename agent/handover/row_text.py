"""Row changes as SQL statements, one each, with comments that people can read and undo by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.binlog.rows import Row
from agent.binlog.rows_map import FieldType, TableMap
from agent.binlog.rows_types import Read, reader
from agent.replay.layout import Layout, matcher

_TEXT = re.compile(rb"_(\w+) 0x([0-9a-f]*)")
# Character sets whose name in Python is another one; what Python does not know is shown as it is.
_CODECS = {
    "utf8mb4": "utf-8",
    "utf8mb3": "utf-8",
    "latin1": "cp1252",
    "ucs2": "utf-16-be",
    "utf16": "utf-16-be",
}
_SHOWN = 80
_SIGNED_BITS = frozenset(
    (
        *(FieldType.TINY, FieldType.SHORT, FieldType.INT24, FieldType.LONG, FieldType.LONGLONG),
        *(FieldType.NEWDECIMAL, FieldType.FLOAT, FieldType.DOUBLE, FieldType.YEAR),
    )
)


@dataclass(frozen=True)
class Change:
    """One change as text.

    Attributes:
        comments: lines without their "-- ".
        statement: without its semicolon; empty where nothing is to be done.
        enum_errors: it writes ENUM's error value 0, which strict mode refuses.
    """

    comments: tuple[bytes, ...]
    statement: bytes
    enum_errors: bool = False


class TableText:
    """Renders the changes of one table: a row is found by its key, or without one by all its values."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._match_all = matcher(layout)

    def change(self, before: Row | None, after: Row | None) -> Change:
        """One row's change: an insertion has no ``before``, a deletion no ``after``."""
        if before is None:
            return self._insert(after or [])
        if after is None:
            return self._delete(before)
        return self._update(before, after)

    def _insert(self, row: Row) -> Change:
        layout = self.layout
        names = b",".join(map(layout.name, layout.written))
        values = b",".join(row[i] for i in layout.written)
        said = f"{layout.label}: new row ".encode() + self._shown(row, layout.written)
        statement = b"INSERT INTO %s (%s) VALUES (%s)" % (layout.quoted, names, values)
        return Change((said,), statement, bool(layout.enum_errors(row)))

    def _delete(self, row: Row) -> Change:
        layout = self.layout
        said = f"{layout.label}: removed ".encode() + self._shown(row, layout.written)
        was = b"was: " + self._assigned(row, layout.written)
        return Change((said, was), b"DELETE FROM %s WHERE %s" % (layout.quoted, self._condition(row)))

    def _update(self, before: Row, after: Row) -> Change:
        layout = self.layout
        changed = [i for i in layout.written if before[i] != after[i]]
        where = self._shown(before, layout.key or layout.written)
        if not changed:
            return Change((f"{layout.label}: only what the server computes, of ".encode() + where,), b"")
        arrows = [layout.name(i) + b" " + readable(before[i]) + b" -> " + readable(after[i]) for i in changed]
        said = f"{layout.label}: row ".encode() + where + b": " + b", ".join(arrows)
        was = b"was: " + self._assigned(before, changed)
        # An ON UPDATE CURRENT_TIMESTAMP column that stayed as it was must be named to stay so.
        named = [i for i in layout.written if i in changed or layout.columns[i].on_update]
        assignments = self._assigned(after, named)
        statement = b"UPDATE %s SET %s WHERE %s" % (layout.quoted, assignments, self._condition(before))
        return Change((said, was), statement, any(after[i] == b"0" for i in changed if i in layout.enums))

    def _condition(self, row: Row) -> bytes:
        layout = self.layout
        if layout.key:
            return b" AND ".join(b"%s=%s" % (layout.name(i), row[i]) for i in layout.key)
        return self._match_all(row) + b" LIMIT 1"

    def _assigned(self, row: Row, positions: Sequence[int]) -> bytes:
        return b",".join(b"%s=%s" % (self.layout.name(i), row[i]) for i in positions)

    def _shown(self, row: Row, positions: Sequence[int]) -> bytes:
        return b"(" + b", ".join(self.layout.name(i) + b" " + readable(row[i]) for i in positions) + b")"


def readable(literal: bytes) -> bytes:
    """A value for people: text as text, and no longer than a line; never a line end."""
    found = _TEXT.fullmatch(literal)
    if found is not None:
        charset = found[1].decode()
        try:
            text = bytes.fromhex(found[2].decode()).decode(_CODECS.get(charset, charset))
        except (LookupError, UnicodeDecodeError):
            return _cut(literal)
        return _cut(repr(text[: 2 * _SHOWN]).encode("utf-8", "backslashreplace"))
    return _cut(literal)


def _cut(text: bytes) -> bytes:
    return text if len(text) <= _SHOWN else text[:_SHOWN].decode(errors="ignore").encode() + b"..."


class PlainText:
    """Renders rows of a table of which only the log's own description is left, as comments."""

    def __init__(self, mapped: TableMap, charset_of: Mapping[int, str]) -> None:
        self._label = f"{mapped.schema}.{mapped.table}".encode()
        self._names = [
            (column.name or f"@{at}").encode() for at, column in enumerate(mapped.columns, start=1)
        ]
        self.readers: tuple[Read, ...] = tuple(
            reader(
                column,
                unsigned=unsigned,
                charset=charset_of.get(column.charset) if column.charset is not None else None,
            )
            for column, unsigned in zip(mapped.columns, _unsigned(mapped), strict=True)
        )

    def change(self, before: Row | None, after: Row | None) -> Change:
        """One row's change, all values in full."""
        lines = [self._label + b": a change that is not rendered as a statement (see the head)"]
        lines += [
            word + b": " + b", ".join(b"%s=%s" % pair for pair in zip(self._names, row, strict=True))
            for word, row in ((b"was", before), (b"is", after))
            if row is not None
        ]
        return Change(tuple(lines), b"")


def _unsigned(mapped: TableMap) -> list[bool]:
    """By the log's own bits, one for each numeric column; see ``TableMap.agrees``."""
    bits = "".join(f"{byte:08b}" for byte in mapped.signedness or b"")
    result: list[bool] = []
    at = 0
    for column in mapped.columns:
        numeric = column.type in _SIGNED_BITS
        result.append(numeric and bits[at : at + 1] == "1")
        at += numeric
    return result
