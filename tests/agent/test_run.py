"""The agent as a service."""

from __future__ import annotations

import time

from sandbox.mysql import MySqlServer
from tests.agent.conftest import SCHEMA, World, add_owners, clinic, stand_in, wait_for


def heartbeat(world: World, site: str) -> dict[str, object]:
    name = f"heartbeat-{site}.json"
    return world.read("signals", name) if name in world.names("signals") else {}


def test_dumps_come_at_their_interval_and_the_heartbeat_tells(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    with world.aws.start("run") as agent:
        for complete in range(3):
            add_owners(rds, 1)
            wait_for(lambda: world.aws.works("list")["complete"] > complete, 60)  # noqa: B023
        agent.terminate()
        assert agent.wait(30) == 0
    said = heartbeat(world, "aws")
    assert said["writer"] == "aws" and said["epoch"] == 1 and said["errors"] == {}
    assert str(said["possible_loss"]).startswith("what was committed since the last dump: up to 2 s")
    backups = world.aws.works("list")["backups"]
    assert [backup["sequence"] for backup in backups] == list(range(len(backups), 0, -1))


def test_a_failed_dump_is_told_and_tried_again(world: World, rds: MySqlServer) -> None:
    with world.aws.start("run") as agent:  # there is nothing to dump yet
        wait_for(lambda: f"no schema {SCHEMA}" in str(heartbeat(world, "aws").get("errors")), 60)
        clinic(rds)
        wait_for(lambda: world.names() and heartbeat(world, "aws")["errors"] == {}, 60)
        agent.terminate()
        _, said = agent.communicate(timeout=30)
    assert said.count("no schema") == 1, "the same failure is logged once"
    assert "dump: works again" in said


def test_stopping_in_the_middle_of_a_dump_leaves_nothing(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    mark = world.aws.folder / "half-way"
    path = stand_in(world.aws, "mysqldump", f'"$real" "$@" | head -n 40; touch "{mark}"; sleep 60')
    with world.aws.start("run", path=path) as agent:
        wait_for(mark.exists, 60)
        agent.terminate()
        _, said = agent.communicate(timeout=60)
    assert agent.returncode == 0 and "the dump was given up" in said and "did not end" not in said
    assert world.names() == []


def test_a_standby_without_a_verified_copy_does_not_open(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.order(open=True)
    with world.azure.start("run") as agent:
        wait_for(lambda: "no verified copy" in str(heartbeat(world, "azure").get("errors")), 60)
        agent.terminate()
        agent.wait(30)
    assert "epoch.json" not in world.names("control")
    assert world.names() == []


def test_a_closed_standby_waits(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.works("dump")
    world.azure.works("restore")
    world.order(open=False)
    with world.azure.start("run") as agent:
        wait_for(lambda: heartbeat(world, "azure").get("writer") == "aws", 60)
        time.sleep(1)
        agent.terminate()
        agent.wait(30)
    assert "epoch.json" not in world.names("control")


def interrupted(world: World) -> None:
    """Azure's opening got as far as the epoch: the ids were raised for it before."""
    raised = "JSON_SET(marker, '$.raised_epoch', 2)"
    world.azure.server.execute(f"UPDATE pilotlight.restore_marker SET marker = {raised}")
    world.epoch(2, "azure")


def test_an_opening_that_was_interrupted_is_completed(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    """The epoch was written, and the agent died before it switched the events on."""
    clinic(rds)
    rds.set_global("event_scheduler", "OFF")
    rds.execute(f"CREATE EVENT {SCHEMA}.tick ON SCHEDULE EVERY 1 DAY DO SELECT 1")
    world.aws.works("dump")
    world.azure.works("restore")
    status = f"SELECT STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{SCHEMA}'"
    assert flexible.execute(status) == [("DISABLED",)]
    interrupted(world)
    with world.azure.start("run") as agent:
        wait_for(lambda: flexible.execute(status) == [("ENABLED",)], 60)
        agent.terminate()
        agent.wait(30)


def test_an_opening_that_fails_and_orders_that_cannot_be_read_stop_no_backups(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    rds.execute(f"CREATE EVENT {SCHEMA}.gone ON SCHEDULE EVERY 1 DAY DO SELECT 1")
    world.aws.works("dump")
    world.azure.works("restore")
    flexible.execute(f"DROP EVENT {SCHEMA}.gone")  # and one of an account with SYSTEM_USER in its place
    flexible.execute(f"CREATE EVENT {SCHEMA}.gone ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1")
    world.container("orders").upload_blob("orders.json", b"not JSON", overwrite=True)
    interrupted(world)
    world.azure.document["archive"] = {"flush_seconds": 0.1}
    with world.azure.start("run") as agent:
        wait_for(lambda: world.aws.works("list")["backups"][0]["epoch"] == 2, 60)
        add_owners(flexible, 1)
        wait_for(lambda: any(name.startswith("binlog/2/") for name in world.names()), 60)
        wait_for(lambda: "gone" in str(heartbeat(world, "azure").get("errors")), 60)
        agent.terminate()
        agent.wait(30)
