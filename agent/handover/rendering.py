"""From a transaction of the log to SQL text that makes the same changes again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from agent.binlog.events import Event, Query, Type, read_query
from agent.binlog.jsonb import function_definition
from agent.binlog.rows import KINDS, Rows, images, read_rows
from agent.binlog.rows_map import TableMap, read_table_map
from agent.binlog.transactions import Transaction
from agent.database import OWN_SCHEMA, Session, placeholders
from agent.errors import LogError
from agent.handover.reshaped import Reshaped
from agent.handover.row_text import Change, PlainText, TableText
from agent.handover.session_text import LENIENT_MODE, STRICT_MODE, SessionText
from agent.objects import cascades_logged
from agent.replay.ddl import without_start_transaction
from agent.replay.layout import lay_out
from agent.replay.schema import Replay, read_tables
from agent.replay.settings import read_settings
from agent.replay.statements import Kind, Statement, describe, subject, tokens

SYSTEM_SCHEMAS = ("mysql", "sys", "performance_schema", "information_schema", OWN_SCHEMA)
_OTHERS = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ({})"
_FUNCTION = re.compile(rb"\b" + OWN_SCHEMA.encode() + rb"\.json_\d+_\d+\b")
_REPEATED = ("SAVEPOINT", "ROLLBACK", "RELEASE")
# Values that a statement in the log is to be run with, and files that it loads: they are not in its text.
_BESIDE_STATEMENTS = frozenset((5, 13, 14, Type.BEGIN_LOAD_QUERY, Type.EXECUTE_LOAD_QUERY))
_BY_STATEMENT = "changed rows by a statement, which may find others when it is run again"
_FLAWS: Mapping[int, str] = {
    Type.TRANSACTION_PAYLOAD: "compressed (binlog_transaction_compression)",
    Type.PARTIAL_UPDATE_ROWS: "holding parts of JSON documents only (binlog_row_value_options)",
    Type.INCIDENT: "before which the server says that its log lost something",
}


@dataclass
class Rendered:
    """One transaction.

    Attributes:
        changes: how many, by table; empty when it touches nothing but system schemas and accounts.
        flaw: why it is not, or not all of it, in the text as statements; empty when it is.
        functions: what its JSON values need; name -> statement that creates it.
        dropped_triggers: (schema, name) that it drops.
    """

    changes: Counter[str] = field(default_factory=Counter[str])
    flaw: str = ""
    functions: dict[str, str] = field(default_factory=dict[str, str])
    dropped_triggers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@dataclass
class _Table:
    """How the rows of one table are rendered, or of one that is left out (``text`` None)."""

    mapped: TableMap
    text: TableText | PlainText | None
    checked: bool = False


class Renderer:
    """Renders transactions in the log's order.

    Args:
        reshaped: definitions that changed in the log, from an earlier reading of it.
    """

    def __init__(self, database: Session, reshaped: Reshaped) -> None:
        found = database.rows("SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS")
        self._charsets = {int(number): str(name) for number, name in found}
        self.schemas = tuple(
            str(row[0]) for row in database.rows(_OTHERS.format(placeholders(SYSTEM_SCHEMAS)), SYSTEM_SCHEMAS)
        )
        self._tables = read_tables(database, self.schemas or ("",), cascades_logged=cascades_logged(database))
        self._session = SessionText(self._charsets)
        self._known = reshaped
        self.reshaped = Reshaped()
        self._by_body: dict[bytes, TableText | None] = {}
        self._ordinal = 0
        self._distributed: set[bytes] = set()
        self._begin_transaction()

    def _begin_transaction(self) -> None:
        self._result = Rendered()
        self._maps: dict[int, _Table] = {}
        self._open = False
        self._xid = b""
        self._kept = self._session.state

    def transaction(self, transaction: Transaction, out: IO[bytes]) -> Rendered:
        """Write the statements of one transaction.

        Raises:
            CutError: the log ends in it; what was written is to be dropped (``drop``).
            LogError: the log is damaged.
        """
        self._begin_transaction()
        self._ordinal += 1
        for event in transaction.events:
            self._event(event, out)
        if not self._result.changes:
            self.drop()
        return self._result

    def drop(self) -> None:
        """The last transaction's text is not used."""
        self._session.state = self._kept

    def _event(self, event: Event, out: IO[bytes]) -> None:
        kind = event.type
        if kind == Type.TABLE_MAP:
            self._map(event)
        elif kind in KINDS:
            self._rows(event, out)
        elif kind == Type.QUERY:
            self._query(event, out)
        elif kind == Type.XID:
            self._end(out, b"COMMIT")
        elif kind == Type.XA_PREPARE:
            one_phase = bool(event.body[0])
            verb, tail = (b"XA COMMIT ", b" ONE PHASE") if one_phase else (b"XA PREPARE ", b"")
            out.write(verb + self._xid + tail + b";\n")
        elif kind in _FLAWS:
            self._flawed(event, _FLAWS[kind])
        elif kind in _BESIDE_STATEMENTS:
            self._flaw(_BY_STATEMENT)

    def _flaw(self, why: str) -> None:
        self._result.flaw = self._result.flaw or why

    def _flawed(self, event: Event, why: str) -> None:
        """Something that cannot be rendered, unless it is of the server's own tables."""
        number = int.from_bytes(event.body[:6], "little")
        table = self._maps.get(number) if event.type == Type.PARTIAL_UPDATE_ROWS else None
        if table is not None and table.text is None:
            return
        self._flaw(why)
        name = f"{table.mapped.schema}.{table.mapped.table}" if table else "(unknown)"
        self._result.changes[name] += 1

    def _map(self, event: Event) -> None:
        mapped = read_table_map(event.body)
        if mapped.schema.lower() in SYSTEM_SCHEMAS:
            self._maps[mapped.id] = _Table(mapped, None)
            return
        text = None
        if not self._known.later(mapped.schema, mapped.table, self._ordinal):
            text = self._laid_out(bytes(event.body)[6:], mapped)
        if text is None:
            self._flaw("holding rows of a table whose definition was another one then")
            self._maps[mapped.id] = _Table(mapped, PlainText(mapped, self._charsets))
            return
        place = (text.layout.table.schema, text.layout.table.name)
        self._maps[mapped.id] = _Table(mapped, text, self._tables.classes[place] is Replay.CHECKED)

    def _laid_out(self, body: bytes, mapped: TableMap) -> TableText | None:
        """None where the present definition is not the one that the rows were written to."""
        if body not in self._by_body:
            table = self._tables.find(mapped.schema, mapped.table)
            try:
                laid = None if table is None else lay_out(mapped, table, self._charsets)
            except LogError:
                laid = None
            self._by_body[body] = None if laid is None else TableText(laid)
        return self._by_body[body]

    def _rows(self, event: Event, out: IO[bytes]) -> None:
        number = int.from_bytes(event.body[:6], "little")
        table = self._maps.get(number)
        if table is None:
            raise LogError("the log holds rows of a table that it does not describe")
        if table.text is None:
            return
        label = f"{table.mapped.schema}.{table.mapped.table}"
        try:
            rows = read_rows(event)
        except LogError:
            self._flaw("holding parts of rows only (binlog_row_image)")
            self._result.changes[label] += 1
            return
        if isinstance(table.text, TableText):
            label = table.text.layout.label
        for change in self._changes(rows, table.text):
            self._write(change, out, checked=rows.checked and table.checked)
            self._result.changes[label] += 1

    def _changes(self, rows: Rows, text: TableText | PlainText) -> Iterator[Change]:
        readers = text.layout.readers if isinstance(text, TableText) else text.readers
        return (text.change(before, after) for before, after in images(rows, readers))

    def _write(self, change: Change, out: IO[bytes], *, checked: bool) -> None:
        if change.statement:
            self._start(out, checked=checked)
        for comment in change.comments:
            # The name of a table or column may hold a line end, behind which it would be a statement.
            out.write(b"-- " + b" ".join(comment.splitlines()) + b"\n")
        if not change.statement:
            return
        for name in set(_FUNCTION.findall(change.statement)):
            needed = function_definition(f"{name.decode()} does not exist")
            if needed is not None:
                self._result.functions[needed[0]] = needed[1]
        if change.enum_errors:
            out.write(LENIENT_MODE + change.statement + b";\n" + STRICT_MODE)
        else:
            out.write(change.statement + b";\n")

    def _start(self, out: IO[bytes], *, checked: bool) -> None:
        """Begin the transaction in the text, with the settings for rows."""
        if not self._open:
            out.write(self._session.rows(checked=checked))
            if not self._xid:
                out.write(b"BEGIN;\n")
            self._open = True
        out.write(self._session.rows(checked=checked))

    def _end(self, out: IO[bytes], verb: bytes) -> None:
        if self._open:
            out.write(verb + b";\n")
        self._open = False

    def _query(self, event: Event, out: IO[bytes]) -> None:
        query = read_query(event)
        statement = describe(query.statement)
        match statement.kind:
            case Kind.BEGIN | Kind.ACCOUNTS:
                return
            case Kind.END:
                self._end(out, b"COMMIT")
            case Kind.IGNORED if statement.verb in _REPEATED:
                self._control(query.statement, out)
            case Kind.IGNORED:
                return
            case Kind.DISTRIBUTED:
                self._distribute(query.statement, out)
            case Kind.DDL | Kind.CHANGE:
                self._define(query, event, statement, out)

    def _control(self, text: bytes, out: IO[bytes]) -> None:
        """A savepoint, or a rollback that left rows of tables without transactions behind."""
        self._start(out, checked=self._session.state.checked)
        out.write(text + b";\n")
        words = text.split()
        if words[0].upper() == b"ROLLBACK" and len(words) == 1:
            self._open = False

    def _distribute(self, text: bytes, out: IO[bytes]) -> None:
        verb, xid = text.split(None, 2)[1].upper(), text.split(None, 2)[2]
        if verb == b"START":
            self._xid = xid
            out.write(self._session.rows(checked=False) + text + b";\n")
            self._open = True
            self._distributed.add(xid)
        elif verb == b"END":
            out.write(text + b";\n")
            self._open = False
        else:  # COMMIT or ROLLBACK of one that was prepared, in a transaction of its own
            out.write(text + b";\n")
            self._result.changes["(distributed transactions)"] += 1
            if xid.removesuffix(b" ONE PHASE") not in self._distributed:
                self._flaw("ending a distributed transaction that was prepared before the fork")

    def _define(self, query: Query, event: Event, statement: Statement, out: IO[bytes]) -> None:
        settings = read_settings(query.status, event.time)
        schema, name = subject(query.statement)
        schema = schema or query.schema
        changed = settings.schemas if settings.schemas is not None else (schema,)
        if statement.object == "DATABASE":
            schema, name = name, "*"
        if all(one.lower() in SYSTEM_SCHEMAS for one in changed) or _switches_event_off(query.statement):
            return
        self._result.changes[f"{schema}.{name}".rstrip(".")] += 1
        self.reshaped.learn(query.statement, statement, self._ordinal)
        if statement.kind is Kind.CHANGE:
            self._flaw(_BY_STATEMENT)
        if statement.object == "TRIGGER":
            self._trigger(query.statement, statement, schema, name, out)
            return
        text = query.statement
        if statement.object == "TABLE" and statement.verb == "CREATE":
            text = without_start_transaction(text)
        self._end(out, b"COMMIT")
        # The log names the schema itself where it is made or dropped; ALTER DATABASE may name none.
        itself = statement.object == "DATABASE" and statement.verb != "ALTER"
        out.write(self._session.definition(text, "" if itself else query.schema, settings))

    def _trigger(self, text: bytes, statement: Statement, schema: str, name: str, out: IO[bytes]) -> None:
        """Triggers are off in the file; those of its end are made at its end."""
        if statement.verb == "DROP":
            self._result.dropped_triggers.append((schema, name))
        out.write(b"-- Not run here, because triggers are off; see the end of this file:\n")
        for line in text.splitlines():
            out.write(b"-- " + line + b"\n")


def _switches_event_off(statement: bytes) -> bool:
    """Whether it is ALTER EVENT name DISABLE and no more. The fence does that itself; it is nobody's work."""
    words = [token.text for token in tokens(statement) if token.kind != "other"]
    if words[:1] != ["ALTER"] or words[-1:] != ["DISABLE"] or "EVENT" not in words:
        return False
    return len(words) - words.index("EVENT") in (3, 4)
