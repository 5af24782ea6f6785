"""Making packs of completed periods; see ``agent.archive.pack`` for what one is."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise

from agent.archive.fetch import fetch
from agent.archive.log import survey
from agent.archive.pack import Pack
from agent.archive.run import Piece
from agent.archive.segment import (
    EMPTY_MEMBER,
    PACK,
    PACKS,
    SEGMENTS,
    Segment,
    decode,
    gzip_head,
    members,
    metadata_of,
)
from agent.errors import LogError
from agent.gtid import GtidSet
from agent.storage import BlobExistsError, BlobStore

_log = logging.getLogger(__name__)

_LIMIT = 16 * 2**20  # of stored bytes in one pack: held in memory while it is made, and while it is read


def pack(store: BlobStore, epoch: int, period_s: float, stopping: threading.Event) -> int:
    """Pack every period of ``period_s`` seconds that is over; how many packs were written.

    A period is over when a segment of a later one exists. May be killed at any time and run twice at once.

    Raises:
        LogError: a segment is damaged or does not continue the one before it.
        StorageError: the container cannot be read or written.
    """
    written = 0
    problem: LogError | None = None
    log = survey(store, epoch)
    for group in _groups(log.pieces, period_s):
        if stopping.is_set():
            break
        if _pack_name(group[0]) in log.damaged:
            continue  # it stays so, and its segments are read instead
        try:
            described, data = _proved(store, group)
        except LogError as error:  # readers will find it too; what follows is still worth packing
            problem = problem or error
            continue
        try:
            store.create(described.name, data, metadata_of(data))
        except BlobExistsError:
            # Another agent was faster; a later survey shows how far its pack reaches.
            break
        written += 1
        _log.info("packed %d segments into %s", described.segments, described.name)
    if problem is not None:
        raise problem
    return written


def _pack_name(first: Piece) -> str:
    """The name of the pack that begins with a segment."""
    return PACKS + first.name.removeprefix(SEGMENTS)


def _groups(pieces: tuple[Piece, ...], period_s: float) -> Iterator[list[Piece]]:
    """Segments that follow one another, of one period, not more than one pack holds."""
    group: list[Piece] = []
    size = 0
    for piece, following in pairwise(pieces):
        if piece.last:  # a pack
            continue
        group.append(piece)
        size += piece.size
        if following.source != piece.source or not following.before <= piece.after:
            # Another server took over, or what lies between was archived elsewhere or never. A pack says no
            # more than what came before it and what it adds, so a gap inside it could not be seen.
            yield group
            group, size = [], 0
            continue
        full = size + following.size > _LIMIT
        if full or following.last or _period(following, period_s) != _period(group[0], period_s):
            yield group
            group, size = [], 0


def _period(piece: Piece, period_s: float) -> int:
    return int((piece.last_us or piece.open_us) / 1e6 // period_s)


def _proved(store: BlobStore, group: list[Piece]) -> tuple[Pack, bytes]:
    """The pack of a group, every segment of it read back and proved."""
    body: list[bytes] = []
    first: Segment | None = None
    last: Segment | None = None
    digest, gtids, flaw = "", GtidSet({}), ""
    first_us = last_us = 0
    for piece, data in fetch(store, group):
        for segment, stored in members(data, piece.name):
            decode(stored, piece.name)
            if first is None:
                first = segment
            elif segment.previous != digest:
                raise LogError(f"{piece.name} does not follow the segment before it (SHA-256)")
            digest = hashlib.sha256(stored).hexdigest()
            gtids |= GtidSet.parse(segment.gtids)
            flaw = segment.flaw or flaw  # the last: a base that holds it serves whatever came before
            first_us = first_us or segment.first_us
            last_us = max(last_us, segment.last_us)
            last = segment
        body.append(data)
    if first is None or last is None:
        raise LogError(f"{group[0].name} holds no segment")
    described = Pack(
        epoch=first.epoch,
        server_uuid=first.server_uuid,
        file=first.file,
        start=first.start,
        end_file=last.file,
        end=last.end,
        segments=len(group),
        before=first.before,
        gtids=str(gtids),
        previous=first.previous,
        last=digest,
        open_gtid=last.open_gtid,
        open_us=last.open_us,
        first_us=first_us,
        last_us=last_us,
        flaw=flaw,
    )
    head = gzip_head(PACK, asdict(described), described.name)
    return described, b"".join((head, EMPTY_MEMBER, *body))
