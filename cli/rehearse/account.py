"""What became of every acknowledged write, and when visitors went without: pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cli.rehearse.client import Attempt, Outcome
from cli.rehearse.ledger import Entry

_ON_ITS_WAY_S = 1.0  # an answer that was on its way when AWS died is read a moment later
# An acknowledgement is noted when the client has read it, a lag when a listing has shown the blob; and the
# lag is the longest of some twenty writes, on a machine that plays both clouds.
_READING_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Check:
    """One invariant of the rehearsal and whether it held."""

    name: str
    held: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class Disaster:
    """The writer's end.

    Attributes:
        at: Unix time at which its database was cut.
        since: Unix time from which on it was the writer.
        kept: tokens that the vault held once AWS was dead, in a dump or in the archived log.
        lag: seconds; the longest that was measured in this run, until then, from a write's acknowledgement to
            its log in the vault.
    """

    at: float
    since: float
    kept: frozenset[str]
    lag: float


@dataclass(frozen=True, kw_only=True)
class Places:
    """Tokens found in the end: in the database of the present writer, and in what the vault keeps beside it
    for people: exports of what a database had beyond a fork, and dumps of what a restore replaced."""

    database: Collection[str]
    exports: Collection[str] = ()
    dumps: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class Writes:
    """The account of acknowledged writes.

    Attributes:
        acknowledged: all of them, by the ledger.
        found: those that the final database holds.
        exported: those it lacks and an export of diverged transactions holds, oldest first.
        dumped: those that only a quarantined dump holds.
        lost: those that nothing holds.
        lost_seconds: from when the first write that the final database lacks was sent to when the last one
            was acknowledged: how much of visitors' time is gone, or apart. 0 when nothing is.
        unacknowledged: written although nobody ever heard so; no loss, but worth knowing.
    """

    acknowledged: int
    found: int
    exported: tuple[Entry, ...]
    dumped: tuple[Entry, ...]
    lost: tuple[Entry, ...]
    lost_seconds: float
    unacknowledged: int

    @property
    def missing(self) -> tuple[Entry, ...]:
        """All that the final database lacks, oldest first."""
        return tuple(sorted((*self.exported, *self.dumped, *self.lost), key=lambda e: e.acknowledged))


def account(entries: Sequence[Entry], places: Places) -> Writes:
    """Look for each write of the ledger: in the database, else in an export, else in a dump."""
    held, exports, dumps = (set(found) for found in (places.database, places.exports, places.dumps))
    missing = sorted((e for e in entries if e.token not in held), key=lambda e: e.acknowledged)
    known = {entry.token for entry in entries}
    return Writes(
        acknowledged=len(entries),
        found=len(entries) - len(missing),
        exported=tuple(e for e in missing if e.token in exports),
        dumped=tuple(e for e in missing if e.token in dumps - exports),
        lost=tuple(e for e in missing if e.token not in exports | dumps),
        lost_seconds=_seconds(missing),
        unacknowledged=len(held - known),
    )


def check_losses(writes: Writes, disasters: Sequence[Disaster]) -> Check:
    """Nothing is lost silently.

    Whatever the vault held when the writer died is in the database. What it did not hold yet, and what was
    written to a cloud that was not the writer any more, is kept for people; or it is within the stated loss:
    written to the writer before it died, and archived by nobody.
    """
    ends = {e.token: _end_of(e, disasters) for e in writes.missing}
    strays = [e for e in writes.missing if (end := ends[e.token]) is not None and e.token in end.kept]
    strays += [e for e in writes.lost if (end := ends[e.token]) is None or e.acknowledged < end.since]
    detail = (
        f"{writes.acknowledged} acknowledged: {writes.found} in the final database, {len(writes.exported)} "
        f"exported as diverged, {len(writes.dumped)} in a quarantined dump only, {len(writes.lost)} lost "
        "in a disaster"
    )
    if strays:
        detail += f"; {len(strays)} missing that must not be, the first is {strays[0].token}"
    return Check(name="every acknowledged write is accounted for", held=not strays, detail=detail)


def check_lag(writes: Writes, disasters: Sequence[Disaster]) -> Check:
    """A disaster costs no more than the archive was behind: no write that is older, no longer time of writes.

    Kept for people or not: the failover went on without them.
    """
    bad: list[str] = []
    said: list[str] = []
    for number, disaster in enumerate(disasters, 1):
        cost = [
            entry
            for entry in writes.missing
            if _end_of(entry, disasters) == disaster and entry.acknowledged >= disaster.since
        ]
        allowed = disaster.lag + _READING_S
        first = min((entry.acknowledged for entry in cost), default=disaster.at)
        seconds = _seconds(cost)
        said.append(
            f"writes lost to disaster {number}: {len(cost)}, within {seconds:.1f} s, the oldest "
            f"{disaster.at - first:.1f} s before it, at a measured lag of {disaster.lag:.1f} s at most"
        )
        if disaster.at - first > allowed or seconds > allowed:
            bad.append(f"more than that and {_READING_S:g} s for reading clocks at disaster {number}")
    return Check(
        name="a disaster costs no write that is older than the archive's measured lag",
        held=not bad,
        detail="; ".join((*said, *bad)),
    )


def _seconds(entries: Sequence[Entry]) -> float:
    """From when the first was sent to when the last was acknowledged; 0 of none."""
    if not entries:
        return 0.0
    return max(entry.acknowledged for entry in entries) - min(entry.sent for entry in entries)


def _end_of(entry: Entry, disasters: Sequence[Disaster]) -> Disaster | None:
    """The first disaster after a write was sent, which is the one that may have lost it."""
    later = [d for d in disasters if entry.sent <= d.at + _ON_ITS_WAY_S]
    return min(later, key=lambda d: d.at) if later else None


def check_one_writer(
    entries: Sequence[Entry], epochs: Mapping[str, int], apart: Collection[str], windows: float
) -> Check:
    """Epochs follow each other: nothing was acknowledged in one before the one before it had ended.

    Args:
        epochs: in whose archived log a token stands; a write that is in none proves nothing here.
        apart: tokens that diverged, which is what a database takes that nobody has closed yet.
        windows: seconds for which such databases were measured to be open.
    """
    by_epoch: dict[int, list[Entry]] = {}
    for entry in entries:
        if entry.token in epochs and entry.token not in apart:
            by_epoch.setdefault(epochs[entry.token], []).append(entry)
    numbers = sorted(by_epoch)
    early: list[Entry] = []
    for number, following in pairwise(numbers):
        ended = max(entry.sent for entry in by_epoch[number])
        early += [entry for entry in by_epoch[following] if entry.acknowledged < ended]
    counts = ", ".join(f"{len(by_epoch[number])} in epoch {number}" for number in numbers)
    detail = f"by the archived logs: {counts or 'nothing'}; {len(apart)} diverged"
    if windows:
        detail += f", in databases that were open for {windows:.1f} s in all after they woke up"
    if early:
        detail += f"; {len(early)} acknowledged before the epoch before had ended, such as {early[0].token}"
    return Check(
        name="one writer: one epoch after the other acknowledged writes",
        held=not early and bool(numbers),
        detail=detail,
    )


@dataclass(frozen=True, kw_only=True)
class Outage:
    """A time during which no write was acknowledged.

    Attributes:
        began: Unix time of the first failed attempt.
        ended: Unix time of the next acknowledged one; of the last attempt when none came.
        attempts: how many failed.
        unanswered: how many of those got no HTTP answer at all, not even a maintenance page.
    """

    began: float
    ended: float
    attempts: int
    unanswered: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.ended - self.began


def outages(attempts: Iterable[Attempt]) -> list[Outage]:
    """Runs of failed attempts, in order of time."""
    found: list[Outage] = []
    run: list[Attempt] = []
    for attempt in sorted(attempts, key=lambda a: a.at):
        if attempt.outcome is not Outcome.WRITTEN:
            run.append(attempt)
        elif run:
            found.append(_outage(run, attempt.at))
            run = []
    if run:
        found.append(_outage(run, run[-1].at))
    return found


def _outage(run: Sequence[Attempt], ended: float) -> Outage:
    silent = sum(attempt.outcome is Outcome.NOTHING for attempt in run)
    return Outage(began=run[0].at, ended=ended, attempts=len(run), unanswered=silent)
