"""A source whose log is replayed onto a copy, and two ways to compare them that are not the agent's."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.binlog.transactions import Transaction
from agent.config import Database, FileSecret
from agent.database import Login, session
from agent.gtid import GtidSet
from agent.replay.replay import Plan, Replayed, replay
from agent.replay.triggers import attach, detach
from sandbox.mysql import MySqlServer
from sandbox.mysql_log import files, transactions
from sandbox.tools import Tools
from tests.agent.conftest import PASSWORD, SCHEMA, clear

LENIENT = "SET sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'"
# What a copy may have otherwise: room in AUTO_INCREMENT, its own definer, events that wait.
_OWN = re.compile(rb" AUTO_INCREMENT=\d+|DEFINER=`[^`]*`@`[^`]*` ?| (?:EN|DIS)ABLE(?= )")
# How a value is read so that nothing of it is lost on the way.
_EXACT = {
    "float": "HEX(CAST({0} + 0e0 AS CHAR)), CAST({0} AS CHAR) LIKE '-%'",
    "double": "HEX(CAST({0} AS CHAR))",
    "json": "JSON_TYPE({0}), HEX(CAST({0} AS CHAR))",
    "enum": "{0} + 0",
    "set": "HEX({0} + 0)",
}


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


@dataclass
class Pair:
    """The source and a copy of it; both begin without the schema."""

    source: MySqlServer
    copy: MySqlServer
    tools: Tools
    before: str = ""
    """gtid_executed of the source when the pair was made."""
    failed: dict[int, int] = field(default_factory=dict[int, int])

    def login(self, server: MySqlServer) -> Login:
        secret = FileSecret(Path("unused"))
        database = Database(server.address, server.port, (SCHEMA,), "admin", secret, "required", None)
        return Login(database, PASSWORD)

    def gtids(self) -> str:
        return str(self.source.execute("SELECT @@GLOBAL.gtid_executed")[0][0]).replace("\n", "")

    def run(self, *statements: str | Sequence[str], lenient: bool = True) -> None:
        """Run statements on the source in one session; the ones of a list in one transaction.

        What the server refuses for the row's sake (a duplicate, a foreign key) is counted in ``failed``.
        """
        import pymysql  # noqa: PLC0415

        with self.source.root() as connection, connection.cursor() as cursor:
            cursor.execute("SET NAMES utf8mb4")
            if lenient:
                cursor.execute(LENIENT)
            for group in statements:
                several = not isinstance(group, str)
                if several:
                    cursor.execute("BEGIN")
                for statement in group if several else [str(group)]:
                    try:
                        cursor.execute(statement)
                    except (pymysql.err.IntegrityError, pymysql.err.DataError) as error:
                        if not several:
                            raise
                        self.failed[error.args[0]] = self.failed.get(error.args[0], 0) + 1
                if several:
                    cursor.execute("COMMIT")

    def transactions(self, after: str | None = None) -> Iterator[Transaction]:
        return transactions(files(self.source), self.before if after is None else after)

    def replay(self, after: str | None = None, **plan: Any) -> Replayed:
        """Replay what the source logged since ``after`` (else: since the pair was made)."""
        with session(self.login(self.copy)) as database:
            held = detach(database, [SCHEMA])
        defaults: dict[str, Any] = {"schemas": (SCHEMA,), "window": GtidSet({}), "triggers": held}
        result = replay(self.login(self.copy), self.transactions(after), Plan(**(defaults | plan)))
        with session(self.login(self.copy)) as database:
            attach(database, result.triggers)
        return result

    def load(self) -> str:
        """Copy the source's present state with mysqldump; the GTID set that it holds."""
        held = self.gtids()
        load = subprocess.run(
            [str(self.tools.bin / "mysql"), *client_options(self.copy), "--binary-mode"],
            input=dump(self.tools, self.source, "--hex-blob"),
            cwd=self.copy.folder / "data",
            capture_output=True,
            check=False,
        )
        assert load.returncode == 0, load.stderr
        return held

    def assert_equal(self) -> None:
        """Both servers hold the same, seen by mysqldump, by CHECKSUM TABLE, and value by value."""
        assert_equal(self.tools, self.source, self.copy)


def client_options(server: MySqlServer) -> list[str]:
    return ["--no-defaults", "--socket=mysql.sock", "--user=root"]


def dump(tools: Tools, server: MySqlServer, *options: str) -> bytes:
    done = subprocess.run(
        [
            *(
                str(tools.bin / "mysqldump"),
                *client_options(server),
                "--skip-dump-date",
                "--order-by-primary",
            ),
            *("--single-transaction", "--routines", "--events", "--triggers", "--set-gtid-purged=OFF"),
            *("--no-tablespaces", "--skip-comments", "--skip-generated-invisible-primary-key", *options),
            *("--databases", SCHEMA),
        ],
        cwd=server.folder / "data",
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_equal(tools: Tools, source: MySqlServer, copy: MySqlServer) -> None:
    wanted, found = contents(source), contents(copy)
    assert sorted(found) == sorted(wanted)
    for table, (rows, checksum) in wanted.items():
        assert found[table][0] == rows, f"the rows of {table} differ"
        assert None in (checksum, found[table][1]) or found[table][1] == checksum, f"the checksum of {table}"
    dumps = [_OWN.sub(b"", dump(tools, server, "--hex-blob")) for server in (source, copy)]
    if hashlib.sha256(dumps[0]).digest() != hashlib.sha256(dumps[1]).digest():
        lines = zip(dumps[0].splitlines(), dumps[1].splitlines(), strict=False)
        raise AssertionError(next((a[:500], b[:500]) for a, b in lines if a != b))


def contents(server: MySqlServer) -> dict[str, tuple[list[Any], int | None]]:
    """Table -> all rows, each value exactly, and its checksum (None: it has a generated key)."""
    found: dict[str, tuple[list[Any], int | None]] = {}
    with server.root() as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"
            " AND TABLE_TYPE = 'BASE TABLE'",
            (SCHEMA,),
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s"
                " AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
                (SCHEMA, table),
            )
            kinds = dict(cursor.fetchall())
            invisible = kinds.pop("my_row_id", None)
            columns = [_EXACT.get(kind, "HEX({0})").format(quoted(name)) for name, kind in kinds.items()]
            place = f"{SCHEMA}.{quoted(table)}"
            cursor.execute(f"SELECT {', '.join(columns)} FROM {place}")
            rows = sorted(cursor.fetchall(), key=repr)
            cursor.execute(f"CHECKSUM TABLE {place}")
            found[table.lower()] = (rows, None if invisible else cursor.fetchall()[0][1])
    return found


def reference(pair: Pair, server: MySqlServer) -> None:
    """Replay the source's newest log file onto ``server`` with MySQL's own tools."""
    command = [str(pair.tools.bin / "mysqlbinlog"), "--skip-gtids", str(files(pair.source)[-1])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as log:
        done = subprocess.run(
            [str(pair.tools.bin / "mysql"), *client_options(server), "--binary-mode"],
            stdin=log.stdout,
            cwd=server.folder / "data",
            capture_output=True,
            check=False,
        )
    assert (log.returncode, done.returncode) == (0, 0), done.stderr


@pytest.fixture
def pair(rds: MySqlServer, flexible: MySqlServer, tools: Tools) -> Pair:
    """From RDS to Azure: names fold there, and tables without a key get an invisible one."""
    return _pair(rds, flexible, tools)


def _pair(source: MySqlServer, copy: MySqlServer, tools: Tools) -> Pair:
    for server in (source, copy):
        clear(server)
    source.execute("FLUSH BINARY LOGS")
    made = Pair(source, copy, tools)
    made.before = made.gtids()
    return made


@pytest.fixture
def back(rds: MySqlServer, flexible: MySqlServer, tools: Tools) -> Pair:
    """From Azure to RDS: the log's metadata is minimal, and names come in lower case."""
    return _pair(flexible, rds, tools)
