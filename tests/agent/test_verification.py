"""A backup that was never restored is a hope: it is restored, and what is bad is found."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from agent.catalog import manifest_of
from agent.errors import AgentError, ConfigError
from agent.scratch import remove_survivor, require_room, scratch_server
from agent.signals import verified
from agent.verification import verify_chain
from agent.weekly import copies, keep_weekly
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.conftest import SCHEMA, World, add_owners, clinic, stand_in, wait_for
from tests.agent.test_round_trip import load_awkward


@pytest.fixture(autouse=True)
def programs(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """MySQL's programs on this process's own PATH."""
    monkeypatch.setenv("PATH", f"{tools.bin}:{os.environ['PATH']}")


def test_the_newest_backup_is_restored_and_compared(world: World, rds: MySqlServer, tools: Tools) -> None:
    """With everything in it that is hard to restore; the result is kept, and nothing else is left behind."""
    load_awkward(rds, tools)
    dumped = world.aws.works("dump")
    context = world.aws.context
    result = verify_chain(context, "auto")
    assert result["ok"], result
    assert result["backup"] == dumped["backup"] and result["mode"] == "full"
    (kept,) = verified(context.signals, 1)
    assert vars(kept) == {**result, "tables": tuple(result["tables"]), "notes": tuple(result["notes"])}
    assert len(kept.tables) == dumped_tables(world, dumped["backup"])
    assert not (context.config.state_dir / "scratch").exists()
    assert verified(context.signals, 2) == []


def dumped_tables(world: World, backup: str) -> int:
    return int(world.read("backups", backup.replace(".sql.gz", ".json"))["objects"]["tables"])


def damage(world: World, backup: str, change: Any) -> None:
    """Replace the stored dump by another that is whole by itself, its manifest's file hash included."""
    blobs = world.container("backups")
    text = gzip.decompress(blobs.download_blob(backup).readall())
    stored = gzip.compress(change(text))
    blobs.upload_blob(backup, stored, overwrite=True)
    name = backup.replace(".sql.gz", ".json")
    manifest = {**world.read("backups", name), "stored_sha256": hashlib.sha256(stored).hexdigest()}
    metadata = blobs.get_blob_client(name).get_blob_properties().metadata
    blobs.upload_blob(name, json.dumps(manifest), overwrite=True, metadata=metadata)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (b"'owner 1 ", b"'Owner 1 ", "the rows of petclinic.owners differ"),
        (b"INSERT INTO `owners`", b"-- INSERT INTO `owners`", "the rows of petclinic.owners differ"),
        (b"  KEY `owner_id` (`owner_id`),\n", b"", ""),  # the foreign key makes one of its own
        (b"CREATE TABLE `pets`", b"CREATE TABEL `pets`", "TABEL"),
    ],
)
def test_what_is_not_the_backup_that_was_made_is_found(
    world: World, rds: MySqlServer, old: bytes, new: bytes, sentence: str
) -> None:
    clinic(rds)
    dumped = world.aws.works("dump")
    damage(world, dumped["backup"], lambda text: text.replace(old, new))
    result = verify_chain(world.aws.context, "full")
    assert result["ok"] is (not sentence)
    assert sentence in result["error"]
    (kept,) = verified(world.aws.context.signals, 1)
    assert kept.ok is result["ok"], "a failure is kept as well"


def test_a_sample_takes_all_objects_and_some_rows(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    add_owners(rds, 3000, padding=300)  # more than the megabyte that is allowed below
    world.aws.document["verify"] = {"mode": "auto", "full_up_to_mb": 1}
    dumped = world.aws.works("dump")
    result = verify_chain(world.aws.context, "auto")
    assert result["ok"], result
    assert result["mode"] == "sampled" and list(result["tables"]) == [f"{SCHEMA}.pets"]
    assert any("owners exceeds verify.full_up_to_mb" in note for note in result["notes"])
    damage(world, dumped["backup"], lambda text: text.replace(b"'owner 1 ", b"'Owner 1 "))
    assert verify_chain(world.aws.context, "sampled")["ok"], "rows that were not sampled are not compared"
    damage(
        world, dumped["backup"], lambda text: text.replace(b"CREATE TABLE `owners`", b"CREATE TABLE `other`")
    )
    assert not verify_chain(world.aws.context, "sampled")["ok"]


def test_what_proves_nothing_is_no_result(
    world: World, rds: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic(rds)
    context = world.aws.context
    with pytest.raises(AgentError, match="no complete backup of epoch 1"):
        verify_chain(context, "full")
    world.aws.works("dump")
    with pytest.raises(ConfigError):
        verify_chain(context, "off")
    with pytest.raises(AgentError, match="free, and a verification needs"):
        require_room(context.config.state_dir, 10**15)
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(AgentError):
        verify_chain(context, "full", stopping)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(AgentError, match="mysqld is not on PATH"):
        verify_chain(context, "full")
    assert verified(context.signals, 1) == []


@pytest.mark.parametrize(
    ("program", "script"),
    [
        ("mysql", "kill -KILL $$"),
        ("mysqldump", "kill -KILL $$"),
        ("mysql", 'echo "ERROR 1114 (HY000) at line 3: The table is full" >&2; exit 1'),
    ],
)
def test_a_client_that_this_machine_stopped_condemns_no_backup(
    world: World, rds: MySqlServer, monkeypatch: pytest.MonkeyPatch, program: str, script: str
) -> None:
    clinic(rds)
    world.aws.works("dump")
    monkeypatch.setenv("PATH", stand_in(world.aws, program, script))
    context = world.aws.context
    with pytest.raises(AgentError, match=f"says nothing of it: {program} ended with status"):
        verify_chain(context, "full")
    assert verified(context.signals, 1) == []


def test_a_server_that_outlived_its_agent_is_ended(tmp_path: Path) -> None:
    """What SIGKILL of the agent leaves: a server without a parent, and its folder."""
    stopping = threading.Event()
    started = threading.Event()
    kept: list[int] = []

    def agent() -> None:
        server = scratch_server(tmp_path, lower_case_table_names=0, zones=(), stopping=stopping)
        with pytest.raises(AgentError), server:
            kept.append(int((tmp_path / "scratch" / "pid").read_text()))
            started.set()
            ended.wait(60)
            raise AgentError("so that the block is left as after an error")

    ended = threading.Event()
    thread = threading.Thread(target=agent)
    thread.start()
    assert started.wait(120)
    remove_survivor(tmp_path)
    wait_for(lambda: not Path(f"/proc/{kept[0]}/cmdline").exists() or not is_mysqld(kept[0]), 30)
    assert not (tmp_path / "scratch").exists()
    ended.set()
    thread.join()


def is_mysqld(pid: int) -> bool:
    try:
        return b"mysqld" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_a_number_that_is_another_programs_by_now_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "pid").write_text(str(os.getpid()))
    remove_survivor(tmp_path)
    os.kill(os.getpid(), signal.SIGCONT)  # we are still here
    assert not (tmp_path / "scratch").exists()


def test_one_verified_chain_a_week_is_kept_apart(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    context = world.aws.context
    dumped = world.aws.works("dump")
    manifest = manifest_of(context.backups, dumped["backup"])
    result = verify_chain(context, "full")
    name = keep_weekly(context.backups, manifest, result)
    assert name == f"weekly/{manifest.name}"
    copied, original = (
        world.container("backups").download_blob(blob).readall()
        for blob in (f"weekly/{manifest.backup}", manifest.backup)
    )
    assert copied == original
    assert world.read("backups", f"weekly/{manifest.name.replace('.json', '.verified.json')}")["ok"]
    assert list(copies(context.backups).values()) == [f"weekly/{manifest.backup}"]
    assert keep_weekly(context.backups, manifest, result) is None, "one a week"
    # A copy that was interrupted before its manifest is completed.
    world.container("backups").delete_blob(name)
    assert keep_weekly(context.backups, manifest, result) == name
    assert world.aws.works("list")["complete"] == 1, "copies are not listed among the backups"
