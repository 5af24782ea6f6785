"""A base and the log behind it give the source's data, whatever was written while the base was made."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from agent.coverage import has_base
from agent.dump import dump_once
from agent.errors import StorageError
from agent.gtid import GtidSet
from agent.manifest import Manifest
from agent.objects import ordered_tables
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.archived import archiving
from tests.agent.conftest import SCHEMA, World, add_owners, clinic, stand_in, wait_for


@pytest.fixture(autouse=True)
def programs(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """MySQL's programs on this process's own PATH."""
    monkeypatch.setenv("PATH", f"{tools.bin}:{os.environ['PATH']}")


_WRITERS = 3
_LOCAL = "--no-defaults", "--user=root"


@contextmanager
def writers(server: MySqlServer) -> Generator[list[int]]:
    """Sessions that insert, change and delete in keyed and keyless tables; yields their counts."""
    over, counts = threading.Event(), [0] * _WRITERS

    def write(number: int) -> None:
        with server.root() as connection, connection.cursor() as cursor:
            cursor.execute(f"USE {SCHEMA}")
            while not over.is_set():
                counts[number] += 1
                value = counts[number] * _WRITERS + number
                cursor.execute("BEGIN")
                cursor.execute("INSERT INTO owners (name) VALUES (%s)", (f"writer {value}",))
                # No key, and rows that are equal: applied twice or not at all, their number is wrong.
                cursor.execute("INSERT INTO diary VALUES (%s), (%s)", (number, number))
                if value % 3 == 0:
                    cursor.execute("DELETE FROM diary WHERE writer = %s LIMIT 1", (number,))
                cursor.execute("UPDATE totals SET n = n + 1")
                cursor.execute("COMMIT")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(_WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        over.set()
        for thread in threads:
            thread.join()


def rows(server: MySqlServer) -> dict[str, Any]:
    counted = "SELECT writer, COUNT(*) FROM {}.diary GROUP BY writer ORDER BY writer"
    return {
        "owners": server.execute(f"SELECT COUNT(*), SUM(CRC32(CONCAT(id, name))) FROM {SCHEMA}.owners"),
        "diary": server.execute(counted.format(SCHEMA)),
        "totals": server.execute(f"SELECT n FROM {SCHEMA}.totals"),
    }


def replay(tools: Tools, source: MySqlServer, target: MySqlServer, after: str) -> None:
    """mysqlbinlog | mysql: the reference, slow and none of ours."""
    files = [str(source.folder / "data" / str(row[0])) for row in source.execute("SHOW BINARY LOGS")]
    decoded = subprocess.run(
        [
            *tools.mysqlbinlog,
            *("--no-defaults", "--skip-gtids", f"--exclude-gtids={after}", "--idempotent"),
            *(f"--database={SCHEMA}", *files),
        ],
        capture_output=True,
        check=True,
    )
    socket = target.folder / "data" / "mysql.sock"
    subprocess.run(
        [*tools.mysql, *_LOCAL, f"--socket={socket}", "--binary-mode"], input=decoded.stdout, check=True
    )


def _exact_dump(world: World) -> tuple[Manifest, str]:
    """A machine that halts for two seconds costs a dump its exact set, and the dump says so."""
    for _ in range(5):
        manifest = dump_once(world.aws.context)
        if manifest.gtid_exact is not None:
            return manifest, manifest.gtid_exact
    raise AssertionError("five dumps, and none knows what its snapshot holds of the table without a key")


def test_base_and_log_equal_the_source_under_writers(
    world: World, rds: MySqlServer, flexible: MySqlServer, tools: Tools
) -> None:
    clinic(rds, owners=2000)
    world.aws.document["archive"] = {"flush_seconds": 0.05}
    rds.execute(f"CREATE TABLE {SCHEMA}.diary (writer INT)")
    rds.execute(f"CREATE TABLE {SCHEMA}.totals (id INT PRIMARY KEY, n INT)")
    rds.execute(f"INSERT INTO {SCHEMA}.totals VALUES (1, 0)")
    with writers(rds) as counts:
        wait_for(lambda: min(counts) > 20, 60)
        manifest, exact = _exact_dump(world)
        enough = [count + 20 for count in counts]
        wait_for(lambda: all(count > least for count, least in zip(counts, enough, strict=True)), 60)
    assert manifest.ordered_tables == {SCHEMA: ("diary",)}
    subset = "SELECT GTID_SUBSET(%s, %s)"
    for smaller, larger in (
        (manifest.gtid_before, exact),
        (exact, manifest.gtid_after),
    ):
        assert rds.execute(subset, (smaller, larger)) == [(1,)]
    assert manifest.gtid_before != manifest.gtid_after, "nobody wrote meanwhile; this proved nothing"

    world.azure.works("restore")
    diary = flexible.execute(f"SELECT COUNT(*) FROM {SCHEMA}.diary")
    flexible.execute(f"CREATE TABLE {SCHEMA}.kept LIKE {SCHEMA}.diary")
    flexible.execute(f"INSERT INTO {SCHEMA}.kept (writer) SELECT writer FROM {SCHEMA}.diary")
    replay(tools, rds, flexible, manifest.gtid_before)
    repeated = rows(flexible)
    source = rows(rds)
    assert {**repeated, "diary": 0} == {**source, "diary": 0}, "keyed tables: from gtid_before, idempotently"

    flexible.execute(f"DELETE FROM {SCHEMA}.diary")
    flexible.execute(f"INSERT INTO {SCHEMA}.diary (writer) SELECT writer FROM {SCHEMA}.kept")
    assert flexible.execute(f"SELECT COUNT(*) FROM {SCHEMA}.diary") == diary
    replay(tools, rds, flexible, exact)
    assert rows(flexible)["diary"] == source["diary"], "keyless tables: from gtid_exact, once"


@contextmanager
def _overlapping(server: MySqlServer) -> Generator[list[int]]:
    """Writers of whom at every moment one has a transaction open; yields how many rows each has committed."""
    over, committed = threading.Event(), [0] * 8

    def write(number: int) -> None:
        with server.root() as connection, connection.cursor() as cursor:
            while not over.is_set():
                cursor.execute("BEGIN")
                cursor.execute(f"INSERT INTO {SCHEMA}.arrivals VALUES (%s)", (number,))
                over.wait(0.05 + 0.02 * number)  # unlike each other, so that they do not end all at once
                cursor.execute("COMMIT")
                committed[number] += 1

    with ThreadPoolExecutor(len(committed)) as pool:
        running = [pool.submit(write, number) for number in range(len(committed))]
        try:
            wait_for(lambda: min(committed) > 0, 60)
            yield committed
        finally:
            over.set()
    for each in running:
        each.result()


def test_writers_that_overlap_all_the_time_do_not_cost_the_archived_log_its_base(
    world: World,
    rds: MySqlServer,
    flexible: MySqlServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A lock that lets them go first never comes. The other is for a log that has no base, not for more."""
    clinic(rds)
    world.aws.document["archive"] = {"flush_seconds": 0.05}
    monkeypatch.setattr("agent.snapshot._LONGEST_HOLD_S", 20.0)
    monkeypatch.setattr("agent.snapshot._SERVER_LETS_GO_S", 30)
    # Slow to begin, so that a lock which goes before the snapshot is open lets rows into it.
    monkeypatch.setenv("PATH", stand_in(world.aws, "mysqldump", 'sleep 0.3; exec "$real" "$@"'))
    rds.execute(f"CREATE TABLE {SCHEMA}.arrivals (writer INT)")  # the first in the dump
    ((start,),) = rds.execute("SELECT @@GLOBAL.gtid_executed")
    with _overlapping(rds) as committed:
        base, exact = _exact_dump(world)
        seen = sum(committed)
        wait_for(lambda: sum(committed) > seen + len(committed), 60)
        caplog.clear()
        dump_once(world.aws.context)
        assert "LOCK TABLES ... WRITE" not in caplog.text, "the log has a base"
    ((written,),) = rds.execute("SELECT GTID_SUBTRACT(%s, %s)", (exact, start))
    world.azure.works("restore", "--backup", base.backup)
    in_base = flexible.execute(f"SELECT COUNT(*) FROM {SCHEMA}.arrivals")
    assert in_base == [(GtidSet.parse(str(written)).count(),)], "each transaction wrote one row"


@contextmanager
def _uncommitted(server: MySqlServer) -> Generator[None]:
    """A table without a key, and a transaction that has written it and stays open."""
    server.execute(f"CREATE TABLE {SCHEMA}.diary (writer INT)")
    with server.root() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"INSERT INTO {SCHEMA}.diary VALUES (1)")
        yield


def test_a_table_that_cannot_be_locked_costs_the_exact_set_and_not_the_dump(
    world: World, rds: MySqlServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a long wait of others, who stand behind a lock that waits for one of them."""
    monkeypatch.setattr("agent.snapshot._TRIES", 1)
    monkeypatch.setattr("agent.snapshot._LOCK_WAIT_S", 8)
    clinic(rds)
    world.aws.document["archive"] = {"flush_seconds": 0.05}
    with _uncommitted(rds), _one_more_commit_during_the_dump(world, rds):
        manifest = dump_once(world.aws.context)
    assert manifest.gtid_before != manifest.gtid_after
    assert manifest.gtid_exact is None
    assert "execution was interrupted" in caplog.text, "by ourselves, before the server's clock"


def test_a_table_that_loses_its_key_while_a_dump_begins_does_so_in_the_window(
    world: World, rds: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody holds it, and the manifest does not name it: only the window says that this base is no good."""
    clinic(rds)
    rds.execute(f"CREATE TABLE {SCHEMA}.diary (id INT PRIMARY KEY)")

    def looked(*arguments: Any, **named: Any) -> Any:
        found = ordered_tables(*arguments, **named)
        rds.execute(f"ALTER TABLE {SCHEMA}.diary DROP PRIMARY KEY")
        return found

    monkeypatch.setattr("agent.dump.ordered_tables", looked)
    manifest = dump_once(world.aws.context)
    assert manifest.ordered_tables == {}
    assert manifest.gtid_before != manifest.gtid_after


def test_a_storage_that_cannot_be_asked_costs_the_exact_set_and_not_the_dump(
    world: World, rds: MySqlServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> bool:
        raise StorageError("the account is throttled")

    monkeypatch.setattr("agent.snapshot._TRIES", 1)
    monkeypatch.setattr("agent.dump.has_base", away)
    clinic(rds)
    world.aws.document["archive"] = {"flush_seconds": 0.05}
    with _uncommitted(rds), _one_more_commit_during_the_dump(world, rds):
        assert dump_once(world.aws.context).gtid_exact is None
    assert "the account is throttled" in caplog.text


def test_behind_what_cannot_be_replayed_the_log_needs_another_base(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    with archiving(world.aws) as archive:
        context = world.aws.context
        archive.began()
        dump_once(context)
        add_owners(rds, 1)
        archive.settle()
        assert has_base(context.backups, context.signals, 1)
        with rds.root() as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION binlog_format = STATEMENT")
            cursor.execute(f"INSERT INTO {SCHEMA}.owners (name) VALUES ('as a statement')")
        archive.settle()
        assert not has_base(context.backups, context.signals, 1)
        dump_once(context)
        assert has_base(context.backups, context.signals, 1)


@contextmanager
def _one_more_commit_during_the_dump(world: World, server: MySqlServer) -> Generator[None]:
    over = threading.Event()

    def write() -> None:
        while not over.wait(0.01):
            server.execute(f"INSERT INTO {SCHEMA}.owners (name) VALUES ('meanwhile')")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_writers_of_ordered_tables_go_on_while_a_long_dump_runs(
    world: World, rds: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is for the opening of the snapshot, not for the dump."""
    # Long, so that it is the snapshot that lets go and not the clock.
    monkeypatch.setattr("agent.snapshot._LONGEST_HOLD_S", 50.0)
    monkeypatch.setattr("agent.snapshot._SERVER_LETS_GO_S", 60)
    clinic(rds, owners=200)
    rds.execute(f"CREATE TABLE {SCHEMA}.diary (writer INT)")
    began, end = world.aws.folder / "began", world.aws.folder / "end"
    script = f'"$real" "$@"; touch "{began}"; until [ -e "{end}" ]; do sleep 0.1; done'
    monkeypatch.setenv("PATH", stand_in(world.aws, "mysqldump", script))
    with ThreadPoolExecutor(1) as dumper:
        dump = dumper.submit(dump_once, world.aws.context)
        wait_for(began.exists, 60)
        rds.execute(f"INSERT INTO {SCHEMA}.diary VALUES (1)")  # a held lock would keep it waiting
        assert not dump.done()
        end.touch()
        assert dump.result().gtid_exact is not None
