"""Who opens and who stays closed: what the model of the control plane found, against real servers."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

import agent.handover.events
import agent.opening
from agent import fence
from agent.database import Session, session
from agent.epoch import give_order, read_epoch
from agent.errors import AgentError, DatabaseError, NotWriterError
from agent.handover.order import new_order
from agent.marker import read_marker, write_marker
from agent.opening import become_writer
from agent.serving import Serving
from sandbox.mysql import MySqlServer
from tests.agent.archived import archiving, content
from tests.agent.conftest import SCHEMA, World, add_owners, clinic, count, wait_for


def test_an_opening_without_the_writers_part_replays_what_it_archived_since(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        archive.settle()
        world.azure.works("restore")
        add_owners(rds, 5)  # users went on until a moment ago
        archive.settle()
    wanted = content(world, rds)
    assert content(world, flexible) != wanted
    world.order(open=True)
    with world.azure.start("run") as agent:
        wait_for(lambda: read_epoch(world.azure.context.control).writer == "azure", 60)
        agent.terminate()
        agent.wait(30)
    assert content(world, flexible) == wanted


def test_a_database_whose_opening_failed_half_way_never_passes_for_a_copy(
    world: World, rds: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users may have written by then; a copy would be replaced without asking in the next disaster."""
    clinic(rds)
    world.aws.works("dump")
    world.azure.works("restore")

    def dies(*_: object) -> None:
        raise DatabaseError("the server is gone")

    monkeypatch.setattr(agent.opening, "switch_on", dies)
    context = world.azure.context
    with session(context.login()) as database:
        marker = read_marker(database)
        with pytest.raises(DatabaseError, match="gone"):
            become_writer(database, context.control, read_epoch(context.control), context.config, marker)
        marker = read_marker(database)
    assert marker is not None and marker.served_epoch == 2


def test_an_event_that_cannot_be_enabled_keeps_no_other_and_nobody_waiting(
    world: World, rds: MySqlServer, flexible: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic(rds)
    for name in ("expired", "refused", "tick"):
        rds.execute(f"CREATE EVENT {SCHEMA}.{name} ON SCHEDULE EVERY 1 DAY DO SELECT 1")
    world.aws.works("dump")
    world.azure.works("restore")
    flexible.execute(f"DROP EVENT {SCHEMA}.expired")  # as the server does once an event's time is past
    really = agent.handover.events.switch

    def but_one(database: Session, events: list[tuple[str, str]], *, on: bool) -> None:
        if events == [(SCHEMA, "refused")]:
            raise DatabaseError("1227: no right")
        really(database, events, on=on)

    monkeypatch.setattr(agent.handover.events, "switch", but_one)
    context = world.azure.context
    with session(context.login()) as database:
        marker = read_marker(database)
        with pytest.raises(DatabaseError, match=r"the database serves, but its event petclinic\.refused"):
            become_writer(database, context.control, read_epoch(context.control), context.config, marker)
        marker = read_marker(database)
    assert marker is not None and marker.served_epoch == 2
    assert marker.enabled_events == ((SCHEMA, "refused"),), "what is still to be done is remembered"
    found = "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE STATUS = 'ENABLED'"
    assert ("tick",) in flexible.execute(found)


def test_an_opening_does_not_finish_a_restore_of_a_point_in_time_as_one_of_everything(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    """What came after that point is what nobody wants."""
    clinic(rds)
    backup = world.aws.works("dump")["backup"]
    world.azure.works("restore", "--backup", backup)
    context = world.azure.context
    with session(context.login()) as database:
        marker = read_marker(database)
        assert marker is not None and marker.pinned
        write_marker(database, replace(marker, state="loading"))  # as when the next one was killed
    world.order(open=True)
    serving = Serving(context, cast(Any, SimpleNamespace(draining=False, may_release=True)))
    wanted = "has not ended; repeat it"

    def refuses() -> bool:
        try:
            serving.open(read_epoch(context.control))
        except AgentError as error:
            return wanted in str(error)
        return False

    wait_for(refuses, 60)
    assert read_epoch(context.control).writer == "aws" and count(flexible) == 3


def test_nobody_opens_or_closes_on_the_strength_of_an_epoch_that_has_changed(
    world: World, rds: MySqlServer
) -> None:
    """Two agents of one site: the one that slept must not open what the other has drained."""
    clinic(rds)
    context = world.aws.context
    give_order(context.control, read_epoch(context.control), new_order("planned", "withdrawn"))
    seen = read_epoch(context.control)
    with session(context.login()) as database:
        with fence.alone(database, context.control, seen):
            pass
        give_order(context.control, seen, new_order("planned", "drain"))
        with pytest.raises(NotWriterError, match="changed"), fence.alone(database, context.control, seen):
            raise AssertionError("it acted")


def test_users_are_let_in_only_once_the_marker_says_that_the_database_serves(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    world.aws.works("dump")
    world.azure.works("restore")
    world.epoch(2, "azure")
    world.azure.document["database"] |= {"application_users": ["visitor"]}
    context = world.azure.context
    epoch = read_epoch(context.control)
    flexible.execute("CREATE USER 'visitor'@'%%' IDENTIFIED BY 'visitor'")
    locked = "SELECT account_locked FROM mysql.user WHERE User = 'visitor'"
    serving = Serving(context, cast(Any, SimpleNamespace(draining=False, may_release=True)))
    try:
        with session(context.login()) as database:
            fence.close(database, ["visitor"], epoch)
            serving.fence(epoch)
            assert flexible.execute(locked) == [("Y",)]
            marker = read_marker(database)
            assert marker is not None
            write_marker(database, replace(marker, served_epoch=2))
            serving.fence(epoch)
            assert flexible.execute(locked) == [("N",)]
    finally:
        flexible.execute("DROP USER 'visitor'@'%%'")
