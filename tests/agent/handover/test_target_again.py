"""Killed anywhere a target goes on where it was; the standby as a target; ids are given out once."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import replace

import pytest

from agent.epoch import Orders, read_epoch
from agent.errors import CredentialError
from agent.gtid import GtidSet
from agent.handover.decide import Duty, duty
from agent.handover.order import new_order, read_answer, write_answer
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.archived import archiving, executed
from tests.agent.conftest import ROOT, SCHEMA, Site, World, add_owners, clinic, count, wait_for
from tests.agent.differential import differences, snapshot
from tests.agent.handover.story import (
    EVENT,
    Passes,
    clients_on_path,
    disaster,
    drain,
    locked,
    marker_of,
    open_site,
    order,
    with_shop,
)
from tests.agent.test_restore_log import HISTORY, cascading_clinic, run

OPEN = Orders("emergency", open=True)
STATUS = f"SELECT EVENT_NAME, STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{SCHEMA}'"


@pytest.fixture(autouse=True)
def clients(world: World, rds: MySqlServer, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    clients_on_path(tools, monkeypatch)
    rds.set_global("event_scheduler", "OFF")


def equal(world: World, source: Site, copy: Site) -> list[str]:
    tools = world.aws.tools
    return differences(snapshot(source.server, tools, [SCHEMA]), snapshot(copy.server, tools, [SCHEMA]))


def die(site: Site, where: str) -> None:
    command = site.command("restore")
    config = command[command.index("--config") + 1]
    died = subprocess.run(
        [command[0], "-m", "tests.agent.handover.dies", where, config],
        cwd=ROOT,
        env=site.environment(),
        capture_output=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stdout.decode() + died.stderr.decode()


def quarantined(world: World) -> int:
    return sum(name.startswith("quarantine_2") for name in world.names())


def test_a_target_killed_anywhere_goes_on_and_keeps_one_dump_of_what_it_replaced(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    rds.execute(EVENT)
    with_shop(world.aws)
    with archiving(world.aws) as archive:
        disaster(world, archive)
    add_owners(rds, 2)
    with archiving(world.azure) as archive:
        world.azure.works("dump")
        run(flexible, "CREATE TABLE log (what VARCHAR(20))")
        run(flexible, "INSERT INTO log VALUES ('once')")
        archive.settle()
        order(world.aws, new_order("failback", "sync"))
        digest = getattr(Passes(world.aws).until("divergence").divergence, "digest", "")
        order(world.aws, new_order("failback", "sync", digest))
        for where in ("end of clear", "end of rows", "end of verify", "transaction 2", "end of replay"):
            die(world.aws, where)
            assert getattr(marker_of(world.aws), "state", "") == "loading", where
        # What that dump held is gone from the server; an order that accepts nothing must not stop here.
        order(world.aws, new_order("failback", "sync"))
        assert Passes(world.aws).once().state == "following"
        assert quarantined(world) == 1
        assert equal(world, world.azure, world.aws) == []

        run(flexible, "INSERT INTO log VALUES ('once')")
        archive.settle()
        die(world.aws, "transaction 1")
        run(flexible, "INSERT INTO log VALUES ('once')")
        archive.settle()
        die(world.aws, "end of rows")
        assert Passes(world.aws).once().state == "following"
        assert equal(world, world.azure, world.aws) == []
        assert quarantined(world) == 1

        order(world.aws, new_order("failback", "cutover"))
        drain(world.azure, archive)
        die(world.aws, "epoch written")
    assert locked(rds) and rds.execute(STATUS) == [("Nightly", "DISABLED")]
    assert read_epoch(world.aws.context.control).writer == "aws"
    with world.aws.start("run") as agent:  # the agent comes back
        wait_for(lambda: rds.execute(STATUS) == [("Nightly", "ENABLED")] and not locked(rds), 60)
        agent.terminate()
        agent.wait(30)


def test_the_standby_takes_over_with_nothing_lost_when_it_is_told_to_open(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    cascading_clinic(rds)
    rds.execute(EVENT)
    with_shop(world.aws)
    passes = Passes(world.azure)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        for statement in HISTORY[:8]:
            run(rds, statement)
        archive.settle()
        order(world.aws, new_order("planned", "drain"))
        answer = passes.once(OPEN)
        assert answer.state == "following" and "aws has not said yet" in answer.sentence
        for statement in HISTORY[8:]:
            run(rds, statement)
        as_the_source_spells = ((SCHEMA.upper(), "nightly"), (SCHEMA, "Expired"))
        drained = drain(world.aws, archive, events=as_the_source_spells)
        assert passes.once(Orders("emergency")).state == "ready"
        assert passes.once(None).state == "ready", "who does not know what the program orders opens nothing"
        assert read_epoch(world.aws.context.control).epoch == 1
        assert equal(world, world.aws, world.azure) == []
        answer = passes.once(OPEN)
    assert answer.state == "serving" and f"not enabled: events {SCHEMA}.Expired" in answer.sentence
    epoch = read_epoch(world.aws.context.control)
    assert (epoch.epoch, epoch.writer, epoch.fork_gtid) == (2, "azure", drained.gtid)
    assert flexible.execute(STATUS) == [("Nightly", "ENABLED")]
    grants = str(flexible.execute("SHOW GRANTS FOR petclinic@'%%'"))
    assert "INSERT" in grants
    assert equal(world, world.aws, world.azure) == []


def test_who_opens_without_a_source_that_died_draining_still_knows_which_events_ran(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    """The log has switched them off on the copy."""
    clinic(rds)
    rds.execute(EVENT)
    with_shop(world.aws)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        archive.settle()
        order(world.aws, new_order("planned", "drain"))
        drain(world.aws, archive, state="draining", gtid="")
        passes = Passes(world.azure)
        passes.once()
        passes.once()
    order(world.aws, new_order("planned", "drain"))
    open_site(world.azure)
    assert flexible.execute(STATUS) == [("Nightly", "ENABLED")]


def test_a_standby_that_has_served_is_replaced_after_a_second_disaster(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    with_shop(world.aws)
    with_shop(world.azure)
    with archiving(world.aws) as archive:
        disaster(world, archive)
    with archiving(world.azure) as archive:
        world.azure.works("dump")
        add_owners(flexible, 1)
        archive.settle()
        world.aws.works("restore", "--take-over")
    with archiving(world.aws) as archive:  # home again, and then AWS is lost a second time
        world.aws.works("dump")
        add_owners(rds, 2)
        archive.settle()
    order(world.aws, new_order("replace", "replace"))
    add_owners(flexible, 1)  # nobody should; it is kept, and nobody is asked
    answer = Passes(world.azure).until("ready")
    assert locked(flexible) and answer.divergence is not None
    assert equal(world, world.aws, world.azure) == []
    assert quarantined(world) == 2, "one at home, one here"
    context = world.azure.context
    epoch, marker = read_epoch(context.control), marker_of(world.azure)
    assert marker is not None and (marker.backup_epoch, marker.served_epoch) == (3, 0)
    own = read_answer(context.signals, "azure")
    assert duty("azure", epoch, OPEN, own, marker) is Duty.NONE, "the rest is the ordinary opening"
    assert own is not None and own.state == "ready"
    write_answer(context.signals, replace(own, state="restoring"))  # as if it had died before it said so
    assert Passes(world.azure).once().state == "ready"
    assert open_site(world.azure).epoch == 4


def test_after_a_reboot_the_application_gets_its_environment_from_whoever_replaces_the_database(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    """The restore at boot leaves an overtaken database alone; PetClinic starts by this file and nothing else.
    So it must come even if what replaced the database ended between the proof and the file."""
    clinic(rds)
    with_shop(world.azure)
    with archiving(world.aws) as archive:
        disaster(world, archive)
    with archiving(world.azure) as archive:
        world.azure.works("dump")
        archive.settle()
        world.aws.works("restore", "--take-over")
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        archive.settle()
    file = world.azure.environment_file
    file.unlink()  # the reboot
    assert world.azure.run("restore").code == 8
    assert not file.exists()

    order(world.aws, new_order("replace", "replace"))
    secret = world.azure.folder / "secret-application"
    hidden = secret.rename(secret.with_name("hidden"))
    passes = Passes(world.azure)
    with pytest.raises(CredentialError):
        passes.once()
    with pytest.raises(CredentialError):
        passes.once()
    assert getattr(marker_of(world.azure), "state", "") == "verified" and not file.exists()
    hidden.rename(secret)
    assert passes.once().state == "ready"
    assert "MYSQL_PASS" in file.read_text()

    file.unlink()  # as if it had been killed there, and the opening came before another pass
    world.order(open=True)
    with world.azure.start("run") as agent:
        wait_for(lambda: read_epoch(world.azure.context.control).epoch == 4, 60)
        assert file.exists()
        agent.terminate()
        agent.wait(30)


def ids_of(server: MySqlServer, table: str = "owners") -> set[int]:
    return {int(str(row[0])) for row in server.execute(f"SELECT id FROM {SCHEMA}.{table}")}


def test_no_id_is_given_out_twice(world: World, rds: MySqlServer, flexible: MySqlServer) -> None:
    """The ids that the old writer gave out last are in no log."""
    clinic(rds)
    rds.execute(f"CREATE TABLE {SCHEMA}.Visits (id SMALLINT AUTO_INCREMENT PRIMARY KEY, day DATE)")
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        archive.settle()
        world.azure.works("restore")
    common = ids_of(rds)
    add_owners(rds, 5000)
    run(rds, "INSERT INTO Visits () VALUES (), ()")
    open_site(world.azure)
    add_owners(flexible, 100)
    run(flexible, "INSERT INTO Visits () VALUES ()")
    assert not (ids_of(rds) - common) & (ids_of(flexible) - common)
    assert not ids_of(rds, "Visits") & ids_of(flexible, "visits")
    assert count(rds) == 5003 and count(flexible) == 103


def test_an_opening_that_is_repeated_raises_the_ids_once(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    rds.execute(EVENT)
    world.aws.works("dump")
    world.azure.works("restore")
    # In its place one of an account with SYSTEM_USER, so that the opening fails at it, again and again.
    flexible.execute(f"DROP EVENT {SCHEMA}.Nightly")
    flexible.execute(f"CREATE EVENT {SCHEMA}.Nightly ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1")
    world.order(open=True)
    definition = f"SHOW CREATE TABLE {SCHEMA}.owners"
    with world.azure.start("run") as agent:
        wait_for(lambda: getattr(marker_of(world.azure), "raised_epoch", 0) == 2, 60)
        first, seen = flexible.execute(definition), GtidSet.parse(executed(flexible))
        # Each attempt writes the marker before it fails.
        wait_for(lambda: (GtidSet.parse(executed(flexible)) - seen).count() > 2, 60)
        agent.terminate()
        agent.wait(30)
    assert "opening" in world.read("signals", "heartbeat-azure.json")["errors"]
    assert flexible.execute(definition) == first and "AUTO_INCREMENT=100" in str(first)
