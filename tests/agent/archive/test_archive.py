"""The archive of a server's binary log, from COMMIT to blob and back."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent import archive_alone
from agent.archive import service, tail
from agent.archive.log import survey
from agent.archive.segment import decode
from agent.archive.service import Archiver
from agent.archive_alone import archive_once
from agent.binlog import stream
from agent.epoch import Epoch
from agent.errors import LogError
from agent.gtid import GtidSet
from sandbox.network import Network
from tests.agent.archive.conftest import EMPTY, PATIENCE_S, Vault
from tests.agent.archive.wire import Wire
from tests.agent.conftest import SCHEMA, World, add_owners, clinic, wait_for


def test_what_is_committed_is_archived_and_read_back_once(vault: Vault) -> None:
    clinic(vault.server)
    before = vault.executed()
    with vault.archiving() as archiver:
        for _ in range(20):
            add_owners(vault.server, 1)
        vault.caught_up(archiver)
        status = archiver.status()
    assert status["error"] == "" and status["segments"] > 0
    found = vault.read(base=before)
    assert GtidSet.parse(",".join(found)) == vault.executed() - before
    assert len(found) == 20


def test_mysqlbinlog_reads_each_segment_and_together_they_are_the_servers_file(
    vault: Vault, tmp_path: Path
) -> None:
    clinic(vault.server)
    vault.server.execute("FLUSH BINARY LOGS")
    with vault.archiving() as archiver:
        for _ in range(30):
            add_owners(vault.server, 40, padding=900)
        vault.caught_up(archiver)
    vault.server.execute("FLUSH BINARY LOGS")  # until then the file is marked as in use
    segments = [decode(vault.blob(name), name) for name in vault.segments()]
    assert len(segments) > 3
    listed: list[str] = []
    for number, (_, log) in enumerate(segments):
        file = tmp_path / f"{number}.log"
        file.write_bytes(log)
        command = [vault.site.tools.bin / "mysqlbinlog", "--verify-binlog-checksum", file]
        done = subprocess.run(command, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        listed += [
            line for line in done.stdout.decode(errors="replace").splitlines() if "GTID_NEXT= '" in line
        ]
    found = [line.split("'")[1] for line in listed if "AUTOMATIC" not in line]
    assert found == vault.read(base=vault.first_before())
    original = (vault.server.folder / "data" / segments[0][0].file).read_bytes()
    at = segments[0][0].start
    for segment, log in segments:
        events = log[-(segment.end - segment.start) :]
        assert (segment.start, events) == (at, original[at : segment.end])
        at = segment.end


def test_a_new_process_goes_on_where_the_vault_ends(vault: Vault) -> None:
    clinic(vault.server)
    before = vault.executed()
    for _ in range(3):
        with vault.archiving() as archiver:
            add_owners(vault.server, 2)
            vault.caught_up(archiver)
        add_owners(vault.server, 2)  # nobody archives meanwhile
    with vault.archiving() as archiver:
        vault.caught_up(archiver)
    assert vault.read(base=before) == vault.gtids(before)
    ends = [decode(vault.blob(name), name)[0] for name in vault.segments()]
    assert [one.start for one in ends[1:]] == [one.end for one in ends[:-1]], "a gap, or twice the same"


def test_going_on_farther_in_a_file_than_the_command_can_say(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its position has four bytes, and one transaction can make a file larger than that."""
    monkeypatch.setattr(stream, "_FARTHEST", 1_000)
    clinic(vault.server)
    with vault.archiving() as archiver:
        add_owners(vault.server, 2)
        vault.caught_up(archiver)
    before = vault.first_before()
    add_owners(vault.server, 2)
    with vault.archiving() as archiver:
        assert int(archiver.status()["position"].partition(":")[2]) > 1_000
        add_owners(vault.server, 2)
        vault.caught_up(archiver)
    assert vault.read(base=before) == vault.gtids(before)
    ends = [decode(vault.blob(name), name)[0] for name in vault.segments()]
    assert [one.start for one in ends[1:]] == [one.end for one in ends[:-1]], "a gap, or twice the same"


def test_azures_administrator_may_do_it_too(world: World, network: Network) -> None:
    vault = Vault(world, world.azure, network)
    vault.epoch = Epoch(1, "azure", "", "")
    clinic(vault.server)
    before = vault.executed()
    with vault.archiving() as archiver:
        add_owners(vault.server, 1)
        vault.server.execute("FLUSH BINARY LOGS")
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
    assert vault.read(base=before) == vault.gtids(before)


def test_rotation_and_restart_of_the_server(vault: Vault) -> None:
    clinic(vault.server)
    before = vault.executed()
    with vault.archiving() as archiver:
        for ending in (
            lambda: vault.server.execute("FLUSH BINARY LOGS"),
            lambda: (vault.server.stop(), vault.server.start()),
            lambda: (vault.server.kill(), vault.server.start()),  # its file ends without ROTATE or STOP
        ):
            add_owners(vault.server, 1)
            ending()
            add_owners(vault.server, 1)
            vault.caught_up(archiver)
    assert vault.read(base=before) == vault.gtids(before)
    assert archiver.status()["hole"] == ""


def test_log_that_was_purged_before_it_was_archived_is_a_hole_that_the_next_dump_closes(vault: Vault) -> None:
    clinic(vault.server)
    with vault.archiving() as archiver:
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
    early = vault.first_before()
    add_owners(vault.server, 1)
    vault.purge()
    add_owners(vault.server, 1)
    with vault.archiving() as archiver:
        wait_for(lambda: archiver.status()["hole"], PATIENCE_S)
        assert "purged" in archiver.status()["hole"] and archiver.needs_dump
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
        run = survey(vault.direct().backups, 1).run_for(early)
        assert "hole" in run.hole and not vault.executed() <= early | run.gtids
        vault.site.works("dump")
        wait_for(lambda: not archiver.needs_dump, PATIENCE_S)
        assert archiver.status()["hole"] == ""
        base = vault.newest_base()
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
    assert vault.read(base=base)[-1:] == vault.gtids(base)[-1:]


def test_log_that_was_purged_before_the_archive_began_is_a_hole_behind_the_dump(vault: Vault) -> None:
    """``archive --once`` would end with 0, and the restore would miss what was purged."""
    clinic(vault.server)
    vault.site.works("dump")
    add_owners(vault.server, 1)
    vault.purge()
    for again in (False, True):
        with pytest.raises(LogError, match=r"run: python -m agent dump") as told:
            archive_once(vault.context, PATIENCE_S)
        assert again or "purged log that was not archived" in str(told.value)
        add_owners(vault.server, 1)  # which continues what lies behind the hole
    vault.site.works("dump")
    assert archive_once(vault.context, PATIENCE_S)["hole"] == ""


def test_an_archive_that_begins_after_a_dump_serves_that_dump(vault: Vault) -> None:
    clinic(vault.server)
    vault.site.works("dump")
    base = vault.newest_base()
    add_owners(vault.server, 3)
    vault.server.execute("FLUSH BINARY LOGS")
    add_owners(vault.server, 3)
    with vault.archiving() as archiver:
        vault.caught_up(archiver)
        assert not archiver.needs_dump
    assert vault.read(base=base) == vault.gtids(base)


def test_a_transaction_larger_than_a_segment_is_one_transaction_again(vault: Vault) -> None:
    clinic(vault.server)
    before = vault.executed()
    with vault.archiving() as archiver:
        add_owners(vault.server, 1_000, padding=900)
        vault.caught_up(archiver)
    unfinished = [decode(vault.blob(name), name)[0].unfinished for name in vault.segments()]
    assert unfinished.count(True) > 5 and unfinished[-1] is False
    assert vault.read(base=before) == vault.gtids(before)
    rows = sum(vault.rows(base=before))
    assert rows > 5


def test_going_on_inside_a_transaction(vault: Vault) -> None:
    """The agent died between two segments of one transaction."""
    clinic(vault.server)
    before = vault.executed()
    with vault.archiving() as archiver:
        add_owners(vault.server, 1_000, padding=900)
        vault.caught_up(archiver)
    for name in vault.segments()[3:]:
        vault.world.container("backups").delete_blob(name)
    assert vault.read(base=before) == [], "half a transaction was given out"
    add_owners(vault.server, 1)
    with vault.archiving() as archiver:
        vault.caught_up(archiver)
    assert vault.read(base=before) == vault.gtids(before)
    assert vault.executed() - before <= GtidSet.parse(archiver.status()["touched"])


def test_an_event_larger_than_a_packet_of_the_protocol(vault: Vault) -> None:
    clinic(vault.server)
    vault.server.execute(f"CREATE TABLE {SCHEMA}.large (id INT PRIMARY KEY, data LONGBLOB)")
    before = vault.executed()
    with vault.archiving() as archiver:
        vault.server.execute(f"INSERT INTO {SCHEMA}.large VALUES (1, REPEAT(RANDOM_BYTES(1000), 20000))")
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
    assert vault.read(base=before) == vault.gtids(before)


@pytest.fixture
def wire(vault: Vault) -> Iterator[Wire]:
    """Between the agent and its database."""
    server = vault.server
    made = Wire(vault.network.address("wire.test"), (server.address, server.port))
    vault.site.document["database"]["host"] = vault.network.address("wire.test")
    yield made
    made.close()


def test_a_cut_between_agent_and_database(vault: Vault, wire: Wire) -> None:
    clinic(vault.server)
    before = vault.executed()
    with vault.archiving() as archiver:
        add_owners(vault.server, 1)
        vault.caught_up(archiver)  # before its first segment an archive has promised nothing
        for _ in range(3):
            add_owners(vault.server, 1)
            wire.cut()
            add_owners(vault.server, 1)
            wait_for(lambda: archiver.status()["error"], PATIENCE_S)
            wire.mend()
            vault.caught_up(archiver)
            wait_for(lambda: archiver.status()["error"] == "", PATIENCE_S)
    assert vault.read(base=before) == vault.gtids(before)


def test_a_database_that_fell_silent_is_noticed(vault: Vault, wire: Wire) -> None:
    clinic(vault.server)
    with vault.archiving() as archiver:
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
        wire.silence()
        wait_for(lambda: "timed out" in archiver.status()["error"], PATIENCE_S)
        wire.cut()
        wire.mend()
        add_owners(vault.server, 1)
        vault.caught_up(archiver)


def test_an_epoch_that_ended_or_is_not_known_stops_the_archive(vault: Vault) -> None:
    clinic(vault.server)
    with vault.archiving() as archiver:
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
        for epoch in (None, Epoch(2, "azure", "", "")):
            vault.epoch = epoch
            wait_for(lambda: not vault.followed(), PATIENCE_S)
            count = len(vault.segments())
            through = archiver.status()["archived_through"]
            add_owners(vault.server, 1)
            time.sleep(1)  # nothing to wait for: it must not happen
            assert len(vault.segments()) == count
            assert archiver.status()["archived_through"] == through
        vault.epoch = Epoch(3, "aws", "", "")
        wait_for(lambda: archiver.status()["touched"] == "", PATIENCE_S)  # it begins anew
        before = vault.executed()
        add_owners(vault.server, 1)
        wait_for(lambda: vault.executed() <= vault.archived(epoch=3), PATIENCE_S)
    assert vault.read(base=before, epoch=3) == vault.gtids(before)


def test_nothing_to_archive_is_told_from_not_archiving(vault: Vault) -> None:
    clinic(vault.server)
    with vault.archiving() as archiver:
        wait_for(lambda: archiver.status()["archived_through"], PATIENCE_S)
        first = archiver.status()["archived_through"]
        wait_for(lambda: archiver.status()["archived_through"] > first, PATIENCE_S)
        assert archiver.status()["segments"] == 0
        vault.server.stop()
        wait_for(lambda: archiver.status()["error"], PATIENCE_S)
        last = archiver.status()["archived_through"]
        time.sleep(2)  # nothing to wait for: it must not happen
        assert archiver.status()["archived_through"] == last
        vault.server.start()
        wait_for(lambda: archiver.status()["archived_through"] > last, PATIENCE_S)
        wait_for(lambda: archiver.status()["error"] == "", PATIENCE_S)


def test_a_clock_that_was_put_back_hides_nothing(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a clock that is a day ahead said would look complete for a day, whatever is archived or not."""
    ahead_s = 86_400.0
    clock = SimpleNamespace(time=lambda: time.time() + ahead_s, monotonic=time.monotonic, sleep=time.sleep)
    for module in (service, tail):
        monkeypatch.setattr(module, "time", clock)
    clinic(vault.server)

    def now() -> str:
        return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")

    with vault.archiving() as archiver:
        wait_for(lambda: (archiver.status()["archived_through"] or "") > now(), PATIENCE_S)
        vault.server.stop()
        wait_for(lambda: archiver.status()["error"], PATIENCE_S)
        ahead_s = 0.0  # put back while nothing is archived
        assert archiver.status()["archived_through"] is None
        vault.server.start()
        wait_for(lambda: archiver.status()["archived_through"], PATIENCE_S)
        assert archiver.status()["archived_through"] <= now()


@pytest.mark.parametrize("ahead_s", [-3600.0, 3600.0])
def test_archiving_to_the_end_goes_by_transactions_and_not_by_clocks(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, ahead_s: float
) -> None:
    clock = SimpleNamespace(time=lambda: time.time() + ahead_s, monotonic=time.monotonic, sleep=time.sleep)
    for module in (service, tail, archive_alone):
        monkeypatch.setattr(module, "time", clock)
    clinic(vault.server)
    vault.site.works("dump")
    for _ in range(2):
        add_owners(vault.server, 3)
        status = archive_once(vault.context, PATIENCE_S)
        assert vault.executed() <= GtidSet.parse(status["archived_gtid"])


def test_the_services_own_heartbeat_is_archived_and_touches_nothing(vault: Vault) -> None:
    clinic(vault.server)
    with vault.archiving() as archiver:
        vault.server.execute("REPLACE INTO mysql.rds_heartbeat2 (id, value) VALUES (1, 5)")
        vault.caught_up(archiver)
        assert archiver.status()["touched"] == ""
        add_owners(vault.server, 1)
        changed = vault.executed()
        vault.caught_up(archiver)
        vault.server.execute("REPLACE INTO mysql.rds_heartbeat2 (id, value) VALUES (1, 6)")
        vault.caught_up(archiver)
        touched = GtidSet.parse(archiver.status()["touched"])
    assert touched.count() == 1 and touched <= changed


def test_transactions_with_tags(vault: Vault) -> None:
    if vault.server.execute("SELECT VERSION() >= '8.3'")[0][0] != 1:
        pytest.skip("tags came with MySQL 8.3")
    clinic(vault.server)
    before = vault.executed()
    with vault.server.root() as connection, connection.cursor() as cursor:
        with vault.archiving() as archiver:
            for tag in ("blue", "red_2", "blue"):
                cursor.execute(f"SET gtid_next = 'AUTOMATIC:{tag}'")
                cursor.execute(f"INSERT INTO {SCHEMA}.owners (name) VALUES ('x')")
            vault.server.execute("FLUSH BINARY LOGS")  # its head names tags
            vault.caught_up(archiver)
        cursor.execute(f"INSERT INTO {SCHEMA}.owners (name) VALUES ('x')")
    with vault.archiving() as archiver:
        vault.caught_up(archiver)
    found = vault.read(base=before)
    assert sorted(found) == vault.gtids(before) and len(found) == 4
    names = [gtid.split(":")[1:] for gtid in found]
    assert [name[0] for name in names[:3]] == ["blue", "red_2", "blue"], "not in commit order"


def test_two_agents_at_once_write_one_chain(vault: Vault) -> None:
    clinic(vault.server)
    before = vault.executed()
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            add_owners(vault.server, 1)

    def follows(archiver: Archiver) -> None:
        wanted = vault.executed()
        vault.caught_up(archiver)
        touched = GtidSet.parse(archiver.status()["touched"])
        assert wanted - before <= touched, "what the other one archived counts as no change"

    writer = threading.Thread(target=write)
    with vault.archiving() as other:
        with vault.archiving() as one:
            writer.start()
            wait_for(lambda: sum(a.status()["segments"] for a in (one, other)) >= 6, PATIENCE_S)
            follows(one)
        alone = other.status()["segments"]
        wait_for(lambda: other.status()["segments"] >= alone + 3, PATIENCE_S)
        done.set()
        writer.join()
        follows(other)
    assert vault.read(base=before) == vault.gtids(before)


def test_a_server_without_gtids_is_told_what_to_set(vault: Vault) -> None:
    modes = ("ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF")
    clinic(vault.server)
    try:
        for mode in modes:
            vault.server.execute(f"SET GLOBAL gtid_mode = {mode}")
        with vault.archiving(ready=False) as archiver:
            wait_for(lambda: archiver.status()["error"], PATIENCE_S)
            said = archiver.status()["error"]
        assert "gtid_mode is OFF" in said and "set it to ON" in said and "parameter group" in said
        add_owners(vault.server, 1)
        assert vault.segments() == []
    finally:
        for mode in ("OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"):
            vault.server.execute(f"SET GLOBAL gtid_mode = {mode}")
        vault.server.execute("FLUSH BINARY LOGS")
    assert vault.archived() == EMPTY
