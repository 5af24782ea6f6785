"""Reading the archived log: targets, damage, packs, lost metadata, many blobs."""

from __future__ import annotations

import http.client
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from agent.archive.log import Target, survey, transactions
from agent.archive.packing import pack
from agent.archive.segment import Segment, decode, encode, metadata_of
from agent.errors import LogError
from agent.gtid import GtidSet
from sandbox.azurite import Azurite
from tests.agent.archive.conftest import EMPTY, Vault
from tests.agent.conftest import World, add_owners, clinic

COUNT = 12


@pytest.fixture
def filled(vault: Vault) -> Vault:
    """``COUNT`` transactions in about as many segments, in two files of the server."""
    clinic(vault.server)
    with vault.archiving() as archiver:
        for number in range(COUNT):
            if number == COUNT // 2:
                vault.server.execute("FLUSH BINARY LOGS")
            add_owners(vault.server, 1)
            vault.caught_up(archiver)
    return vault


def read(vault: Vault, to: Target | None = None, after: GtidSet = EMPTY) -> list[str]:
    run = survey(vault.direct().backups, 1).run_for(vault.first_before())
    return [one.gtid for one in transactions(vault.direct().backups, run, after=after, to=to)]


def times(vault: Vault) -> list[int]:
    run = survey(vault.direct().backups, 1).run_for(vault.first_before())
    return [one.committed_us for one in transactions(vault.direct().backups, run, after=EMPTY)]


def test_up_to_a_time_or_to_a_set(filled: Vault) -> None:
    everything = read(filled)
    assert len(everything) == COUNT
    committed = times(filled)
    assert committed == sorted(committed)
    assert read(filled, to=committed[4]) == everything[:5], "the time itself is included"
    assert read(filled, to=committed[4] - 1) == everything[:4]
    assert read(filled, to=committed[0] - 1) == []
    assert read(filled, to=GtidSet.parse(everything[6])) == everything[:7]
    assert read(filled, after=GtidSet.parse(",".join(everything[:3]))) == everything[3:]
    assert read(filled, after=GtidSet.parse(everything[5]), to=GtidSet.parse(everything[5])) == []


def test_a_transaction_that_is_not_read_to_its_end_does_no_harm(filled: Vault) -> None:
    run = survey(filled.direct().backups, 1).run_for(filled.first_before())
    found = [one.gtid for one in transactions(filled.direct().backups, run, after=EMPTY) if next(one.events)]
    assert found == read(filled)


def damage(vault: Vault, name: str, how: Any) -> None:
    container = vault.world.container("backups")
    data = vault.blob(name)
    metadata = container.get_blob_client(name).get_blob_properties().metadata
    container.upload_blob(name, how(data), overwrite=True, metadata=metadata)


@pytest.mark.parametrize(
    "how",
    [
        lambda data: data[:-1],
        lambda data: data[:-20] + bytes([data[-20] ^ 1]) + data[-19:],
        lambda data: data[:-9] + data[-8:],
        lambda _: b"",
    ],
    ids=["cut", "a bit", "a byte less", "empty"],
)
def test_a_damaged_segment_ends_the_log_before_it(filled: Vault, how: Any) -> None:
    everything = read(filled)
    damage(filled, filled.segments()[5], how)
    given: list[str] = []
    run = survey(filled.direct().backups, 1).run_for(filled.first_before())
    with pytest.raises(LogError, match=f"ends after {everything[4]}"):
        given.extend(one.gtid for one in transactions(filled.direct().backups, run, after=EMPTY))
    assert given == [] or given == everything[:5]


def test_a_missing_segment_is_a_hole(filled: Vault) -> None:
    everything = read(filled)
    filled.world.container("backups").delete_blob(filled.segments()[5])
    run = survey(filled.direct().backups, 1).run_for(filled.first_before())
    assert everything[5] in run.hole and run.gtids == GtidSet.parse(",".join(everything[:5]))
    assert read(filled) == everything[:5]


def test_a_segment_that_vanishes_while_the_log_is_read_ends_it(filled: Vault) -> None:
    run = survey(filled.direct().backups, 1).run_for(filled.first_before())
    filled.world.container("backups").delete_blob(filled.segments()[5])
    with pytest.raises(LogError, match="BlobNotFound"):
        list(transactions(filled.direct().backups, run, after=EMPTY))


def test_a_copy_that_lost_the_metadata_is_read_the_same(filled: Vault) -> None:
    everything, described = read(filled), survey(filled.direct().backups, 1)
    container = filled.world.container("backups")
    for name in filled.segments():
        container.upload_blob(name, filled.blob(name), overwrite=True)
    assert survey(filled.direct().backups, 1) == described
    assert read(filled) == everything


def make_packs(vault: Vault, period_s: float = 0.05) -> int:
    return pack(vault.direct().backups, 1, period_s, threading.Event())


def test_packs_say_the_same_as_segments_and_come_first(filled: Vault) -> None:
    everything = read(filled)
    before = filled.segments()
    assert make_packs(filled) > 1
    assert make_packs(filled) == 0, "what is packed is not packed again"
    assert filled.segments() == before, "packing deletes nothing"
    log = survey(filled.direct().backups, 1)
    assert sum(piece.last == "" for piece in log.pieces) < len(before) / 2
    assert read(filled) == everything
    container = filled.world.container("backups")
    for name in before:
        if not any(piece.name == name for piece in log.pieces):
            container.delete_blob(name)
    assert read(filled) == everything, "segments that packs cover are not needed"


def test_a_period_that_is_not_over_is_not_packed(filled: Vault) -> None:
    assert make_packs(filled, period_s=10**9) == 0
    assert filled.segments("packs") == []


def test_two_agents_that_pack_at_once_lose_nothing(filled: Vault) -> None:
    everything = read(filled)
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(make_packs, filled, period) for period in (0.05, 0.3)]:
            done.result()
    make_packs(filled)
    assert read(filled) == everything


def test_a_segment_that_does_not_continue_the_chain_is_not_packed(filled: Vault) -> None:
    damage(filled, filled.segments()[5], lambda data: data[:-1])
    with pytest.raises(LogError, match="cut"):
        make_packs(filled, period_s=1000)
        make_packs(filled)


def test_a_pack_that_was_changed_ends_the_log_before_it(filled: Vault) -> None:
    make_packs(filled)
    damage(filled, filled.segments("packs")[1], lambda data: data[:-12] + bytes([data[-12] ^ 1]) + data[-11:])
    with pytest.raises(LogError, match="ends"):
        read(filled)


def test_more_segments_than_a_listing_has_entries(vault: Vault, world: World, azurite: Azurite) -> None:
    """Made up, in two files: the archive would need an hour and a half for as many."""
    clinic(vault.server)
    with vault.archiving() as archiver:
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
    real, log = decode(vault.blob(vault.segments()[0]), "real")
    count = 5_100
    made: list[bytes] = []
    for number in range(1, count + 1):
        file = f"mysql-bin-changelog.{900_000 + number // 3000:06d}"
        made.append(encode(chained(real, number, file), log))
    names = [
        chained(real, n + 1, f"mysql-bin-changelog.{900_000 + (n + 1) // 3000:06d}").name
        for n in range(count)
    ]
    shares = [range(first, count, 4) for first in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda share: put(azurite, world.containers["backups"], share, names, made), shares))
    found = survey(vault.direct().backups, 1)
    base = GtidSet.parse(f"{real.server_uuid}:1-1000000")
    run = found.run_for(base)
    assert run.hole == "" and run.gtids.count() == count


def chained(real: Segment, number: int, file: str) -> Segment:
    return replace(
        real,
        file=file,
        start=number * 1000,
        end=number * 1000 + 1000,
        before=f"{real.server_uuid}:1-{1_000_000 + number - 1}",
        gtids=f"{real.server_uuid}:{1_000_000 + number}",
    )


def put(azurite: Azurite, container: str, numbers: range, names: list[str], made: list[bytes]) -> None:
    """Without the SDK, which needs four times as long."""
    connection = http.client.HTTPConnection(azurite.address, azurite.port)
    for number in numbers:
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Length": str(len(made[number]))}
        headers |= {f"x-ms-meta-{key}": value for key, value in metadata_of(made[number]).items()}
        path = f"/{azurite.account}/{container}/{names[number]}?{azurite.sas}"
        connection.request("PUT", path, body=made[number], headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 201
    connection.close()
