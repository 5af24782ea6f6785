"""Which tables the archived log changed between two states, without writing anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent.archive.flaws import flaw_of, schemas_of
from agent.archive.log import survey
from agent.archive.reading import transactions
from agent.binlog.events import Event, Query, Type, read_query
from agent.binlog.rows_map import read_table_map
from agent.errors import LogError
from agent.gtid import GtidSet
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
    look = _Look(schemas)
    try:
        for transaction in transactions(store, run, after=after, to=end):
            for event in transaction.events:
                look.at(event)
    except LogError as error:
        return Changed(why_all=str(error))
    return Changed(frozenset(look.tables), look.objects, look.why_all)


class _Look:
    def __init__(self, schemas: Iterable[str]) -> None:
        self._schemas = {schema.lower() for schema in schemas}
        self.tables: set[Table] = set()
        self.objects = False
        self.why_all = ""

    def at(self, event: Event) -> None:
        """Take one event."""
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
