"""Filling an empty server from a plain dump, several sessions at once.

mysqldump writes one INSERT statement a line, so one reader hands lines to whichever session is free, as soon
as the table was made - without secondary indexes and foreign keys, which follow when all rows are there.
Where the server allows it, only the text behind VALUES goes, as the file of a LOAD DATA. What is left of
the dump, triggers and views above all, then goes through the ``mysql`` client in the dump's order.
"""

from __future__ import annotations

import logging
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import IO

from agent.clients import Client, Running, running
from agent.database import Login, Session, quoted
from agent.dumplines import IDENTIFIER, Kind, name
from agent.errors import RestoreError
from agent.manifest import Manifest
from agent.objects import existing_schemas
from agent.rewrite import Rewriter
from agent.sessions import (
    LOAD_LOCK,
    LOCK_PATIENCE_S,
    MOST,
    Crew,
    Loader,
    loaders,
    take_lock,
    takes_rows,
    width,
)
from agent.storage import BlobStore
from agent.streams import LineSplitter, gunzip
from agent.tables import Table, take_apart

_log = logging.getLogger(__name__)
_PROGRESS_S = 15.0
_OPTIONS = (
    "--binary-mode",  # bytes are bytes, and only DELIMITER is a client command
    "--comments",  # comments inside routines are part of them; MySQL 8.0 drops them by default
    "--default-character-set=utf8mb4",
    "--max-allowed-packet=1G",
)
# When the machine dies, the server keeps its lock this long; the text comes without pauses.
_SILENT_S = 600
# The text of stored programs; more than this is put on disk, readable by us alone.
_IN_MEMORY = 8 * 2**20
_COPY_BYTES = 1 << 20
_USE = re.compile(rb"USE " + IDENTIFIER)
# Of no use once the tables are made and their rows are loaded.
_DONE = (b"DROP TABLE IF EXISTS `", b"LOCK TABLES `", b"UNLOCK TABLES;", b"/*!40000 ALTER TABLE `")

Phase = Callable[[str], AbstractContextManager[None]]


def clear(database: Session, schemas: Sequence[str]) -> None:
    """Drop ``schemas`` with everything in them, once no earlier load is still writing.

    Raises:
        BusyError: one still is.
    """
    locks = [LOAD_LOCK, *(f"{LOAD_LOCK}-{number}" for number in range(MOST + 1))]
    for lock in locks:
        take_lock(database, lock)
    # A table that another schema's table refers to cannot be dropped first (error 3730).
    database.rows("SET SESSION foreign_key_checks = 0")
    for schema in existing_schemas(database, schemas):
        database.rows(f"DROP DATABASE {quoted(schema)}")
    database.rows("SET SESSION foreign_key_checks = DEFAULT")
    for lock in locks:
        database.rows("DO RELEASE_LOCK(%s)", [lock])


def load(
    client: Client,
    account: Login,
    database: Session,
    store: BlobStore,
    manifest: Manifest,
    *,
    rewrite: Rewriter,
    phase: Phase,
) -> None:
    """Load the backup; returns when the server has committed all of it.

    Args:
        phase: times what is done in its block.

    Raises:
        RestoreError: the server refused a statement, or the data is not what the manifest says.
        StorageError: the blob cannot be read.
    """
    with (
        loaders(account, width(database) + 1) as (maker, *members),
        tempfile.SpooledTemporaryFile(_IN_MEMORY) as rest,
    ):
        with phase("rows"), Crew(members) as crew:
            streams = takes_rows(database)
            if not streams:
                _log.info(
                    "local_infile is OFF on the server: its rows take about twice its CPU time as INSERTs"
                )
            reader = _Reader(maker, crew, rest, rewrite, takes_rows=streams)
            reader.read(store, manifest)
            crew.finish()
        with phase("indexes"), Crew(members) as crew:
            for schema, table in reader.tables:
                if table.indexes:
                    crew.put(schema, *table.indexes)
            crew.finish()
        with phase("foreign keys"):
            for schema, table in reader.tables:
                if table.foreign_keys:
                    maker.run(schema, table.foreign_keys)
        with phase("stored programs"):
            rest.seek(0)
            _through_client(client, account, rest)


class _Reader:
    """Makes tables, hands out rows and keeps the rest; ``tables`` are those made, with their schemas."""

    def __init__(
        self, maker: Loader, crew: Crew, rest: IO[bytes], rewrite: Rewriter, *, takes_rows: bool
    ) -> None:
        self._takes_rows = takes_rows
        self._maker, self._crew, self._rest, self._rewrite = maker, crew, rest, rewrite
        self._schema = ""
        self._making: list[bytes] = []
        self._keyed = self._plain = True
        self.tables: list[tuple[str, Table]] = []

    def read(self, store: BlobStore, manifest: Manifest) -> None:
        splitter = LineSplitter()
        read, next_word = 0, time.monotonic() + _PROGRESS_S
        for piece in gunzip(store.chunks(manifest.backup), sha256=manifest.stored_sha256):
            read += len(piece)
            for line in splitter.feed(piece):
                self._line(self._rewrite(line), self._rewrite.kind)
            if time.monotonic() > next_word:
                _log.info("loaded %d of %d MB", read // 1_000_000, manifest.raw_bytes // 1_000_000)
                next_word = time.monotonic() + _PROGRESS_S
        self._rest.write(splitter.rest)

    def _line(self, line: bytes, kind: Kind) -> None:
        if self._making or kind is Kind.CREATE_TABLE:
            self._making.append(line)
            if kind not in (Kind.CREATE_TABLE, Kind.TABLE_PART) and line.endswith(b";\n"):
                self._make()
        elif kind is Kind.INSERT:
            if self._keyed:
                self._crew.put(self._schema, line, rows=self._plain)
            else:
                (self._maker.load if self._plain else self._maker.run)(self._schema, line)
        elif kind is not Kind.OTHER or not line.startswith(_DONE):
            self._rest.write(line)
            if kind is Kind.CREATE_DATABASE:
                self._maker.run("", line)
            elif kind is Kind.USE and (schema := _USE.match(line)):
                self._schema = name(schema[1])

    def _make(self) -> None:
        table = take_apart(self._making)
        self._making = []
        self._maker.make(self._schema, table)
        self._keyed, self._plain = table.keyed, table.plain and self._takes_rows
        self.tables.append((self._schema, table))


def _holding_the_lock() -> str:
    """What the client runs first; one statement is all it takes.

    An error in it ends the client, and this is one that repeats its argument:
    https://dev.mysql.com/doc/refman/8.4/en/miscellaneous-functions.html#function_uuid-to-bin
    """
    busy = f"UUID_TO_BIN('another session is still loading into this server (lock {LOAD_LOCK}); wait for it')"
    took = f"GET_LOCK('{LOAD_LOCK}', {LOCK_PATIENCE_S}) = 1"
    return f"SET SESSION wait_timeout = IF({took}, {_SILENT_S}, CAST({busy} AS SIGNED))"


def _through_client(client: Client, account: Login, text: IO[bytes]) -> None:
    arguments = (*_OPTIONS, f"--init-command={_holding_the_lock()}")
    with running(client, account, arguments, feed=True) as mysql:
        try:
            while piece := text.read(_COPY_BYTES):
                mysql.stdin.write(piece)
            mysql.stdin.close()
        except BrokenPipeError as error:
            raise _refused(mysql) from error
        if mysql.wait():
            raise _refused(mysql)


def _refused(mysql: Running) -> RestoreError:
    return RestoreError(f"mysql ended with status {mysql.wait()} during the load: {mysql.said()}")
