"""Definitions that change while a dump is made: it is read as of no moment, and the log behind it is not
replayed onto what may hold it already. Here the dump waits between two tables until the DDL is committed."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event

import pytest

from agent.chain import behind
from agent.dump import dump_once
from agent.errors import DumpError
from agent.gtid import GtidSet
from agent.manifest import Manifest, backup_name, manifest_name
from agent.snapshot import Bracket
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.archived import archiving, executed
from tests.agent.conftest import SCHEMA, World, add_owners, clinic, stand_in, wait_for
from tests.agent.differential import differences, snapshot
from tests.agent.test_restore_chain import chosen
from tests.agent.test_restore_log import run

PATIENCE_S = 60
# More than any buffer on the way holds, so that mysqldump cannot have come to the second table.
_FIRST_TABLE = 6000


@pytest.fixture(autouse=True)
def programs(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """MySQL's programs on this process's own PATH."""
    monkeypatch.setenv("PATH", f"{tools.bin}:{os.environ['PATH']}")


def dump_under(
    world: World, patch: pytest.MonkeyPatch, early: Sequence[str], late: Sequence[str]
) -> tuple[Manifest, str]:
    """A dump; ``early`` is committed while mysqldump reads the first table, ``late`` before it has ended.

    Returns:
        Its manifest, and its text.
    """
    folder = world.aws.folder
    go, read, end = folder / "go", folder / "read", folder / "end"
    wait = 'until [ -e "{}" ]; do sleep 0.05; done'.format
    # Without mysqldump's status, but a dump without its last line is refused all the same.
    script = f'"$real" "$@" | {{ head -c 100000; {wait(go)}; cat; touch "{read}"; {wait(end)}; }}'
    opened, open_bracket = Event(), Bracket.opened
    # A name has seconds, and a dump whose name is taken is made again: then the DDL would be over.
    last = max((name for name in world.names() if name.endswith(".sql.gz")), default="")
    wait_for(lambda: backup_name(datetime.now(UTC)) > last, PATIENCE_S)

    def noted(self: Bracket) -> None:
        open_bracket(self)
        opened.set()

    with patch.context() as during, ThreadPoolExecutor(1) as dumper:
        during.setattr(Bracket, "opened", noted)
        during.setenv("PATH", stand_in(world.aws, "mysqldump", script))
        dump = dumper.submit(dump_once, world.aws.context)
        try:
            wait_for(lambda: opened.is_set() or dump.done(), PATIENCE_S)
            for statement in early:
                run(world.aws.server, statement)
            go.touch()
            wait_for(lambda: read.exists() or dump.done(), PATIENCE_S)
            for statement in late:
                run(world.aws.server, statement)
        finally:
            go.touch()
            end.touch()
        manifest = dump.result()
    text = gzip.decompress(world.container("backups").download_blob(manifest.backup).readall())
    return manifest, text.decode(errors="replace")


def large_clinic(server: MySqlServer) -> None:
    clinic(server)
    add_owners(server, _FIRST_TABLE, padding=900)
    run(server, "ALTER TABLE pets ADD COLUMN v INT")
    run(server, "CREATE PROCEDURE a() SELECT 1")


def with_the_next(server: MySqlServer, executed: GtidSet) -> str:
    """The set and the transaction after it; those with a tag are numbered apart from the server's own."""
    uuid = str(server.execute("SELECT @@server_uuid")[0][0])
    return str(executed | GtidSet.parse(f"{uuid}:{executed.intervals[uuid][-1][1] + 1}"))


def assert_equal(world: World) -> None:
    source, copy = (snapshot(site.server, site.tools, [SCHEMA]) for site in (world.aws, world.azure))
    assert differences(source, copy) == []


ADD, DROP = "ALTER TABLE pets ADD INDEX by_v (v)", "ALTER TABLE pets DROP INDEX by_v"


@pytest.mark.parametrize(
    ("ddl", "held"),
    [
        (([ADD], []), "`by_v`"),
        (([ADD], [DROP]), "`by_v`"),  # the dictionary is what it was, and the dump is not
        ((["DROP PROCEDURE a", "CREATE PROCEDURE a() SELECT 2"], []), "SELECT 2"),
    ],
    ids=["index added", "and dropped again", "procedure replaced"],
)
def test_ddl_while_a_dump_is_read_makes_the_restore_take_the_base_before_it(
    world: World, monkeypatch: pytest.MonkeyPatch, ddl: tuple[list[str], list[str]], held: str
) -> None:
    rds, (early, late) = world.aws.server, ddl
    large_clinic(rds)
    with archiving(world.aws) as archive:
        older = world.aws.works("dump")["backup"]
        before = executed(rds)
        row = "INSERT INTO owners (name) VALUES ('meanwhile')"
        newer, text = dump_under(world, monkeypatch, [row, *early], late)
        assert held in text, "the dump does not hold the new definition; this proves nothing"
        run(rds, "INSERT INTO pets (owner_id) VALUES (1)")
        end = archive.settle()
    assert newer.gtid_after == before and GtidSet.parse(newer.gtid_end) <= GtidSet.parse(end)
    report = world.azure.works("restore")
    assert report["backup"]["backup"] == older
    assert report["reached"]["gtid"] == end and report["lost"]["transactions"] == 0
    assert_equal(world)

    said = "ran while it was dumped"
    backup, reasons = chosen(world, "--to", with_the_next(rds, GtidSet.parse(before)))
    assert backup == older and said in reasons[newer.backup], "at the row, the dump's definition is too new"
    # A copy that was made of this base while the log ended before the statement.
    containers = world.aws.context.backups, world.aws.context.signals
    followed = behind(*containers, newer.backup, newer.epoch, GtidSet.parse(newer.gtid_after), to=None)
    assert followed.tail.transactions == 0 and said in followed.tail.end

    world.container("backups").delete_blob(manifest_name(older))
    alone = world.azure.works("restore", "--dry-run")
    assert alone["backup"]["backup"] == newer.backup
    assert alone["log"]["transactions"] == 0 and said in alone["log"]["end"]
    assert alone["lost"]["transactions"] > 0


STAGING = ("DROP TABLE staging", "CREATE TABLE staging AS SELECT id, owner_id FROM pets")


def test_tables_made_emptied_and_dropped_while_a_dump_is_read_cost_no_base(
    world: World, rds: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many do that all the time, for a staging table."""
    large_clinic(rds)
    run(rds, STAGING[1])
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        early = ["CREATE TABLE short (id INT)", "INSERT INTO short VALUES (1)", "DROP TABLE short"]
        late = [*STAGING, "INSERT INTO staging VALUES (9, 9)", "TRUNCATE TABLE pets"]
        late += ["INSERT INTO pets (owner_id) VALUES (2)"]
        newer, _ = dump_under(world, monkeypatch, early, late)
        end = archive.settle()
    report = world.azure.works("restore")
    assert report["backup"]["backup"] == newer.backup and report["reached"]["gtid"] == end
    assert report["log"]["ddl"] == 5
    assert_equal(world)


@pytest.mark.parametrize("early", [STAGING, ["TRUNCATE TABLE staging"]], ids=["made anew", "emptied"])
def test_a_table_made_anew_before_the_dump_came_to_it_fails_the_dump(
    world: World, rds: MySqlServer, monkeypatch: pytest.MonkeyPatch, early: list[str]
) -> None:
    """What the test before relies on."""
    large_clinic(rds)
    run(rds, STAGING[1])
    with pytest.raises(DumpError, match="was cut"):
        dump_under(world, monkeypatch, early, [])
    assert world.names() == []
