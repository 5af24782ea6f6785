"""One backup: mysqldump -> gzip -> blob in one stream, proved on the way, its manifest last."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

from agent.catalog import newest_first, next_sequence, survey
from agent.clients import find
from agent.context import Context
from agent.coverage import has_base
from agent.database import Session, server_lock, session
from agent.dumpscan import Contents, DumpScanner
from agent.epoch import Epoch, read_epoch
from agent.errors import DatabaseError, DumpError, UnopenedError
from agent.grants import Grants, missing_for_dump, own_account
from agent.locks import exclusive
from agent.manifest import Manifest, backup_name
from agent.marker import read_marker
from agent.mysqldump import Limits, stream_dump
from agent.objects import (
    Table,
    cascades_logged,
    count_objects,
    existing_schemas,
    float_columns,
    ordered_tables,
    other_engines,
)
from agent.opening import is_unopened
from agent.outflow import Outflow
from agent.snapshot import Bracket
from agent.storage import BlobExistsError

_log = logging.getLogger(__name__)
_LOCK = "pilotlight-dump"


def dump_once(context: Context, stopping: threading.Event | None = None) -> Manifest:
    """Make one backup; given up when ``stopping`` is set.

    Raises:
        BusyError: another dump of this database is running, here or on another machine.
        NotWriterError: this site is not the writer, or stopped being it during the dump.
        DumpError, DatabaseError, StorageError, CredentialError: it failed; nothing counts as a backup.
    """
    config = context.config
    with exclusive(config.state_dir, "dump"):
        seen = read_epoch(context.control)
        seen.require_writer(config.site)
        # Two agents live while a machine is replaced.
        busy = f"another agent is dumping {config.database.host}; wait for it"
        with session(context.login()) as holder, server_lock(holder, _LOCK, 0, busy):
            _refuse_no_source(context, holder, seen)
            manifest = _complete(context, seen, Limits(config.dump.stall_s, stopping or threading.Event()))
    _log.info("%s is complete: %d bytes, epoch %d", manifest.backup, manifest.stored_bytes, manifest.epoch)
    return manifest


def _refuse_no_source(context: Context, database: Session, epoch: Epoch) -> None:
    """A new, empty server under the writer's name, half a restore, or a copy that nobody has opened must not
    become the newest backup."""
    marker = read_marker(database)
    if marker is not None and marker.state == "loading":
        raise DumpError(
            "a restore into this database has not ended, so nothing of it is backed up; repeat it"
        )
    if is_unopened(context.config, epoch, marker):
        raise UnopenedError("the database is a copy in place of a lost one and waits for the order to open")
    if count_objects(database, context.config.database.schemas)["tables"]:
        return
    newest = newest_first(context.backups, survey(context.backups), 1)
    if newest and newest[0].objects.get("tables"):
        raise DumpError(
            f"the database has no table, and {newest[0].backup} has {newest[0].objects['tables']}: is this "
            "the server that serves? To bring that back into it: python -m agent restore --take-over. Did "
            "somebody drop the tables, then DROP DATABASE what is left of it first, and add --to TIME"
        )


def _complete(context: Context, seen: Epoch, limits: Limits) -> Manifest:
    """A backup with its manifest, unless another epoch than ``seen`` began meanwhile."""
    try:
        manifest = _stream(context, backup_name(datetime.now(UTC)), seen.epoch, limits)
    except BlobExistsError:  # a name has seconds: two dumps of a small database began in the same one
        limits.stopping.wait(1.0)
        manifest = _stream(context, backup_name(datetime.now(UTC)), seen.epoch, limits)
    # The writer may have changed meanwhile. Without a manifest what was uploaded is no backup.
    now = read_epoch(context.control)
    now.require_writer(context.config.site)
    if now.epoch != seen.epoch:
        raise DumpError(
            f"epoch {now.epoch} began during a dump of epoch {seen.epoch}; the next dump is of it"
        )
    context.backups.create(manifest.name, manifest.to_json(), manifest.metadata())
    return manifest


def quarantine(context: Context, epoch: int) -> str:
    """Keep a full dump of a database that is about to be replaced; returns the blob's name.

    It has another prefix and no manifest, so that no restore ever chooses it; ``gunzip | mysql`` reads it.
    """
    name = backup_name(datetime.now(UTC)).replace("backup_", "quarantine_", 1)
    _stream(context, name, epoch, Limits(context.config.dump.stall_s))
    _log.info("the data to be replaced is kept as %s", name)
    return name


def _stream(context: Context, name: str, epoch: int, limits: Limits) -> Manifest:
    """Dump into the new blob ``name`` and describe it; the blob appears only when everything was proved."""
    config = context.config
    schemas = config.database.schemas
    client = find("mysqldump")
    account = context.login()
    sequence = next_sequence(context.backups, epoch)
    with session(account) as database:
        _refuse_partial_sight(database, schemas)
        expected = count_objects(database, schemas)
        marker = read_marker(database)
        warnings = _lossy(database, schemas)
        bracket = Bracket(account, database)
        logged = cascades_logged(database)
        ordered = ordered_tables(database, schemas, logged=logged)
        started = _now()
        scanner = DumpScanner()
        with Outflow(context.backups, name) as outflow:
            with (
                bracket.opening(ordered, limits.stopping, lambda: _lacks_base(context, epoch)),
                closing(stream_dump(client, account, schemas, limits)) as stream,
            ):
                for data in stream:
                    had_begun = scanner.has_begun
                    scanner.feed(data)
                    outflow.write(data)
                    if scanner.has_begun and not had_begun:
                        bracket.opened()
            bracket.ended()
            contents = scanner.finish()
            _refuse_miscount(contents, expected, count_objects(database, schemas))
            outflow.commit()
        if bracket.reason and config.archive is not None:
            _log.warning("%s: %s", name, bracket.reason)
        return Manifest(
            backup=name,
            epoch=epoch,
            sequence=sequence,
            site=config.site,
            server_uuid=str(database.value("SELECT @@server_uuid")),
            server_version=str(database.value("SELECT VERSION()")),
            producer=f"mysqldump {client.version}",
            schemas=schemas,
            lower_case_table_names=int(database.value("SELECT @@lower_case_table_names")),
            gtid_before=bracket.before,
            gtid_after=bracket.after,
            gtid_end=bracket.end,
            gtid_exact=bracket.exact,
            cascades_logged=logged,
            ordered_tables=_by_schema(ordered),
            started=started,
            snapshot_at=started,
            finished=_now(),
            raw_bytes=contents.raw_bytes,
            stored_bytes=outflow.gzip.bytes,
            stored_sha256=outflow.gzip.sha256(),
            longest_statement=contents.longest_statement,
            tables=contents.tables,
            views=contents.views,
            events=contents.events,
            objects=contents.objects,
            time_zones=contents.time_zones,
            original_names=dict(marker.original_names) if marker else {},
            warnings=warnings,
        )


def _lacks_base(context: Context, epoch: int) -> bool:
    """Whether a restore needs this dump as the base of the archived log."""
    return context.config.archive is not None and not has_base(context.backups, context.signals, epoch)


def _refuse_partial_sight(database: Session, schemas: tuple[str, ...]) -> None:
    """mysqldump leaves out what its account may not see, and reports success."""
    found = {schema.lower() for schema in existing_schemas(database, schemas)}
    for schema in schemas:
        if schema.lower() not in found:
            raise DatabaseError(
                f"there is no schema {schema} to dump, or it is invisible; check database.schemas"
            )
    missing = missing_for_dump(Grants.of(database), schemas)
    if missing:
        account = own_account(database)
        raise DatabaseError(
            f"{account} would dump an incomplete copy without an error; "
            + "; ".join(f"GRANT {privilege} TO {account}" for privilege in missing)
        )


def _lossy(database: Session, schemas: tuple[str, ...]) -> tuple[str, ...]:
    """What no comparison of two dumps can show, because both lack it: said in every manifest and report."""
    return (
        *(
            f"FLOAT column {column}: mysqldump keeps six digits of it"
            for column in float_columns(database, schemas)
        ),
        *(
            f"table {table} ({engine}) may hold rows newer or older than the snapshot"
            for table, engine in other_engines(database, schemas)
        ),
    )


def _refuse_miscount(contents: Contents, before: dict[str, int], after: dict[str, int]) -> None:
    for kind, expected in after.items():
        counted = contents.objects.get(kind, 0)
        if counted != expected or before[kind] != expected:
            raise DumpError(
                f"the dump holds {counted} {kind}, the server {before[kind]} before and {expected} after it: "
                "the schema changed meanwhile (the next dump will do) or the account cannot see all of it"
            )


def _by_schema(tables: Sequence[Table]) -> dict[str, tuple[str, ...]]:
    return {schema: tuple(t for s, t in tables if s == schema) for schema, _ in tables}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
