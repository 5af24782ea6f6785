"""Row changes of one table on their way to the target: one class for each of ``schema.Replay``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Protocol

from agent.binlog.rows import Row
from agent.replay.layout import Layout, matcher
from agent.replay.writer import Writer, batches

_ENTRY_BYTES = 250
"""What Python keeps for one entry besides its literals."""
_WAITING_BYTES = 1 << 20


_LISTED = frozenset(
    (
        *("tinyint", "smallint", "mediumint", "int", "bigint", "decimal"),
        *("char", "varchar", "binary", "varbinary", "date", "datetime"),
    )
)


class Changes(Protocol):
    """Takes the row changes of one table in commit order.

    ``size``: bytes of memory in use.
    """

    size: int

    @property
    def top(self) -> int:
        """The largest AUTO_INCREMENT value seen."""
        ...

    def change(self, before: Row | None, after: Row | None, *, checked: bool) -> None:
        """Take one change. ``checked``: the source's session had foreign key checks on."""
        ...

    def flush(self, *, exact: bool) -> int:
        """Write what was taken; how many rows. ``exact``: the copy holds all that came before, no more."""
        ...


def _values(layout: Layout) -> Callable[[Row], bytes]:
    """The VALUES tuple of a row."""
    if len(layout.written) == 1:
        only = layout.written[0]
        return lambda row: b"(" + row[only] + b")"
    pick = itemgetter(*layout.written)
    return lambda row: b"(" + b",".join(pick(row)) + b")"


def _into(layout: Layout) -> bytes:
    return b" INTO %s (%s) VALUES " % (layout.quoted, b",".join(map(layout.name, layout.written)))


def _insert(writer: Writer, layout: Layout, verb: bytes, rows: Iterable[bytes], errors: int) -> int:
    """Write rows in batches; how many the server says it affected."""
    head = verb + _into(layout)
    affected = 0
    for batch in batches(rows):
        affected += writer.run(head + b",".join(batch), layout.label, enum_errors=errors)
    return affected


class _Counter:
    """The largest AUTO_INCREMENT value that a table's rows had."""

    def __init__(self, layout: Layout) -> None:
        self.top = 0
        self._position = layout.counter

    def see(self, row: Row | None) -> None:
        if self._position is not None and row is not None:
            value = row[self._position]
            if value.isdigit():
                self.top = max(self.top, int(value))


class Compacted:
    """The last image of each key."""

    def __init__(self, layout: Layout, writer: Writer) -> None:
        self._layout, self._writer = layout, writer
        # key -> (whether the copy had it, the row's VALUES or None, its ENUM errors)
        self._entries: dict[bytes, tuple[bool, bytes | None, int]] = {}
        self._values = _values(layout)
        # IN compares ENUM, SET and the like with numbers as text, and finds nothing.
        self._listed = all(layout.columns[i].type in _LISTED for i in layout.key)
        self._key = self._key_of()
        self._counter = _Counter(layout)
        self.size = 0

    @property
    def top(self) -> int:
        return self._counter.top

    def _key_of(self) -> Callable[[Row], bytes]:
        """A condition or a value that names a row's key; see ``_deletion``."""
        layout = self._layout
        if self._listed:
            if len(layout.key) == 1:
                return itemgetter(layout.key[0])
            pick = itemgetter(*layout.key)
            return lambda row: b"(" + b",".join(pick(row)) + b")"
        names = [(layout.name(i), i) for i in layout.key]
        return lambda row: b"(" + b" AND ".join(b"%s=%s" % (name, row[i]) for name, i in names) + b")"

    def _deletion(self, keys: list[bytes]) -> bytes:
        layout = self._layout
        if not self._listed:
            return b"DELETE FROM %s WHERE %s" % (layout.quoted, b" OR ".join(keys))
        names = b",".join(map(layout.name, layout.key))
        left = names if len(layout.key) == 1 else b"(" + names + b")"
        return b"DELETE FROM %s WHERE %s IN (%s)" % (layout.quoted, left, b",".join(keys))

    def change(self, before: Row | None, after: Row | None, *, checked: bool) -> None:
        entries = self._entries
        self._counter.see(before)
        if before is not None:
            key = self._key(before)
            old = entries.get(key)
            self._put(key, old is None or old[0], None, 0)
        if after is not None:
            self._counter.see(after)
            key = self._key(after)
            old = entries.get(key)
            errors = self._layout.enum_errors(after) if self._layout.enums else 0
            self._put(key, old is not None and old[0], self._values(after), errors)

    def _put(self, key: bytes, existed: bool, values: bytes | None, errors: int) -> None:
        old = self._entries.get(key)
        if old is None:
            self.size += _ENTRY_BYTES + len(key)
        elif old[1] is not None:
            self.size -= len(old[1])
        if values is not None:
            self.size += len(values)
        self._entries[key] = (existed, values, errors)

    def flush(self, *, exact: bool) -> int:
        layout, writer, entries = self._layout, self._writer, self._entries
        writer.checks(False)
        gone = [key for key, (existed, _, _) in entries.items() if existed or not exact]
        deleted = sum(writer.run(self._deletion(batch), layout.label) for batch in batches(gone))
        if exact:
            writer.expect(deleted, len(gone), layout.label, "a deletion")
        # REPLACE, because a copy of a later moment may hold the value of a unique key in another row, whose
        # change is still to come.
        verb = b"INSERT" if exact else b"REPLACE"
        live = [values for _, values, errors in entries.values() if values is not None and not errors]
        written = _insert(writer, layout, verb, live, 0)
        for _, values, errors in entries.values():
            if values is not None and errors:
                live.append(values)
                written += _insert(writer, layout, verb, [values], errors)
        if exact:
            writer.expect(written, len(live), layout.label, "an insertion")
        count = len(live)
        entries.clear()
        self.size = 0
        return count


class Turn:
    """Whose insertions wait: tables that cascade into one another are written strictly in turn."""

    def __init__(self) -> None:
        self.holder: Ordered | None = None


class Ordered:
    """Change by change, as the source made them.

    Args:
        turn: shared by all tables whose foreign keys the server must check and cascade; None: without checks,
            independent of any other table.
    """

    def __init__(self, layout: Layout, writer: Writer, turn: Turn | None) -> None:
        self._layout, self._writer, self._turn = layout, writer, turn
        self._values = _values(layout)
        self._match = self._by_key if layout.key else matcher(layout)
        self._counter = _Counter(layout)
        self._waiting: list[bytes] = []
        self._checked = False
        self.size = 0

    @property
    def top(self) -> int:
        return self._counter.top

    def _by_key(self, row: Row) -> bytes:
        return b" AND ".join(b"%s=%s" % (self._layout.name(i), row[i]) for i in self._layout.key)

    def change(self, before: Row | None, after: Row | None, *, checked: bool) -> None:
        self._counter.see(before)
        self._counter.see(after)
        checked = checked and self._turn is not None
        if self._turn is not None and self._turn.holder is not self:
            if self._turn.holder is not None:
                self._turn.holder.flush(exact=True)
            self._turn.holder = self
        if checked != self._checked:
            self.flush(exact=True)
            self._checked = checked
        if before is None and after is not None and not self._layout.enum_errors(after):
            self._waiting.append(self._values(after))
            self.size += len(self._waiting[-1]) + _ENTRY_BYTES
            if self.size > _WAITING_BYTES:
                self.flush(exact=True)
            return
        self.flush(exact=True)
        affected, what = self._one(before, after)
        self._writer.expect(affected, 1, self._layout.label, what)

    def _one(self, before: Row | None, after: Row | None) -> tuple[int, str]:
        layout, writer = self._layout, self._writer
        writer.checks(self._checked)
        if after is None:
            condition = self._match(before or [])
            statement = b"DELETE FROM %s WHERE %s LIMIT 1" % (layout.quoted, condition)
            return writer.run(statement, layout.label), "a deletion"
        if before is None:
            errors = layout.enum_errors(after)
            return _insert(writer, layout, b"INSERT", [self._values(after)], errors), "an insertion"
        changed = [i for i in layout.written if before[i] != after[i]]
        if not changed:  # a generated column's value only
            return 1, ""
        # Two changes within a second leave an ON UPDATE CURRENT_TIMESTAMP column as it was: it must be named.
        named = [i for i in layout.written if before[i] != after[i] or layout.columns[i].on_update]
        assignments = b",".join(b"%s=%s" % (layout.name(i), after[i]) for i in named)
        statement = b"UPDATE %s SET %s WHERE %s LIMIT 1" % (layout.quoted, assignments, self._match(before))
        errors = sum(after[i] == b"0" for i in changed if i in layout.enums)
        return writer.run(statement, layout.label, enum_errors=errors), "an update"

    def flush(self, *, exact: bool) -> int:
        rows, self._waiting, self.size = self._waiting, [], 0
        if rows:
            self._writer.checks(self._checked)
            written = _insert(self._writer, self._layout, b"INSERT", rows, 0)
            self._writer.expect(written, len(rows), self._layout.label, "an insertion")
        return len(rows)
