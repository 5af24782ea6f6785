"""What the agent remembers inside a restored server: how far a restore came, and what it must not forget.

Kept in the database and not on the machine, because it is about the database: machines are replaced.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

from agent.database import OWN_SCHEMA, Session
from agent.errors import DatabaseError
from agent.fields import Fields

_TABLE = f"{OWN_SCHEMA}.restore_marker"
_REPORT = f"{OWN_SCHEMA}.restore_report"


@dataclass(frozen=True)
class Marker:
    """One restore into this server.

    Attributes:
        state: ``loading`` from before the first change until the copy was compared; then ``verified``.
        backup, backup_epoch, backup_gtid: what was restored; the GTID set is the one before its snapshot.
        served_epoch: the epoch in which this database became the writer; 0 as long as it never did.
        enabled_events: (schema, event) that ran on the source and wait here, disabled.
        original_names: see Manifest.
        pinned: somebody asked for a point in time or for this backup: what was archived later is not replayed
            when it opens.
        raised_epoch: the epoch for which AUTO_INCREMENT was raised, with nothing replayed since; 0: for none.
    """

    state: Literal["loading", "verified"]
    backup: str
    backup_epoch: int
    backup_gtid: str
    served_epoch: int
    enabled_events: tuple[tuple[str, str], ...]
    original_names: Mapping[str, str]
    raised_epoch: int = 0
    pinned: bool = False


def read_marker(database: Session) -> Marker | None:
    """The marker, or None on a server that no restore ever touched."""
    text = _read(database, _TABLE, "marker")
    if text is None:
        return None
    f = Fields(cast(object, json.loads(text)), "", f"{_TABLE} in the database", DatabaseError)
    events = cast("list[list[str]]", json.loads(text)["enabled_events"])
    return Marker(
        state=cast(Any, f.one_of("state", ("loading", "verified"))),
        backup=f.text("backup", "backup_20260101T000000Z.sql.gz"),
        backup_epoch=f.integer("backup_epoch", least=1, most=2**53),
        backup_gtid=f.text("backup_gtid", "", default=""),
        served_epoch=f.integer("served_epoch", least=0, most=2**53),
        enabled_events=tuple((schema, event) for schema, event in events),
        original_names=f.mapping("original_names", lambda names, key: names.text(key, "Owners")),
        raised_epoch=f.integer("raised_epoch", least=0, most=2**53, default=0),
        pinned=f.boolean("pinned") if f.has("pinned") else False,
    )


def write_marker(database: Session, marker: Marker) -> None:
    """Keep ``marker``; it is durable when this returns."""
    _write(database, _TABLE, "marker", json.dumps(asdict(marker)))


def read_kept_report(database: Session) -> dict[str, Any] | None:
    """The report of the restore that the marker is of; None where none was kept."""
    text = _read(database, _REPORT, "report")
    return None if text is None else json.loads(text)


def keep_report(database: Session, report: Mapping[str, Any]) -> None:
    """Keep a restore's report beside the data, so that it is not lost if the vault never gets it."""
    _write(database, _REPORT, "report", json.dumps(report))


def _read(database: Session, table: str, column: str) -> str | None:
    found = database.rows(
        "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        table.split("."),
    )
    return database.value(f"SELECT {column} FROM {table} WHERE id = 1") if found else None  # noqa: S608


def _write(database: Session, table: str, column: str, text: str) -> None:
    database.rows(f"CREATE DATABASE IF NOT EXISTS {OWN_SCHEMA}")
    database.rows(f"CREATE TABLE IF NOT EXISTS {table} (id TINYINT PRIMARY KEY, {column} LONGTEXT NOT NULL)")
    database.rows(f"REPLACE INTO {table} (id, {column}) VALUES (1, %s)", [text])  # noqa: S608
