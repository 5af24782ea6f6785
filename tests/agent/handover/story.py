"""For tests of the target: a disaster, and a source that drains as the other module does it."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import Any

import pymysql
import pytest

from agent.context import Context
from agent.database import session
from agent.epoch import Epoch, Orders, give_order, read_epoch
from agent.fence import close
from agent.gtid import GtidSet
from agent.handover.decide import duty
from agent.handover.fingerprints import Fingerprints
from agent.handover.order import Answer, Order, read_answer, write_answer
from agent.handover.target import Target
from agent.marker import Marker, read_marker
from agent.opening import become_writer
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.archived import Archive
from tests.agent.conftest import SCHEMA, Site, World

SHOP = "shop"
EVENT = f"CREATE EVENT {SCHEMA}.Nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM {SCHEMA}.owners WHERE id < 0"


def clients_on_path(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a part of the agent that a test calls inside its own process."""
    monkeypatch.setenv("PATH", f"{tools.bin}:{os.environ['PATH']}")


def with_shop(site: Site) -> Site:
    """An account of the application, which the fence of this site knows."""
    server = site.server
    server.execute(f"DROP USER IF EXISTS {SHOP}@'%%'")
    server.execute(f"CREATE USER {SHOP}@'%%' IDENTIFIED BY 'shop'")
    server.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {SCHEMA}.* TO {SHOP}@'%%'")
    site.document["database"]["application_users"] = [SHOP]
    return site


def shop(server: MySqlServer) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """A session of the application."""
    return pymysql.connect(
        host=server.address, port=server.port, user=SHOP, password="shop", ssl={"ca": None}, autocommit=True
    )


def locked(server: MySqlServer) -> bool:
    return server.execute(f"SELECT account_locked FROM mysql.user WHERE User = '{SHOP}'") == [("Y",)]


def open_site(site: Site) -> Epoch:
    """As the agent opens a standby that the Pulumi program orders to open, without anybody's leave."""
    context = site.context
    with session(context.login()) as database:
        epoch = read_epoch(context.control)
        return become_writer(database, context.control, epoch, context.config, marker_of(site))


def disaster(world: World, archive: Archive) -> None:
    """AWS is lost, and Azure takes over; on AWS two owners more than ever came across."""
    world.aws.works("dump")
    archive.settle()
    world.azure.works("restore")
    open_site(world.azure)


def marker_of(site: Site) -> Marker | None:
    with session(site.context.login()) as database:
        return read_marker(database)


def order(site: Site, wanted: Order) -> Order:
    """As the operator's tool gives one."""
    control = site.context.control
    give_order(control, read_epoch(control), wanted)
    return wanted


def one_pass(target: Target, context: Context, program: Orders | None, epoch: Epoch | None) -> Answer:
    """One pass as the service makes it, and its answer written."""
    signals, site = context.signals, context.config.site
    epoch = read_epoch(context.control) if epoch is None else epoch
    own, source = (read_answer(signals, s) for s in (site, "azure" if site == "aws" else "aws"))
    with session(context.login()) as database:
        marker = read_marker(database)
    todo = duty(site, epoch, program, own, marker)
    answer = target.work(epoch, todo, source, program)
    assert answer is not None, f"{todo} is nothing for a target"
    write_answer(signals, answer)
    return answer


class Passes:
    """The service of the target, one pass at a time."""

    def __init__(self, site: Site) -> None:
        self.site, self.context = site, site.context
        self.said: list[Answer] = []
        self.target = Target(self.context, threading.Event(), say=self.said.append)

    def once(self, program: Orders | None = None, epoch: Epoch | None = None) -> Answer:
        """One pass, and its answer."""
        return one_pass(self.target, self.context, program, epoch)

    def until(self, *states: str) -> Answer:
        """Passes until one of ``states``; a few at most, because nothing else happens meanwhile."""
        answer = self.once()
        for _ in range(5):
            if answer.state in states:
                break
            answer = self.once()
        assert answer.state in states, answer
        return answer


def drain(site: Site, archive: Archive, **changes: Any) -> Answer:
    """As the source does for the present order: closed, events off, archived to the end, and hashed."""
    context = site.context
    epoch = read_epoch(context.control)
    assert epoch.order is not None and epoch.order.drains
    found = site.server.execute(
        f"SELECT EVENT_SCHEMA, EVENT_NAME FROM information_schema.EVENTS"
        f" WHERE EVENT_SCHEMA = '{SCHEMA}' AND STATUS = 'ENABLED'"
    )
    events = tuple((str(schema), str(event)) for schema, event in found)
    with session(context.login()) as database:
        close(database, context.config.database.application_users, epoch)
    for schema, event in events:
        site.server.execute(f"ALTER EVENT {schema}.{event} DISABLE")
    end = archive.settle()
    prints = Fingerprints(context, threading.Event())
    prints.refresh()
    tables, objects = prints.at_end(GtidSet.parse(end))
    answer = Answer(
        context.config.site,
        epoch.epoch,
        epoch.order.id,
        "drained",
        "of the test",
        gtid=end,
        events=events,
        tables=tables,
        objects=objects,
    )
    answer = replace(answer, **changes)
    write_answer(context.signals, answer)
    return answer
