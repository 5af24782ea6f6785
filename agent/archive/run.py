"""The pieces of an archived log, and the run of them that serves a base.

A run is continuous by GTID sets: each piece's ``before`` is contained in what the base and the pieces so far
hold. That alone would also join two histories: see ``_is_apart``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.archive.pack import Pack
from agent.archive.segment import Segment
from agent.errors import LogError
from agent.gtid import GtidSet

_NAME = re.compile(
    r"(?:binlog|packs)/\d+/(?P<uuid>[0-9a-f-]{36})/(?P<base>.+)\.(?P<number>\d+)\.(?P<start>\d{12,})\.gz"
)
_FLAW = re.compile(r"transaction (?P<gtid>[0-9a-f-]{36}(?::[a-z_][a-z0-9_]*)?:\d+): ")


@dataclass(frozen=True, order=True)
class Place:
    """A position in a server's files, which are numbered."""

    number: int
    position: int


@dataclass(frozen=True)
class Piece:
    """A blob of the archive; see ``Segment`` for what has the same name.

    Attributes:
        source: the server's uuid and the name of its log files without their number.
        start, end: of a pack, they may be in different files.
        last: SHA-256 of the stored segment at the end of a pack; empty for a segment.
    """

    name: str
    size: int
    source: tuple[str, str]
    start: Place
    end: Place
    before: GtidSet
    gtids: GtidSet
    previous: str
    last: str
    open_gtid: str
    open_us: int
    first_us: int
    last_us: int
    flaw: str

    @property
    def after(self) -> GtidSet:
        """All that was committed on the server before the piece's end."""
        return self.before | self.gtids

    def is_followed_by(self, other: Piece) -> bool:
        """Whether ``other`` begins at the very byte at which this one ends."""
        return self.source == other.source and self.end == other.start


@dataclass(frozen=True)
class Run:
    """What serves a base.

    Attributes:
        pieces: in the order to read.
        base: the base's ``gtid_before``.
        gtids: what the pieces add to it.
        through_us: commit time of the last transaction, microseconds since 1970; 0 when there is none.
        hole: why the run ends before the archive does; empty when it reaches its end.
        flaws: what in it cannot be replayed, and is not in the base.
    """

    pieces: tuple[Piece, ...]
    base: GtidSet
    gtids: GtidSet
    through_us: int
    hole: str
    flaws: tuple[str, ...]


@dataclass(frozen=True)
class Log:
    """All pieces of an epoch's log, by source and place. ``damaged``: blobs that cannot be read, and why."""

    epoch: int
    pieces: tuple[Piece, ...]
    damaged: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def gtids(self) -> GtidSet:
        """Everything that the pieces say was committed."""
        result = GtidSet({})
        for last in self.ends().values():
            result |= last.after
        return result

    def ends(self) -> dict[tuple[str, str], Piece]:
        """The last piece of each source."""
        return {piece.source: piece for piece in self.pieces}

    def run_for(self, gtid_before: GtidSet) -> Run:
        """The continuous run that serves a base with this ``gtid_before``."""
        chains: dict[tuple[str, str], list[Piece]] = {}
        for piece in self.pieces:
            chains.setdefault(piece.source, []).append(piece)
        known, chosen = gtid_before, list[Piece]()
        apart = {source: chain for source, chain in chains.items() if _is_apart(chain[-1], gtid_before)}
        waiting = {source: chain for source, chain in chains.items() if source not in apart}
        progress = True
        while progress:
            progress = False
            for source, chain in list(waiting.items()):
                first = _entry(chain, known)
                if first is None:
                    continue
                count = 0
                for piece in chain[first:]:
                    if not piece.before <= known:
                        break
                    known |= piece.gtids
                    chosen.append(piece)
                    count += 1
                progress = True
                waiting[source] = chain[first + count :]
                if not waiting[source]:
                    del waiting[source]
        return Run(
            pieces=tuple(chosen),
            base=gtid_before,
            gtids=known - gtid_before,
            through_us=max((piece.last_us for piece in chosen), default=0),
            hole=self._hole(waiting, known, _entries(waiting, chosen)) or _apart(apart, gtid_before),
            flaws=tuple(piece.flaw for piece in chosen if _is_flawed(piece, gtid_before)),
        )

    def _hole(
        self,
        waiting: dict[tuple[str, str], list[Piece]],
        known: GtidSet,
        entries: Mapping[tuple[str, str], Place],
    ) -> str:
        damaged = self._damaged_since(entries)
        for chain in waiting.values():
            for piece in chain:
                if not piece.gtids <= known:
                    damage = "".join(f"; {sentence}" for sentence in damaged)
                    return (
                        f"the archived log of epoch {self.epoch} has a hole: {piece.name} continues "
                        f"{piece.before - known}, which neither the base nor the log holds{damage}"
                    )
        return "; ".join(damaged)

    def _damaged_since(self, entries: Mapping[tuple[str, str], Place]) -> list[str]:
        """What is wrong with the blobs that a run may lack.

        One before the run's entry is not needed: a piece behind it says that what it added is held. Where a
        piece covers its place nothing is missing: of a damaged pack the segments are still there. And what
        lies in no log that the run reads, or has a name that no archive gives, is foreign.

        Args:
            entries: where the run enters the log of each source.
        """
        result: list[str] = []
        for name, sentence in self.damaged.items():
            found = place_of(name)
            if found is None or found[0] not in entries or found[1] < entries[found[0]]:
                continue
            if not self._covers(*found):
                result.append(sentence)
        return result

    def _covers(self, source: tuple[str, str], place: Place) -> bool:
        return any(piece.source == source and piece.start <= place < piece.end for piece in self.pieces)


def _entries(
    waiting: Mapping[tuple[str, str], list[Piece]], chosen: list[Piece]
) -> dict[tuple[str, str], Place]:
    """Where a run enters each source's log; at its very start where that is not possible at all."""
    entries: dict[tuple[str, str], Place] = {}
    for piece in chosen:
        entries.setdefault(piece.source, piece.start)
    return {**dict.fromkeys(waiting, Place(0, 0)), **entries}


def _is_flawed(piece: Piece, base: GtidSet) -> bool:
    """Whether the last of the piece that cannot be replayed lies behind the base."""
    named = _FLAW.match(piece.flaw)
    return bool(piece.flaw) and not piece.gtids <= base and not (named and named["gtid"] in base)


def _is_apart(last: Piece, base: GtidSet) -> bool:
    """Whether a chain of log belongs to another history than the base: each has what the other lacks.

    One writer's states follow one another, each within the next. A server that was restored to an older state
    and went on goes another way, within the same epoch until somebody begins a new one.
    """
    return not (base <= last.after or last.after <= base)


def _apart(apart: dict[tuple[str, str], list[Piece]], base: GtidSet) -> str:
    for chain in apart.values():
        return (
            f"the log up to {chain[-1].name} belongs to another history than the base: it holds "
            f"{chain[-1].after - base}, and the base {base - chain[-1].after}; the server was restored to an "
            "older state: begin a new epoch"
        )
    return ""


def _entry(chain: list[Piece], known: GtidSet) -> int | None:
    """Where to enter a chain: as late as possible, at a transaction's start; None where it is impossible."""
    for index in range(len(chain) - 1, -1, -1):
        inside = index > 0 and chain[index - 1].open_gtid and chain[index - 1].is_followed_by(chain[index])
        if not inside and chain[index].before <= known:
            return index
    return None


def place_of(name: str) -> tuple[tuple[str, str], Place] | None:
    """Source and start of a piece, by its name; None for a foreign blob."""
    match = _NAME.fullmatch(name)
    if not match:
        return None
    return (match["uuid"], match["base"]), Place(int(match["number"]), int(match["start"]))


def piece_of(described: Segment | Pack, name: str, size: int) -> Piece:
    """A blob by its description.

    Raises:
        LogError: the description belongs to another name.
    """
    found = place_of(name)
    if found is None or described.name != name:
        raise LogError(f"{name} describes itself as {described.name}")
    pack = described if isinstance(described, Pack) else None
    source, start = found
    end_file = pack.end_file if pack else described.file
    return Piece(
        name=name,
        size=size,
        source=source,
        start=start,
        end=Place(int(end_file.rpartition(".")[2]), described.end),
        before=GtidSet.parse(described.before),
        gtids=GtidSet.parse(described.gtids),
        previous=described.previous,
        last=pack.last if pack else "",
        open_gtid=described.open_gtid,
        open_us=described.open_us,
        first_us=described.first_us,
        last_us=described.last_us,
        flaw=described.flaw,
    )
