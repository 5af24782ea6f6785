"""The writer drains: nothing that was committed is left out, and whatever happens, it opens only by order."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent import fence
from agent.archive.log import survey
from agent.epoch import Epoch, read_epoch
from agent.gtid import GtidSet
from agent.handover import events
from agent.handover import source as module
from agent.handover.fingerprints import Fingerprints
from agent.handover.order import Answer, Order, new_order, read_answer, write_answer
from agent.handover.source import Source
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.archived import archiving, executed
from tests.agent.conftest import SCHEMA, Site, World, add_owners, clinic, wait_for
from tests.agent.handover.story import locked, order, shop, with_shop

EVENTS = f"SELECT EVENT_NAME, STATUS, DEFINER FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{SCHEMA}'"
AS_THEY_WERE = [("nightly", "ENABLED", "shop@%"), ("weekly", "DISABLED", "shop@%")]
ALL_OFF = [("nightly", "DISABLED", "shop@%"), ("weekly", "DISABLED", "shop@%")]


class Killed(BaseException):
    """The process ends here; nothing of the agent catches it."""


class Passes:
    """One process of the agent of a source, pass by pass; another one knows nothing of it."""

    def __init__(self, site: Site) -> None:
        self.context = site.context
        self.source = Source(self.context, self.archived, self.say, threading.Event())

    def archived(self) -> GtidSet:
        return survey(self.context.backups, self.epoch().epoch).gtids

    def epoch(self) -> Epoch:
        return read_epoch(self.context.control)

    def own(self) -> Answer | None:
        return read_answer(self.context.signals, self.context.config.site)

    def say(self, answer: Answer) -> None:
        write_answer(self.context.signals, answer)

    def drain(self) -> Answer:
        epoch, own = self.epoch(), self.own()
        assert epoch.order is not None
        answer = self.source.drain(epoch, epoch.order, own)
        if answer != own:
            self.say(answer)
        said = self.own()
        assert said is not None
        return said

    def reopen(self) -> Answer:
        own = self.own()
        assert own is not None
        answer = self.source.reopen(read_epoch(self.context.control), own)
        self.say(answer)
        return answer


@pytest.fixture(autouse=True)
def clients(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """mysqldump of the server's own version, for what runs in this process."""
    monkeypatch.setenv("PATH", f"{tools.bin}:{os.environ['PATH']}")


@pytest.fixture
def site(world: World, rds: MySqlServer) -> Iterator[Site]:
    """AWS writes, its log is archived, and it is ordered to drain."""
    clinic(rds)
    with_shop(world.aws)
    for name, state in (("nightly", "ENABLE"), ("weekly", "DISABLE")):
        rds.execute(
            f"CREATE DEFINER = shop@'%%' EVENT {SCHEMA}.{name} ON SCHEDULE EVERY 1 DAY {state} DO SELECT 1"
        )
    order(world.aws, new_order("planned", "drain"))
    with archiving(world.aws) as archive:
        archive.settle()
        yield world.aws


def names(server: MySqlServer) -> set[str]:
    return {str(row[0]) for row in server.execute(f"SELECT name FROM {SCHEMA}.owners")}


def fresh(site: Site, answer: Answer) -> tuple[Any, Any]:
    found = Fingerprints(site.context, threading.Event())
    return found.at_end(GtidSet.parse(answer.gtid))


def test_what_is_drained_holds_every_transaction_that_was_acknowledged(site: Site, rds: MySqlServer) -> None:
    acknowledged: set[str] = set()
    begun = threading.Barrier(4)

    def customer(number: int) -> None:
        with shop(rds) as connection, connection.cursor() as cursor:
            for turn in range(1_000_000):
                name = f"customer {number}, {turn}"
                try:
                    cursor.execute(f"INSERT INTO {SCHEMA}.owners (name) VALUES (%s)", (name,))
                except Exception:  # noqa: BLE001 - the fence ended this session, whatever it says of it
                    return
                acknowledged.add(name)
                if turn == 5:
                    begun.wait()

    customers = [threading.Thread(target=customer, args=(number,)) for number in range(3)]
    for thread in customers:
        thread.start()
    open_one = shop(rds)
    open_one.begin()
    with open_one.cursor() as cursor:
        cursor.execute(f"INSERT INTO {SCHEMA}.owners (name) VALUES ('in the middle')")
    begun.wait(60)
    answer = Passes(site).drain()
    for thread in customers:
        thread.join(60)
    assert answer.state == "drained", answer.sentence
    assert len(acknowledged) >= 18 and acknowledged <= names(rds)
    assert "in the middle" not in names(rds)
    assert GtidSet.parse(answer.gtid) == GtidSet.parse(executed(rds)) <= Passes(site).archived()
    assert (answer.tables, answer.objects) == fresh(site, answer)
    assert answer.events == ((SCHEMA, "nightly"),)
    assert locked(rds) and rds.execute(EVENTS) == ALL_OFF
    with pytest.raises(Exception, match=r"closed|gone|Lost"):
        open_one.commit()


def test_whoever_else_has_a_transaction_open_is_waited_for_and_named(
    site: Site, rds: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.3)
    with rds.root() as operator, operator.cursor() as cursor:
        operator.begin()
        cursor.execute(f"INSERT INTO {SCHEMA}.owners (name) VALUES ('by hand')")
        passes = Passes(site)
        answer = passes.drain()
        assert answer.state == "draining" and "has a transaction open" in answer.sentence
        assert str(operator.thread_id()) in answer.sentence
        operator.commit()
        monkeypatch.undo()
    monkeypatch.setenv("PATH", f"{site.tools.bin}:{os.environ['PATH']}")
    answer = passes.drain()
    assert answer.state == "drained" and "by hand" in names(rds)
    assert (answer.tables, answer.objects) == fresh(site, answer)


def test_a_drained_database_that_somebody_changed_is_drained_again(site: Site, rds: MySqlServer) -> None:
    passes = Passes(site)
    first = passes.drain()
    assert passes.drain() == first, "nothing happened"
    rds.execute("CREATE USER a_stranger")  # as harmless as what the services write for themselves
    rds.execute("DROP USER a_stranger")
    assert passes.drain() == first
    add_owners(rds, 1)
    second = passes.drain()
    assert second.state == "drained" and GtidSet.parse(first.gtid) <= GtidSet.parse(second.gtid)
    assert second.tables != first.tables and (second.tables, second.objects) == fresh(site, second)


def test_an_order_that_is_withdrawn_leaves_everything_as_it_was(site: Site, rds: MySqlServer) -> None:
    passes = Passes(site)
    drained = passes.drain()
    assert passes.reopen().state == "reopened"
    assert rds.execute(EVENTS) == AS_THEY_WERE
    assert not locked(rds)
    shop(rds).close()
    assert drained.events == ((SCHEMA, "nightly"),)


def test_the_next_order_remembers_what_the_one_before_switched_off(site: Site, rds: MySqlServer) -> None:
    """Withdrawn and ordered anew before the agent looked: the events are off, and ran before."""
    Passes(site).drain()
    order(site, new_order("planned", "drain"))
    answer = Passes(site).drain()
    assert answer.state == "drained" and answer.events == ((SCHEMA, "nightly"),)


def test_an_event_that_is_gone_or_over_keeps_nothing_closed(site: Site, rds: MySqlServer) -> None:
    rds.execute(
        f"CREATE DEFINER = shop@'%%' EVENT {SCHEMA}.once ON SCHEDULE AT NOW() + INTERVAL 1 DAY"
        " ON COMPLETION PRESERVE DO SELECT 1"
    )
    passes = Passes(site)
    assert passes.drain().events == ((SCHEMA, "nightly"), (SCHEMA, "once"))
    with rds.root() as connection, connection.cursor() as cursor:
        cursor.execute("SET timestamp = UNIX_TIMESTAMP() - 864000")
        cursor.execute(
            f"ALTER DEFINER = shop@'%' EVENT {SCHEMA}.once ON SCHEDULE AT NOW() + INTERVAL 1 SECOND DISABLE"
        )
    rds.execute(f"DROP EVENT {SCHEMA}.nightly")
    assert passes.reopen().state == "reopened" and not locked(rds)


# Where a process may die, in this order: after each of these steps, for the n-th time.
DRAIN = [
    (Source, "_announce"),
    (fence, "close"),
    (module, "switch"),
    (Source, "_shut"),
    (Source, "_archive_holds"),
    (Fingerprints, "at_end"),
    (Source, "_moved"),
]


def dying(place: object, step: str, patch: pytest.MonkeyPatch) -> None:
    real: Callable[..., object] = getattr(place, step)

    def dies(*arguments: Any, **named: Any) -> object:
        real(*arguments, **named)
        raise Killed

    patch.setattr(place, step, dies)


def no_opening(*arguments: object) -> None:
    raise AssertionError("opened while an order wants it drained")


@pytest.mark.parametrize(("place", "step"), DRAIN, ids=[step for _, step in DRAIN])
def test_killed_after_any_step_the_next_process_drains_to_the_same(
    site: Site, rds: MySqlServer, place: object, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fence, "release", no_opening)
    with monkeypatch.context() as patch:
        dying(place, step, patch)
        with pytest.raises(Killed):
            Passes(site).drain()
    own = Passes(site).own()
    assert own is not None and own.state == "draining", "said before anything was closed"
    assert own.events == ((SCHEMA, "nightly"),)
    closed_before = locked(rds)
    answer = Passes(site).drain()
    assert answer.state == "drained" and answer.events == ((SCHEMA, "nightly"),)
    assert locked(rds) and rds.execute(EVENTS) == ALL_OFF
    assert closed_before == (step != "_announce")
    assert (answer.tables, answer.objects) == fresh(site, answer)


@pytest.mark.parametrize(
    ("place", "step"), [(events, "switch"), (fence, "release")], ids=["events", "accounts"]
)
def test_killed_while_it_opens_the_next_process_opens_the_rest(
    site: Site, rds: MySqlServer, place: object, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Passes(site).drain()
    with monkeypatch.context() as patch:
        dying(place, step, patch)
        with pytest.raises(Killed):
            Passes(site).reopen()
    assert Passes(site).reopen().state == "reopened"
    assert rds.execute(EVENTS) == AS_THEY_WERE and not locked(rds)


def test_an_event_under_way_is_waited_for(
    site: Site, rds: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switching it off does not end it, and what it commits later would be lost."""
    monkeypatch.setattr(module, "_PATIENCE_S", 0.3)
    rds.set_global("event_scheduler", "ON")
    with rds.root() as gate, gate.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('gate', 0)")
        rds.execute(
            f"CREATE DEFINER = admin@'%%' EVENT {SCHEMA}.long ON SCHEDULE AT NOW() + INTERVAL 1 SECOND DO"
            f" BEGIN DO GET_LOCK('gate', 60); INSERT INTO {SCHEMA}.owners (name) VALUES ('by the event'); END"
        )
        wait_for(lambda: "User lock" in str(rds.execute("SHOW PROCESSLIST")), 60)
        passes = Passes(site)
        answer = passes.drain()
        assert answer.state == "draining" and "is under way" in answer.sentence
    wait_for(lambda: passes.drain().state == "drained", 60)
    answer = passes.drain()
    assert "by the event" in names(rds)
    assert (answer.tables, answer.objects) == fresh(site, answer)


def test_without_an_archive_it_says_what_is_missing(
    world: World, rds: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.3)
    clinic(rds)
    with_shop(world.aws)
    order(world.aws, new_order("planned", "drain"))
    answer = Passes(world.aws).drain()
    assert answer.state == "draining" and "the log is not archived here" in answer.sentence


def test_a_database_whose_application_is_not_known_is_never_drained(site: Site, rds: MySqlServer) -> None:
    """Somebody would still write into it."""
    del site.document["database"]["application_users"]
    answer = Passes(site).drain()
    assert answer.state == "draining" and "database.application_users names no account" in answer.sentence
    assert rds.execute(EVENTS) == AS_THEY_WERE


def test_a_source_withdraws_only_the_order_that_it_saw(world: World) -> None:
    context = world.azure.context
    world.epoch(2, "azure")
    wanted: Order = order(world.azure, new_order("failback", "cutover"))
    seen = read_epoch(context.control)
    Passes(world.azure).source.withdraw(seen, wanted)
    now = read_epoch(context.control)
    assert now.order is not None and now.order.withdrawn and now.order.id != wanted.id
    order(world.azure, new_order("failback", "cutover"))
    with pytest.raises(Exception, match="look again"):
        Passes(world.azure).source.withdraw(seen, wanted)
