"""What a server holds in the schemas of interest, asked from its data dictionary.

The counts are compared with what mysqldump really wrote: a dump without a privilege leaves triggers out and
reports success.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from agent.database import Session, placeholders

_SCHEMATA = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ({})"
_ENGINES = (
    "SELECT CONCAT_WS('.', TABLE_SCHEMA, TABLE_NAME), ENGINE FROM information_schema.TABLES"
    " WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE <> 'InnoDB' AND TABLE_SCHEMA IN ({}) ORDER BY 1"
)
_COLUMNS = (
    "SELECT CONCAT_WS('.', c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME) FROM information_schema.COLUMNS c"
    " JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME)"
    " WHERE t.TABLE_TYPE = 'BASE TABLE' AND c.DATA_TYPE = %s AND c.TABLE_SCHEMA IN ({}) ORDER BY 1"
)
_COUNTS = {
    "tables": "SELECT COUNT(*) FROM information_schema.TABLES"
    " WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({})",
    "views": "SELECT COUNT(*) FROM information_schema.VIEWS WHERE TABLE_SCHEMA IN ({})",
    "triggers": "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA IN ({})",
    "events": "SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA IN ({})",
    "procedures": "SELECT COUNT(*) FROM information_schema.ROUTINES"
    " WHERE ROUTINE_TYPE = 'PROCEDURE' AND ROUTINE_SCHEMA IN ({})",
    "functions": "SELECT COUNT(*) FROM information_schema.ROUTINES"
    " WHERE ROUTINE_TYPE = 'FUNCTION' AND ROUTINE_SCHEMA IN ({})",
}

# Tables without a primary key of their own: one that the server made up (my_row_id, error 4108 says it is
# reserved) has other values on every copy.
_KEYLESS = (
    "SELECT t.TABLE_SCHEMA, t.TABLE_NAME FROM information_schema.TABLES t WHERE t.TABLE_TYPE = 'BASE TABLE'"
    " AND t.TABLE_SCHEMA IN ({}) AND NOT EXISTS (SELECT 1 FROM information_schema.STATISTICS s"
    " JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME)"
    " WHERE (s.TABLE_SCHEMA, s.TABLE_NAME, s.INDEX_NAME) = (t.TABLE_SCHEMA, t.TABLE_NAME, 'PRIMARY')"
    " AND NOT (c.COLUMN_NAME = 'my_row_id' AND c.EXTRA LIKE '%%INVISIBLE%%')) ORDER BY 1, 2"
)
_REFERENCES = (
    "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME,"
    " UPDATE_RULE IN ('CASCADE', 'SET NULL') OR DELETE_RULE IN ('CASCADE', 'SET NULL')"
    " FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA IN ({})"
)
_CASCADES_FROM_OUTSIDE = (
    "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME"
    " FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA IN ({0})"
    " AND UNIQUE_CONSTRAINT_SCHEMA NOT IN ({0})"
    " AND (UPDATE_RULE IN ('CASCADE', 'SET NULL') OR DELETE_RULE IN ('CASCADE', 'SET NULL')) ORDER BY 1, 2, 3"
)
# From this release on the rows that a foreign key changes in other tables are in the binary log.
_CASCADES_LOGGED = (9, 6)

Table = tuple[str, str]


def count_objects(session: Session, schemas: Sequence[str]) -> dict[str, int]:
    """How many tables, views, triggers, events, procedures and functions there are."""
    return {
        kind: int(session.value(statement.format(placeholders(schemas)), schemas) or 0)
        for kind, statement in _COUNTS.items()
    }


def existing_schemas(session: Session, schemas: Sequence[str]) -> list[str]:
    """Those of ``schemas`` that exist, as the server spells them."""
    return [str(row[0]) for row in session.rows(_SCHEMATA.format(placeholders(schemas)), schemas)]


def other_engines(session: Session, schemas: Sequence[str]) -> list[tuple[str, str]]:
    """(``schema.table``, engine) of tables that are not InnoDB: they are not part of a dump's snapshot."""
    return [
        (str(row[0]), str(row[1])) for row in session.rows(_ENGINES.format(placeholders(schemas)), schemas)
    ]


def float_columns(session: Session, schemas: Sequence[str]) -> list[str]:
    """FLOAT columns as ``schema.table.column``: mysqldump writes six of their digits and reports success."""
    return _columns(session, schemas, "float")


def keyless_tables(session: Session, schemas: Sequence[str]) -> list[Table]:
    """(schema, table) of all tables without a primary key of their own."""
    return [
        (str(row[0]), str(row[1])) for row in session.rows(_KEYLESS.format(placeholders(schemas)), schemas)
    ]


def cascades_logged(session: Session) -> bool:
    """Whether the server logs the rows that CASCADE and SET NULL change in child tables."""
    major, minor = str(session.value("SELECT VERSION()")).split(".")[:2]
    return (int(major), int(minor)) >= _CASCADES_LOGGED and (
        session.variable("innodb_native_foreign_keys") != "ON"
    )


def ordered_tables(session: Session, schemas: Sequence[str], *, logged: bool) -> list[Table]:
    """(schema, table) of tables whose log must be replayed in commit order, sorted.

    Those without a primary key; and, when cascades are not ``logged``, every table that is connected by
    foreign keys with one that cascades.
    """
    found = set(keyless_tables(session, schemas))
    if not logged:
        found |= _cascading(_references(session, schemas))
    return sorted(found)


def changed_by_cascade(session: Session, schemas: Sequence[str], changed: Set[Table]) -> set[Table]:
    """The tables, in lower case, in which foreign keys may have changed rows when ``changed`` were."""
    edges = [
        (_lower(child), _lower(parent))
        for child, parent, cascades in _references(session, schemas)
        if cascades
    ]
    reached = set(changed)
    while more := {child for child, parent in edges if parent in reached} - reached:
        reached |= more
    return reached - changed


def cascades_from_outside(session: Session, schemas: Sequence[str]) -> list[tuple[str, str, str]]:
    """(``schema.table``, foreign key, table it refers to) where that table is outside of ``schemas`` and
    changes rows of the first by CASCADE or SET NULL."""
    found = session.rows(_CASCADES_FROM_OUTSIDE.format(placeholders(schemas)), [*schemas, *schemas])
    return [(f"{row[0]}.{row[1]}", str(row[2]), f"{row[3]}.{row[4]}") for row in found]


def _references(session: Session, schemas: Sequence[str]) -> list[tuple[Table, Table, bool]]:
    """(child, parent, whether it cascades) of each foreign key."""
    return [
        ((str(row[0]), str(row[1])), (str(row[2]), str(row[3])), bool(row[4]))
        for row in session.rows(_REFERENCES.format(placeholders(schemas)), schemas)
    ]


def _lower(table: Table) -> Table:
    return table[0].lower(), table[1].lower()


def _cascading(edges: Sequence[tuple[Table, Table, bool]]) -> set[Table]:
    """All tables of the connected components in which an edge cascades."""
    reached = {table for child, parent, cascades in edges if cascades for table in (child, parent)}
    while True:
        more = {
            table
            for child, parent, _ in edges
            if (child in reached) != (parent in reached)
            for table in (child, parent)
        }
        if more <= reached:
            return reached
        reached |= more


def json_columns(session: Session, schemas: Sequence[str]) -> list[str]:
    """JSON columns as ``schema.table.column``."""
    return _columns(session, schemas, "json")


def _columns(session: Session, schemas: Sequence[str], data_type: str) -> list[str]:
    found = session.rows(_COLUMNS.format(placeholders(schemas)), [data_type, *schemas])
    return [str(row[0]) for row in found]
