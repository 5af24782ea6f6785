"""A restored copy follows its source until it serves, and the log brings data home as well."""

from __future__ import annotations

import json

import pytest

import agent.restoring
from agent.catchup import catch_up
from agent.errors import GuardError, RestoreError
from agent.moment import parse_target
from agent.restore import follow
from sandbox.mysql import MySqlServer
from tests.agent.archived import archiving, content
from tests.agent.conftest import SCHEMA, World, add_owners
from tests.agent.test_restore import serve_on_azure
from tests.agent.test_restore_log import HISTORY, cascading_clinic, live, run


def state(server: MySqlServer) -> str:
    return str(json.loads(str(server.execute("SELECT marker FROM pilotlight.restore_marker")[0][0]))["state"])


def test_a_copy_follows_its_source_step_by_step(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    cascading_clinic(rds)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        run(rds, HISTORY[0])
        archive.settle()
        world.azure.works("restore")
        for statement in HISTORY[1:]:
            run(rds, statement)
            archive.settle()
            follow(world.azure.context)
            assert content(world, flexible) == content(world, rds), statement
        report = follow(world.azure.context)
        assert report.loaded is False and report.log["transactions"] == 0
        run(rds, "INSERT INTO Vets VALUES (7, NULL)")
        target, wanted = archive.settle(), content(world, rds)
        run(rds, "INSERT INTO Vets VALUES (8, NULL)")
        archive.settle()
        report = follow(world.azure.context, parse_target(target))
        assert content(world, flexible) == wanted
        assert report.reached["gtid"] == target and report.lost["transactions"] == 1
    assert state(flexible) == "verified"


def test_a_follow_that_broke_off_is_made_good_by_a_restore(
    world: World, rds: MySqlServer, flexible: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cascading_clinic(rds)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        archive.settle()
        world.azure.works("restore")
        run(rds, "INSERT INTO log VALUES ('once')")
        archive.settle()

    def broken(*arguments: object, **named: object) -> None:
        catch_up(*arguments, **named)  # pyright: ignore[reportArgumentType]
        raise RestoreError("after all of it was applied")

    monkeypatch.setattr(agent.restoring, "catch_up", broken)
    with pytest.raises(RestoreError):
        follow(world.azure.context)
    assert state(flexible) == "loading"
    world.azure.works("restore")
    assert content(world, flexible) == content(world, rds)


def test_only_a_copy_that_does_not_serve_follows(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    with pytest.raises(GuardError, match="only a restored database"):
        follow(world.azure.context)
    cascading_clinic(rds)
    world.aws.works("dump")
    world.azure.works("restore")
    serve_on_azure(world)
    with pytest.raises(GuardError, match="azure writes epoch 2"):
        follow(world.azure.context)


def test_the_way_home_takes_the_log_along(world: World, rds: MySqlServer, flexible: MySqlServer) -> None:
    gtids, _ = live(world, rds)
    world.azure.works("restore")
    serve_on_azure(world)
    assert world.read("control", "epoch.json")["fork_gtid"] == gtids
    with archiving(world.azure) as archive:
        add_owners(flexible, 2)
        run(flexible, "ALTER TABLE vets ADD COLUMN since YEAR NOT NULL DEFAULT 2001")
        run(flexible, "INSERT INTO vets (id, since) VALUES (9, 2026)")
        run(
            flexible, "CREATE TABLE shift (vet INT, day DATE)"
        )  # gets an invisible key here, and none at home
        run(flexible, "INSERT INTO shift VALUES (9, '2026-01-01'), (9, '2026-01-01')")
        run(flexible, "DELETE FROM shift LIMIT 1")
        archive.settle()
        report = world.aws.works("restore", "--take-over")
    assert report["log"]["transactions"] == 6
    assert content(world, rds) == content(world, flexible)
    capitals = [row[0] for row in rds.execute(f"SHOW TABLES FROM {SCHEMA}")]
    assert "Vets" in capitals, "the name has its capitals back"
