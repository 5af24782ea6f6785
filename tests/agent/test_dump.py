"""A dump counts only if everything about it went well. Each test here makes one thing go wrong."""

from __future__ import annotations

import gzip
import hashlib
import os
import signal
import time

import pytest

from agent import dump
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.conftest import (
    PASSWORD,
    SCHEMA,
    Site,
    World,
    add_owners,
    clinic,
    stand_in,
    wait_for,
)

SLOW = 'sleep 3; exec "$real" "$@"'


def test_a_backup_is_plain_sql_and_its_manifest_tells_the_truth(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    before = str(rds.execute("SELECT @@GLOBAL.gtid_executed")[0][0])
    dumped = world.aws.works("dump")
    name = dumped["backup"]
    assert world.names() == [name.replace(".sql.gz", ".json"), name]
    stored = world.container("backups").download_blob(name).readall()
    manifest = world.read("backups", name.replace(".sql.gz", ".json"))
    assert manifest["stored_sha256"] == hashlib.sha256(stored).hexdigest()
    assert manifest["gtid_before"].replace("\n", "") == before.replace("\n", "")
    text = gzip.decompress(stored).decode()
    assert "CREATE TABLE `owners`" in text and len(text) == manifest["raw_bytes"]
    assert manifest["objects"] == {
        "columns": 4, "events": 0, "foreign_keys": 1, "keys": 3, "tables": 2, "views": 0,
    }  # fmt: skip
    assert world.aws.works("list")["complete"] == 1


@pytest.mark.parametrize(
    ("what", "script", "sentence"),
    [
        ("killed", '"$real" "$@" | head -c 2000; kill -9 $$', "mysqldump ended with status"),
        ("cut, and its status lost", '"$real" "$@" | head -c 2000; exit 0', "the dump was cut"),
        ("cut at a line's end", '"$real" "$@" | head -n 40; exit 0', "the dump was cut"),
        ("failed at its end", '"$real" "$@"; echo broken >&2; exit 3', "status 3: broken"),
        ("empty", "exit 0", "the dump was cut"),
        ("without triggers", 'exec "$real" "$@" --skip-triggers', "the dump holds 0 triggers"),
        ("wrong password", 'echo "ERROR 1045" >&2; exit 2', "ERROR 1045"),
    ],
)
def test_a_producer_that_did_not_end_well_commits_nothing(
    world: World, rds: MySqlServer, what: str, script: str, sentence: str
) -> None:
    clinic(rds)
    rds.execute(f"CREATE TRIGGER {SCHEMA}.t BEFORE INSERT ON {SCHEMA}.owners FOR EACH ROW SET NEW.name = 'x'")
    finished = world.aws.run("dump", path=stand_in(world.aws, "mysqldump", script))
    assert finished.code == 10, finished.said
    assert sentence in finished.said
    assert world.names() == [], what
    world.aws.works("dump")


def test_a_dump_that_stalls_is_killed(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.document["dump"]["stall_seconds"] = 1
    finished = world.aws.run(
        "dump", path=stand_in(world.aws, "mysqldump", '"$real" "$@" | head -n 5; sleep 600')
    )
    assert finished.code == 10 and "wrote nothing for 1 s" in finished.said
    assert world.names() == []


def test_an_agent_killed_in_the_middle_leaves_nothing_and_no_lock(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    mark = world.aws.folder / "half-way"
    path = stand_in(world.aws, "mysqldump", f'"$real" "$@" | head -n 40; touch "{mark}"; exec sleep 60')
    with world.aws.start("dump", path=path) as agent:
        wait_for(mark.exists, 30)
        agent.send_signal(signal.SIGKILL)
    assert world.names() == []
    world.aws.works("dump")


def test_two_dumps_that_begin_in_one_second_are_two_backups(
    world: World, rds: MySqlServer, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their names tell no more than the second: a database may be so small."""
    clinic(rds)
    monkeypatch.setenv("PATH", f"{tools.bin}:{os.environ['PATH']}")
    names = [f"backup_20260101T00000{second}Z.sql.gz" for second in (0, 0, 1)]
    waiting = iter(names)
    monkeypatch.setattr(dump, "backup_name", lambda _: next(waiting))
    made = [dump.dump_once(world.aws.context).backup for _ in range(2)]
    assert made == [names[0], names[2]]
    assert world.aws.works("list")["complete"] == 2


def test_overlapping_dumps_are_refused(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    began, end = world.aws.folder / "began", world.aws.folder / "end"
    script = f'touch "{began}"; until [ -e "{end}" ]; do sleep 0.1; done; exec "$real" "$@"'
    with world.aws.start("dump", path=stand_in(world.aws, "mysqldump", script)) as first:
        wait_for(began.exists, 60)
        second = world.aws.run("dump")
        assert second.code == 6 and "another dump is running" in second.said
        end.touch()
        assert first.wait(60) == 0
    assert len(world.names()) == 2


def test_dumps_from_two_machines_do_not_overlap(world: World, rds: MySqlServer) -> None:
    """Two agents live while a machine is replaced; a lock in a state directory is on one machine alone."""
    clinic(rds)
    began, end = world.aws.folder / "began", world.aws.folder / "end"
    script = f'touch "{began}"; until [ -e "{end}" ]; do sleep 0.1; done; exec "$real" "$@"'
    with world.aws.start("dump", path=stand_in(world.aws, "mysqldump", script)) as first:
        wait_for(began.exists, 30)
        world.aws.document["state_dir"] = str(world.aws.folder / "the other machine's state")
        second = world.aws.run("dump")
        assert second.code == 6 and "another agent is dumping" in second.said, second.said
        end.touch()
        assert first.wait(60) == 0
    assert len(world.names()) == 2
    world.aws.works("dump")


def test_a_wrong_password_is_one_sentence_without_the_password(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.secret("password", "not-the-password")
    finished = world.aws.run("dump")
    assert finished.code == 4 and "Access denied" in finished.said and "database.password" in finished.said
    assert "not-the-password" not in finished.said and "Traceback" not in finished.said


def test_no_secret_shows_in_arguments_environment_or_log(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    folder = world.aws.folder
    script = f'printf "%s\\n" "$@" > "{folder}/arguments"; env > "{folder}/environment"; exec "$real" "$@"'
    finished = world.aws.run("dump", path=stand_in(world.aws, "mysqldump", script))
    assert finished.code == 0, finished.said
    for text in (finished.said, (folder / "arguments").read_text(), (folder / "environment").read_text()):
        assert PASSWORD not in text and PASSWORD[:5] not in text
    assert "--defaults-file=" in (folder / "arguments").read_text()


def test_a_password_file_that_all_may_read_is_refused(world: World) -> None:
    world.aws.secret("password", PASSWORD).chmod(0o644)
    finished = world.aws.run("dump")
    assert finished.code == 3 and "chmod 600" in finished.said


def test_mariadb_is_refused(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    path = stand_in(world.aws, "mysqldump", "exit 1")
    program = next(folder for folder in path.split(":")) + "/mysqldump"
    with open(program, "w", encoding="utf-8") as script:  # noqa: PTH123 - built from PATH
        script.write(
            '#!/bin/sh\necho "mysqldump from 10.11.19-MariaDB, client 10.19 for debian-linux-gnu (x86_64)"\n'
        )
    finished = world.aws.run("dump", path=path)
    assert finished.code == 4 and "is MariaDB's" in finished.said and "PATH" in finished.said


def test_a_missing_privilege_is_named_and_nothing_is_dumped(world: World, rds: MySqlServer) -> None:
    """mysqldump without TRIGGER dumps no trigger and reports success (facts: silent-loss trap 3)."""
    clinic(rds)
    least_privilege(world.aws, rds, "SELECT, SHOW VIEW, EVENT")
    finished = world.aws.run("dump")
    assert finished.code == 4
    assert f"GRANT TRIGGER ON `{SCHEMA}`.* TO 'backup'@'%'" in finished.said
    assert "GRANT SELECT ON *.*" in finished.said
    rds.execute(f"GRANT TRIGGER ON {SCHEMA}.* TO backup")
    rds.execute("GRANT SHOW_ROUTINE ON *.* TO backup")
    world.aws.works("dump")


def least_privilege(site: Site, server: MySqlServer, privileges: str) -> None:
    server.execute("CREATE USER backup IDENTIFIED BY %s", (PASSWORD,))
    server.execute(f"GRANT {privileges} ON {SCHEMA}.* TO backup")
    site.document["database"]["user"] = "backup"


def test_only_the_writer_dumps(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.epoch(2, "azure")
    finished = world.aws.run("dump")
    assert finished.code == 7 and "azure" in finished.said
    assert world.names() == []


def test_a_dump_that_outlived_its_epoch_is_no_backup(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    mark = world.aws.folder / "begun"
    with world.aws.start("dump", path=stand_in(world.aws, "mysqldump", f'touch "{mark}"; {SLOW}')) as agent:
        wait_for(mark.exists, 30)
        world.epoch(2, "azure")
        assert agent.wait(60) == 7
    assert [name for name in world.names() if name.endswith(".json")] == []
    listed = world.aws.works("list")
    assert listed["complete"] == 0 and len(listed["incomplete"]) == 1


def test_an_unreadable_epoch_stops_the_dump(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.container("control").upload_blob("epoch.json", b"{")
    finished = world.aws.run("dump")
    assert finished.code == 5 and "epoch.json is not JSON" in finished.said
    assert world.names() == []


def test_check_names_what_mysqldump_would_lose(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.document["archive"] = {}
    ready = world.aws.run("check")
    assert ready.code == 0 and ready.document == [], ready.document
    rds.execute(f"CREATE TABLE {SCHEMA}.lossy (id INT PRIMARY KEY, weight FLOAT, note JSON)")
    rds.execute(f"CREATE TABLE {SCHEMA}.Owners (id INT PRIMARY KEY)")
    rds.execute(f"CREATE TABLE {SCHEMA}.old (id INT PRIMARY KEY) ENGINE=MyISAM")
    rds.execute(f"CREATE TABLE {SCHEMA}.parts (id INT) PARTITION BY HASH (id) PARTITIONS 2")
    finished = world.aws.run("check")
    assert finished.code == 13
    found = {(finding["level"], finding["subject"]) for finding in finished.document}
    assert found == {
        ("error", f"{SCHEMA}.lossy.weight"),
        ("warning", f"{SCHEMA}.lossy.note"),
        ("error", f"{SCHEMA}.Owners"),
        ("error", f"{SCHEMA}.owners"),
        ("error", f"{SCHEMA}.old"),
        ("error", f"{SCHEMA}.parts"),
        ("warning", f"{SCHEMA}.parts"),  # no primary key
    }
    dumped = world.aws.works("dump")
    manifest = world.read("backups", dumped["backup"].replace(".sql.gz", ".json"))
    assert [w for w in manifest["warnings"] if "lossy.weight" in w]


def test_gtid_sets_bracket_the_snapshot_under_writes(world: World, rds: MySqlServer) -> None:
    """A replay from gtid_before may repeat transactions, never miss one; gtid_after covers the snapshot."""
    clinic(rds)
    for _ in range(3):
        add_owners(rds, 50)
    before = str(rds.execute("SELECT @@GLOBAL.gtid_executed")[0][0])
    mark = world.aws.folder / "begun"
    script = f'"$real" "$@"; touch "{mark}"; sleep 2'
    with world.aws.start("dump", path=stand_in(world.aws, "mysqldump", script)) as agent:
        wait_for(mark.exists, 30)
        add_owners(rds, 1)  # after the snapshot
        assert agent.wait(60) == 0
    manifest = world.read("backups", next(name for name in world.names() if name.endswith(".json")))
    subset = "SELECT GTID_SUBSET(%s, %s)"
    assert rds.execute(subset, (before, manifest["gtid_before"])) == [(1,)]
    assert rds.execute(subset, (manifest["gtid_before"], manifest["gtid_after"])) == [(1,)]
    now = str(rds.execute("SELECT @@GLOBAL.gtid_executed")[0][0])
    assert rds.execute(subset, (now, manifest["gtid_after"])) == [(0,)]


def test_without_gtids_dumps_go_on_and_check_says_what_it_costs(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    away = ("ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF")
    try:
        for mode in away:  # one step at a time, as the server demands
            rds.set_global("gtid_mode", mode)
        first, second = world.aws.works("dump"), _dump_in_another_second(world)
        assert first["gtid_after"] == second["gtid_after"] == ""
        assert world.azure.works("restore")["backup"]["backup"] == second["backup"]
        findings = world.aws.works("check")
        assert [(f["level"], f["subject"]) for f in findings] == [
            ("warning", "gtid_mode"),
            ("warning", "archive"),
        ]
        assert "up to 2 s of writes can be lost" in findings[0]["problem"]
        assert "parameter group" in findings[0]["fix"] and "OFF_PERMISSIVE" in findings[0]["fix"]
    finally:
        for mode in (*reversed(away[:-1]), "ON"):
            rds.set_global("gtid_mode", mode)


def _dump_in_another_second(world: World) -> dict[str, object]:
    """Names have seconds; a name that is taken is refused."""
    time.sleep(1.1)
    return world.aws.works("dump")
