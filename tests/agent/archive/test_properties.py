"""What holds for every segment and every chain, not only for those that a server happened to make."""

from __future__ import annotations

import contextlib
import gzip
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.archive.pack import Pack, pack_of
from agent.archive.run import Log, Piece, Place
from agent.archive.segment import (
    EMPTY_MEMBER,
    PACK,
    Segment,
    decode,
    encode,
    gzip_head,
    members,
    read_head,
)
from agent.errors import LogError
from agent.gtid import GtidSet

UUIDS = [f"{n:08d}-0000-0000-0000-000000000000" for n in range(3)]
gtid_sets = st.builds(
    lambda parts: str(GtidSet.parse(",".join(f"{uuid}:{a}-{a + n}" for uuid, a, n in parts))),
    st.lists(st.tuples(st.sampled_from(UUIDS), st.integers(1, 1000), st.integers(0, 9)), max_size=6),
)
segments = st.builds(
    Segment,
    epoch=st.integers(1, 2**53),
    server_uuid=st.sampled_from(UUIDS),
    file=st.sampled_from(["binlog.000001", "mysql-bin.changelog.1000000"]),
    start=st.integers(0, 2**40),
    end=st.integers(0, 2**40),
    before=gtid_sets,
    gtids=gtid_sets,
    previous=st.sampled_from(["", "ab" * 32]),
    open_gtid=st.sampled_from(["", f"{UUIDS[0]}:7"]),
    open_us=st.integers(0, 2**55),
    first_us=st.integers(0, 2**55),
    last_us=st.integers(0, 2**55),
    schemas=st.lists(st.text(min_size=1, max_size=9), max_size=3, unique=True).map(tuple),
    flaw=st.text(max_size=20),
)


@given(segments, st.binary(max_size=3000))
def test_a_segment_comes_back_as_it_was_and_gzip_reads_it(segment: Segment, log: bytes) -> None:
    stored = encode(segment, log)
    found, content = decode(stored, "x")
    assert (replace(found, deflated_bytes=0), content) == (segment, log)
    assert gzip.decompress(stored) == log


@given(st.lists(st.tuples(segments, st.binary(max_size=300)), min_size=1, max_size=5))
def test_a_pack_is_its_segments_one_behind_the_other(parts: list[tuple[Segment, bytes]]) -> None:
    stored = [encode(*part) for part in parts]
    last = parts[-1][0]
    shared = {name: getattr(last, name) for name in Pack.__annotations__ if hasattr(last, name)}
    described = Pack(**shared, end_file=last.file, segments=len(parts), last="cd" * 32)
    packed = gzip_head(PACK, vars(described), "x") + EMPTY_MEMBER + b"".join(stored)
    assert [bytes(one) for _, one in members(packed, "x")] == stored
    assert pack_of(read_head(packed, "x", PACK)[0]) == described
    assert gzip.decompress(packed) == b"".join(log for _, log in parts)


@given(segments, st.binary(min_size=1, max_size=300), st.data())
def test_a_changed_byte_of_the_content_is_noticed(segment: Segment, log: bytes, data: st.DataObject) -> None:
    stored = encode(segment, log)
    length = decode(stored, "x")[0].deflated_bytes + 8
    at = len(stored) - 1 - data.draw(st.integers(0, length - 1))
    changed = stored[:at] + bytes([stored[at] ^ data.draw(st.integers(1, 255))]) + stored[at + 1 :]
    with contextlib.suppress(LogError):
        # A few bits of a deflate stream say nothing (padding): then the content is the same.
        assert decode(changed, "x")[1] == log


@given(segments, st.binary(max_size=300), st.data())
def test_a_cut_segment_is_noticed(segment: Segment, log: bytes, data: st.DataObject) -> None:
    stored = encode(segment, log)
    with pytest.raises(LogError):
        decode(stored[: data.draw(st.integers(0, len(stored) - 1))], "x")


@st.composite
def logs(draw: st.DrawFn) -> tuple[Log, GtidSet]:
    """An archive over failovers, as it can come to be, with pieces missing; and a base of its history."""
    committed = GtidSet({})
    history = [committed]
    pieces: list[Piece] = []
    for number in range(draw(st.integers(1, 3))):
        uuid = UUIDS[number]
        # A promoted server's log may hold a part of what was archived from the old one.
        before = history[max(0, len(history) - 1 - draw(st.integers(0, 3)))] if number else committed
        place = 4
        for step in range(1, draw(st.integers(1, 8))):
            new = GtidSet.parse(f"{uuid}:{3 * step - 2}-{3 * step}") | (committed - before)
            pieces.append(piece(uuid, place, before, new))
            before |= new
            committed |= new
            history.append(committed)
            place += 10
    kept = [one for one in pieces if draw(st.integers(0, 5))]
    kept.sort(key=lambda one: (one.source, one.start))
    return Log(1, tuple(kept)), draw(st.sampled_from(history))


def piece(uuid: str, start: int, before: GtidSet, gtids: GtidSet) -> Piece:
    return Piece(
        name=f"{uuid}.{start}",
        size=1,
        source=(uuid, "binlog"),
        start=Place(1, start),
        end=Place(1, start + 10),
        before=before,
        gtids=gtids,
        previous="",
        last="",
        open_gtid="",
        open_us=0,
        first_us=1,
        last_us=1,
        flaw="",
    )


@given(logs())
def test_a_run_leaves_nothing_out_and_ends_only_at_a_hole(case: tuple[Log, GtidSet]) -> None:
    log, base = case
    run = log.run_for(base)
    known = base
    for one in run.pieces:
        assert one.before <= known, "a transaction is left out before this piece"
        known |= one.gtids
    assert known == base | run.gtids and not run.gtids - known
    assert len({one.name for one in run.pieces}) == len(run.pieces)
    for one in log.pieces:
        if one.before <= known:
            assert one.gtids <= known, f"{one.name} could be reached"
    assert (run.hole == "") == all(one.gtids <= known for one in log.pieces)
