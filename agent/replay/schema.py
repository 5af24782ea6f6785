"""The target's tables as the replay needs them: columns, keys, foreign keys, and how each is replayed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from agent.database import Session, placeholders

INVISIBLE_KEY = "my_row_id"
"""Name of the column that sql_generate_invisible_primary_key adds; no other can be so named then."""

_COLUMNS = (
    "SELECT c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.CHARACTER_SET_NAME,"
    " c.EXTRA, c.GENERATION_EXPRESSION <> '' FROM information_schema.COLUMNS c"
    " JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME)"
    " WHERE t.TABLE_TYPE = 'BASE TABLE' AND c.TABLE_SCHEMA IN ({})"
    " ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION"
)
# Unique keys that can stand for a primary one: whole columns, none of them nullable. The primary key first.
_KEYS = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COLUMN_NAME, INDEX_NAME = 'PRIMARY'"
    " OR (COLUMN_NAME IS NOT NULL AND NULLABLE = '' AND SUB_PART IS NULL)"
    " FROM information_schema.STATISTICS WHERE NON_UNIQUE = 0 AND TABLE_SCHEMA IN ({})"
    " ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX"
)
_FOREIGN_KEYS = (
    "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME,"
    " DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT')"
    " OR UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT')"
    " FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA IN ({})"
)
Name = tuple[str, str]
"""(schema, table)."""


class Replay(Enum):
    """How a table's changes are replayed."""

    COMPACTED = auto()
    """The last image of each key, in bulk, without foreign key checks."""
    ORDERED = auto()
    """No key: in commit order, each row found by all its values."""
    CHECKED = auto()
    """In commit order with foreign key checks: the server repeats cascades that the log does not hold."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        type: information_schema's DATA_TYPE.
        generated: the server computes its value.
        on_update: the server sets it to the present time when an UPDATE does not name it.
    """

    name: str
    type: str
    unsigned: bool
    charset: str | None
    generated: bool
    auto_increment: bool
    on_update: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        columns: without a generated invisible primary key.
        key: positions in ``columns`` of the primary key, or of a unique key without nullable columns. Empty
            without one; a generated invisible key is none, because its values differ between the servers.
        invisible_key: whether it has one.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[int, ...]
    invisible_key: bool


@dataclass(frozen=True)
class Tables:
    """All tables of the dumped schemas, and how each is replayed."""

    tables: Mapping[Name, Table]
    classes: Mapping[Name, Replay]

    def find(self, schema: str, name: str) -> Table | None:
        """The table of that name; in other capitals where there is only one such."""
        found = self.tables.get((schema, name))
        if found is not None:
            return found
        folded = (schema.lower(), name.lower())
        alike = [table for key, table in self.tables.items() if (key[0].lower(), key[1].lower()) == folded]
        return alike[0] if len(alike) == 1 else None


def read_tables(session: Session, schemas: Sequence[str], *, cascades_logged: bool) -> Tables:
    """Read the tables of ``schemas`` from the server's dictionary."""
    listed = placeholders(schemas)
    indexes: dict[Name, dict[str, list[str | None]]] = {}
    for schema, table, index, column, fit in session.rows(_KEYS.format(listed), schemas):
        of_table = indexes.setdefault((str(schema), str(table)), {})
        of_table.setdefault(str(index), []).append(str(column) if fit else None)
    columns: dict[Name, list[Column]] = {}
    invisible: set[Name] = set()
    for schema, table, name, kind, definition, charset, extra, generated in session.rows(
        _COLUMNS.format(listed), schemas
    ):
        place = (str(schema), str(table))
        found = columns.setdefault(place, [])
        hidden = name == INVISIBLE_KEY and "INVISIBLE" in extra
        if hidden and indexes.get(place, {}).get("PRIMARY") == [INVISIBLE_KEY]:
            del indexes[place]["PRIMARY"]
            invisible.add(place)
            continue
        found.append(
            Column(
                str(name),
                str(kind).lower(),
                "unsigned" in str(definition),
                None if charset is None else str(charset),
                bool(generated),
                "auto_increment" in str(extra),
                " on update " in f" {str(extra).lower()} ",
            )
        )
    tables: dict[Name, Table] = {}
    for place, own in columns.items():
        tables[place] = Table(*place, tuple(own), _key(own, indexes.get(place, {})), place in invisible)
    edges = [
        ((str(a), str(b)), (str(c), str(d)), bool(cascades))
        for a, b, c, d, cascades in session.rows(_FOREIGN_KEYS.format(listed), schemas)
    ]
    return Tables(tables, classify(tables, edges, cascades_logged=cascades_logged))


def _key(columns: Sequence[Column], indexes: Mapping[str, Sequence[str | None]]) -> tuple[int, ...]:
    """Positions of the columns of the primary key, else of a unique key that is as good."""
    positions: dict[str | None, int] = {
        column.name: i for i, column in enumerate(columns) if not column.generated or "PRIMARY" in indexes
    }
    for names in indexes.values():
        if all(name in positions for name in names):
            return tuple(positions[name] for name in names)
    return ()


def classify(
    tables: Mapping[Name, Table], edges: Iterable[tuple[Name, Name, bool]], *, cascades_logged: bool
) -> dict[Name, Replay]:
    """How to replay each table.

    Args:
        edges: foreign keys: child, parent, and whether a change of the parent changes children.
    """
    root = {name: name for name in tables}

    def component(name: Name) -> Name:
        while root.setdefault(name, name) != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    edges = list(edges)
    for child, parent, _ in edges:
        root[component(child)] = component(parent)
    checked = {component(child) for child, _, cascades in edges if cascades and not cascades_logged}
    return {
        name: Replay.CHECKED
        if component(name) in checked
        else Replay.COMPACTED
        if table.key
        else Replay.ORDERED
        for name, table in tables.items()
    }
