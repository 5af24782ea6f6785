"""Fingerprints at a point of the log: right, and with no more work than what was changed since."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

import agent.handover.fingerprints
from agent.errors import DatabaseError
from agent.gtid import GtidSet
from agent.handover.fingerprints import Fingerprints, differences
from agent.handover.order import Answer, Fingerprint
from agent.mysqldump import stream_dump
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.archived import Archive, archiving
from tests.agent.conftest import SCHEMA, Site, World, clinic

FAMILY = (
    "CREATE TABLE {0}.parents (id INT PRIMARY KEY)",
    "CREATE TABLE {0}.children (id INT PRIMARY KEY, parent INT)",
    "ALTER TABLE {0}.children ADD FOREIGN KEY (parent) REFERENCES {0}.parents (id) ON DELETE SET NULL",
    "INSERT INTO {0}.parents VALUES (1), (2)",
    "INSERT INTO {0}.children VALUES (1, 1), (2, 2)",
    "CREATE EVENT {0}.nightly ON SCHEDULE EVERY 1 DAY DO SELECT 1",
)
ALL = {"owners", "pets", "parents", "children"}


class Work:
    """Which tables were hashed since last asked."""

    def __init__(self) -> None:
        self._dumps: list[Sequence[str]] = []

    def dump(self, *arguments: Any, less: Sequence[str] = ()) -> Any:
        self._dumps.append(less)
        return stream_dump(*arguments, less=less)

    def hashed(self) -> set[str]:
        found: set[str] = set()
        for less in self._dumps:
            if "--no-data" not in less:
                found |= ALL - {name.rpartition(".")[2] for name in less}
        self._dumps.clear()
        return found


@pytest.fixture(autouse=True)
def clients(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """mysqldump of the server's own version, for what runs in this process."""
    monkeypatch.setenv("PATH", f"{tools.bin}:{os.environ['PATH']}")


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    work = Work()
    monkeypatch.setattr(agent.handover.fingerprints, "stream_dump", work.dump)
    return work


@pytest.fixture
def archive(world: World, rds: MySqlServer) -> Iterator[Archive]:
    clinic(rds)
    run(rds, *FAMILY)
    with archiving(world.aws) as archive:
        archive.settle()
        yield archive


def run(server: MySqlServer, *statements: str) -> None:
    for statement in statements:
        server.execute(statement.format(SCHEMA))


def fingerprints(site: Site) -> Fingerprints:
    return Fingerprints(site.context, threading.Event())


def fresh(site: Site, end: str) -> Any:
    return fingerprints(site).at_end(GtidSet.parse(end))


@pytest.mark.parametrize(
    ("statement", "hashed"),
    [
        ("INSERT INTO {0}.owners (name) VALUES ('new')", {"owners"}),
        # The server logs nothing of what a foreign key does to the children.
        ("DELETE FROM {0}.parents WHERE id = 1", {"parents", "children"}),
        ("ALTER EVENT {0}.nightly DISABLE", set[str]()),
        ("CREATE VIEW {0}.names AS SELECT name FROM {0}.owners", set[str]()),
        ("ALTER TABLE {0}.owners ADD COLUMN age INT", ALL),
        ("TRUNCATE {0}.children", ALL),
    ],
)
def test_only_what_the_log_says_was_changed_is_hashed_again(
    world: World, archive: Archive, work: Work, statement: str, hashed: set[str]
) -> None:
    kept = fingerprints(world.aws)
    kept.refresh()
    assert work.hashed() == ALL
    run(world.aws.server, statement)
    end = archive.settle()
    found = kept.at_end(GtidSet.parse(end))
    assert work.hashed() == hashed
    assert found == fresh(world.aws, end)
    assert work.hashed() == ALL
    assert kept.at_end(GtidSet.parse(end)) == found
    assert work.hashed() == set(), "nothing happened since"


def test_what_was_committed_while_they_were_hashed_is_hashed_again(
    world: World, rds: MySqlServer, archive: Archive, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the snapshot holds it is not known: so the log must say it again."""
    kept = fingerprints(world.aws)

    def busy(*arguments: Any, less: Sequence[str] = ()) -> Any:
        run(rds, "INSERT INTO {0}.owners (name) VALUES ('meanwhile')")
        return stream_dump(*arguments, less=less)

    with monkeypatch.context() as patch:
        patch.setattr(agent.handover.fingerprints, "stream_dump", busy)
        kept.refresh()
    end = archive.settle()
    found = kept.at_end(GtidSet.parse(end))
    assert work.hashed() == {"owners"}
    assert found == fresh(world.aws, end)


def test_a_log_that_does_not_reach_so_far_costs_a_hash_of_everything(
    world: World, rds: MySqlServer, work: Work
) -> None:
    clinic(rds)
    kept = fingerprints(world.aws)
    kept.refresh()
    run(rds, "INSERT INTO {0}.owners (name) VALUES ('not archived')")
    end = str(rds.execute("SELECT @@gtid_executed")[0][0])
    work.hashed()
    found = kept.at_end(GtidSet.parse(end))
    assert work.hashed() == ALL
    assert found == fresh(world.aws, end)


def test_what_the_database_does_not_hold_has_no_fingerprints(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    beyond = GtidSet.parse("ffffffff-0000-0000-0000-000000000000:1-3")
    with pytest.raises(DatabaseError, match="lacks 3 transactions"):
        fingerprints(world.aws).at_end(beyond)


def test_a_copy_equals_its_source_and_one_row_makes_the_difference(
    world: World, rds: MySqlServer, flexible: MySqlServer, archive: Archive
) -> None:
    world.aws.works("dump")
    run(rds, "INSERT INTO {0}.pets (owner_id) VALUES (1)")
    end = archive.settle()
    tables, objects = fresh(world.aws, end)
    drained = Answer("aws", 1, "", "drained", "", gtid=end, tables=tables, objects=objects)
    world.azure.works("restore")
    copy = fingerprints(world.azure)
    copy.refresh()
    assert differences(drained, *copy.at_end(GtidSet.parse(end))) == []
    run(flexible, "UPDATE {0}.owners SET name = 'else' WHERE id = 2")
    copy.refresh()
    (only,) = differences(drained, *copy.at_end(GtidSet.parse(end)))
    assert only.startswith(f"the rows of {SCHEMA}.owners differ")


def test_a_table_or_a_definition_too_few_or_too_many_is_named() -> None:
    one = Fingerprint(True, "0" * 64, 3)
    drained = Answer(
        "aws",
        1,
        "",
        "drained",
        "",
        tables={"s.a": one, "s.b": one},
        objects={"tables": 2, "views": 1, "events": 4},
    )
    assert differences(drained, {"s.b": one, "s.c": one}, {"tables": 2, "triggers": 1, "events": 3}) == [
        "table s.a is missing",
        "table s.c is not on the source",
        "1 triggers instead of 0",
        "0 views instead of 1",
    ]
