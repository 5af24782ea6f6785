"""Sessions that write at random.

A seed leads to the same statements in the same order within each session; how sessions interleave is the
server's. What the server refuses (a duplicate, a missing parent, a table just dropped by another session) is
part of the load.
"""

from __future__ import annotations

import contextlib
import threading
from random import Random
from typing import Any

import pymysql

from sandbox.mysql import MySqlServer
from tests.faults.statements import SCHEMA, row_change, schema_change

# Server gone or shutting down, connection lost; lock wait, deadlock: the transaction is over, or in doubt.
_OVER = {2006, 2013, 2003, 1053, 3168, 1205, 1213, 1927, 4031}
_PAUSE_S = 0.02
_SCHEMA_CHANGES = 0.02  # of all steps
_PACE_S = 0.01  # leaves the machine to the agent, too


class Session(threading.Thread):
    """One writer. It connects again when its server goes away, until ``end``.

    Attributes:
        acknowledged: numbers in table ``ledger`` of the transactions whose COMMIT was answered.
        done: steps so far, failed ones included.
        calm: no changes of the schema, which make a dump fail (and the next one begin).
    """

    def __init__(self, server: MySqlServer, number: int, seed: str, *, calm: bool) -> None:
        super().__init__(name=f"session-{number}", daemon=True)
        self.acknowledged: list[int] = []
        self.done = 0
        self.calm = calm
        self._server, self._number = server, number
        self._random = Random(f"{seed}/session {number}")
        self._over = threading.Event()
        self._connection: pymysql.Connection[Any] | None = None

    def end(self) -> None:
        """Stop after the step under way."""
        self._over.set()

    def run(self) -> None:
        """Work until ``end``."""
        while not self._over.is_set():
            statements = self._step()
            self.done += 1
            self._over.wait(_PACE_S)
            try:
                self._play(self.done * 10 + self._number, statements)
            except (pymysql.err.Error, OSError):
                self._disconnect()
                self._over.wait(_PAUSE_S)
        self._disconnect()

    def _play(self, number: int, statements: list[str]) -> None:
        if self._connection is None:
            self._connection = self._server.root()
            self._connection.select_db(SCHEMA)
        with self._connection.cursor() as cursor:
            if statements[0] == "DDL":
                _try(cursor, statements[1:])
                return
            cursor.execute("SET innodb_lock_wait_timeout = 1, sql_mode = DEFAULT, timestamp = DEFAULT")
            cursor.execute("BEGIN")
            cursor.execute("INSERT INTO ledger VALUES (%s, %s)", (number, self._number))
            _try(cursor, statements)
            if statements[-1] != "ROLLBACK":
                cursor.execute("COMMIT")
                self.acknowledged.append(number)

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(pymysql.err.Error):
                self._connection.close()
            self._connection = None

    def _step(self) -> list[str]:
        random = self._random
        if random.random() < _SCHEMA_CHANGES:
            change = schema_change(random)
            return ["SELECT 1"] if self.calm else ["DDL", *change]
        statements = [row_change(random) for _ in range(random.choice((1, 1, 1, 2, 5)))]
        if random.random() < 0.1:
            statements[:0] = ["SAVEPOINT s", row_change(random), "ROLLBACK TO SAVEPOINT s"]
        if random.random() < 0.05:
            statements.append("ROLLBACK")
        return statements


def _try(cursor: Any, statements: list[str]) -> None:
    """Run each; what the server refuses by its rules is skipped."""
    for statement in statements:
        try:
            cursor.execute(statement)
        except pymysql.err.MySQLError as error:
            if not error.args or error.args[0] in _OVER:
                raise
