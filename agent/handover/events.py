"""Scheduled events, switched off on a database that drains and on again on the one that serves.

https://dev.mysql.com/doc/refman/8.4/en/alter-event.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from agent.database import Session, placeholders, quoted
from agent.errors import DatabaseError

_log = logging.getLogger(__name__)
_FOUND = (
    "SELECT EVENT_SCHEMA, EVENT_NAME, DEFINER, STATUS = 'ENABLED' FROM information_schema.EVENTS"
    " WHERE EVENT_SCHEMA IN ({}) ORDER BY 1, 2"
)
_IN_THE_PAST = 1589  # ER_EVENT_CANNOT_ALTER_IN_THE_PAST: it would never run again

Event = tuple[str, str]


def enabled(database: Session, schemas: Sequence[str]) -> tuple[Event, ...]:
    """(schema, event) of all that run.

    Raises:
        DatabaseError: the server does not answer.
    """
    return tuple(
        (str(schema), str(event))
        for schema, event, _, runs in database.rows(_FOUND.format(placeholders(schemas)), schemas)
        if runs
    )


def switch(database: Session, events: Iterable[Event], *, on: bool) -> None:
    """Let ``events`` run, or not; those that are so already, or gone, are left alone.

    Raises:
        DatabaseError: the server refuses.
    """
    wanted = set(events)
    schemas = sorted({schema for schema, _ in wanted})
    if not schemas:
        return
    for schema, event, definer, runs in database.rows(_FOUND.format(placeholders(schemas)), schemas):
        if (schema, event) in wanted and bool(runs) != on:
            _switch(database, f"{quoted(schema)}.{quoted(event)}", str(definer), on=on)


def switch_on(database: Session, events: Iterable[Event]) -> dict[Event, str]:
    """Let all of ``events`` run that the server lets; the others, each with the reason.

    Users must not wait for an event that cannot run.
    """
    refused = _each(database, events, on=True)
    for event, why in refused.items():
        _log.error("event %s.%s stays disabled: %s", *event, why)
    return refused


def stop_all(database: Session, schemas: Sequence[str]) -> None:
    """Let no event run.

    Raises:
        DatabaseError: the server does not answer, or keeps one of them; all others are off.
    """
    refused = _each(database, enabled(database, schemas), on=False)
    for (schema, event), why in refused.items():
        raise DatabaseError(f"event {schema}.{event} goes on in a database that is closed: {why}")


def _each(database: Session, events: Iterable[Event], *, on: bool) -> dict[Event, str]:
    refused: dict[Event, str] = {}
    for event in events:
        try:
            switch(database, [event], on=on)
        except DatabaseError as error:
            refused[event] = str(error)
    return refused


def _switch(database: Session, name: str, definer: str, *, on: bool) -> None:
    """Whoever alters an event becomes its definer, unless the statement names another."""
    action = "ENABLE" if on else "DISABLE"
    user, _, host = definer.rpartition("@")
    try:
        database.rows(f"ALTER DEFINER = %s@%s EVENT {name} {action}", [user, host])
    except DatabaseError:  # neither service lets its administrator name every account
        try:
            database.rows(f"ALTER EVENT {name} {action}")
        except DatabaseError as error:
            if f"{_IN_THE_PAST} " not in str(error):
                raise
            _log.warning("event %s stays disabled: its time is past", name)
            return
        _log.warning("event %s runs as this agent's account from now on, no longer as %s", name, definer)
    _log.info("event %s: %s", name, action)
