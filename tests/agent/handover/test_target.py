"""The way home: a copy of the standby's database is held, followed, compared and then served from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from agent.epoch import give_order, read_epoch
from agent.errors import AgentError, StorageError
from agent.handover import target
from agent.handover.fingerprints import Fingerprints
from agent.handover.order import new_order, read_answer
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.archived import archiving
from tests.agent.conftest import SCHEMA, World, add_owners, clinic, count
from tests.agent.differential import differences, snapshot
from tests.agent.handover.story import (
    EVENT,
    SHOP,
    Passes,
    clients_on_path,
    disaster,
    drain,
    locked,
    marker_of,
    order,
    shop,
    with_shop,
)
from tests.agent.test_restore_log import run


@pytest.fixture
def served(
    world: World, rds: MySqlServer, flexible: MySqlServer, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Azure writes epoch 2; on AWS there are two owners more than came across, and an event."""
    clients_on_path(tools, monkeypatch)
    clinic(rds)
    rds.set_global("event_scheduler", "OFF")
    rds.execute(EVENT)
    with_shop(world.aws)
    with archiving(world.aws) as archive:
        disaster(world, archive)
    add_owners(rds, 2)
    yield world
    for server in (rds, flexible):
        server.execute(f"DROP USER IF EXISTS {SHOP}@'%%'")


def events(server: MySqlServer) -> dict[str, str]:
    found = server.execute(
        f"SELECT EVENT_NAME, STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{SCHEMA}'"
    )
    return {str(name): str(status) for name, status in found}


def equal(world: World) -> list[str]:
    tools = world.aws.tools
    return differences(
        snapshot(world.azure.server, tools, [SCHEMA]), snapshot(world.aws.server, tools, [SCHEMA])
    )


def test_the_whole_way_home(served: World, rds: MySqlServer, flexible: MySqlServer) -> None:
    aws, azure = served.aws, served.azure
    passes = Passes(aws)
    held = shop(rds)
    order(aws, new_order("failback", "sync"))
    assert passes.once().state == "waiting", "a session of the application was there"
    held.close()
    with archiving(azure) as archive:
        add_owners(flexible, 1)
        assert passes.once().state == "divergence"
        assert count(rds) == 5 and locked(rds), "nothing was replaced, and nobody can write"
        diverged = passes.once().divergence
        assert diverged is not None and diverged.blob in served.names() and diverged.transactions == 1

        order(aws, new_order("failback", "sync", diverged.digest))
        archive.settle()
        assert passes.once().state == "following", "epoch 2 has no dump: the one before, and the log across"
        assert equal(served) == []
        assert any(name.startswith("quarantine_2") for name in served.names())

        run(flexible, "CREATE TRIGGER t BEFORE INSERT ON owners FOR EACH ROW SET NEW.name = UPPER(NEW.name)")
        run(flexible, "ALTER TABLE pets ADD COLUMN born DATE")
        run(flexible, "CREATE EVENT added ON SCHEDULE EVERY 1 DAY DO SELECT 1")
        add_owners(flexible, 2)
        archive.settle()
        assert passes.once().state == "following"
        assert equal(served) == []
        assert set(events(rds).values()) == {"DISABLED"}

        order(aws, new_order("failback", "cutover", diverged.digest))
        answer = passes.once()
        assert answer.state == "following" and "azure has not said yet" in answer.sentence
        add_owners(flexible, 1)
        ours = {int(str(row[0])) for row in flexible.execute(f"SELECT id FROM {SCHEMA}.owners")}
        drained = drain(azure, archive)
        answer = passes.once()
    assert answer.state == "serving" and answer.divergence == diverged and answer.seconds["compare"] >= 0
    assert equal(served) == []
    epoch = read_epoch(aws.context.control)
    assert (epoch.epoch, epoch.writer, epoch.order) == (3, "aws", None)
    assert epoch.fork_gtid == drained.gtid
    assert events(rds) == {"Nightly": "ENABLED", "added": "ENABLED"}, "the source's list, not the log's"
    assert not locked(rds)
    marker = marker_of(aws)
    assert marker is not None and (marker.backup_epoch, marker.served_epoch) == (2, 3)
    with shop(rds) as back, back.cursor() as cursor:
        cursor.execute(f"INSERT INTO {SCHEMA}.owners (name) VALUES ('home')")
        cursor.execute("SELECT LAST_INSERT_ID()")
        assert int(str((cursor.fetchone() or [0])[0])) > max(ours)


def held_copy(world: World, digest: str = "") -> Passes:
    """AWS follows; what diverged was accepted."""
    passes = Passes(world.aws)
    if not digest:
        order(world.aws, new_order("failback", "sync"))
        found = passes.until("divergence").divergence
        assert found is not None
        digest = found.digest
    order(world.aws, new_order("failback", "sync", digest))
    passes.until("following")
    return passes


def test_a_row_that_differs_is_named_and_nothing_is_taken_over(
    served: World, rds: MySqlServer, flexible: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it differs only because somebody wrote into the copy after it was hashed, and into a table
    that the writer never changed: the archived log tells of no such thing."""
    with archiving(served.azure) as archive:
        served.azure.works("dump")
        archive.settle()
        passes = held_copy(served)
        assert "hash ahead" in passes.once().seconds
        run(rds, "UPDATE owners SET name = 'another' WHERE id = 2")
        order(served.aws, new_order("failback", "cutover"))
        drain(served.azure, archive)
        hashed_without: list[list[str]] = []

        def scan(self: Fingerprints, less: Any = ()) -> Any:
            hashed_without.append(list(less))
            return real(self, less)

        real = Fingerprints._scan  # pyright: ignore[reportPrivateUsage]
        monkeypatch.setattr(Fingerprints, "_scan", scan)
        answer = passes.once()
        assert answer.state == "differs" and f"{SCHEMA}.owners" in answer.sentence
        assert "pets" not in answer.sentence
        kept = [name for name in served.names() if name.startswith("quarantine_") and name in answer.sentence]
        assert kept, "the next copy replaces it without another look"
        assert hashed_without[0] == [f"--ignore-table={SCHEMA}.pets"], "what changed is hashed, and no more"
        again = Passes(served.aws).once()
        assert (again.state, again.sentence) == (answer.state, answer.sentence), "it stays"
    assert read_epoch(served.aws.context.control).epoch == 2
    assert locked(rds) and set(events(rds).values()) == {"DISABLED"}


def test_a_copy_that_differs_is_named_also_while_no_dump_of_it_can_be_kept(
    served: World, rds: MySqlServer, flexible: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users are behind the page. The dump is tried again, and only then the copy is given up."""

    def fails(*_: object) -> str:
        raise StorageError("the Blob endpoint is away")

    with archiving(served.azure) as archive:
        served.azure.works("dump")
        passes = held_copy(served)
        run(rds, "UPDATE owners SET name = 'another' WHERE id = 2")
        order(served.aws, new_order("failback", "cutover"))
        drain(served.azure, archive)
        with monkeypatch.context() as away:
            away.setattr(target, "quarantine", fails)
            with pytest.raises(AgentError, match=r"is not what azure drained to: .*owners.* is away"):
                passes.once()
        assert "a dump of it is being kept" in passes.said[-1].sentence
        assert getattr(marker_of(served.aws), "state", "") == "verified", "it would be replaced unseen"
        answer = passes.once()
        assert answer.state == "differs" and "is kept as quarantine_" in answer.sentence
    assert getattr(marker_of(served.aws), "state", "") == "loading"


def test_an_order_that_changed_since_it_was_read_lets_nobody_take_over(
    served: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    """Nor does what the source drained to for an earlier order."""
    control = served.aws.context.control
    with archiving(served.azure) as archive:
        served.azure.works("dump")
        passes = held_copy(served)
        for change in ("withdrawn", "another order", "another epoch"):
            cutover = order(served.aws, new_order("failback", "cutover"))
            answer = passes.once()
            assert answer.state == "following" and "has not said yet" in answer.sentence, change
            drain(served.azure, archive)
            seen = read_epoch(control)
            match change:
                case "withdrawn":
                    give_order(control, seen, replace(cutover, step="withdrawn"))
                case "another order":
                    give_order(control, seen, new_order("failback", "cutover"))
                case _:
                    served.epoch(3, "azure")
            answer = passes.once(epoch=seen)
            assert answer.state == "following" and "nothing was changed" in answer.sentence, change
            assert read_epoch(control).writer == "azure", change
            assert locked(rds) and set(events(rds).values()) == {"DISABLED"}, change
            marker = marker_of(served.aws)
            assert marker is not None and marker.served_epoch == 0, change


def test_a_database_from_which_nobody_is_locked_out_is_not_replaced(
    served: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    served.aws.document["database"]["application_users"] = []
    order(served.aws, new_order("failback", "sync"))
    answer = Passes(served.aws).once()
    assert answer.state == "waiting" and "application_users" in answer.sentence
    assert count(rds) == 5


def test_divergence_is_exported_once_the_database_is_closed_without_any_order(
    served: World, rds: MySqlServer
) -> None:
    passes = Passes(served.aws)
    held = shop(rds)
    epoch = read_epoch(served.aws.context.control)
    assert passes.target.export_divergence(epoch) is None, "somebody could still write"
    held.close()
    found = passes.target.export_divergence(epoch)
    assert found is not None and found.blob in served.names()
    assert Passes(served.azure).target.export_divergence(epoch) is None, "the writer's history is the history"


def test_a_hole_in_the_log_is_bridged_by_the_next_backup(
    served: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    """And the copy that is loaded anew is not kept: it has nothing of its own."""
    with archiving(served.azure) as archive:
        served.azure.works("dump")
        archive.settle()
        passes = held_copy(served)
    add_owners(flexible, 1)
    run(flexible, "FLUSH BINARY LOGS")
    run(flexible, f"PURGE BINARY LOGS TO '{flexible.execute('SHOW BINARY LOGS')[-1][0]}'")
    with archiving(served.azure) as archive:
        archive.began()
        add_owners(flexible, 1)
        archive.settle()
        assert passes.once().state == "following" and count(rds) == count(flexible) - 2
        served.azure.works("dump")
        order(served.aws, new_order("failback", "cutover"))
        drain(served.azure, archive)
        assert passes.once().state == "serving"
    assert equal(served) == []
    assert sum(name.startswith("quarantine_2") for name in served.names()) == 1


def test_answers_before_long_phases_say_what_goes_on(served: World) -> None:
    served.azure.works("dump")
    passes = held_copy(served)
    assert [answer.state for answer in passes.said] == ["restoring", "following"]
    assert "no snapshot was made" in passes.said[0].sentence
    assert "hashed ahead" in passes.said[1].sentence
    said = read_answer(served.aws.context.signals, "aws")
    assert said is not None and said.seconds["rows"] >= 0 and said.seconds["quarantine"] >= 0
