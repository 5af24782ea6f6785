"""The manifest of a backup: written last, so that a backup without one does not exist.

A backup's name says when it began, for people. Nothing is ever decided by the name: which backup is newer
follows from ``epoch``, then the GTID sets, then ``sequence``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from agent.dumpscan import Event, TableRows
from agent.errors import StorageError
from agent.fields import Fields
from agent.gtid import GtidSet

SCHEMA = 2


class DamagedManifestError(StorageError):
    """What should be a manifest is none. One of a later version is not passed over: it may be the newest."""


_READABLE = (1, 2)
PREFIX = "backup_"
DATA_SUFFIX = ".sql.gz"
MANIFEST_SUFFIX = ".json"


@dataclass(frozen=True)
class Manifest:
    """What a complete backup is.

    Attributes:
        backup: the data blob's name.
        epoch, site, server_uuid, server_version: who wrote, and where it was read.
        sequence: one more than the newest backup's when this one began.
        gtid_before: everything committed before the snapshot was opened; what a replay starts from. Empty on
            a server without GTIDs.
        gtid_after: a set that contains all that the snapshot holds.
        gtid_end: a set that contains every statement whose result the dump can hold as a definition: those
            are read until the dump ends, and are of no snapshot. ``gtid_after`` where nothing else was
            written down, as before this was.
        gtid_exact: what the snapshot holds of ``ordered_tables``, no more and no less; their replay begins
            here, because it cannot be repeated. None where that could not be had: then only the log can tell
            whether a transaction of ``gtid_after - gtid_before`` touched one of them.
        cascades_logged: the server logs the rows that foreign keys change in other tables (from MySQL 9.6 on,
            unless innodb_native_foreign_keys is ON).
        ordered_tables: schema -> tables whose log must be replayed in commit order: those without a primary
            key, and all that hang together by foreign keys with an unlogged CASCADE or SET NULL.
        raw_bytes, stored_bytes: length as SQL text and as stored.
        stored_sha256: of the data blob.
        longest_statement: bytes; the target's max_allowed_packet must exceed it.
        lower_case_table_names: of the server that was read.
        original_names: lower-case table and view names -> how they were spelt before a server with
            lower_case_table_names=1 folded them.
        objects: how many tables, columns, keys, foreign_keys, checks, triggers, procedures, functions, events
            and views the stream held; a missing key means none.
        warnings: what a dump cannot carry, in sentences.
        started, snapshot_at, finished: UTC, ISO 8601, by the agent's clock; information only.
    """

    backup: str
    epoch: int
    sequence: int
    site: str
    server_uuid: str
    server_version: str
    producer: str
    schemas: tuple[str, ...]
    lower_case_table_names: int
    gtid_before: str
    gtid_after: str
    gtid_end: str
    gtid_exact: str | None
    cascades_logged: bool
    ordered_tables: Mapping[str, tuple[str, ...]]
    started: str
    snapshot_at: str
    finished: str
    raw_bytes: int
    stored_bytes: int
    stored_sha256: str
    longest_statement: int
    tables: Mapping[str, Mapping[str, TableRows]]
    views: Mapping[str, tuple[str, ...]]
    events: Mapping[str, Mapping[str, Event]]
    objects: Mapping[str, int]
    time_zones: tuple[str, ...]
    original_names: Mapping[str, str]
    warnings: tuple[str, ...]

    @property
    def name(self) -> str:
        """The manifest blob's own name."""
        return manifest_name(self.backup)

    def metadata(self) -> dict[str, str]:
        """What a listing shows without opening the manifest: enough to know which ones are worth opening."""
        return {"epoch": str(self.epoch), "sequence": str(self.sequence)}

    def to_json(self) -> bytes:
        """The blob's content."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Manifest:
        """Read a manifest blob called ``where``.

        Raises:
            DamagedManifestError: it is damaged.
            StorageError: it is of a later version of this agent.
        """
        try:
            document: object = json.loads(data)
        except ValueError as error:
            raise DamagedManifestError(f"the manifest {where} is not JSON: {error}") from error
        f = Fields(document, "", where, DamagedManifestError)
        version = f.integer("schema", least=1, most=1_000_000)
        if version not in _READABLE:
            raise StorageError(
                f"{where}: schema is {version}; this agent reads versions up to {SCHEMA}; "
                "use the agent that wrote it"
            )
        # Version 1 knew nothing of the log: no exact set, and no cascade that could be relied on.
        first = version == 1
        return cls(
            backup=f.text("backup", "backup_20260101T000000Z.sql.gz"),
            epoch=f.integer("epoch", least=1, most=2**63),
            sequence=f.integer("sequence", least=1, most=2**63),
            site=f.one_of("site", ("aws", "azure")),
            server_uuid=f.text("server_uuid", "00000000-0000-0000-0000-000000000000"),
            server_version=f.text("server_version", "8.4.5"),
            producer=f.text("producer", "mysqldump 8.0.43"),
            schemas=f.texts("schemas", ["petclinic"], at_least=1),
            lower_case_table_names=f.integer("lower_case_table_names", least=0, most=2),
            gtid_before=_gtids(f, "gtid_before"),
            gtid_after=_gtids(f, "gtid_after"),
            gtid_end=_gtids(f, "gtid_end" if f.has("gtid_end") else "gtid_after"),
            gtid_exact=_gtids(f, "gtid_exact") if f.has("gtid_exact") else None,
            cascades_logged=False if first else f.boolean("cascades_logged"),
            ordered_tables={}
            if first
            else f.mapping("ordered_tables", lambda schemas, key: schemas.texts(key, ["vet_specialties"])),
            started=_time(f, "started"),
            snapshot_at=_time(f, "snapshot_at"),
            finished=_time(f, "finished"),
            raw_bytes=f.integer("raw_bytes", least=1, most=2**63),
            stored_bytes=f.integer("stored_bytes", least=1, most=2**63),
            stored_sha256=_sha256(f, "stored_sha256"),
            longest_statement=f.integer("longest_statement", least=0, most=2**63),
            tables=f.mapping("tables", lambda schemas, key: schemas.mapping(key, _table)),
            views=f.mapping("views", lambda schemas, key: schemas.texts(key, ["a_view"])),
            events=f.mapping("events", lambda schemas, key: schemas.mapping(key, _event)),
            objects=f.mapping("objects", lambda kinds, key: kinds.integer(key, least=0, most=2**63)),
            time_zones=f.texts("time_zones", ["SYSTEM"]),
            original_names=f.mapping("original_names", lambda names, key: names.text(key, "Owners")),
            warnings=f.texts("warnings", ["a sentence"]),
        )


def manifest_name(backup: str) -> str:
    """The manifest's name for a data blob's name."""
    return backup.removesuffix(DATA_SUFFIX) + MANIFEST_SUFFIX


def backup_name(began: datetime) -> str:
    """The data blob's name for a dump that began at a UTC time."""
    return f"{PREFIX}{began:%Y%m%dT%H%M%SZ}{DATA_SUFFIX}"


def _table(f: Fields, key: str) -> TableRows:
    table = f.fields(key)
    return TableRows(
        ordered=table.boolean("ordered"),
        rows_sha256=_sha256(table, "rows_sha256"),
        bytes=table.integer("bytes", least=0, most=2**63),
        rows=table.integer("rows", least=0, most=2**63) if table.has("rows") else None,
    )


def _event(f: Fields, key: str) -> Event:
    event = f.fields(key)
    return Event(enabled=event.boolean("enabled"), expires=event.boolean("expires"))


def _gtids(f: Fields, key: str) -> str:
    text = f.text(key, "", default="")
    try:
        GtidSet.parse(text)
    except ValueError as error:
        raise f.fail(key, str(error)) from error
    return text


def _sha256(f: Fields, key: str) -> str:
    text = f.text(key, "64 hexadecimal digits")
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise f.fail(key, "it must be 64 hexadecimal digits")
    return text


def _time(f: Fields, key: str) -> str:
    text = f.text(key, "2026-01-01T00:00:00+00:00")
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise f.fail(key, "it must be an ISO 8601 time") from error
    return text


def order_key(metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """(epoch, sequence) from a listing's metadata, or None where a copy of the blob lost it."""
    try:
        return int(metadata["epoch"]), int(metadata["sequence"])
    except (KeyError, ValueError):
        return None


def as_report(manifest: Manifest) -> dict[str, Any]:
    """The short form for lists and reports."""
    kept = ("backup", "epoch", "sequence", "site", "gtid_after", "snapshot_at", "finished", "stored_bytes")
    return {key: getattr(manifest, key) for key in kept}


def own_names(manifest: Manifest) -> dict[str, str]:
    """Names with capitals in the backup itself, by their lower-case form."""
    names = [name for tables in manifest.tables.values() for name in tables]
    names += [name for views in manifest.views.values() for name in views]
    return {name.lower(): name for name in names if name != name.lower()}
