"""A writer that died before its first dump: its log continues the old writer's chain exactly at the fork."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from agent.database import session
from agent.epoch import Epoch, read_epoch
from agent.gtid import GtidSet
from agent.handover.auto_increment import MARGIN
from agent.marker import Marker, read_marker
from agent.opening import become_writer
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.archived import archiving, executed
from tests.agent.conftest import SCHEMA, Site, World, clear
from tests.agent.differential import differences, snapshot
from tests.agent.test_round_trip import load_awkward


def run(server: MySqlServer, *statements: str) -> None:
    with server.root() as connection, connection.cursor() as cursor:
        for statement in (f"USE {SCHEMA}", *statements):
            cursor.execute(statement)


def take_over(site: Site) -> Epoch:
    context = site.context
    with session(context.login()) as database:
        seen, marker = read_epoch(context.control), read_marker(database)
        return become_writer(database, context.control, seen, context.config, marker)


@pytest.fixture
def third(world: World, other: MySqlServer, tools: Tools, tmp_path: Path) -> Site:
    """Another server of the aws site."""
    clear(other)
    other.set_global("event_scheduler", "OFF")
    storage = world.aws.document["storage"]
    return Site(tmp_path / "third site", "aws", server=other, storage=storage, orders=None, tools=tools)


@pytest.fixture
def asleep(flexible: MySqlServer) -> Generator[None]:
    """Nothing is written while two servers are compared."""
    flexible.set_global("event_scheduler", "OFF")
    yield
    flexible.set_global("event_scheduler", "ON")


@pytest.fixture
def forked(world: World, rds: MySqlServer, tools: Tools, asleep: None) -> Epoch:
    """The standby took over; the old writer's archive holds more than it got, the new one's nothing."""
    load_awkward(rds, tools)
    run(rds, "DROP VIEW a_first")  # a server that folds names lists two views in another order
    insert = "INSERT INTO Owners (First_Name, last_name) VALUES ('{}', 'x')"
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        run(rds, insert.format("before the fork"), "CREATE TABLE Late (id INT PRIMARY KEY, v FLOAT)")
        archive.settle()
        world.azure.works("restore")
        run(rds, insert.format("lost"), "DELETE FROM pets", "DROP TABLE Late")
        archive.settle()
    return take_over(world.azure)


def test_the_copy_holds_exactly_what_the_new_writer_holds(
    world: World, flexible: MySqlServer, third: Site, tools: Tools, forked: Epoch
) -> None:
    # Written before its archive ran: nothing since the fork may be left out.
    run(
        flexible,
        "INSERT INTO owners (first_name) VALUES ('first')",
        "UPDATE pets SET name = 'new' WHERE id = 1",
    )
    with archiving(world.azure) as archive:
        run(
            flexible,
            "INSERT INTO late VALUES (1, 16777217), (2, NULL)",
            "DELETE FROM owners WHERE id = 2",
            "ALTER TABLE visits ADD COLUMN more JSON",
            "UPDATE visits SET more = JSON_ARRAY(1.5), description = 'changed'",
            "CREATE TRIGGER late_one BEFORE INSERT ON late FOR EACH ROW SET NEW.v = NEW.v + 1",
            "INSERT INTO late VALUES (3, 1)",
            "INSERT INTO vet_specialties VALUES (3, 2, '')",
        )
        archive.settle()
        plan = third.works("restore", "--dry-run")
        assert "epoch 2 has no backup yet" in plan["choice"][0]["why"]
        assert "no backup yet" in third.works("list")["across_fork"]
        report = third.works("restore")
        assert report["loaded"] and report["lost"]["transactions"] == 0
        assert compare(flexible, third.server, tools) == []
        marker = marker_of(third)
        assert (marker.backup_epoch, marker.state) == (2, "verified")
        assert GtidSet.parse(marker.backup_gtid) == GtidSet.parse(executed(flexible))
        # ... and the copy follows, as any other.
        run(flexible, "INSERT INTO late VALUES (4, 1)", "DELETE FROM vet_specialties WHERE vet_id = 9")
        archive.settle()
        assert third.works("replay")["log"]["transactions"] >= 2
    assert compare(flexible, third.server, tools) == []
    assert take_over(third).epoch == 3


def compare(source: MySqlServer, copy: MySqlServer, tools: Tools) -> list[str]:
    return differences(snapshot(source, tools, [SCHEMA]), snapshot(copy, tools, [SCHEMA]))


def marker_of(site: Site) -> Marker:
    with session(site.context.login()) as database:
        found = read_marker(database)
    assert found is not None
    return found


def test_a_writer_that_died_before_it_archived_anything_is_followed_to_the_fork(
    world: World, flexible: MySqlServer, third: Site, tools: Tools, forked: Epoch
) -> None:
    """All that was archived is restored, it may open, and it follows what arrives late."""
    plan = third.works("restore", "--dry-run")
    assert "nothing of epoch 2 was archived" in plan["choice"][0]["why"]
    report = third.works("restore")
    assert report["loaded"] and compare(flexible, third.server, tools) == []
    marker = marker_of(third)
    assert (marker.backup_epoch, marker.state) == (2, "verified")
    with archiving(world.azure) as archive:
        run(flexible, "INSERT INTO owners (first_name) VALUES ('late')")
        archive.settle()
        assert third.works("replay")["log"]["transactions"] >= 1
    assert compare(flexible, third.server, tools) == []
    assert take_over(third).epoch == 3


def test_ids_are_raised_across_a_fork_whose_log_begins_behind_the_writers_raise(
    world: World, flexible: MySqlServer, third: Site, forked: Epoch
) -> None:
    """As after a take-over that was repeated. The writer may have given out ids that were never archived."""
    document = world.read("control", "epoch.json") | {"began_gtid": executed(flexible)}
    world.container("control").upload_blob("epoch.json", json.dumps(document), overwrite=True)
    with archiving(world.azure) as archive:
        run(flexible, "UPDATE pets SET name = 'new' WHERE id = 1")
        archive.settle()
        assert third.works("restore")["log"]["transactions"] > 0
    assert next_id(third.server, "Owners") >= next_id(flexible, "owners") > MARGIN


def next_id(server: MySqlServer, table: str) -> int:
    text = str(server.execute(f"SHOW CREATE TABLE {SCHEMA}.{table}")[0][1])
    return int(text.partition("AUTO_INCREMENT=")[2].split()[0])


def test_a_log_that_does_not_begin_at_the_fork_is_not_joined(
    world: World, flexible: MySqlServer, third: Site, forked: Epoch
) -> None:
    """What was committed before it would be missing without a word."""
    run(flexible, "INSERT INTO owners (first_name) VALUES ('purged')")
    flexible.execute("FLUSH BINARY LOGS")
    flexible.execute(f"PURGE BINARY LOGS TO '{flexible.execute('SHOW BINARY LOGS')[-1][0]}'")
    with archiving(world.azure) as archive:
        archive.began()
        run(flexible, "INSERT INTO owners (first_name) VALUES ('archived')")
        archive.settle()
    refused = third.run("restore", "--dry-run")
    assert refused.code == 9 and "wait for its first dump" in refused.said
    assert third.works("list")["across_fork"] == ""
