"""Another server under the same name: a replica that was promoted, or an older state that was restored."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from agent.gtid import GtidSet
from sandbox.mysql import MySqlServer, running
from sandbox.tools import Tools
from tests.agent.archive.conftest import PATIENCE_S, Vault
from tests.agent.conftest import NO_HEARTBEAT_S, PASSWORD, add_owners, clinic, wait_for


@pytest.fixture
def replica(vault: Vault, tools: Tools, tmp_path: Path) -> Generator[MySqlServer]:
    """A second server with the first one's history and no data: neither has any at a test's start."""
    server = MySqlServer(
        tools=tools,
        folder=tmp_path / "replica",
        address=vault.network.address("replica.test"),
        flavor="rds",
        name="replica.test",
        heartbeat_s=NO_HEARTBEAT_S,
    )
    history = str(vault.executed())
    with running(server):
        server.set_global("server_id", "102")
        server.create_admin("admin", PASSWORD)
        server.execute("RESET BINARY LOGS AND GTIDS")
        server.execute("SET GLOBAL gtid_purged = %s", (history,))
        yield server


def follow(replica: MySqlServer, source: MySqlServer) -> None:
    replica.execute(
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = %s, SOURCE_PORT = %s, SOURCE_USER = 'admin',"
        " SOURCE_PASSWORD = %s, SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 1",
        (source.address, source.port, PASSWORD),
    )
    replica.execute("START REPLICA")


def executed(server: MySqlServer) -> GtidSet:
    return GtidSet.parse(str(server.execute("SELECT @@gtid_executed")[0][0]))


def test_a_promoted_replica_continues_the_chain(vault: Vault, replica: MySqlServer) -> None:
    """Behind what is archived, nothing; what only the replica's own log has of the old server's, once."""
    follow(replica, vault.server)
    clinic(vault.server)
    before = vault.executed()
    with vault.archiving() as archiver:
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
    add_owners(vault.server, 2)  # reaches the replica, and the archive only from there
    wait_for(lambda: vault.executed() <= executed(replica), PATIENCE_S)
    source, vault.site.server = vault.server, replica
    replica.execute("STOP REPLICA")
    vault.site.document["database"]["host"] = replica.address
    with vault.archiving() as archiver:
        replica.execute("FLUSH BINARY LOGS")
        add_owners(replica, 3)
        vault.caught_up(archiver)
        assert archiver.status()["hole"] == ""
    uuids = {str(server.execute("SELECT @@server_uuid")[0][0]) for server in (source, replica)}
    assert {name.split("/")[2] for name in vault.segments()} == uuids
    found = vault.read(base=before)
    assert len(found) == len(set(found))
    assert GtidSet.parse(",".join(found)) == vault.executed() - before


def test_a_server_that_lacks_what_is_archived_is_not_archived(vault: Vault, replica: MySqlServer) -> None:
    """A point-in-time restore: the two histories must never be one chain."""
    clinic(vault.server)
    with vault.archiving() as archiver:
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
    vault.site.server = replica
    vault.site.document["database"]["host"] = replica.address
    count = len(vault.segments())
    clinic(replica)
    with vault.archiving(ready=False) as archiver:
        wait_for(lambda: archiver.status()["error"], PATIENCE_S)
        said = archiver.status()["error"]
    assert "does not have" in said and "new epoch" in said
    assert len(vault.segments()) == count


def test_the_history_a_server_was_set_up_with_is_no_part_of_its_log(
    vault: Vault, replica: MySqlServer
) -> None:
    """Set up from a snapshot newer than the archive's end: what lies between is a hole, and not forgotten."""
    clinic(vault.server)
    with vault.archiving() as archiver:
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
    add_owners(vault.server, 1)
    replica.execute("RESET BINARY LOGS AND GTIDS")
    replica.execute("SET GLOBAL gtid_purged = %s", (str(vault.executed()),))
    vault.site.server = replica
    vault.site.document["database"]["host"] = replica.address
    clinic(replica)
    with vault.archiving() as archiver:
        wait_for(lambda: "missing" in archiver.status()["hole"] and archiver.needs_dump, PATIENCE_S)
