"""Looking into the two databases past the project's own code: as root, with MySQL's client programs."""

from __future__ import annotations

import hashlib
import re
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import pymysql

from cli.problem import Problem
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools

_FENCE_LOOK_S = 0.05
_INSERT = re.compile(rb"INSERT INTO `((?:[^`]|``)+)`")
_TIMEOUT_S = 120
_OBJECTS = ("views", "triggers", "routines", "events")
_OPTIONS = (
    "--protocol=socket",
    "--socket=mysql.sock",
    "--user=root",
    "--single-transaction",
    "--set-gtid-purged=OFF",
    "--no-tablespaces",
    "--no-create-info",
    "--skip-triggers",
    "--skip-extended-insert",
    "--complete-insert",
    "--compact",
    "--hex-blob",
    "--skip-generated-invisible-primary-key",  # Azure adds such keys; they are no data
)


@dataclass(frozen=True)
class Contents:
    """What a schema holds.

    Attributes:
        tables: SHA-256 over the sorted rows of each table, by lower-case name.
        rows: how many rows in all.
        objects: how many views, triggers, routines and events.
    """

    tables: dict[str, str]
    rows: int
    objects: tuple[int, int, int, int]

    def others(self) -> str:
        """``objects`` in words."""
        return ", ".join(f"{n} {what}" for n, what in zip(self.objects, _OBJECTS, strict=True))


def contents(tools: Tools, server: MySqlServer, schema: str) -> Contents:
    """Dump every row of ``schema`` one to a line and hash each table's lines in sorted order.

    Raises:
        Problem: mysqldump failed.
    """
    command = [tools.mysqldump[0], *tools.mysqldump[1:], *_OPTIONS, schema]
    # The socket's name is relative to the data directory because the whole path may pass 107 characters.
    done = subprocess.run(
        command, cwd=server.folder / "data", capture_output=True, timeout=_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise Problem(f"mysqldump of {server.name} failed: {done.stderr.decode(errors='replace').strip()}")
    lines: dict[str, list[bytes]] = {name.lower(): [] for name in _tables(server, schema)}
    for line in done.stdout.splitlines():
        match = _INSERT.match(line)
        if match:
            name = match[1].decode().replace("``", "`").lower()
            lines[name].append(line[match.end() :])
    return Contents(
        tables={name: hashlib.sha256(b"\n".join(sorted(rows))).hexdigest() for name, rows in lines.items()},
        rows=sum(map(len, lines.values())),
        objects=_objects(server, schema),
    )


def differences(one: Contents, other: Contents) -> list[str]:
    """What is not equal, in words; empty when everything is."""
    found = [f"table {name} only on one side" for name in sorted(one.tables.keys() ^ other.tables.keys())]
    found += [
        f"rows of table {name} differ"
        for name in sorted(one.tables.keys() & other.tables.keys())
        if one.tables[name] != other.tables[name]
    ]
    if one.objects != other.objects:
        found.append(f"{one.others()} against {other.others()}")
    return found


def is_locked(server: MySqlServer, user: str) -> bool:
    """Whether an account may not log in, from whatever host.

    Raises:
        OSError, pymysql.err.Error: the server does not answer.
    """
    found = server.execute("SELECT account_locked FROM mysql.user WHERE User = %s", (user,))
    return bool(found) and all(locked == "Y" for (locked,) in found)


class FenceWatch:
    """Times how long a database that wakes up stays open to an account; a context manager.

    Attributes:
        answered, closed: Unix times at which the server first answered and at which the account was first
            seen locked; 0 until then.
    """

    def __init__(self, server: MySqlServer, user: str) -> None:
        self._server, self._user = server, user
        self.answered = self.closed = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="fence watch", daemon=True)

    def __enter__(self) -> FenceWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """From the first answer to the lock."""
        return max(0.0, self.closed - self.answered)

    def _watch(self) -> None:
        while not self._end.wait(_FENCE_LOOK_S) and not self.closed:
            try:
                locked = is_locked(self._server, self._user)
            except (OSError, pymysql.err.Error):
                continue  # not up yet
            self.answered = self.answered or time.time()
            if locked:
                self.closed = time.time()


def written_tokens(server: MySqlServer, schema: str, first_name: str) -> set[str]:
    """The last names of the owners with that first name: what a rehearsal's client registered."""
    rows = server.execute(f"SELECT last_name FROM `{schema}`.owners WHERE first_name = %s", (first_name,))  # noqa: S608
    return {str(row[0]) for row in rows}


@contextmanager
def being_read(server: MySqlServer, schema: str) -> Generator[None]:
    """A transaction that has read a table of ``schema``: until the block ends, nobody can drop the table."""
    with server.root() as reader, reader.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute(f"SELECT 1 FROM `{schema}`.owners LIMIT 1")  # noqa: S608 - the rehearsal's own name
        yield


def _tables(server: MySqlServer, schema: str) -> list[str]:
    rows = server.execute(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = %s AND table_type = 'BASE TABLE'",
        (schema,),
    )
    return [str(row[0]) for row in rows]


def _objects(server: MySqlServer, schema: str) -> tuple[int, int, int, int]:
    def count(table: str, column: str) -> int:
        statement = f"SELECT COUNT(*) FROM information_schema.{table} WHERE {column} = %s"  # noqa: S608
        return int(str(server.execute(statement, (schema,))[0][0]))

    return (
        count("views", "table_schema"),
        count("triggers", "trigger_schema"),
        count("routines", "routine_schema"),
        count("events", "event_schema"),
    )
