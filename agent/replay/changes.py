"""Row changes of one table on their way to the target: one class for each of ``schema.Replay``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Protocol

from agent.binlog.rows import Row
from agent.replay.layout import Layout, matcher
from agent.replay.writer import Writer, batches

_ENTRY_BYTES = 250
"""What Python keeps for one entry besides its literals."""


class Changes(Protocol):
    """Takes the row changes of one table in commit order.

    ``size``: bytes of memory in use. ``top``: the largest AUTO_INCREMENT value seen.
    """

    size: int
    top: int

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
        self._key = self._key_of()
        self._counter = _Counter(layout)
        self.size = 0

    @property
    def top(self) -> int:
        return self._counter.top

    def _key_of(self) -> Callable[[Row], bytes]:
        if len(self._layout.key) == 1:
            return itemgetter(self._layout.key[0])
        pick = itemgetter(*self._layout.key)
        return lambda row: b"(" + b",".join(pick(row)) + b")"

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
        names = b",".join(map(layout.name, layout.key))
        head = b"DELETE FROM %s WHERE %s IN (" % (
            layout.quoted,
            names if len(layout.key) == 1 else b"(" + names + b")",
        )
        deleted = sum(
            writer.run(head + b",".join(batch) + b")", layout.label) for batch in batches(gone)
        )
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


class Counted:
    """Whole rows of a table without a key: how many of each came or went."""

    def __init__(self, layout: Layout, writer: Writer) -> None:
        self._layout, self._writer = layout, writer
        self._rows: Counter[tuple[bytes, ...]] = Counter()
        self._values = _values(layout)
        self._match = matcher(layout)
        self._counter = _Counter(layout)
        self.size = 0

    @property
    def top(self) -> int:
        return self._counter.top

    def change(self, before: Row | None, after: Row | None, *, checked: bool) -> None:
        for row, by in ((before, -1), (after, 1)):
            if row is None:
                continue
            self._counter.see(row)
            image = tuple(row[self._layout.first :])
            if image not in self._rows:
                self.size += _ENTRY_BYTES + sum(map(len, image)) + 40 * len(image)
            self._rows[image] += by

    def flush(self, *, exact: bool) -> int:
        layout, writer = self._layout, self._writer
        writer.checks(False)
        pad = [b""] * layout.first
        came: list[Row] = []
        count = 0
        for image, net in self._rows.items():
            row = pad + list(image)
            if net > 0:
                came += [row] * net
            elif net < 0:
                statement = b"DELETE FROM %s WHERE %s LIMIT %d" % (layout.quoted, self._match(row), -net)
                writer.expect(writer.run(statement, layout.label), -net, layout.label, "a deletion")
                count -= net
        plain = [self._values(row) for row in came if not layout.enum_errors(row)]
        written = _insert(writer, layout, b"INSERT", plain, 0)
        for row in came:
            if errors := layout.enum_errors(row):
                written += _insert(writer, layout, b"INSERT", [self._values(row)], errors)
        writer.expect(written, len(came), layout.label, "an insertion")
        self._rows.clear()
        self.size = 0
        return count + len(came)


class Ordered:
    """Statement by statement, as the source ran them, for the server to cascade."""

    def __init__(self, layout: Layout, writer: Writer) -> None:
        self._layout, self._writer = layout, writer
        self._values = _values(layout)
        self._match = self._by_key if layout.key else matcher(layout)
        self._counter = _Counter(layout)
        self.size = 0

    @property
    def top(self) -> int:
        return self._counter.top

    def _by_key(self, row: Row) -> bytes:
        return b" AND ".join(b"%s=%s" % (self._layout.name(i), row[i]) for i in self._layout.key)

    def change(self, before: Row | None, after: Row | None, *, checked: bool) -> None:
        layout, writer = self._layout, self._writer
        self._counter.see(before)
        self._counter.see(after)
        writer.checks(checked)
        if before is None:
            assert after is not None  # noqa: S101
            errors = layout.enum_errors(after)
            affected = _insert(writer, layout, b"INSERT", [self._values(after)], errors)
            what = "an insertion"
        elif after is None:
            affected = writer.run(
                b"DELETE FROM %s WHERE %s LIMIT 1" % (layout.quoted, self._match(before)), layout.label
            )
            what = "a deletion"
        else:
            affected, what = self._update(before, after), "an update"
        writer.expect(affected, 1, layout.label, what)

    def _update(self, before: Row, after: Row) -> int:
        layout = self._layout
        changed = [i for i in layout.written if before[i] != after[i]]
        if not changed:  # a generated column's value only
            return 1
        assignments = b",".join(b"%s=%s" % (layout.name(i), after[i]) for i in changed)
        statement = b"UPDATE %s SET %s WHERE %s LIMIT 1" % (layout.quoted, assignments, self._match(before))
        errors = sum(after[i] == b"0" for i in changed if i in layout.enums)
        return self._writer.run(statement, layout.label, enum_errors=errors)

    def flush(self, *, exact: bool) -> int:
        return 0
