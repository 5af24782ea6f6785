"""Connections to MySQL, kept and re-used; a broken one is thrown away and the next request gets a new one."""

from __future__ import annotations

import queue
import ssl
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from .settings import Settings, SslMode

Row = tuple[Any, ...]

_CONNECT_TIMEOUT_S = 3
_STATEMENT_TIMEOUT_S = 10  # a dead server must become an error page, not a page that never ends
_TRUST_FOR_S = 0.5  # HikariCP, Spring's pool, also asks before it re-uses a connection that idled longer


class DatabaseError(RuntimeError):
    """The database did not answer, or refused."""


class Database:
    """A small pool.

    Args:
        settings: where the database is and who we are.
        size: connections kept open; a request that finds none opens one more.
    """

    def __init__(self, settings: Settings, *, size: int = 8) -> None:
        self._settings = settings
        self._idle: queue.LifoQueue[tuple[Connection[Cursor], float]] = queue.LifoQueue(size)

    def _connect(self) -> Connection[Cursor]:
        target = self._settings.database
        mode = target.ssl_mode
        tls: ssl.SSLContext | None = None
        if mode not in (SslMode.DISABLED, SslMode.PREFERRED):
            tls = ssl.create_default_context()  # SSL_CERT_FILE names the authorities, as for any program here
            tls.check_hostname = mode is SslMode.VERIFY_IDENTITY
            if mode is SslMode.REQUIRED:
                tls.verify_mode = ssl.CERT_NONE
        return pymysql.connect(
            host=target.host,
            port=target.port,
            user=self._settings.user,
            password=self._settings.password,
            database=target.schema,
            ssl=tls,
            ssl_disabled=mode is SslMode.DISABLED,
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_STATEMENT_TIMEOUT_S,
            write_timeout=_STATEMENT_TIMEOUT_S,
        )

    def _checkout(self) -> Connection[Cursor]:
        while True:
            try:
                connection, since = self._idle.get_nowait()
            except queue.Empty:
                return self._connect()
            if time.monotonic() - since < _TRUST_FOR_S:
                return connection
            try:
                connection.ping(reconnect=False)
            except pymysql.Error:
                _discard(connection)
                continue
            return connection

    @contextmanager
    def transaction(self) -> Generator[Cursor]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises:
            DatabaseError: the server is away, refused us, or the statement failed.
        """
        connection: Connection[Cursor] | None = None
        try:
            connection = self._checkout()
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
        except (pymysql.Error, OSError) as error:
            if connection is not None:
                _discard(
                    connection
                )  # also after a mere SQL error: a fresh connection has no open transaction
            raise DatabaseError(str(error)) from error
        except BaseException:
            if connection is not None:
                _discard(connection)
            raise
        try:
            self._idle.put_nowait((connection, time.monotonic()))
        except queue.Full:
            _discard(connection)

    def query(self, statement: str, arguments: Sequence[object] = ()) -> list[Row]:
        """All rows of one SELECT.

        Raises:
            DatabaseError: as `transaction`.
        """
        with self.transaction() as cursor:
            cursor.execute(statement, tuple(arguments))
            return [tuple(row) for row in cursor.fetchall()]

    def insert(self, statement: str, arguments: Sequence[object]) -> int:
        """One INSERT, committed; returns the new row's id.

        Raises:
            DatabaseError: as `transaction`; then nothing was acknowledged and nothing may be assumed.
        """
        with self.transaction() as cursor:
            cursor.execute(statement, tuple(arguments))
            return int(cursor.lastrowid or 0)


def _discard(connection: Connection[Cursor]) -> None:
    if connection.open:
        connection.close()  # a dead server is no error here: PyMySQL then just drops the socket
