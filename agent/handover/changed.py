"""Which tables a log changed between two states, the archived one or the server's own. Writes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from agent.archive.flaws import flaw_of, schemas_of
from agent.archive.log import survey
from agent.archive.reading import transactions
from agent.binlog.events import Event, Query, Type, read_query
from agent.binlog.rows_map import read_table_map
from agent.binlog.transactions import Transaction
from agent.database import Login, session
from agent.errors import LogError
from agent.gtid import GtidSet
from agent.handover.diverged_log import Diverged, StoppedError, committed, look, previous_gtids
from agent.replay.statements import Kind, describe
from agent.storage import BlobStore

Table = tuple[str, str]
# DDL on these changes no row of any table; what their code does later is in the log as rows.
_WITHOUT_ROWS = frozenset(("EVENT", "VIEW", "TRIGGER", "PROCEDURE", "FUNCTION"))
_NOTHING = (Kind.BEGIN, Kind.END, Kind.IGNORED, Kind.ACCOUNTS)


@dataclass(frozen=True)
class Changed:
    """What may differ.

    Attributes:
        tables: (schema, table) in lower case, as far as rows were logged: not what a foreign key changed.
        objects: definitions.
        why_all: why any table may differ, as a sentence; empty: only ``tables`` do.
    """

    tables: frozenset[Table] = frozenset()
    objects: bool = False
    why_all: str = ""

    def __bool__(self) -> bool:
        return bool(self.tables or self.objects or self.why_all)


def changed_between(
    store: BlobStore, epoch: int, after: GtidSet, end: GtidSet, schemas: Iterable[str]
) -> Changed:
    """What the transactions in ``end`` and not in ``after`` changed in ``schemas``.

    Args:
        epoch: whose archived log is read.

    Raises:
        StorageError: the container cannot be read.
    """
    if end <= after:
        return Changed()
    run = survey(store, epoch).run_for(after)
    missing = end - after - run.gtids
    if missing:
        return Changed(why_all=f"the log of epoch {epoch} lacks {missing}; {run.hole}".rstrip("; "))
    seen = _Seen(schemas)
    try:
        seen.all_of(transactions(store, run, after=after, to=end))
    except LogError as error:
        return Changed(why_all=str(error))
    return seen.changed()


def changed_here(
    account: Login,
    after: GtidSet,
    end: GtidSet,
    schemas: Iterable[str],
    *,
    most_bytes: int,
    stopping: threading.Event,
) -> Changed:
    """What a server committed in ``end`` and not in ``after``, whoever it was, by the server's own log.

    Args:
        end: of ``gtid_executed`` of this server, as is ``after``.
        most_bytes: of the log are read; where there are more, anything counts as changed.
        stopping: set when it shall be given up.

    Raises:
        DatabaseError: the server does not answer, or purged a file meanwhile; begin again.
        StoppedError: ``stopping`` was set.
    """
    with session(account) as database:
        if database.variable("gtid_mode") != "ON":
            return Changed(why_all="the server does not number its transactions: gtid_mode is not ON")
        found = look(database, after, previous_gtids(account, database))
    wanted = end - after
    if why := _why_unreadable(after - end, found, most_bytes):
        return Changed(why_all=why)
    seen = _Seen(schemas)
    try:
        seen.all_of(committed(account, found.file, wanted, stopping))
    except StoppedError:
        raise
    except LogError as error:
        return Changed(why_all=str(error))
    if lacks := wanted.count() - seen.transactions:
        return Changed(why_all=f"the server's log lacks {lacks} transactions that were committed")
    return seen.changed()


def _why_unreadable(lost: GtidSet, found: Diverged, most_bytes: int) -> str:
    """Why the server's own log cannot tell what was changed, or not in time; empty when it can."""
    if lost:
        return f"the server has lost {lost.count()} transactions, so it is another one or was set back"
    if found.purged:
        return f"the server has purged its log of {found.purged.count()} transactions"
    if found.log_bytes > most_bytes:
        return f"to read {found.log_bytes} bytes of log takes longer"
    return ""


class _Seen:
    """What the transactions of a log change, as far as it was read."""

    def __init__(self, schemas: Iterable[str]) -> None:
        self._schemas = {schema.lower() for schema in schemas}
        self.transactions = 0
        self.tables: set[Table] = set()
        self.objects = False
        self.why_all = ""

    def all_of(self, transactions: Iterable[Transaction]) -> None:
        """Take these."""
        for transaction in transactions:
            self.transactions += 1
            for event in transaction.events:
                self._take(event)

    def changed(self) -> Changed:
        """What it comes to."""
        return Changed(frozenset(self.tables), self.objects, self.why_all)

    def _take(self, event: Event) -> None:
        query = read_query(event) if event.type == Type.QUERY else None
        if not self._concerns(event, query):
            return
        if flaw := flaw_of(event, query):
            self.why_all = self.why_all or f"a transaction is {flaw}"
        elif event.type == Type.TABLE_MAP:
            mapped = read_table_map(event.body)
            self.tables.add((mapped.schema.lower(), mapped.table.lower()))
        elif query is not None:
            self._statement(query)

    def _concerns(self, event: Event, query: Query | None) -> bool:
        """Whether it may be about one of our schemas. Rows do not say of which they are: their table map did,
        and a flaw in them counts."""
        schemas = schemas_of(event, query)
        return not schemas or any(schema.lower() in self._schemas for schema in schemas)

    def _statement(self, query: Query) -> None:
        statement = describe(query.statement)
        if statement.kind in _NOTHING:
            return
        self.objects = True
        if statement.kind is not Kind.DDL or statement.object not in _WITHOUT_ROWS:
            self.why_all = self.why_all or f"{statement.verb} {statement.object}".strip() + " was run"
