"""DDL statements of the log, run on the target with the settings and the rights that they need there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.binlog.events import Event, Query, Type, read_query
from agent.binlog.transactions import Transaction
from agent.database import Session, quoted
from agent.errors import DatabaseError, LogError
from agent.replay.plan import Plan
from agent.replay.schema import INVISIBLE_KEY, Tables
from agent.replay.settings import Settings, read_settings
from agent.replay.spelling import respell
from agent.replay.statements import (
    Kind,
    Statement,
    describe,
    disabled_event,
    subject,
    tokens,
    without_definer,
)

# What a statement runs with where the log says nothing, because it was the server's own default.
_DEFAULTS = {
    "auto_increment_increment": "1",
    "auto_increment_offset": "1",
    "lc_time_names": "0",
    "time_zone": "'+00:00'",
}
_NEXT = "SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
# Every ALTER TABLE judges the defaults of all columns anew: zero dates by the mode, TIMESTAMPs by the zone.
_FOR_ANY_DEFAULT = {"sql_mode": "'ALLOW_INVALID_DATES'", "time_zone": "'+00:00'"}
_RESTRICTED = (
    *("auto_increment_increment", "auto_increment_offset", "explicit_defaults_for_timestamp"),
    "default_collation_for_utf8mb4",
)
_TIME_ZONE_UNKNOWN, _NO_DATABASE, _TWO_KEYS, _TWO_COUNTERS = "1298", "1049", "1068", "1075"
# Notes and warnings that the source gave as well, or that are about words: they do not say that the copy
# differs. IF EXISTS, IF NOT EXISTS; deprecations; a second index on the same columns.
_HARMLESS = frozenset(
    (1007, 1008, 1050, 1051, 1287, 1304, 1305, 1360, 1537, 1539, 1681, 1831, 3719, 3720, 3778)
)

_WHOLE_TABLE = ("CREATE", "DROP", "TRUNCATE")


def touched(query: Query, settings: Settings, schemas: Iterable[str]) -> bool:
    """Whether a statement changes one of ``schemas``."""
    changed = settings.schemas
    if changed is None:  # so it is for CREATE TABLE ... SELECT
        changed = (subject(query.statement)[0] or query.schema,)
    return bool({name.lower() for name in changed} & {name.lower() for name in schemas})


def ambiguous(
    transactions: Iterable[Transaction], schemas: Iterable[str], *, opened: bool = False
) -> str | None:
    """Why a base whose window (``gtid_end`` less ``gtid_before``) holds ``transactions`` cannot serve.

    A dump made between two states of a definition cannot be replayed onto: whether a CREATE, DROP or ALTER
    of the window is already in the dump is not known, and repeating it may fail or, worse, succeed. mysqldump
    reads definitions until it ends: an index or a procedure that was made after the snapshot can be in it.
    So a base whose window holds DDL of the dumped schemas does not serve; an older one does.

    Args:
        opened: they were committed when the snapshot was open (not in ``gtid_after``). Then a table made,
            emptied or dropped as a whole is none of those: mysqldump fails at it, with 1412 or 1146, unless
            it had read the old one before, and the old one is what the statement is then repeated on.

    Returns:
        A sentence, or None where nothing in the window stands in the way.
    """
    wanted = tuple(schemas)
    when = "it was dumped" if opened else "its snapshot was taken"
    reason: str | None = None
    for transaction in transactions:
        for event in transaction.events:  # to the end: see Transaction
            if reason is None and event.type == Type.QUERY:
                query = read_query(event)
                statement = describe(query.statement)
                if statement.kind not in (Kind.DDL, Kind.CHANGE):
                    continue
                if opened and statement.object == "TABLE" and statement.verb in _WHOLE_TABLE:
                    continue
                if touched(query, read_settings(query.status, event.time), wanted):
                    reason = (
                        f"{statement.verb} {statement.object} ran while {when} ({transaction.gtid}), so the "
                        "dump may hold the definition before or after it"
                    )
    return reason


class Definitions:
    """Runs DDL.

    Args:
        session: its own; its settings change with every statement.
    """

    def __init__(self, session: Session, plan: Plan) -> None:
        self._session, self._plan = session, plan
        self._current = self._restricted()
        self._events = {(schema.lower(), name.lower()): (schema, name) for schema, name in plan.events}
        self._allow_tables_without_key()

    def _restricted(self) -> dict[str, str]:
        """Settings as they are, of those that some versions let only privileged accounts change."""
        row = self._session.rows(
            "SELECT @@auto_increment_increment, @@auto_increment_offset, @@explicit_defaults_for_timestamp,"
            " (SELECT ID FROM information_schema.COLLATIONS"
            " WHERE COLLATION_NAME = @@default_collation_for_utf8mb4)"
        )[0]
        return dict(zip(_RESTRICTED, map(str, row), strict=True))

    def _allow_tables_without_key(self) -> None:
        """Tables come as the source made them; Azure would give them a key, or a server refuse them."""
        for name in ("sql_generate_invisible_primary_key", "sql_require_primary_key"):
            if self._session.variable(name) == "ON":
                try:
                    self._session.rows(f"SET SESSION {name} = OFF")
                except DatabaseError as error:
                    if name == "sql_require_primary_key":
                        fix = f"set the server parameter {name} to OFF for the restore"
                        raise LogError(f"{fix}: {error}") from error

    @property
    def events(self) -> tuple[tuple[str, str], ...]:
        """(schema, name) of the events that are enabled on the source now."""
        return tuple(sorted(self._events.values()))

    def run(self, query: Query, event: Event, statement: Statement, tables: Tables) -> list[str]:
        """Run one statement; the server's warnings.

        Raises:
            LogError: the server refuses it.
        """
        settings = read_settings(query.status, event.time)
        schema = self._target_schema(query.schema)
        text = without_definer(query.statement, ansi_quotes=settings.ansi_quotes)
        if statement.object == "TABLE" and statement.verb == "CREATE":
            text = without_start_transaction(text)
        if self._plan.names:
            text = respell(text, statement, tables, self._plan.names, self._plan.schemas)
        if statement.object == "EVENT" and statement.verb in ("CREATE", "ALTER"):
            text = self._disabled(text, settings, schema)
        try:
            self._prepare(settings, schema)
            warnings = self._execute(text, statement, tables, schema)
        except DatabaseError as error:
            hint = ""
            if _TIME_ZONE_UNKNOWN in str(error):
                hint = "; load the time zone tables (on Azure: CALL mysql.az_load_timezone();)"
            what = f"{statement.verb} {statement.object}"
            raise LogError(f"a {what} of the log failed: {error}{hint}") from error
        if statement.verb == "DROP":
            self._forget(text, statement, schema)
        return warnings

    def _target_schema(self, name: str) -> str:
        return next((s for s in self._plan.schemas if s.lower() == name.lower()), name)

    def _prepare(self, settings: Settings, schema: str) -> None:
        if schema.lower() in {name.lower() for name in self._plan.schemas}:
            try:
                self._session.rows(f"USE {quoted(schema)}")
            except DatabaseError as error:
                if _NO_DATABASE not in str(error):  # CREATE DATABASE while another is the default
                    raise
        self._set({**_DEFAULTS, **settings.variables})

    def _set(self, variables: Mapping[str, str]) -> None:
        for name, value in variables.items():
            if self._current.get(name) != value:
                self._session.rows(f"SET SESSION {name} = {value}")
                self._current[name] = value

    def raise_counter(self, schema: str, table: str, value: int) -> int:
        """Have the next AUTO_INCREMENT value be ``value`` at least; what it is then.

        A higher one stays: the server would lower it to the first above the rows that are there, and ids of
        deleted rows would be given out again.

        Raises:
            DatabaseError: the server refuses.
        """
        self._set(_FOR_ANY_DEFAULT)
        self._session.rows("SET SESSION information_schema_stats_expiry = 0")
        present = int(self._session.value(_NEXT, [schema, table]) or 0)
        if present < value:
            self._session.rows(f"ALTER TABLE {quoted(schema)}.{quoted(table)} AUTO_INCREMENT = {value}")
        return max(present, value)

    def _execute(self, text: bytes, statement: Statement, tables: Tables, schema: str) -> list[str]:
        try:
            _, warnings = self._session.change(text)
        except DatabaseError as error:
            if not any(f" {number} " in f" {error} " for number in (_TWO_KEYS, _TWO_COUNTERS)):
                raise
            if statement.verb != "ALTER" or not self._drop_invisible_key(text, tables, schema):
                raise
            _, warnings = self._session.change(text)
        if not warnings:
            return []
        found = self._session.rows("SHOW WARNINGS")
        return [
            f"{statement.verb} {statement.object}: {text}"
            for _, code, text in found
            if int(code) not in _HARMLESS
        ]

    def _drop_invisible_key(self, text: bytes, tables: Tables, schema: str) -> bool:
        """Make room for the source's own key in a table to which this server gave one."""
        where, name = subject(text)
        table = tables.find(where or schema, name)
        if table is None or not table.invisible_key:
            return False
        place = f"{quoted(table.schema)}.{quoted(table.name)}"
        self._session.rows(f"ALTER TABLE {place} DROP COLUMN {quoted(INVISIBLE_KEY)}")
        return True

    def _disabled(self, text: bytes, settings: Settings, schema: str) -> bytes:
        state = disabled_event(text, ansi_quotes=settings.ansi_quotes, backslash=settings.backslash)
        place = (state.schema or schema, state.name)
        key = (place[0].lower(), place[1].lower())
        if state.enabled:
            self._events[key] = place
        elif state.enabled is False:
            self._events.pop(key, None)
        if state.renamed and self._events.pop(key, None):
            new = (state.renamed[0] or schema, state.renamed[1])
            self._events[(new[0].lower(), new[1].lower())] = new
        return state.statement

    def _forget(self, text: bytes, statement: Statement, schema: str) -> None:
        if statement.object not in ("EVENT", "DATABASE"):
            return
        where, name = subject(text)
        if statement.object == "EVENT":
            self._events.pop(((where or schema).lower(), name.lower()), None)
        else:
            self._events = {key: e for key, e in self._events.items() if key[0] != name.lower()}


def without_start_transaction(text: bytes) -> bytes:
    """CREATE TABLE ... SELECT is logged as a CREATE TABLE that opens a transaction, and row events."""
    found = list(tokens(text))
    if [token.text for token in found[-2:]] == ["START", "TRANSACTION"] and found[-1].kind == "word":
        return text[: found[-2].start]
    return text
