"""The handover inside the running agent: what it does of itself, and what it never does."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

import agent.dumping
import agent.handover.service
from agent import fence
from agent.across import choose
from agent.archive.segment import decode
from agent.dump import dump_once
from agent.epoch import read_epoch
from agent.errors import DumpError
from agent.gtid import GtidSet
from agent.handover.fingerprints import Fingerprints
from agent.handover.order import Answer, Divergence, new_order, read_answer, write_answer
from agent.handover.target import Target
from agent.run import Agent
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.archived import archiving
from tests.agent.conftest import SCHEMA, Site, World, add_owners, clinic, count, wait_for
from tests.agent.handover.story import locked, order, shop, with_shop
from tests.agent.handover.test_source import Passes

PATIENCE_S = 60
EVENT = f"CREATE DEFINER = shop@'%%' EVENT {SCHEMA}.nightly ON SCHEDULE EVERY 1 DAY DO SELECT 1"
STATUS = f"SELECT STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{SCHEMA}'"


@pytest.fixture(autouse=True)
def clients(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client programs of the server's own version, for what runs in this process."""
    monkeypatch.setenv("PATH", f"{tools.bin}:{os.environ['PATH']}")


@pytest.fixture
def aws(world: World, rds: MySqlServer) -> Site:
    clinic(rds)
    with_shop(world.aws).document["archive"] = {"flush_seconds": 0.05}
    rds.execute(EVENT)
    return world.aws


@contextmanager
def working(site: Site) -> Generator[None]:
    """The site's agent works inside this block."""
    running = Agent(site.context)
    thread = threading.Thread(target=running.run, name="agent")
    thread.start()
    try:
        yield
    finally:
        running.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def said(site: Site) -> Answer | None:
    return read_answer(site.context.signals, site.context.config.site)


def says(site: Site, state: str) -> Answer:
    """Its answer to the present order, once it is ``state``."""

    def is_so() -> bool:
        answer, wanted = said(site), read_epoch(site.context.control).order
        by_order = wanted is None or wanted.withdrawn or (answer is not None and answer.order == wanted.id)
        return answer is not None and answer.state == state and by_order

    wait_for(is_so, PATIENCE_S)
    answer = said(site)
    assert answer is not None
    return answer


def beats(world: World, site: str, times: int = 3) -> dict[str, Any]:
    """Wait for some more heartbeats: what the agent does of itself by then, it does."""
    name, seen = f"heartbeat-{site}.json", set[str]()

    def enough() -> bool:
        if name in world.names("signals"):
            seen.add(str(world.read("signals", name)["at"]))
        return len(seen) > times

    wait_for(enough, PATIENCE_S)
    return world.read("signals", name)


def test_a_writer_drains_makes_no_dump_meanwhile_and_comes_back(
    world: World, rds: MySqlServer, aws: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_while_draining: list[bool] = []

    def dump(*arguments: Any) -> Any:
        wanted = read_epoch(aws.context.control).order
        begun_while_draining.append(wanted is not None and wanted.drains)
        return dump_once(*arguments)

    monkeypatch.setattr(agent.dumping, "dump_once", dump)
    with working(aws):
        wait_for(lambda: begun_while_draining and world.names(), PATIENCE_S)
        order(aws, new_order("planned", "drain"))
        first = says(aws, "drained")
        assert locked(rds) and rds.execute(STATUS) == [("DISABLED",)]
        begun_while_draining.clear()
        add_owners(rds, 1)
        wait_for(lambda: says(aws, "drained").gtid != first.gtid, PATIENCE_S)
        told = beats(world, "aws")["handover"]
        assert told["duty"] == "drain" and told["said"]["state"] == "drained"
        assert not any(begun_while_draining)
        order(aws, new_order("planned", "withdrawn"))
        says(aws, "reopened")
        assert not locked(rds) and rds.execute(STATUS) == [("ENABLED",)]
        shop(rds).close()
        wait_for(lambda: begun_while_draining, PATIENCE_S)


def reached(site: Site) -> GtidSet:
    """How far a restore of what this site archived would get."""
    context = site.context
    choice = choose(context.backups, context.signals, read_epoch(context.control), to=None, backup=None)
    return choice.reached


def test_a_hole_in_the_log_is_closed_by_a_dump_though_the_writer_drains(world: World, aws: Site) -> None:
    """Nobody could follow to the end otherwise, and users would wait until somebody calls it off."""
    backups = world.container("backups")

    def segments() -> list[str]:
        return [name for name in world.names() if name.startswith("binlog/")]

    with working(aws):
        wait_for(lambda: "backup_" in str(world.names()), PATIENCE_S)
        wait_for(lambda: add_owners(aws.server, 1) or segments(), PATIENCE_S)
        written = GtidSet.parse(str(aws.server.execute("SELECT @@GLOBAL.gtid_executed")[0][0]))
        wait_for(lambda: written <= reached(aws), PATIENCE_S)
        last = decode(backups.download_blob(segments()[-1]).readall(), segments()[-1])[0]
        backups.upload_blob(last.name.rsplit(".", 2)[0] + f".{last.end:012d}.gz", b"not a segment")
        order(aws, new_order("planned", "drain"))
        end = GtidSet.parse(says(aws, "drained").gtid)
        wait_for(lambda: end <= reached(aws), PATIENCE_S)


def test_an_account_that_somebody_opens_meanwhile_is_locked_again(rds: MySqlServer, aws: Site) -> None:
    with working(aws):
        order(aws, new_order("planned", "drain"))
        says(aws, "drained")
        rds.execute("ALTER USER shop@'%%' ACCOUNT UNLOCK")
        wait_for(lambda: locked(rds), PATIENCE_S)


def test_a_restarted_agent_opens_nothing_while_it_cannot_read_what_it_said(
    world: World, rds: MySqlServer, aws: Site
) -> None:
    order(aws, new_order("planned", "drain"))
    with archiving(aws):
        passes = Passes(aws)
        write_answer(aws.context.signals, passes.drain())
    order(aws, new_order("planned", "withdrawn"))
    kept = aws.context.signals.read("order-aws.json")[0]
    aws.context.signals.replace("order-aws.json", b"not JSON")
    with working(aws):
        wait_for(lambda: "not JSON" in str(beats(world, "aws", 1)["errors"].get("handover")), PATIENCE_S)
        beats(world, "aws")
        assert locked(rds) and rds.execute(STATUS) == [("DISABLED",)]
        aws.context.signals.replace("order-aws.json", kept)
        says(aws, "reopened")
        assert not locked(rds) and rds.execute(STATUS) == [("ENABLED",)]


def test_a_restarted_agent_keeps_closed_what_is_to_be_drained(
    world: World, rds: MySqlServer, aws: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr("agent.serving.release", lambda *_: opened.append("by the fence"))
    monkeypatch.setattr(fence, "release", lambda *_: opened.append("by the source"))
    order(aws, new_order("planned", "drain"))
    with archiving(aws):
        write_answer(aws.context.signals, Passes(aws).drain())
    with working(aws):
        beats(world, "aws")
        says(aws, "drained")
    assert locked(rds) and opened == []


def test_a_pass_for_an_order_that_was_withdrawn_is_given_up(
    rds: MySqlServer, aws: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashing may take an hour; whoever took the order back does not wait for it."""
    hashing = threading.Event()

    def endless(self: Fingerprints, end: GtidSet) -> None:
        hashing.set()
        self._stopping.wait()  # pyright: ignore[reportPrivateUsage]
        raise DumpError("given up")

    monkeypatch.setattr(Fingerprints, "at_end", endless)
    with working(aws):
        order(aws, new_order("planned", "drain"))
        assert hashing.wait(PATIENCE_S) and locked(rds)
        order(aws, new_order("planned", "withdrawn"))
        says(aws, "reopened")
        assert not locked(rds) and rds.execute(STATUS) == [("ENABLED",)]


def test_a_standby_whose_agent_begins_under_the_order_drains(world: World, flexible: MySqlServer) -> None:
    """As after its death: its log is archived to the end though nobody looks whether the database opens."""
    clinic(flexible)
    with_shop(world.azure).document["archive"] = {"flush_seconds": 0.05}
    world.epoch(2, "azure")
    order(world.azure, new_order("failback", "cutover"))
    with working(world.azure):
        says(world.azure, "drained")


def test_a_standby_that_drains_takes_the_order_back_in_an_emergency(
    world: World, flexible: MySqlServer
) -> None:
    clinic(flexible)
    with_shop(world.azure).document["archive"] = {"flush_seconds": 0.05}
    world.epoch(2, "azure")
    orders = world.azure.context.orders
    assert orders is not None
    orders.replace("orders.json", b'{"mode": "failback", "open": true, "maintenance": true}')
    with working(world.azure):
        order(world.azure, new_order("failback", "cutover"))
        says(world.azure, "drained")
        assert locked(flexible)
        world.order(open=True)
        says(world.azure, "reopened")
    now = read_epoch(world.azure.context.control)
    assert (now.epoch, now.writer) == (2, "azure") and now.order is not None and now.order.withdrawn
    assert not locked(flexible)


def test_a_source_hashes_ahead_while_its_copy_is_made(
    world: World, flexible: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic(flexible)
    with_shop(world.azure).document["archive"] = {"flush_seconds": 0.05}
    world.epoch(2, "azure")
    hashed: list[tuple[str, bool]] = []

    def scan(self: Fingerprints, less: Any = ()) -> Any:
        hashed.append((" ".join(less), locked(flexible)))
        return real(self, less)

    real = Fingerprints._scan  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(Fingerprints, "_scan", scan)
    with working(world.azure):
        order(world.azure, new_order("failback", "sync"))
        wait_for(lambda: ("", False) in hashed, PATIENCE_S)
        beats(world, "azure")
        hashed.clear()
        order(world.azure, new_order("failback", "cutover"))
        says(world.azure, "drained")
    assert ("", True) not in hashed, "everything was hashed before users had to wait"


def test_without_an_order_nothing_is_read_but_once_at_the_start(
    world: World, aws: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    def read(signals: Any, site: Any) -> Answer | None:
        reads.append(site)
        return read_answer(signals, site)

    monkeypatch.setattr(agent.handover.service, "read_answer", read)
    with working(aws):
        told = beats(world, "aws")
    assert reads == ["aws"] and told["handover"] is None


def test_what_only_a_fenced_database_has_leaves_it_at_once(
    world: World, rds: MySqlServer, aws: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    found = Divergence("0123456789abcdef", "", 1, {}, "quarantine", "", "")

    def export(self: Target, epoch: object) -> Divergence:
        asked.append(locked(rds))
        return found

    monkeypatch.setattr(Target, "export_divergence", export)
    world.epoch(2, "azure")
    with working(aws):
        wait_for(lambda: beats(world, "aws", 1).get("handover"), PATIENCE_S)
        told = beats(world, "aws")["handover"]
    assert told["divergence"]["digest"] == found.digest
    assert asked == [True], "once, and when nobody could write any more"


def test_the_events_of_a_fenced_database_stop(world: World, rds: MySqlServer, aws: Site) -> None:
    """One goes on under a locked account, and each row of it is one more that only this database has: the
    divergence that somebody accepted would be another one by then."""
    rds.set_global("event_scheduler", "ON")
    rds.execute(
        f"CREATE DEFINER = admin@'%%' EVENT {SCHEMA}.ticks ON SCHEDULE EVERY 1 SECOND DO"
        f" INSERT INTO {SCHEMA}.owners (name) VALUES ('by the event')"
    )
    wait_for(lambda: count(rds) > 3, PATIENCE_S)
    # The administrator may not touch a system account's: that is said, and all others stop.
    rds.execute(f"CREATE EVENT {SCHEMA}.a_system ON SCHEDULE EVERY 1 DAY DO SELECT 1")
    world.epoch(2, "azure")
    with working(aws):
        wait_for(
            lambda: locked(rds) and rds.execute(f"{STATUS} AND STATUS = 'ENABLED'") == [("ENABLED",)], 60
        )
        wait_for(lambda: "a_system goes on" in str(beats(world, "aws", 1)["errors"].get("fence")), PATIENCE_S)
        rds.execute(f"DROP EVENT {SCHEMA}.a_system")
        wait_for(lambda: "fence" not in beats(world, "aws", 1)["errors"], PATIENCE_S)
        beats(world, "aws")  # one that had begun has ended
        before = count(rds)
        rds.execute("DO SLEEP(2.5)")  # two ticks
        assert count(rds) == before


def test_two_agents_move_the_writer_and_nothing_is_lost(
    world: World, rds: MySqlServer, flexible: MySqlServer, aws: Site
) -> None:
    """Planned: AWS drains, the standby proves that it holds all of it, and opens when the program says so."""
    world.azure.document["archive"] = {"flush_seconds": 0.05}
    world.azure.document["database"]["application_users"] = ["petclinic"]
    world.order(open=False)
    with working(aws):
        wait_for(lambda: world.aws.works("list")["complete"], PATIENCE_S)
        world.azure.works("restore")
        add_owners(rds, 7)
        with working(world.azure):
            order(aws, new_order("planned", "drain"))
            drained = says(aws, "drained")
            says(world.azure, "ready")
            assert read_epoch(aws.context.control).writer == "aws", "not before the program says so"
            world.order(open=True)
            wait_for(lambda: read_epoch(aws.context.control).writer == "azure", PATIENCE_S)
            wait_for(lambda: flexible.execute(STATUS) == [("ENABLED",)], PATIENCE_S)
            assert count(flexible) == count(rds) == 10
            beats(world, "aws")
            assert locked(rds) and rds.execute(STATUS) == [("DISABLED",)]
    assert drained.events == ((SCHEMA, "nightly"),)
