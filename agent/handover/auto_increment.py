"""Ids that the other side may have given out beyond the fork are never given out a second time."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from agent.database import Session, placeholders, quoted

_log = logging.getLogger(__name__)

MARGIN = 100_000
"""How far each counter is raised. The side that lost the epoch may have given out ids for as long as it was
not fenced and its log was not archived: seconds by design, minutes at worst. This is 1,000 insertions a
second into one table for more than a minute, and costs an INT column one part in 20,000 of its range."""

_COUNTERS = (
    "SELECT t.TABLE_SCHEMA, t.TABLE_NAME, c.DATA_TYPE, c.COLUMN_TYPE, t.AUTO_INCREMENT, EXISTS (SELECT 1"
    " FROM information_schema.STATISTICS s WHERE s.SEQ_IN_INDEX = 1 AND (s.TABLE_SCHEMA, s.TABLE_NAME,"
    " s.COLUMN_NAME) = (c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME))"
    " FROM information_schema.TABLES t JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME)"
    " WHERE t.TABLE_TYPE = 'BASE TABLE' AND c.EXTRA LIKE '%%auto_increment%%' AND t.TABLE_SCHEMA IN ({})"
    " ORDER BY t.TABLE_SCHEMA, t.TABLE_NAME"
)
# Bits of a positive number. FLOAT and DOUBLE counters exist until 8.3; they count by ones up to here.
_BITS = {"tinyint": 7, "smallint": 15, "mediumint": 23, "int": 31, "bigint": 63, "float": 24, "double": 53}
_SETTINGS = (
    # Else the server answers with what it counted up to a day ago (information_schema_stats_expiry).
    "SET SESSION information_schema_stats_expiry = 0",
    # Every ALTER TABLE judges the defaults of all columns anew: zero dates by the mode, TIMESTAMPs by the
    # zone.
    "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'",
    "SET SESSION time_zone = '+00:00'",
)


@dataclass(frozen=True)
class _Counter:
    """``following``: the next id. ``most``: the largest that the column holds. ``single``: one for the whole
    table; MyISAM can count anew for each value of a key's first columns, and has no number to raise then."""

    schema: str
    table: str
    following: int
    most: int
    single: bool


def raise_auto_increment(database: Session, schemas: Sequence[str]) -> int:
    """Raise the next id of every table of ``schemas`` that has one by ``MARGIN``; how many were raised.

    A column without that much room keeps half of what is left, with a warning. Repeated, it raises again:
    that costs ids and never gives one out twice.

    Raises:
        DatabaseError: the server refuses.
    """
    with _settings(database):
        return sum(_raise(database, counter) for counter in _read(database, schemas))


@contextmanager
def _settings(database: Session) -> Generator[None]:
    names = ("information_schema_stats_expiry", "sql_mode", "time_zone")
    before = database.rows(f"SELECT {', '.join(f'@@SESSION.{name}' for name in names)}")[0]
    for statement in _SETTINGS:
        database.rows(statement)
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            database.rows(f"SET SESSION {name} = %s", [value])


def _read(database: Session, schemas: Sequence[str]) -> list[_Counter]:
    found = database.rows(_COUNTERS.format(placeholders(schemas)), schemas)
    return [
        # NULL in a table that never gave one out.
        _Counter(
            str(schema), str(table), int(following or 1), _most(str(kind), str(definition)), bool(single)
        )
        for schema, table, kind, definition, following, single in found
    ]


def _most(kind: str, definition: str) -> int:
    bits = _BITS[kind.lower()]
    # 2**64 - 1 is what a server keeps for "none left", so the last one of BIGINT UNSIGNED is never given out.
    whole = kind.lower() not in ("float", "double")
    return (1 << bits + ("unsigned" in definition.lower() and whole)) - 1


def _raise(database: Session, counter: _Counter) -> bool:
    """Raise one; whether it could be."""
    if not counter.single:
        place = f"{counter.schema}.{counter.table}"
        _log.warning("%s counts ids by group and cannot be raised; ids may be given out twice", place)
        return False
    room = max(0, counter.most - counter.following)
    step = min(MARGIN, room // 2)
    name = f"{counter.schema}.{counter.table}"
    if step < MARGIN:
        _log.warning(
            "the next id of %s is %d and its column ends at %d: it is raised by %d instead of %d; give the "
            "column a larger type",
            *(name, counter.following, counter.most, step, MARGIN),
        )
    if not step:
        return False
    place = f"{quoted(counter.schema)}.{quoted(counter.table)}"
    database.rows(f"ALTER TABLE {place} AUTO_INCREMENT = {counter.following + step}")
    return True
