"""The writer lost its server: what was archived comes back into a new one, which serves as the old one."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from agent import opening
from agent.epoch import Epoch
from agent.errors import StorageError
from agent.gtid import GtidSet
from agent.restore import Options, restore
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.archived import archiving, executed
from tests.agent.conftest import SCHEMA, World, add_owners, clear, clinic, count, wait_for
from tests.agent.test_restore import marker, serve_on_azure
from tests.agent.test_restore_across_fork import run
from tests.agent.test_run import heartbeat
from tests.agent.test_service import service

_PATIENCE_S = 120
UNOPENED = (
    "UPDATE pilotlight.restore_marker SET marker = JSON_SET(marker, '$.served_epoch', 0, '$.raised_epoch', 0)"
)
_EVENT = f"SELECT STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{SCHEMA}'"


def with_event(server: MySqlServer) -> None:
    clinic(server)
    server.execute(f"CREATE EVENT {SCHEMA}.tick ON SCHEDULE EVERY 1 DAY DO SELECT 1")


def lose(server: MySqlServer) -> None:
    """What a server of that name holds that was made anew."""
    server.execute(f"DROP DATABASE {SCHEMA}")
    server.execute(f"CREATE DATABASE {SCHEMA}")


def dumped_and_lost(world: World, server: MySqlServer) -> None:
    """AWS's database, of which there is one backup."""
    clinic(server)
    world.aws.works("dump")
    lose(server)


@pytest.fixture
def programs(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """MySQL's programs on this process's own PATH."""
    monkeypatch.setenv("PATH", f"{tools.bin}:{os.environ['PATH']}")


@pytest.fixture
def quiet(rds: MySqlServer) -> Generator[MySqlServer]:
    """The writer, whose events are enabled and do not run."""
    rds.set_global("event_scheduler", "OFF")
    yield rds
    rds.set_global("event_scheduler", "ON")


def test_a_writer_that_lost_its_server_is_restored_and_never_backs_up_the_new_one(
    world: World, quiet: MySqlServer
) -> None:
    """A dump of an empty server, or of half a restore, would be the newest backup of its epoch."""
    with_event(quiet)
    world.aws.works("dump")
    rows = quiet.execute(f"SELECT * FROM {SCHEMA}.owners")
    lose(quiet)
    refused = world.aws.run("dump")
    assert refused.code == 10 and "has no table" in refused.said
    assert world.aws.works("restore", "--dry-run")["guard"] == ""
    assert world.aws.works("restore")["loaded"] is True
    assert quiet.execute(f"SELECT * FROM {SCHEMA}.owners") == rows
    assert marker(quiet)["served_epoch"] == 1, "it would pass for a copy that nobody wrote into"
    assert quiet.execute(_EVENT) == [("ENABLED",)]
    world.aws.works("dump")
    loading = "UPDATE pilotlight.restore_marker SET marker = JSON_SET(marker, '$.state', 'loading')"
    quiet.execute(loading)
    refused = world.aws.run("dump")
    assert refused.code == 10 and "has not ended" in refused.said


def test_a_restore_that_died_before_it_opened_the_writers_copy_is_run_again(
    world: World, rds: MySqlServer
) -> None:
    dumped_and_lost(world, rds)
    world.aws.works("restore")
    rds.execute(UNOPENED)
    assert world.aws.works("restore")["loaded"] is False
    assert marker(rds)["served_epoch"] == 1


def test_the_agent_beside_a_lost_server_opens_what_is_restored_into_it(
    world: World, rds: MySqlServer
) -> None:
    """It looked at the empty server, then at one that serves, and looks again."""
    dumped_and_lost(world, rds)
    with service(world.aws):
        wait_for(lambda: "has no table" in str(heartbeat(world, "aws").get("errors")), _PATIENCE_S)
        world.aws.works("restore")
        wait_for(lambda: heartbeat(world, "aws")["errors"] == {}, _PATIENCE_S)
        rds.execute(UNOPENED)  # as of a restore that died right after the copy was proved
        wait_for(lambda: marker(rds)["served_epoch"] == 1, _PATIENCE_S)


def test_a_writer_takes_its_lost_server_over_and_the_log_goes_on_in_a_new_epoch(
    world: World, rds: MySqlServer, other: MySqlServer
) -> None:
    clinic(rds)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        add_owners(rds, 2)
        archive.settle()
    clear(other)
    world.aws.document["database"]["host"] = other.address
    world.aws.document["archive"] = {"flush_seconds": 0.1}
    alone = world.aws.run("archive", "--once", "--patience", "100")
    assert alone.code == 14 and "that this server does not have" in alone.said, "waiting changes nothing"
    with service(world.aws):
        wait_for(lambda: "restore --take-over" in str(heartbeat(world, "aws").get("errors")), _PATIENCE_S)
        report = world.aws.works("restore", "--take-over")
        assert report["epoch"] == 2 and count(other) == 5
        wait_for(lambda: heartbeat(world, "aws").get("epoch") == 2, _PATIENCE_S)
        wait_for(lambda: heartbeat(world, "aws")["errors"] == {}, _PATIENCE_S)
        add_owners(other, 1)
    refused = world.aws.run("restore", "--take-over")
    assert refused.code == 8 and "aws is the writer of epoch 2" in refused.said
    found = marker(other)
    assert (found["served_epoch"], found["raised_epoch"]) == (2, 2)
    world.azure.works("restore")
    assert count(world.azure.server) == 6


@pytest.mark.parametrize("flawed", [False, True], ids=["whole", "with what cannot be replayed"])
def test_an_epoch_raised_before_the_restore_names_all_that_can_be_had(
    world: World, rds: MySqlServer, flawed: bool
) -> None:
    clinic(rds)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        add_owners(rds, 2)
        reached = archive.settle()
        if flawed:
            run(
                rds,
                "SET SESSION binlog_format = STATEMENT",
                "INSERT INTO owners (name) VALUES ('not by row')",
            )
            archive.settle()
    lose(rds)
    world.epoch(2, "aws")
    refused = world.aws.run("restore")
    assert refused.code == 9 and "accept the loss by naming it" in refused.said
    named = refused.said.split("serve from it): ")[1].split()[:4]
    assert named[::2] == ["--backup", "--to"] and GtidSet.parse(named[3]) == GtidSet.parse(reached)
    world.aws.works("restore", *named)
    assert count(rds) == 5 and marker(rds)["served_epoch"] == 2


def test_a_log_that_drops_every_table_is_not_followed_to_its_end(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        add_owners(rds, 2)
        archive.settle()
        before = executed(rds)
        rds.execute(f"DROP DATABASE {SCHEMA}")
        rds.execute(f"CREATE DATABASE {SCHEMA}")
        archive.settle()
    refused = world.azure.run("restore")
    assert refused.code == 11 and "drops every table" in refused.said and "--to TIME" in refused.said
    world.azure.works("restore", "--to", before)
    assert count(world.azure.server) == 5


def test_a_backup_of_other_schemas_is_refused_before_anything_is_touched(
    world: World, rds: MySqlServer
) -> None:
    """It would be loaded over what was not looked at, and the writer's dumps would stop."""
    clinic(rds)
    world.aws.works("dump")
    proper = world.aws.document["database"]["schemas"]
    world.aws.document["database"]["schemas"] = ["other"]
    refused = world.aws.run("restore")
    assert refused.code == 8 and "database.schemas is" in refused.said
    assert rds.execute("SHOW DATABASES LIKE 'pilotlight'") == []
    world.aws.document["database"]["schemas"] = proper
    world.aws.works("dump")


def beats(world: World, count: int) -> None:
    """Wait for so many heartbeats of Azure's agent."""
    seen: set[object] = set()
    wait_for(lambda: seen.add(heartbeat(world, "azure").get("at")) or len(seen) > count, _PATIENCE_S)


def test_a_standby_in_the_writers_place_opens_by_order_in_an_epoch_of_its_own(
    world: World, flexible: MySqlServer, other: MySqlServer
) -> None:
    """As in a takeover: production's standby wrote, and its database is gone for good. Until then nothing is
    backed up, and nobody is told to begin an epoch: the order does it."""
    clinic(flexible)
    world.epoch(2, "azure")
    with archiving(world.azure) as archive:
        older = world.azure.works("dump")["backup"]
        add_owners(flexible, 2)
        archive.settle()
    clear(other)
    world.azure.document["database"]["host"] = other.address
    world.order(open=False)
    with service(world.azure):
        lost = "that this server does not have"
        wait_for(lambda: lost in str(heartbeat(world, "azure").get("errors")), _PATIENCE_S)
        world.azure.works("restore")
        wait_for(lambda: heartbeat(world, "azure")["errors"] == {}, _PATIENCE_S)
        before = world.names()
        beats(world, 8)  # four intervals of its dumps
        assert world.names() == before and heartbeat(world, "azure")["errors"] == {}
        assert "waits for the order to open" in world.azure.run("dump").said
        world.azure.works("restore", "--backup", older)
        assert count(other) == 3 and marker(other)["served_epoch"] == 0, "nobody has ordered it to open"
        world.order(open=True)
        wait_for(lambda: heartbeat(world, "azure").get("epoch") == 3, _PATIENCE_S)
        wait_for(lambda: heartbeat(world, "azure")["errors"] == {}, _PATIENCE_S)
    assert marker(other)["served_epoch"] == 3


def test_a_copy_of_an_older_epoch_in_the_writers_place_waits_for_its_order_too(
    world: World, flexible: MySqlServer
) -> None:
    """The epoch was raised by hand, or its writer lost its database before its first dump."""
    clinic(flexible)
    world.epoch(2, "azure")
    world.azure.works("dump")
    world.epoch(3, "azure")
    lose(flexible)
    world.order(open=False)
    world.azure.works("restore", "--backup", world.azure.works("list")["backups"][0]["backup"])
    with service(world.azure):
        beats(world, 4)
        assert marker(flexible)["served_epoch"] == 0
        world.order(open=True)
        wait_for(lambda: heartbeat(world, "azure").get("epoch") == 4, _PATIENCE_S)


def test_an_agent_opens_a_copy_in_place_of_the_database_that_was_lost_beneath_it(
    world: World, flexible: MySqlServer
) -> None:
    """It had looked once in this epoch, and all was well."""
    clinic(flexible)
    world.epoch(2, "azure")
    world.order(open=True)
    with service(world.azure):
        wait_for(lambda: heartbeat(world, "azure").get("last_backup"), _PATIENCE_S)
        lose(flexible)
        world.azure.works("restore")
        wait_for(lambda: heartbeat(world, "azure").get("epoch") == 3, _PATIENCE_S)
    assert marker(flexible)["served_epoch"] == 3 and count(flexible) == 3


def test_a_new_epoch_of_the_same_writer_keeps_where_the_other_site_forked(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    """Or all that the other one ever committed would pass for diverged."""
    clinic(rds)
    world.aws.works("dump")
    world.azure.works("restore")
    serve_on_azure(world)
    world.azure.works("dump")
    before = world.read("control", "epoch.json")
    lose(flexible)
    flexible.execute("DROP DATABASE pilotlight")
    report = world.azure.works("restore", "--take-over")
    assert "open" not in report["seconds"]
    found = marker(flexible)
    assert (found["served_epoch"], found["raised_epoch"]) == (3, 3)
    after = world.read("control", "epoch.json")
    kept = ("writer", "fork_gtid", "cutover")
    assert after["epoch"] == 3 and [after[key] for key in kept] == [before[key] for key in kept]
    assert before["fork_gtid"] and after["began_gtid"] == ""


def test_a_take_over_that_could_not_write_the_epoch_is_run_again_and_loads_nothing_twice(
    world: World, rds: MySqlServer, programs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    dumped_and_lost(world, rds)

    def refuses(*_: object) -> Epoch:
        raise StorageError("not allowed to write epoch.json (403)")

    with monkeypatch.context() as forbidden:
        forbidden.setattr(opening, "renew", refuses)
        with pytest.raises(StorageError, match="without --take-over"):
            restore(world.aws.context, Options(take_over=True))
    assert marker(rds)["served_epoch"] == 0 and count(rds) == 3
    report = world.aws.works("restore", "--take-over")
    assert report["loaded"] is False and report["epoch"] == 2
    assert marker(rds)["served_epoch"] == 2


def test_a_take_over_that_died_once_the_epoch_was_written_is_run_again(
    world: World, rds: MySqlServer, programs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    dumped_and_lost(world, rds)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as death, pytest.raises(KeyboardInterrupt):
        death.setattr(opening, "finish_opening", dies)
        restore(world.aws.context, Options(take_over=True))
    assert marker(rds)["served_epoch"] == 0 and world.read("control", "epoch.json")["epoch"] == 2
    world.aws.works("restore", "--take-over")
    assert marker(rds)["served_epoch"] == 2 and world.read("control", "epoch.json")["epoch"] == 2


def test_a_take_over_that_names_another_state_loads_that_one(world: World, rds: MySqlServer) -> None:
    """It holds the end of the log by an earlier run; what is named now is what opens."""
    clinic(rds)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        before = executed(rds)
        add_owners(rds, 2)
        archive.settle()
    world.aws.document["archive"] = None
    lose(rds)
    world.aws.works("restore")
    assert count(rds) == 5
    rds.execute(UNOPENED)
    report = world.aws.works("restore", "--take-over", "--to", before)
    assert report["loaded"] is True and report["quarantine"]
    assert count(rds) == 3 and marker(rds)["served_epoch"] == 2


def test_what_was_named_with_its_loss_can_serve_on_the_other_side(world: World, rds: MySqlServer) -> None:
    """The writer began an epoch in a new server and died before its first dump."""
    dumped_and_lost(world, rds)
    world.aws.works("restore", "--take-over")
    refused = world.azure.run("restore")
    assert refused.code == 9 and "add --take-over" in refused.said
    named = refused.said.split("serve from it): ")[1].split()
    world.azure.works("restore", "--take-over", *named)
    assert world.read("control", "epoch.json")["writer"] == "azure"
    assert marker(world.azure.server)["served_epoch"] == 3 and count(world.azure.server) == 3
