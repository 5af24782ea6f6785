"""What a server holds in the schemas of interest, asked from its data dictionary.

The counts are compared with what mysqldump really wrote: a dump without a privilege leaves triggers out and
reports success.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def json_columns(session: Session, schemas: Sequence[str]) -> list[str]:
    """JSON columns as ``schema.table.column``."""
    return _columns(session, schemas, "json")


def _columns(session: Session, schemas: Sequence[str], data_type: str) -> list[str]:
    found = session.rows(_COLUMNS.format(placeholders(schemas)), [data_type, *schemas])
    return [str(row[0]) for row in found]
