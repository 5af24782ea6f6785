"""The log behind a base is replayed, and each base proves the ones before it and the log between."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from agent.archive.log import survey, transactions
from agent.errors import AgentError
from agent.gtid import GtidSet
from agent.signals import verified
from agent.verification import verify_chain
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.conftest import SCHEMA, World, add_owners, clinic, wait_for
from tests.agent.test_restore_chain import change_manifest
from tests.agent.test_service import archived, executed, service
from tests.agent.test_verification import is_mysqld

PATIENCE_S = 120


@pytest.fixture(autouse=True)
def programs(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """MySQL's programs on this process's own PATH."""
    monkeypatch.setenv("PATH", f"{tools.bin}:{os.environ['PATH']}")


def change(server: MySqlServer) -> None:
    """Rows with and without keys, cascades, definitions, a trigger that must not fire again."""
    add_owners(server, 5)
    for statement in (
        "INSERT INTO {s}.diary VALUES (1), (1), (2)",
        "DELETE FROM {s}.diary WHERE n = 1 LIMIT 1",
        "INSERT INTO {s}.visits (owner_id) SELECT id FROM {s}.owners LIMIT 4",
        "DELETE FROM {s}.owners WHERE id = 2",
        "ALTER TABLE {s}.pets ADD COLUMN name VARCHAR(20) DEFAULT 'Rex', ADD INDEX by_name (name)",
        "INSERT INTO {s}.pets (owner_id) VALUES (1)",
        "UPDATE {s}.owners SET name = CONCAT(name, ' changed') WHERE id = 1",
        "CREATE OR REPLACE VIEW {s}.names AS SELECT name FROM {s}.owners",
    ):
        server.execute(statement.format(s=SCHEMA))


def prepare(server: MySqlServer) -> None:
    clinic(server)
    for statement in (
        "CREATE TABLE {s}.diary (n INT)",
        "CREATE TABLE {s}.visits (id INT AUTO_INCREMENT PRIMARY KEY, owner_id INT)",
        "ALTER TABLE {s}.visits ADD FOREIGN KEY (owner_id) REFERENCES {s}.owners (id) ON DELETE CASCADE",
        "CREATE TRIGGER {s}.noted AFTER INSERT ON {s}.pets FOR EACH ROW INSERT INTO {s}.diary VALUES (9)",
    ):
        server.execute(statement.format(s=SCHEMA))


def test_base_log_and_next_base_prove_each_other(world: World, rds: MySqlServer) -> None:
    prepare(rds)
    world.aws.document["archive"] = {"flush_seconds": 0.1}
    # One dump at the start; the others are made below.
    world.aws.document["dump"] = {"interval_seconds": 3600}
    context = world.aws.context
    with service(world.aws):
        wait_for(lambda: world.aws.works("list")["complete"] == 1, PATIENCE_S)
        change(rds)
        wait_for(lambda: executed(rds) <= archived(world), PATIENCE_S)
        result = verify_chain(context, "full")
        assert result["ok"], result
        assert executed(rds) <= GtidSet.parse(result["gtid"]), "the log was replayed to its archived end"
        assert result["next_backup"] == ""

        second = world.aws.works("dump")
        rds.execute(f"INSERT INTO {SCHEMA}.diary VALUES (3)")
        wait_for(lambda: executed(rds) <= archived(world), PATIENCE_S)
        result = verify_chain(context, "full")
        assert result["ok"], result
        assert result["backup"] == result["next_backup"] == second["backup"]
        assert executed(rds) <= GtidSet.parse(result["gtid"])

        # A second base that is not what the first one and the log make of it, as after silent damage of the
        # source: its own hashes are right, and only the log shows it.
        with rds.root() as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0")
            cursor.execute(f"UPDATE {SCHEMA}.owners SET name = 'damaged' WHERE id = 3")
        third = world.aws.works("dump")
        result = verify_chain(context, "full")
        assert not result["ok"]
        assert f"do not lead to {third['backup']}" in result["error"]


def test_bases_that_were_dumped_under_writes_prove_the_log_where_both_end(
    world: World, rds: MySqlServer
) -> None:
    """On a busy database no snapshot is taken without writes around it, and the log must be proved all the
    same. Such a base is made here from a quiet one, whose manifest begins before the last transactions."""
    prepare(rds)
    world.aws.document["archive"] = {"flush_seconds": 0.1}
    world.aws.document["dump"] = {"interval_seconds": 3600}
    context = world.aws.context

    def dump_under_writes() -> str:
        before = str(executed(rds))
        add_owners(rds, 2)
        backup = str(world.aws.works("dump")["backup"])
        change_manifest(world, backup, gtid_before=before)
        add_owners(rds, 1)
        wait_for(lambda: executed(rds) <= archived(world), PATIENCE_S)
        return backup

    with service(world.aws):
        wait_for(lambda: world.aws.works("list")["complete"] == 1, PATIENCE_S)
        rds.execute(f"CREATE TABLE {SCHEMA}.notes (id INT AUTO_INCREMENT PRIMARY KEY, note JSON)")
        rds.execute(
            f"INSERT INTO {SCHEMA}.notes (note) VALUES (JSON_OBJECT('price', CAST(1.5 AS DECIMAL(5,2))))"
        )
        change(rds)
        second = dump_under_writes()
        result = verify_chain(context, "full")
        assert result["ok"], result
        assert result["backup"] == result["next_backup"] == second, result["notes"]

        with rds.root() as connection, connection.cursor() as cursor:  # as silent damage of the source
            cursor.execute("SET SESSION sql_log_bin = 0")
            cursor.execute(f"UPDATE {SCHEMA}.owners SET name = 'damaged' WHERE id = 3")
        third = dump_under_writes()
        result = verify_chain(context, "full")
        assert not result["ok"]
        assert f"do not lead to {third}" in result["error"] and "rows of" in result["error"]


def test_a_damaged_segment_makes_the_chain_bad(world: World, rds: MySqlServer) -> None:
    prepare(rds)
    world.aws.document["archive"] = {"flush_seconds": 0.1}
    world.aws.document["dump"] = {"interval_seconds": 3600}
    with service(world.aws):
        wait_for(lambda: world.aws.works("list")["complete"] == 1, PATIENCE_S)
        for _ in range(2):
            add_owners(rds, 1)
            wait_for(lambda: executed(rds) <= archived(world), PATIENCE_S)
    last = survey(world.aws.context.backups, 1).pieces[-1].name
    blobs = world.container("backups")
    data = bytearray(blobs.download_blob(last).readall())
    data[-20] ^= 1
    metadata = blobs.get_blob_client(last).get_blob_properties().metadata
    blobs.upload_blob(last, bytes(data), overwrite=True, metadata=metadata)
    result = verify_chain(world.aws.context, "full")
    assert not result["ok"] and "damaged" in result["error"], result


def test_a_server_that_dies_in_the_replay_condemns_no_backup(
    world: World, rds: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed between two transactions of the log, and the replay's next statement finds it gone."""
    clinic(rds)
    world.aws.document["archive"] = {"flush_seconds": 0.1}
    world.aws.document["dump"] = {"interval_seconds": 3600}
    with service(world.aws):
        wait_for(lambda: world.aws.works("list")["complete"] == 1, PATIENCE_S)
        add_owners(rds, 1)
        wait_for(lambda: executed(rds) <= archived(world), PATIENCE_S)
    context = world.aws.context

    def log(*arguments: Any, **others: Any) -> Any:
        yield from transactions(*arguments, **others)
        pid = int((context.config.state_dir / "scratch" / "pid").read_text())
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not is_mysqld(pid), 30)

    monkeypatch.setattr("agent.catchup.transactions", log)
    with pytest.raises(AgentError, match=r"the scratch server died .*the replay stopped"):
        verify_chain(context, "full")
    assert verified(context.signals, 1) == []
