"""The archived tail of the log onto a loaded base."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass

from agent.binlog.events import Event, Type, read_query
from agent.binlog.rows import KINDS, images, read_rows
from agent.binlog.rows_map import TableMap, read_table_map
from agent.binlog.transactions import Transaction
from agent.database import Login, Session, quoted, session
from agent.errors import DatabaseError, LogError
from agent.replay.changes import Changes, Compacted, Ordered, Turn
from agent.replay.ddl import Definitions, touched
from agent.replay.layout import Layout, lay_out
from agent.replay.plan import Plan, Replayed
from agent.replay.progress import Progress
from agent.replay.schema import Name, Replay, Table, Tables, read_tables
from agent.replay.settings import read_settings
from agent.replay.statements import Kind, Statement, describe
from agent.replay.triggers import attach, detach
from agent.replay.writer import Writer

__all__ = ["Plan", "Replayed", "replay"]

_log = logging.getLogger(__name__)
_MARGIN = 1000
"""AUTO_INCREMENT values left free for rows that only the lost site had."""
_LIMITS = {"tinyint": 7, "smallint": 15, "mediumint": 23, "int": 31, "bigint": 63}
_STATEMENTS_PER_COMMIT = 500
_IGNORABLE = 0x80
_UNREPLAYABLE = {
    Type.XA_PREPARE: "a distributed (XA) transaction",
    Type.PARTIAL_UPDATE_ROWS: "parts of JSON documents (binlog_row_value_options)",
    Type.TRANSACTION_PAYLOAD: "a compressed transaction (binlog_transaction_compression)",
}
_MEANINGLESS = frozenset(
    (Type.XID, Type.ROWS_QUERY, Type.FORMAT_DESCRIPTION, Type.ROTATE, Type.PREVIOUS_GTIDS)
)
# Objects whose definitions rows depend on, or on which triggers hang.
_OF_TABLES = frozenset(("TABLE", "INDEX", "DATABASE"))
_WITH_TRIGGERS = frozenset(("TABLE", "TRIGGER", "DATABASE"))


def replay(account: Login, transactions: Iterable[Transaction], plan: Plan) -> Replayed:
    """Apply ``transactions`` in order. The database must not serve meanwhile.

    Raises:
        LogError: something cannot be replayed, or the copy is not what the log was written against; names
            the transaction and the last one before it. The database must be restored again then.
        DatabaseError: the server does not answer.
    """
    # No limit to one statement: DDL on a large table takes as long as it took on the source.
    with (
        session(account, read_timeout_s=None) as rows,
        session(account, read_timeout_s=None) as definitions,
    ):
        run = _Run(rows, definitions, plan)
        for transaction in transactions:
            run.transaction(transaction)
        return run.finish()


def _counts(table: Table) -> bool:
    return any(column.auto_increment for column in table.columns)


@dataclass
class _Applied:
    """A table's layout and its changes; ``None`` changes: of a schema that is not replayed."""

    layout: Layout
    changes: Changes
    how: Replay


class _Run:
    def __init__(self, rows: Session, definitions: Session, plan: Plan) -> None:
        self._plan = plan
        self._result = Replayed()
        self._progress = Progress(plan.window)
        self._ddl_session = definitions
        found = rows.rows("SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS")
        self._charsets = {int(number): str(name) for number, name in found}
        self._writer = Writer(rows)
        self._definitions = Definitions(definitions, plan)
        self._schemas = {name.lower() for name in plan.schemas}
        self._triggers = list(plan.triggers)
        self._tables = self._read()
        self._by_body: dict[bytes, _Applied | None] = {}
        self._by_name: dict[Name, _Applied] = {}
        self._maps: dict[int, _Applied | None] = {}
        self._turn = Turn()
        self._good = self._written = ""
        self._size = 0
        self._exact = self._progress.settled
        self._skipped: dict[str, tuple[int, str]] = {}

    def _read(self) -> Tables:
        return read_tables(self._ddl_session, self._plan.schemas, cascades_logged=self._plan.cascades_logged)

    def transaction(self, transaction: Transaction) -> None:
        """Take one transaction."""
        self._good = self._progress.last
        if not self._size:
            self._writer.where = transaction.gtid
        else:
            self._writer.where = f"{self._writer.where.split(' to ')[0]} to {transaction.gtid}"
        with self._stopping(f"transaction {transaction.gtid}"):
            self._maps.clear()
            changes = False
            for event in transaction.events:
                changes |= self._event(event, transaction.gtid, changes)
            self._progress.add(transaction.gtid)
            self._result.transactions += 1
            self._result.last_committed_us = transaction.committed_us
            if self._size > self._plan.memory_bytes:
                self._flush()
            elif self._progress.settled and not self._exact:
                self._flush()  # from here on every row is counted

    @contextmanager
    def _stopping(self, where: str) -> Generator[None]:
        """Say where the replay stopped, and what can still be had."""
        try:
            yield
        except LogError as error:
            raise LogError(
                f"the replay stopped at {where}: {error}; the last good target is "
                f"{self._good or 'the base itself'}"
            ) from error

    def _event(self, event: Event, gtid: str, changes: bool) -> bool:
        """Take one event; whether it changed rows of a dumped schema."""
        kind = event.type
        if kind == Type.TABLE_MAP:
            self._map(event)
        elif kind in KINDS:
            return self._rows(event, gtid)
        elif kind == Type.QUERY:
            self._query(event, gtid, changes)
        elif kind in _UNREPLAYABLE:
            raise LogError(f"it holds {_UNREPLAYABLE[Type(kind)]}, which cannot be replayed; take a new dump")
        elif kind not in _MEANINGLESS and not int.from_bytes(event.raw[17:19], "little") & _IGNORABLE:
            raise LogError(f"it holds an event of type {kind}, which cannot be replayed; take a new dump")
        return False

    def _map(self, event: Event) -> None:
        body = bytes(event.body)
        number, key = int.from_bytes(body[:6], "little"), body[6:]
        if key not in self._by_body:
            self._by_body[key] = self._applied(read_table_map(event.body))
        self._maps[number] = self._by_body[key]

    def _applied(self, mapped: TableMap) -> _Applied | None:
        if mapped.schema.lower() not in self._schemas:
            return None
        name = self._plan.names.get(mapped.table.lower(), mapped.table)
        table = self._tables.find(mapped.schema, name) or self._tables.find(mapped.schema, mapped.table)
        if table is None:
            raise LogError(f"the target has no table {mapped.schema}.{mapped.table}; restore an older backup")
        place = (table.schema, table.name)
        if place in self._by_name:  # described anew without DDL: binlog_row_metadata was changed
            self._forget_layouts()
        layout = lay_out(mapped, table, self._charsets)
        how = self._tables.classes[place]
        changes: Changes
        if how is Replay.COMPACTED:
            changes = Compacted(layout, self._writer)
        else:
            changes = Ordered(layout, self._writer, self._turn if how is Replay.CHECKED else None)
        applied = _Applied(layout, changes, how)
        self._by_name[place] = applied
        return applied

    def _rows(self, event: Event, gtid: str) -> bool:
        rows = read_rows(event)
        if rows.table_id not in self._maps:
            raise LogError("it holds rows of a table that it does not describe")
        applied = self._maps[rows.table_id]
        if applied is None:
            return False
        ordered = applied.how is not Replay.COMPACTED
        if ordered and gtid in self._plan.skip_ordered_until:
            return True
        changes = applied.changes
        before = changes.size
        count = 0
        for old, new in images(rows, applied.layout.readers):
            changes.change(old, new, checked=rows.checked)
            count += 1
        if ordered:
            self._result.rows_ordered += count
        else:
            self._result.rows_compacted += count
        self._size += changes.size - before
        if self._size > 2 * self._plan.memory_bytes:  # a transaction larger than memory
            self._flush()
        elif self._writer.statements >= _STATEMENTS_PER_COMMIT:
            self._writer.commit()
        return True

    def _query(self, event: Event, gtid: str, changes: bool) -> None:
        if bytes(event.body[-6:]) == b"\0BEGIN":  # of almost every transaction
            return
        query = read_query(event)
        statement = describe(query.statement)
        match statement.kind:
            case Kind.BEGIN | Kind.END:
                return
            case Kind.IGNORED if statement.verb != "ROLLBACK" or not changes:
                return
            case Kind.IGNORED:
                raise LogError("it was rolled back in part, and the log does not say which; take a new dump")
            case Kind.DISTRIBUTED:
                raise LogError(f"it holds {_UNREPLAYABLE[Type.XA_PREPARE]}, which cannot be replayed")
            case Kind.ACCOUNTS:
                name = f"{statement.verb} {statement.object}".strip()
                count, first = self._skipped.get(name, (0, gtid))
                self._skipped[name] = (count + 1, first)
                return
            case Kind.DDL | Kind.CHANGE:
                pass
        if not touched(query, read_settings(query.status, event.time), self._plan.schemas):
            return
        if statement.kind is Kind.CHANGE:
            raise LogError(
                f"it holds a statement ({statement.verb}) instead of rows; set binlog_format=ROW and take a "
                "new dump"
            )
        if gtid in self._plan.skip_ordered_until or self._progress.in_window(gtid):
            raise LogError(
                f"a {statement.verb} {statement.object} ran while the base's snapshot was taken; restore "
                "from an older backup"
            )
        self._define(event, statement)

    def _define(self, event: Event, statement: Statement) -> None:
        """Run DDL: everything before it is written, and what it changed is read again."""
        query = read_query(event)
        self._forget_layouts()
        hang = statement.object in _WITH_TRIGGERS
        if hang:
            attach(self._ddl_session, self._triggers)
        self._result.warnings += self._definitions.run(query, event, statement, self._tables)
        self._result.ddl += 1
        if hang:
            self._triggers = detach(self._ddl_session, self._plan.schemas)
        if statement.object in _OF_TABLES:
            before, self._tables = self._tables, self._read()
            if statement.verb == "ALTER":
                self._refuse_new_numbers(before)

    def _refuse_new_numbers(self, before: Tables) -> None:
        """A counter added to rows without a key numbers them in an order that only the source knows."""
        for place, table in self._tables.tables.items():
            old = before.tables.get(place)
            if old is None or old.key or not _counts(table) or _counts(old):
                continue
            name = f"{quoted(place[0])}.{quoted(place[1])}"
            if self._ddl_session.value(f"SELECT 1 FROM {name} LIMIT 1"):  # noqa: S608
                raise LogError(
                    f"{'.'.join(place)} had no key and got an AUTO_INCREMENT column: the source numbered its "
                    "rows in an order that the log does not tell; use a dump that was taken later"
                )

    def _flush(self) -> None:
        """Write all that waits. Until that is done, only what was written before is known to be good."""
        self._good = self._written
        for applied in self._by_name.values():
            written = applied.changes.flush(exact=self._exact)
            if applied.how is Replay.COMPACTED:
                self._result.rows_written += written
            self._writer.commit()
        self._writer.commit()
        self._turn.holder = None  # nothing waits; whoever knows this turn goes on with it
        self._size = 0
        self._exact = self._progress.settled
        self._good = self._written = self._progress.last

    def _forget_layouts(self) -> None:
        """Write everything, so that tables may change."""
        self._flush()
        for applied in self._by_name.values():
            self._raise_counter(applied.layout, applied.changes.top)
        self._by_body.clear()
        self._by_name.clear()

    def _raise_counter(self, layout: Layout, top: int) -> None:
        """Lift AUTO_INCREMENT over every value the source gave, those of deleted rows included."""
        if not top or layout.counter is None:
            return
        column = layout.columns[layout.counter]
        room = (1 << _LIMITS[column.type] + column.unsigned) - 1 - top
        value = top + 1 + min(_MARGIN, max(0, room - 1) // 16)
        try:
            value = self._definitions.raise_counter(layout.table.schema, layout.table.name, value)
        except DatabaseError as error:
            raise LogError(f"AUTO_INCREMENT of {layout.label} cannot be raised: {error}") from error
        self._result.auto_increment[layout.label] = value

    def finish(self) -> Replayed:
        """Write what is left; the result."""
        with self._stopping("its end"):
            self._forget_layouts()
        self._writer.close()
        result = self._result
        result.gtids = self._progress.gtids
        result.triggers = self._triggers
        result.events = self._definitions.events
        result.skipped = [
            f"{count} x {name}, first in {first}: accounts and the server's own objects are not replayed"
            for name, (count, first) in self._skipped.items()
        ]
        return result
