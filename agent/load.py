"""Filling an empty server: backup blob -> gunzip -> rewritten lines -> mysql, in one stream.

The whole load is one function, so that a faster one (several sessions, indexes last) can stand beside it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence

from agent.clients import Client, Running, running
from agent.database import Login, Session, quoted
from agent.errors import BusyError, RestoreError
from agent.manifest import Manifest
from agent.objects import existing_schemas
from agent.rewrite import Rewriter
from agent.storage import BlobStore
from agent.streams import LineSplitter, gunzip

_log = logging.getLogger(__name__)
_PROGRESS_S = 15.0
# Held by every session that loads. A killed restore's mysql may still be busy with what it had read: the next
# run waits for it here instead of dropping tables under it.
_LOAD_LOCK = "pilotlight-load"
_LOCK_PATIENCE_S = 120
_OPTIONS = (
    "--binary-mode",  # bytes are bytes, and only DELIMITER is a client command
    "--comments",  # comments inside routines are part of them; MySQL 8.0 drops them by default
    "--default-character-set=utf8mb4",
    "--max-allowed-packet=1G",
    f"--init-command=DO GET_LOCK('{_LOAD_LOCK}', {_LOCK_PATIENCE_S})",
)


def clear(database: Session, schemas: Sequence[str]) -> None:
    """Drop ``schemas`` with everything in them, once no earlier load is still writing.

    Raises:
        BusyError: one still is.
    """
    if database.value("SELECT GET_LOCK(%s, %s)", [_LOAD_LOCK, _LOCK_PATIENCE_S]) != 1:
        raise BusyError(f"another session is still loading into this server (lock {_LOAD_LOCK}); wait for it")
    for schema in existing_schemas(database, schemas):
        database.rows(f"DROP DATABASE {quoted(schema)}")
    database.rows("DO RELEASE_LOCK(%s)", [_LOAD_LOCK])


def load(client: Client, account: Login, store: BlobStore, manifest: Manifest, rewrite: Rewriter) -> None:
    """Load the backup; returns when the server has committed all of it.

    Raises:
        RestoreError: mysql refused a statement, or the data is not what the manifest says.
        StorageError: the blob cannot be read.
    """
    pieces = gunzip(store.chunks(manifest.backup), sha256=manifest.stored_sha256)
    with running(client, account, _OPTIONS, feed=True) as mysql:
        try:
            _feed(mysql, pieces, rewrite, manifest.raw_bytes)
            mysql.stdin.close()
        except BrokenPipeError as error:
            raise _refused(mysql) from error
        if mysql.wait():
            raise _refused(mysql)


def _feed(mysql: Running, pieces: Iterable[bytes], rewrite: Rewriter, total: int) -> None:
    splitter = LineSplitter()
    read, next_word = 0, time.monotonic() + _PROGRESS_S
    for piece in pieces:
        read += len(piece)
        for line in splitter.feed(piece):
            mysql.stdin.write(rewrite(line))
        if time.monotonic() > next_word:
            _log.info("loaded %d of %d MB", read // 1_000_000, total // 1_000_000)
            next_word = time.monotonic() + _PROGRESS_S
    mysql.stdin.write(splitter.rest)


def _refused(mysql: Running) -> RestoreError:
    return RestoreError(f"mysql ended with status {mysql.wait()} during the load: {mysql.said()}")
