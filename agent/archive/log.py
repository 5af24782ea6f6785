"""Reading the archived log of an epoch: what there is, and its transactions one by one.

Packs are read where they exist, segments for the rest. Few requests, however many blobs there are: names are
listed folder by folder, and descriptions come with the listing (metadata) where a copy has not lost them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from agent.archive.pack import pack_of
from agent.archive.reading import Target, transactions
from agent.archive.run import Log, Piece, Run, piece_of, place_of
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
    unpacked: list[BlobEntry] = []
    for prefix in _files_to_list(store, epoch, packs):
        unpacked += [entry for entry in store.entries(prefix) if not _is_packed(entry.name, packs)]
    segments, more = _described(store, unpacked)
    pieces = sorted([*packs, *segments], key=lambda piece: (piece.source, piece.start))
    return Log(epoch, tuple(pieces), {**damaged, **more})


def _files_to_list(store: BlobStore, epoch: int, packs: list[Piece]) -> Iterator[str]:
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
            number = int(last[2])
            if not any(source == p.source and p.start.number < number < p.end.number for p in packs):
                yield prefix


def _is_packed(name: str, packs: list[Piece]) -> bool:
    found = place_of(name)
    return found is not None and any(
        pack.source == found[0] and pack.start <= found[1] < pack.end for pack in packs
    )


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
