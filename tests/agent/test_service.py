"""The whole service: the archive beside the dumps, and each going on while another fails."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.archive.log import survey
from agent.gtid import GtidSet
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.conftest import Site, Started, World, add_owners, clinic, count, wait_for
from tests.agent.test_run import heartbeat
from tests.agent.test_verification import damage

PATIENCE_S = 120


@contextmanager
def service(site: Site, path: str | None = None) -> Generator[Started]:
    """A running agent, ended with SIGTERM; it must end well."""
    with site.start("run", path=path) as agent:
        try:
            yield agent
        finally:
            agent.terminate()
            print(agent.communicate(timeout=60)[1])  # pytest shows it where a test failed
        assert agent.returncode == 0


def archived(world: World, epoch: int = 1) -> GtidSet:
    return survey(world.aws.context.backups, epoch).gtids


def executed(server: MySqlServer) -> GtidSet:
    return GtidSet.parse(str(server.execute("SELECT @@GLOBAL.gtid_executed")[0][0]))


def dumps(world: World, epoch: int = 1) -> list[str]:
    blobs = world.container("backups").list_blobs(name_starts_with="backup_", include=["metadata"])
    manifests = [blob for blob in blobs if blob.name.endswith(".json")]
    return [blob.name for blob in manifests if blob.metadata.get("epoch") == str(epoch)]


def said(world: World) -> dict[str, Any]:
    return heartbeat(world, "aws")


def archive_said(world: World) -> dict[str, Any]:
    return said(world).get("archive") or {}


def test_no_dump_while_nothing_touches_the_schemas(world: World, rds: MySqlServer) -> None:
    """RDS's own heartbeat is a transaction too; it is none of the clinic's."""
    clinic(rds)
    world.aws.document["archive"] = {"flush_seconds": 0.1}
    with service(world.aws):
        wait_for(lambda: said(world).get("skipped_unchanged"), PATIENCE_S)
        first = dumps(world)
        seen = said(world)["fresh_at"]
        rds.execute("REPLACE INTO mysql.rds_heartbeat2 VALUES (1, 2)")
        wait_for(lambda: executed(rds) <= archived(world), PATIENCE_S)
        wait_for(lambda: said(world)["skipped_unchanged"] > 3, PATIENCE_S)
        assert dumps(world) == first and said(world)["fresh_at"] > seen
        add_owners(rds, 1)
        wait_for(lambda: len(dumps(world)) == len(first) + 1, PATIENCE_S)
        assert said(world)["possible_loss"].startswith("what was committed after")
        assert said(world)["errors"] == {}


def test_an_unchanged_database_is_dumped_again_before_its_dump_grows_old(
    world: World, rds: MySqlServer
) -> None:
    clinic(rds)
    world.aws.document["dump"]["refresh_seconds"] = 1
    with service(world.aws):
        wait_for(lambda: len(dumps(world)) >= 3, PATIENCE_S)


def test_what_is_buffered_is_archived_at_the_end(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.document["archive"] = {"flush_seconds": 60}
    world.aws.document["dump"] = {"interval_seconds": 60}
    with service(world.aws):
        wait_for(lambda: dumps(world) and archive_said(world).get("position"), PATIENCE_S)
        add_owners(rds, 1)
        wait_for(lambda: archive_said(world).get("behind_bytes"), PATIENCE_S)
        assert not executed(rds) <= archived(world)
    assert executed(rds) <= archived(world)


def test_a_hole_is_told_and_closed_by_a_dump_at_once(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.document["archive"] = {"flush_seconds": 0.1}
    with service(world.aws):
        wait_for(lambda: dumps(world), PATIENCE_S)
        add_owners(rds, 1)
        wait_for(lambda: executed(rds) <= archived(world), PATIENCE_S)
    before = dumps(world)
    add_owners(rds, 1)
    rds.execute("FLUSH BINARY LOGS")
    newest = str(rds.execute("SHOW BINARY LOGS")[-1][0])
    rds.execute(f"PURGE BINARY LOGS TO '{newest}'")
    # So long an interval that only the hole can be the reason; a recent base would also have been enough.
    world.aws.document["dump"] = {"interval_seconds": 60}
    with world.aws.start("run") as agent:
        wait_for(lambda: len(dumps(world)) > len(before), PATIENCE_S)
        wait_for(
            lambda: said(world).get("errors") == {} and archive_said(world).get("hole") == "", PATIENCE_S
        )
        agent.terminate()
        _, log = agent.communicate(timeout=60)
    assert "hole" in log


def test_a_new_epochs_chain_begins_at_once(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.document["archive"] = {"flush_seconds": 0.1}
    world.aws.document["dump"] = {"interval_seconds": 60}
    with service(world.aws):
        wait_for(lambda: dumps(world), PATIENCE_S)
        world.epoch(2, "azure")
        wait_for(lambda: said(world)["writer"] == "azure", PATIENCE_S)
        written = archived(world)
        add_owners(rds, 1)
        world.epoch(3, "aws")
        wait_for(lambda: dumps(world, 3), PATIENCE_S)
        add_owners(rds, 1)
        wait_for(lambda: executed(rds) <= archived(world, 3), PATIENCE_S)
        assert archived(world) == written, "nothing under the old epoch"


def test_a_bad_backup_is_an_alarm_and_is_replaced_at_once(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.works("dump")
    (first,) = dumps(world)
    damage(world, first.replace(".json", ".sql.gz"), lambda text: text.replace(b"'owner 1 ", b"'Owner 1 "))
    world.aws.document["verify"] = {"interval_seconds": 2}
    world.aws.document["dump"] = {"interval_seconds": 60}
    with service(world.aws):
        wait_for(lambda: "is not good" in said(world).get("errors", {}).get("verification", ""), PATIENCE_S)
        wait_for(lambda: len(dumps(world)) == 2, PATIENCE_S)
        wait_for(lambda: (said(world)["verification"] or {}).get("ok"), PATIENCE_S)
        assert said(world)["errors"] == {}
        wait_for(lambda: any(name.startswith("weekly/backup_") for name in world.names()), PATIENCE_S)


def test_a_killed_agents_scratch_server_is_ended_at_the_next_start(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.works("dump")
    folder = world.aws.folder / "state" / "scratch"
    world.aws.document["verify"] = {}
    with world.aws.start("run") as agent:
        wait_for((folder / "pid").exists, PATIENCE_S)
        agent.kill()
    server = Path(f"/proc/{(folder / 'pid').read_text()}/cmdline")
    assert b"mysqld" in server.read_bytes(), "it outlived its agent"
    world.aws.document["verify"] = {"mode": "off"}
    with service(world.aws):
        wait_for(lambda: not folder.exists(), PATIENCE_S)
        assert not server.exists() or b"mysqld" not in server.read_bytes()


def test_a_verification_that_cannot_run_stops_nothing_else(
    world: World, rds: MySqlServer, tools: Tools
) -> None:
    clinic(rds)
    world.aws.document["verify"] = {"interval_seconds": 2}
    world.aws.document["archive"] = {"flush_seconds": 0.1}
    # Nobody there, and no credentials either.
    world.aws.document["metrics"] = {"cloudwatch_namespace": "PilotLight", "region": "ap-northeast-2"}
    folder = world.aws.folder / "without mysqld"
    folder.mkdir()
    for name in ("mysql", "mysqldump"):
        (folder / name).symlink_to(tools.bin / name)
    with service(world.aws, path=f"{folder}:/usr/bin:/bin"):
        wait_for(lambda: {"verification", "metrics"} <= set(said(world).get("errors", ())), PATIENCE_S)
        assert "mysqld is not on PATH" in said(world)["errors"]["verification"]
        had = len(dumps(world))
        add_owners(rds, 1)
        wait_for(lambda: len(dumps(world)) > had and executed(rds) <= archived(world), PATIENCE_S)
        assert count(rds) == 4


def test_without_gtids_the_dumps_go_on_and_the_steps_are_named(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.document["archive"] = {}
    away = ("ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF")
    try:
        for mode in away:
            rds.set_global("gtid_mode", mode)
        with service(world.aws):
            wait_for(lambda: len(dumps(world)) >= 2, PATIENCE_S)
            wait_for(lambda: "archive settings" in said(world)["errors"], PATIENCE_S)
            told = said(world)
        assert "up to 2 s of writes can be lost" in told["errors"]["archive settings"]
        assert "ON_PERMISSIVE" in told["errors"]["archive settings"]
        assert "up to 2 s" in told["possible_loss"] and told["archive"] is None
    finally:
        for mode in (*reversed(away[:-1]), "ON"):
            rds.set_global("gtid_mode", mode)


def test_dumps_that_outgrow_the_budget_come_less_often_and_it_is_said(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.document["dump"] |= {"egress_gb_per_month": 0.001, "refresh_seconds": 1}
    with world.aws.start("run") as agent:
        wait_for(lambda: said(world).get("interval_stretched"), PATIENCE_S)
        told = said(world)
        agent.terminate()
        _, log = agent.communicate(timeout=60)
    assert told["interval_seconds"] > 1000 and "egress_gb_per_month, 0.001" in told["interval_stretched"]
    assert log.count("egress_gb_per_month") == 1
    assert len(dumps(world)) == 1
