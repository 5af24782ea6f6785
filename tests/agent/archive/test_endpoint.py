"""The archive and a Blob endpoint that is busy, loses answers, or holds what it should not."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from agent.archive.log import survey
from agent.archive.segment import decode, encode, metadata_of
from agent.gtid import GtidSet
from tests.agent.archive.conftest import PATIENCE_S, Vault
from tests.agent.conftest import add_owners, clinic, wait_for
from tests.faults.proxy import Proxy, Trouble


@pytest.fixture
def proxy(vault: Vault) -> Generator[Proxy]:
    """Between the agent and the Blob endpoint."""
    blob = vault.world.blobs
    made = Proxy(
        vault.network.address("proxy.test"),
        (blob.primary_hostname.split(":")[0], int(blob.primary_hostname.split(":")[1].split("/")[0])),
        "devstoreaccount1",
    )
    vault.site.document["storage"]["endpoint"] = made.endpoint
    yield made
    made.close()


def test_throttling_and_refusals_delay_and_lose_nothing(vault: Vault, proxy: Proxy) -> None:
    clinic(vault.server)
    before = vault.executed()
    with vault.archiving() as archiver:
        proxy.set(Trouble("refused", "segment", first=1, count=3, seconds=0))
        for _ in range(5):
            add_owners(vault.server, 1)
            vault.caught_up(archiver)
        assert [line.split(":")[0] for line in proxy.log] == ["refused"] * 3
        wait_for(lambda: archiver.status()["error"] == "", PATIENCE_S)
    assert vault.read(base=before) == vault.gtids(before)


def test_reading_goes_on_while_the_endpoint_does_not_answer(vault: Vault, proxy: Proxy) -> None:
    """And what waits goes out in few segments, not one after another as it came."""
    clinic(vault.server)
    with vault.archiving() as archiver:
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
        count = archiver.status()["segments"]
        proxy.cut(off=True)
        for _ in range(10):
            add_owners(vault.server, 1)
        wait_for(lambda: archiver.status()["error"], PATIENCE_S)
        proxy.cut(off=False)
        vault.caught_up(archiver)
        assert archiver.status()["segments"] - count <= 3


def test_a_lost_answer_is_no_conflict(vault: Vault, proxy: Proxy) -> None:
    clinic(vault.server)
    before = vault.executed()
    with vault.archiving() as archiver:
        proxy.set(Trouble("lost answer", "segment", first=1, count=2, seconds=0))
        for _ in range(3):
            add_owners(vault.server, 1)
            vault.caught_up(archiver)
        assert len(proxy.log) == 2
    assert vault.read(base=before) == vault.gtids(before)
    ends = [decode(vault.blob(name), name)[0] for name in vault.segments()]
    assert [one.start for one in ends[1:]] == [one.end for one in ends[:-1]]


def test_a_segment_is_one_request(vault: Vault, proxy: Proxy) -> None:
    """Staged blocks need the right to write; a new blob by one request only the right to create."""
    clinic(vault.server)
    vault.settings(segment_bytes=64 * 2**20)
    proxy.set(Trouble("slow", "segment", first=0, count=1_000, seconds=0))
    with vault.archiving() as archiver:
        add_owners(vault.server, 10_000, padding=900)  # more than a block of this agent's uploads
        vault.caught_up(archiver)
    assert len(vault.segments()) < 5
    assert max(len(vault.blob(name)) for name in vault.segments()) > 8 * 2**20
    assert len(proxy.log) == len(vault.segments()) and "comp=block" not in "".join(proxy.log)


def test_two_agents_that_begin_at_different_places_make_one_chain(vault: Vault, proxy: Proxy) -> None:
    """While a machine is replaced: one waits for its first write, and the log is rotated."""
    clinic(vault.server)
    before = vault.executed()
    proxy.set(Trouble("slow", "segment", first=0, count=2, seconds=8))
    with vault.archiving() as slow:
        add_owners(vault.server, 1)
        wait_for(lambda: proxy.log, PATIENCE_S)
        vault.server.execute("FLUSH BINARY LOGS")
        with vault.archiving(vault.direct()) as quick:
            assert quick.status()["position"] != slow.status()["position"]
            for archiver in (quick, slow):
                wanted = vault.executed()
                # Rows all the while: who begins anew leaves what was committed by then to the next dump.
                wait_for(
                    lambda archiver=archiver, wanted=wanted: (
                        add_owners(vault.server, 1)
                        or wanted <= GtidSet.parse(archiver.status()["archived_gtid"])
                    ),
                    PATIENCE_S,
                )
            wait_for(lambda: vault.executed() <= vault.archived(), PATIENCE_S)
    assert vault.read(base=before) == vault.gtids(before)


@contextmanager
def held_back(vault: Vault, proxy: Proxy) -> Generator[None]:
    """The archive knows where it goes on, and its next write waits until this ends."""
    with vault.archiving() as archiver:
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
        proxy.cut(off=True)
        add_owners(vault.server, 1)
        wait_for(lambda: archiver.status()["error"], PATIENCE_S)
        yield
        proxy.cut(off=False)
        add_owners(vault.server, 1)
        wait_for(lambda: vault.executed() <= vault.archived() or archiver.status()["hole"], PATIENCE_S)
        known = archiver.status()["segments"]
        # Rows until one is archived: what is committed before a new chain begins lies in the hole.
        wait_for(lambda: add_owners(vault.server, 1) or archiver.status()["segments"] > known, PATIENCE_S)
        wait_for(lambda: not archiver.status()["behind_bytes"], PATIENCE_S)


def next_place(vault: Vault) -> str:
    segment = decode(vault.blob(vault.segments()[-1]), "last")[0]
    return segment.name.rsplit(".", 2)[0] + f".{segment.end:012d}.gz"


def test_what_is_no_segment_where_the_log_goes_on_is_a_hole_and_no_end(vault: Vault, proxy: Proxy) -> None:
    clinic(vault.server)
    vault.site.works("dump")
    base = vault.newest_base()
    with held_back(vault, proxy):
        vault.world.container("backups").upload_blob(next_place(vault), b"not a segment")
    run = survey(vault.direct().backups, 1).run_for(base)
    assert "no piece of an archived log" in run.hole
    assert not vault.executed() <= base | run.gtids
    later = vault.executed()
    with vault.archiving() as archiver:
        wait_for(lambda: archiver.needs_dump, PATIENCE_S)
        vault.site.works("dump")
        wait_for(lambda: not archiver.needs_dump, PATIENCE_S)
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
    run = survey(vault.direct().backups, 1).run_for(vault.newest_base())
    assert vault.executed() - later <= vault.newest_base() | run.gtids


def test_somebody_elses_segment_that_continues_the_chain_is_taken_over(vault: Vault, proxy: Proxy) -> None:
    """Another agent was faster, with a segment that ends elsewhere than ours would."""
    clinic(vault.server)
    before = vault.executed()
    with held_back(vault, proxy), vault.archiving(vault.direct()) as other:
        vault.caught_up(other)
        add_owners(vault.server, 1)
        vault.caught_up(other)
    assert vault.read(base=before) == vault.gtids(before)


def test_a_segment_of_another_history_is_refused(vault: Vault, proxy: Proxy) -> None:
    """Its description fits its name, but it continues something else: the log is not read through it."""
    clinic(vault.server)
    before = vault.executed()
    with vault.archiving() as archiver:
        for _ in range(3):
            add_owners(vault.server, 1)
            vault.caught_up(archiver)
    first, second, third = vault.segments()
    segment, log = decode(vault.blob(second), second)
    forged = encode(replace(segment, previous="0" * 64), log)
    container = vault.world.container("backups")
    container.upload_blob(second, forged, overwrite=True, metadata=metadata_of(forged))
    with pytest.raises(Exception, match="does not follow"):
        vault.read(base=before)
    assert GtidSet.parse(decode(vault.blob(first), first)[0].gtids).count() == 1 and third
