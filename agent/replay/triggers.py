"""Triggers off the target while rows are replayed, and back on: the log holds what they did already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.database import Session, placeholders, quoted
from agent.replay.statements import without_definer

_NAMES = (
    "SELECT TRIGGER_SCHEMA, TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA IN ({})"
    " ORDER BY TRIGGER_SCHEMA, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER"
)


@dataclass(frozen=True)
class Trigger:
    """A trigger as SHOW CREATE TRIGGER gives it.

    Attributes:
        statement: creates it; without a definer, and without its place among others: their order in a list
            of triggers is that.
        sql_mode, charset, collation: the session's settings that it was created with and runs with.
    """

    schema: str
    name: str
    statement: str
    sql_mode: str
    charset: str
    collation: str


def triggers_of(session: Session, schemas: Sequence[str]) -> list[Trigger]:
    """All triggers on the tables of ``schemas``, in the order in which they must be made.

    Raises:
        DatabaseError: the server refuses.
    """
    found = session.rows(_NAMES.format(placeholders(schemas)), schemas)
    return [_read(session, str(schema), str(name)) for schema, name in found]


def detach(session: Session, schemas: Sequence[str]) -> list[Trigger]:
    """Take all triggers off the tables of ``schemas``; they come back with ``attach``.

    Raises:
        DatabaseError: the server refuses.
    """
    triggers = triggers_of(session, schemas)
    for trigger in triggers:
        session.rows(f"DROP TRIGGER {quoted(trigger.schema)}.{quoted(trigger.name)}")
    return triggers


def attach(session: Session, triggers: Iterable[Trigger]) -> None:
    """Create ``triggers`` in their order; the session's own settings are as before afterwards.

    Raises:
        DatabaseError: the server refuses one.
    """
    before = session.rows("SELECT @@sql_mode, @@character_set_client, @@collation_connection")[0]
    for trigger in triggers:
        session.rows(f"USE {quoted(trigger.schema)}")
        _set(session, trigger.sql_mode, trigger.charset, trigger.collation)
        session.rows(trigger.statement)
    _set(session, *map(str, before))


def _set(session: Session, sql_mode: str, charset: str, collation: str) -> None:
    # The client sends UTF-8 whatever the trigger was created with, as SHOW CREATE TRIGGER converted it; a
    # name of another charset would make the server read the statement's text wrongly.
    client = charset if charset.startswith("utf8") else "utf8mb4"
    session.rows(
        "SET sql_mode = %s, character_set_client = %s, collation_connection = %s",
        [sql_mode, client, collation],
    )


def _read(session: Session, schema: str, name: str) -> Trigger:
    row = session.rows(f"SHOW CREATE TRIGGER {quoted(schema)}.{quoted(name)}")[0]
    _name, sql_mode, statement, charset, collation, *_rest = map(str, row)
    text = without_definer(statement.encode(), ansi_quotes="ANSI_QUOTES" in sql_mode).decode()
    return Trigger(schema, name, text, sql_mode, charset, collation)
