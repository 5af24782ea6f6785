"""Sessions that load side by side: a statement goes to whichever is free, the first refusal stops all."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from queue import SimpleQueue

from agent.database import Login, Session, quoted, session
from agent.dumplines import IDENTIFIER
from agent.errors import BusyError, DatabaseError, RestoreError
from agent.tables import Table

# Held by every session that loads. What a killed restore had sent is still being executed for a while: the
# next run waits for these locks instead of dropping tables under it.
LOAD_LOCK = "pilotlight-load"
LOCK_PATIENCE_S = 120
# Measured on a busy machine of two cores, client and server together: the rows of 150 MiB in 31 s with one
# session, in 24 s with two, in 18 s with four: a session also waits, for the disk at each commit.
MOST = 4
_CONNECTIONS_EACH = 10
# mysqldump writes about 1 MB a statement, so every session finds the next one waiting.
_WAITING_BYTES = 8 * 2**20
# What mysqldump writes at the head of a dump, in every session; and ALLOW_INVALID_DATES, without which a
# February 31st that the source took would become zero. None of it needs a privilege.
_SETTINGS = (
    "SET SESSION time_zone = '+00:00', unique_checks = 0, foreign_key_checks = 0,"
    " sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'"
)
# An index over some MB of keys is sorted in memory; with MySQL's own 1 MB they are written and read again.
_SORT_BUFFER = "innodb_ddl_buffer_size"
_SORT_BYTES = 16 * 2**20  # at most four at once, and the smallest servers have 1 GiB
_MADE_UP = "sql_generate_invisible_primary_key"
_SHOWN = 200
_INSERT = re.compile(
    rb"INSERT INTO (?P<table>"
    + IDENTIFIER
    + rb") (?P<columns>\((?:`(?:[^`]|``)+`(?:, ?)?)+\) )?VALUES (?=\()"
)
# The text behind VALUES, read as a file: the server takes it in at half the CPU time of the statement.
_LOAD = (
    b"LOAD DATA LOCAL INFILE 'rows' INTO TABLE %s CHARACTER SET utf8mb4"
    b" FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\\'' ESCAPED BY '\\\\'"
    b" LINES STARTING BY '(' TERMINATED BY ')' %s"
)


class Loader:
    """One session with a dump's settings."""

    def __init__(self, database: Session) -> None:
        self._database = database
        self._schema = ""
        database.rows(_SETTINGS)
        with suppress(DatabaseError):  # no such variable before 8.0.27; without it the load is only slower
            database.rows(f"SET SESSION {_SORT_BUFFER} = {_SORT_BYTES}")

    def make(self, schema: str, table: Table) -> None:
        """Make ``table``, without a made-up primary key where the server would refuse that.

        Raises:
            RestoreError: the server refuses it.
        """
        if not table.takes_no_generated_key or self._database.variable(_MADE_UP) != "ON":
            self.run(schema, table.create)
            return
        try:
            self._database.rows(f"SET SESSION {_MADE_UP} = OFF")
        except DatabaseError as error:
            shown = table.create.split(b"\n", 1)[0].decode(errors="replace")
            raise RestoreError(
                f"a table of {schema} has no primary key and cannot be given a made-up one ({shown}...); "
                f"set the server parameter {_MADE_UP} to OFF"
            ) from error
        self.run(schema, table.create)
        self._database.rows(f"SET SESSION {_MADE_UP} = DEFAULT")

    def run(self, schema: str, statement: bytes) -> None:
        """Run one statement in ``schema``, or in the one before when it is empty.

        Raises:
            RestoreError: the server refuses it, or is gone.
        """
        try:
            self._use(schema)
            self._database.run(statement)
        except DatabaseError as error:
            # Without the rows: they are nobody's business who reads the log.
            shown = statement.split(b" VALUES ", 1)[0][:_SHOWN].decode(errors="replace")
            raise RestoreError(f"{error} in {schema}: {shown}") from error

    def load(self, schema: str, insert: bytes) -> None:
        """Load the rows of one INSERT of mysqldump without running it; see ``Table.plain``.

        Raises:
            RestoreError: the server refuses them or leaves some out, or is gone.
        """
        head = _INSERT.match(insert)
        if head is None:
            self.run(schema, insert)
            return
        try:
            self._use(schema)
            said = self._database.load(
                _LOAD % (head["table"], head["columns"] or b""),
                memoryview(insert)[head.end() : len(insert.rstrip(b";\n"))],
            )
        except DatabaseError as error:
            raise RestoreError(f"{error} in {schema}: rows of {head['table'].decode()}") from error
        # What stops an INSERT, a second row with the same key for one, is only counted here.
        if "Skipped: 0 " not in said:
            raise RestoreError(
                f"{schema}: the server did not take all rows of {head['table'].decode()}: {said}"
            )

    def _use(self, schema: str) -> None:
        if schema and schema != self._schema:
            self._database.rows(f"USE {quoted(schema)}")
            self._schema = schema


def takes_rows(database: Session) -> bool:
    """Whether ``Loader.load`` can be used on this server."""
    return database.variable("local_infile") == "ON"


@contextmanager
def loaders(account: Login, count: int) -> Generator[list[Loader]]:
    """``count`` sessions, each holding a load lock of its own.

    Raises:
        BusyError: the session of an earlier load holds one of them.
    """
    with ExitStack() as stack:
        opened: list[Loader] = []
        for number in range(count):
            # No limit to one statement: an index over a large table takes as long as it takes.
            database = stack.enter_context(session(account, read_timeout_s=None, sends_rows=True))
            take_lock(database, f"{LOAD_LOCK}-{number}")
            opened.append(Loader(database))
        yield opened


def take_lock(database: Session, name: str) -> None:
    """Hold the load lock ``name`` as long as the session lasts.

    Raises:
        BusyError: another session still holds it after ``LOCK_PATIENCE_S``.
    """
    if database.value("SELECT GET_LOCK(%s, %s)", [name, LOCK_PATIENCE_S]) != 1:
        raise BusyError(f"another session is still loading into this server (lock {name}); wait for it")


def width(database: Session) -> int:
    """How many sessions load side by side into this server."""
    connections = int(database.value("SELECT @@max_connections"))
    return max(1, min(MOST, connections // _CONNECTIONS_EACH))


class Crew:
    """Loaders that take statements in any order. Use as a context manager."""

    def __init__(self, members: list[Loader]) -> None:
        self._free: SimpleQueue[Loader] = SimpleQueue()
        for member in members:
            self._free.put(member)
        self._threads = ThreadPoolExecutor(len(members), thread_name_prefix="load")
        self._pending: deque[tuple[Future[None], int]] = deque()
        self._waiting = 0

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def put(self, schema: str, *statements: bytes, rows: bool = False) -> None:
        """Have ``statements`` run, one after the other, soon; blocks while enough of them wait.

        Args:
            rows: by ``Loader.load``.

        Raises:
            RestoreError: an earlier one was refused.
        """
        size = sum(map(len, statements))
        while self._pending and (self._pending[0][0].done() or self._waiting + size > _WAITING_BYTES):
            self._settle()
        self._waiting += size
        self._pending.append((self._threads.submit(self._run, schema, statements, rows), size))

    def finish(self) -> None:
        """Wait until everything is done.

        Raises:
            RestoreError: something was refused.
        """
        while self._pending:
            self._settle()

    def _settle(self) -> None:
        future, size = self._pending.popleft()
        future.result()
        self._waiting -= size

    def _run(self, schema: str, statements: tuple[bytes, ...], rows: bool) -> None:
        loader = self._free.get()
        try:
            for statement in statements:
                (loader.load if rows else loader.run)(schema, statement)
        finally:
            self._free.put(loader)
