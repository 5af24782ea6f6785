"""Reading the archived log of an epoch: what there is, and its transactions one by one.

Packs are read where they exist, segments for the rest. Few requests, however many blobs there are: names are
listed folder by folder, and descriptions come with the listing (metadata) where a copy has not lost them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from agent.archive.pack import pack_of
from agent.archive.reading import Target, transactions
from agent.archive.run import Log, Piece, Place, Run, piece_of, place_of
from agent.archive.segment import (
    DESCRIPTION,
    PACKS,
    SEGMENTS,
    kind_of,
    read_document,
    read_head,
    segment_of,
)
from agent.errors import LogError
from agent.storage import BlobEntry, BlobStore

__all__ = ["Log", "Run", "Target", "survey", "transactions"]

_HEAD_BYTES = 16 + 0xFFFF
_THREADS = 8


def survey(store: BlobStore, epoch: int) -> Log:
    """List an epoch's log.

    Raises:
        StorageError: the container cannot be read.
    """
    packs, damaged = _described(store, store.entries(f"{PACKS}/{epoch}/"))
    packed = _Packed(packs)
    unpacked: list[BlobEntry] = []
    for prefix in _files_to_list(store, epoch, packed):
        unpacked += [entry for entry in store.entries(prefix) if not packed.holds(entry.name)]
    segments, more = _described(store, unpacked)
    pieces = sorted([*packs, *segments], key=lambda piece: (piece.source, piece.start))
    return Log(epoch, tuple(pieces), {**damaged, **more})


@dataclass
class _Range:
    """What packs that follow one another cover. ``last``: SHA-256 of the last segment in them."""

    start: Place
    end: Place
    last: str


class _Packed:
    """What the packs cover, found quickly: there may be thousands of packs and of segments."""

    def __init__(self, packs: list[Piece]) -> None:
        self._of: dict[tuple[str, str], list[_Range]] = {}
        for pack in sorted(packs, key=lambda piece: piece.start):
            ranges = self._of.setdefault(pack.source, [])
            if ranges and ranges[-1].last == pack.previous:
                ranges[-1].end, ranges[-1].last = pack.end, pack.last
            else:
                ranges.append(_Range(pack.start, pack.end, pack.last))

    def _last_before(self, source: tuple[str, str], place: Place) -> _Range | None:
        ranges = self._of.get(source, [])
        at = bisect_right(ranges, place, key=lambda one: one.start)
        return ranges[at - 1] if at else None

    def holds(self, name: str) -> bool:
        """Whether the segment of this name is inside a pack."""
        found = place_of(name)
        covering = self._last_before(*found) if found else None
        return found is not None and covering is not None and found[1] < covering.end

    def holds_file(self, source: tuple[str, str], number: int) -> bool:
        """Whether all segments of a log file are inside packs."""
        covering = self._last_before(source, Place(number, 0))
        return covering is not None and covering.start.number < number < covering.end.number


def _files_to_list(store: BlobStore, epoch: int, packed: _Packed) -> Iterator[str]:
    """Prefixes of the log files whose segments are not all inside packs."""
    for server in store.folders(f"{SEGMENTS}/{epoch}/", "/"):
        bases = list(store.folders(server, "."))
        while bases:
            prefix = bases.pop()
            last = prefix.removesuffix(".").rpartition(".")
            if not (last[1] and last[2].isdigit()):
                bases += store.folders(prefix, ".")
                continue
            source = (server.rstrip("/").rpartition("/")[2], last[0].removeprefix(server))
            if not packed.holds_file(source, int(last[2])):
                yield prefix


def _described(store: BlobStore, entries: Iterable[BlobEntry]) -> tuple[list[Piece], dict[str, str]]:
    """The pieces among ``entries``, and what is wrong with the others."""
    damaged: dict[str, str] = {}

    def read(entry: BlobEntry) -> Piece | None:
        try:
            return _describe(store, entry)
        except LogError as error:
            damaged[entry.name] = str(error)
            return None

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="survey") as threads:
        found = list(threads.map(read, entries))
    return [piece for piece in found if piece], damaged


def _describe(store: BlobStore, entry: BlobEntry) -> Piece:
    text = entry.metadata.get(DESCRIPTION)
    is_pack = entry.name.startswith(f"{PACKS}/")
    if text:
        fields = read_document(text, entry.name)
    else:
        head = store.read_start(entry.name, _HEAD_BYTES)
        fields, _ = read_head(head, entry.name, kind_of(head, entry.name))
    return piece_of(pack_of(fields) if is_pack else segment_of(fields), entry.name, entry.size)
