"""The transactions of a run of the archived log, each once and whole, every byte proved on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator

from agent.archive.fetch import fetch
from agent.archive.run import Piece, Run
from agent.archive.segment import decode, members
from agent.binlog.boundaries import GTIDS, Boundaries
from agent.binlog.events import HEADER_BYTES, MAGIC, Event, Gtid, Type, is_checksummed, read_gtid
from agent.binlog.events import decode as decode_event
from agent.binlog.transactions import Transaction
from agent.errors import LogError
from agent.gtid import GtidSet
from agent.storage import BlobMissingError, BlobStore

Target = int | GtidSet
"""Up to where: a commit time in microseconds since 1970 (included), or a set of transactions."""


def transactions(
    store: BlobStore, run: Run, *, after: GtidSet, to: Target | None = None
) -> Iterator[Transaction]:
    """The run's transactions in commit order, without those in ``after``.

    Args:
        to: ends before the first transaction committed later, or as soon as all of a set's were given out.

    Raises:
        LogError: a piece is missing or damaged, or does not continue the one before it; all that was given
            out whole before is good.
        StorageError: the container cannot be read.
    """
    reader = _Reader(store, run)
    missing = (to - after).count() if isinstance(to, GtidSet) else -1
    try:
        for head in reader.heads():
            if missing == 0 or (isinstance(to, int) and head.committed_us > to):
                return
            if head.gtid in after or head.gtid in reader.known:
                reader.skip()
                continue
            yield Transaction(head.gtid, head.committed_us, reader.rest())
            reader.skip()
            if isinstance(to, GtidSet) and head.gtid in to:
                missing -= 1
                if not missing:
                    return  # what lies behind may be damaged
    finally:
        reader.close()


class _Reader:
    """Follows the events of a run.

    Attributes:
        known: what the pieces before the present one hold: the same transaction can be in the logs of two
            servers.
    """

    def __init__(self, store: BlobStore, run: Run) -> None:
        self.known = GtidSet({})
        self._run = run
        self._boundaries = Boundaries()
        self._whole = ""
        self._events = self._read(store)

    def heads(self) -> Iterator[Gtid]:
        """The head of each transaction; ``rest`` or ``skip`` must have read the one before."""
        for event in self._events:
            if self._boundaries.place(event) == "begin":
                head = read_gtid(event)
                yield head
                self._whole = head.gtid

    def rest(self) -> Iterator[Event]:
        """What follows the head, the commit included."""
        while self._boundaries.is_inside:
            event = next(self._events, None)
            if event is None:
                raise LogError(self._ends("its last transaction is cut"))
            self._boundaries.place(event)
            yield event

    def skip(self) -> None:
        """Read to the transaction's end."""
        for _ in self.rest():
            pass

    def close(self) -> None:
        """Give up what is still being fetched."""
        self._events.close()

    def _ends(self, why: str) -> str:
        where = f"after {self._whole}" if self._whole else "before its first transaction"
        return (
            f"the archived log ends {where}: {why}; restore up to there, or from a newer backup, and see to "
            "it that a new dump is made"
        )

    def _read(self, store: BlobStore) -> Generator[Event]:
        never_ended = _never_ended(self._run.pieces)
        last: dict[tuple[str, str], str] = {}
        pieces = fetch(store, self._run.pieces)
        try:
            for stop in never_ended:
                try:
                    piece, data = next(pieces)
                except BlobMissingError as error:
                    raise LogError(self._ends(str(error))) from error
                yield from self._of_piece(piece, data, last, stop)
                self.known |= piece.gtids
        finally:
            pieces.close()

    def _of_piece(
        self, piece: Piece, data: bytes, last: dict[tuple[str, str], str], stop: str
    ) -> Generator[Event]:
        dropped = False
        try:
            for segment, stored in members(data, piece.name):
                if last.get(piece.source, segment.previous) != segment.previous:
                    raise LogError(f"{segment.name} does not follow the segment before it (SHA-256)")
                last[piece.source] = hashlib.sha256(stored).hexdigest()
                _, log = decode(stored, segment.name)
                inside_dropped = bool(stop) and segment.open_gtid == stop and not segment.gtids
                if inside_dropped and (dropped or not self._boundaries.is_inside):
                    dropped = True
                    continue
                for event in _events(log, segment.name):
                    if stop and event.type in GTIDS and read_gtid(event).gtid == stop:
                        dropped = True
                        break
                    yield event
            if piece.last and last[piece.source] != piece.last:
                raise LogError(f"{piece.name} does not end with the segment that it names (SHA-256)")
        except LogError as error:
            raise LogError(self._ends(str(error))) from error


def _never_ended(pieces: tuple[Piece, ...]) -> list[str]:
    """For each piece the transaction at its end that no later piece completes; empty where there is none."""
    result: list[str] = []
    following: Piece | None = None
    for piece in reversed(pieces):
        stop = ""
        if piece.open_gtid:
            goes_on = following is not None and piece.is_followed_by(following)
            if not goes_on or (result and result[-1] == piece.open_gtid):
                stop = piece.open_gtid
        result.append(stop)
        following = piece
    return result[::-1]


def _events(log: bytes, where: str) -> Iterator[Event]:
    """The events of a segment that belong to the file's content: not the head put before them."""
    if log[: len(MAGIC)] != MAGIC:
        raise LogError(f"{where} holds no binary log")
    at, checksummed = len(MAGIC), True
    while at < len(log):
        length = int.from_bytes(log[at + 9 : at + 13], "little")
        if length < HEADER_BYTES:
            raise LogError(f"{where} holds an event of {length} bytes")
        event = decode_event(log[at : at + length], checksummed=checksummed)
        if event.type == Type.FORMAT_DESCRIPTION:
            checksummed = is_checksummed(event)
        else:
            yield event
        at += length
