"""One chain of segments under way: each batch becomes a segment that continues the one before it."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

from agent.archive.collector import Batch
from agent.archive.segment import Segment, decode, encode, metadata_of
from agent.archive.start import Start
from agent.errors import LogError
from agent.gtid import GtidSet
from agent.storage import BlobExistsError, BlobMissingError, BlobStore

_log = logging.getLogger(__name__)


class OvertakenError(LogError):
    """Another agent wrote the segment at this place, and it continues the chain: go on behind it."""


class ForeignError(LogError):
    """At this place lies a blob that does not continue the chain; nothing can be written there."""


@dataclass(frozen=True)
class Prepared:
    """A segment ready to be written, and its bytes."""

    segment: Segment
    stored: bytes


class Chain:
    """The chain's end and what may come next.

    Attributes:
        before: everything committed on this server before the next segment.
        archived: everything archived in this epoch, on other servers too.
        previous: SHA-256 of the segment before the next one.
    """

    def __init__(self, epoch: int, server_uuid: str, start: Start, archived: GtidSet) -> None:
        self._epoch = epoch
        self._server_uuid = server_uuid
        self.before = start.before
        self.archived = archived
        self.previous = start.previous

    def prepare(self, batch: Batch, skipped: list[str]) -> Prepared:
        """The segment that ``batch`` becomes; ``skipped``: transactions left out right before it.

        Raises:
            LogError: its description is too long.
        """
        if skipped:
            self.before |= GtidSet.parse(",".join(skipped))
        segment = Segment(
            epoch=self._epoch,
            server_uuid=self._server_uuid,
            file=batch.file,
            start=batch.start,
            end=batch.end,
            before=str(self.before),
            gtids=str(GtidSet.parse(",".join(batch.gtids))),
            previous=self.previous,
            open_gtid=batch.open_gtid,
            open_us=batch.open_us,
            first_us=batch.first_us,
            last_us=batch.last_us,
            schemas=tuple(sorted(batch.schemas)),
            flaw=batch.flaw,
        )
        return Prepared(segment, encode(segment, batch.payload()))

    def advance(self, prepared: Prepared) -> None:
        """``prepared`` was acknowledged."""
        gtids = GtidSet.parse(prepared.segment.gtids)
        self.before |= gtids
        self.archived |= self.before | gtids
        self.previous = hashlib.sha256(prepared.stored).hexdigest()


def write(store: BlobStore, prepared: Prepared) -> None:
    """Write one segment, once; it is acknowledged when this returns.

    Raises:
        OvertakenError, ForeignError: its place is taken.
        StorageError: it was not acknowledged; write it again.
    """
    name = prepared.segment.name
    try:
        store.create_once(name, prepared.stored, metadata_of(prepared.stored))
    except BlobExistsError as error:
        _judge(store, prepared, error)


def _judge(store: BlobStore, prepared: Prepared, error: BlobExistsError) -> None:
    """The place is taken: by this very segment, whose answer was lost, or by somebody else's."""
    name = prepared.segment.name
    try:
        found, _ = store.read(name)
    except BlobMissingError:
        raise error from None  # it went away: not even possible under retention; try again
    if found == prepared.stored:
        _log.info("%s was acknowledged late", name)
        return
    mine = prepared.segment
    try:
        theirs, _ = decode(found, name)
    except LogError as problem:
        raise ForeignError(f"{name} is taken by a blob that is no segment: {problem}") from problem
    same_place = (theirs.name, theirs.before, theirs.previous) == (mine.name, mine.before, mine.previous)
    if not same_place or theirs.end <= theirs.start:
        raise ForeignError(f"{name} is taken by a segment that does not continue this chain")
    raise OvertakenError(f"another agent archives the same log: it wrote {name}; going on behind it")
