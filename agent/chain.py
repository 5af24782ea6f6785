"""Which backup to restore, and how much of the log onto it.

A chain is a base and the contiguous run of log that serves it. The one that reaches furthest is taken, by the
transactions it holds and never by a name or a file's time; among equals one whose base was verified; then the
one with the least to replay. A chain of a history that the source has left comes after all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from agent.archive.log import survey as survey_log
from agent.archive.reading import Target
from agent.archive.run import Log, Run
from agent.candidate import Candidate, of_other_histories, of_the_log, take_alone, why_against, why_for
from agent.catalog import (
    Listing,
    batches,
    manifest_of,
    newest_first,
    none_whole,
    oldest,
    require_some,
    survey,
    whole,
)
from agent.epoch import Epoch
from agent.errors import NoBackupError
from agent.gtid import GtidSet
from agent.histories import History
from agent.lastwords import last_words
from agent.manifest import Manifest, manifest_name, own_names
from agent.moment import microseconds, say_target, say_time
from agent.signals import Verification, verified
from agent.storage import BlobStore
from agent.tail import NOTHING, Tail, committed_after, covers, reached, read_tail
from agent.weekly import PREFIX as WEEKLY

_VERIFIED = 3  # bases that were verified lately and are looked at besides the newest
_SHOWN = 10
_INSIDE = "the archived log ends inside the moment of the base's snapshot"


@dataclass(frozen=True)
class Leg:
    """Log to replay onto a database that holds what ``manifest`` describes."""

    manifest: Manifest
    run: Run
    tail: Tail


@dataclass(frozen=True)
class Choice:
    """What to restore.

    Attributes:
        run, tail: the log behind the base; ``tail`` is NOTHING where the base alone is restored.
        log: all of the epoch's archived log.
        verification: the last one of the base, in words; empty when there was none.
        considered: for every base that was looked at, why it was taken or not.
        before_fork, at_fork: where the base is of the epoch before: that epoch's log up to the fork, and what
            the present epoch began with; then ``run``, ``tail`` and ``log`` are the present epoch's. See
            ``agent.across``.
        failed: the base's last verification says that it is bad, and there is no better one.
        warnings: what the operator should know of the container, in sentences.
    """

    manifest: Manifest
    run: Run
    tail: Tail
    log: Log
    verification: str
    considered: tuple[dict[str, str], ...]
    before_fork: Leg | None = None
    at_fork: Manifest | None = None
    failed: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def last(self) -> Manifest:
        """What ``run`` goes on from."""
        return self.at_fork or self.manifest

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The log to replay, in order."""
        last = Leg(self.last, self.run, self.tail)
        return (last,) if self.before_fork is None else (self.before_fork, last)

    @property
    def reached(self) -> GtidSet:
        """What the restored database will hold for certain."""
        return reached(self.last, self.tail.gtids)


def choose(
    store: BlobStore, signals: BlobStore, epoch: Epoch, *, to: Target | None, backup: str | None
) -> Choice:
    """The chain to restore.

    Args:
        epoch: the present one. A chain of an older epoch is never chosen, only restored when it is named.
        to: a point in time; None for the furthest.
        backup: take this base, with the log up to ``to``, or alone without a target.

    Raises:
        NoBackupError: there is none, or none serves the target; says what is possible.
        StorageError: a container cannot be read.
    """
    chooser = _Chooser(store, signals, to)
    if backup is not None:
        return chooser.named(manifest_of(store, backup))
    try:
        choice = chooser.best(epoch, survey(store))
    except NoBackupError as error:
        return _weekly(chooser, epoch, error)
    if choice.failed:
        refused = NoBackupError(f"{choice.manifest.backup} failed its verification")
        with suppress(NoBackupError):
            kept = _weekly(chooser, epoch, refused)
            return choice if kept.failed else kept
    return choice


def _weekly(chooser: _Chooser, epoch: Epoch, refused: NoBackupError) -> Choice:
    """The best of the copies that no age rule reaches, which are the last resort: most lack the log.

    Args:
        refused: why none of the backups themselves serves.

    Raises:
        NoBackupError: none of the copies serves either.
    """
    copies = survey(chooser.store, WEEKLY)
    if not copies.complete:
        raise refused
    try:
        choice = chooser.best(epoch, copies)
    except NoBackupError as error:
        raise NoBackupError(f"{refused}; and no weekly copy serves: {error}") from error
    said = f"no backup but a weekly copy serves, which is older than they were: {refused}"
    return replace(choice, warnings=(said, *choice.warnings))


def behind(
    store: BlobStore, signals: BlobStore, backup: str, epoch: int, known: GtidSet, *, to: Target | None
) -> Choice:
    """The log behind a database that was restored from ``backup`` and holds ``known`` of ``epoch``.

    Raises:
        NoBackupError: the log does not reach ``to``.
        StorageError: a container cannot be read.
    """
    manifest = manifest_of(store, backup)
    if manifest.epoch != epoch:  # it was restored across a fork
        manifest = forked(manifest, epoch, known, {})
    elif GtidSet.parse(manifest.gtid_after) <= known:
        manifest = _exactly(manifest, known)
    return _Chooser(store, signals, to).log_behind(manifest)


def forked(manifest: Manifest, epoch: int, known: GtidSet, names: Mapping[str, str]) -> Manifest:
    """What describes a database that was restored from a backup of the epoch before, up to the fork.

    Args:
        epoch: the one that began there; its writer is the other site.
        known: what that writer's server had committed then.
        names: lower-case name -> spelling, of tables and views that the log up to the fork names.
    """
    site = "azure" if manifest.site == "aws" else "aws"
    capitals = {} if manifest.lower_case_table_names else own_names(manifest)
    return replace(
        _exactly(manifest, known),
        gtid_end=str(known),  # what else its server committed is not of this history
        epoch=epoch,
        site=site,
        # Azure's servers fold names, and RDS's keep them; the first backup of the epoch would say it.
        lower_case_table_names=int(site == "azure"),
        original_names={**manifest.original_names, **capitals, **names},
    )


def _exactly(manifest: Manifest, known: GtidSet) -> Manifest:
    """Rows as of ``known``. Definitions may still be newer: ``gtid_end`` stays."""
    at = str(known)
    return replace(manifest, gtid_before=at, gtid_after=at, gtid_exact=at)


class _Chooser:
    def __init__(self, store: BlobStore, signals: BlobStore, to: Target | None) -> None:
        self.store, self.signals, self.to = store, signals, to
        self.log = Log(0, ())
        self.history = History(GtidSet({}))
        self.later = GtidSet({})
        self.verdicts: Mapping[str, Verification] = {}

    def named(self, manifest: Manifest) -> Choice:
        """This base; with the log up to the target, or alone without one."""
        if self.to is not None:
            return self.log_behind(manifest)
        self._read_log(manifest.epoch, ())
        nothing = GtidSet({})
        before = GtidSet.parse(manifest.gtid_before)
        candidate = Candidate(
            manifest, Run((), before, nothing, 0, "", ()), before, self._verdict(manifest), tail=NOTHING
        )
        return self._choice(candidate, [candidate], "it was named")

    def log_behind(self, manifest: Manifest) -> Choice:
        """As much of the log behind this base as there is, or as the target wants."""
        listing = survey(self.store)
        self._read_log(manifest.epoch, newest_first(self.store, listing))
        return self._best([self._candidate(manifest)], listing)

    def best(self, present: Epoch, listing: Listing) -> Choice:
        """The best chain of the present epoch, of the backups in ``listing``."""
        require_some(listing)
        found = batches(self.store, listing)
        first = next(found, None)
        if first is None:
            raise NoBackupError(none_whole(listing))
        epoch = first[0].epoch
        self._read_log(epoch, first)
        if epoch < present.epoch:
            raise NoBackupError(
                f"the newest complete backup, {first[0].backup}, is of epoch {epoch}, and "
                f"{present.writer} has written since (epoch {present.epoch}); wait for its first "
                "dump, or accept the loss by naming it (and add --take-over to serve from it): "
                f"{self._named_in_full(first)}"
            )
        if isinstance(self.to, int) and self.to > self._end_us(first[0]):
            reason = "the archived log ends before it"
            raise NoBackupError(self._none_serves(first[0], reason, listing))
        candidates = [self._candidate(manifest) for manifest in first if manifest.epoch == epoch]
        candidates += self._verified_ones({candidate.manifest.backup for candidate in candidates}, listing)
        if self.to is not None:
            self._look_further_back(candidates, found, epoch)
        return self._best(candidates, listing)

    def _named_in_full(self, bases: Sequence[Manifest]) -> str:
        """The arguments for all that was archived of the newest base's epoch, as its log describes itself."""
        candidates = [self._candidate(base) for base in bases if base.epoch == bases[0].epoch]
        usable = [candidate for candidate in candidates if not candidate.refused]
        if self.to is not None or not usable or bases[0].backup.startswith(WEEKLY):
            return f"--backup {bases[0].backup}"
        furthest = max(usable, key=Candidate.rank)
        if furthest.run.flaws:  # the log promises what cannot be replayed
            self._read_tail(furthest)
        named = f"--backup {furthest.manifest.backup}"
        further = furthest.tail is None or furthest.tail.transactions
        return f"{named} --to {furthest.reach}" if further else named

    def _read_log(self, epoch: int, bases: Sequence[Manifest]) -> None:
        self.log = survey_log(self.store, epoch)
        self.history = History.present([base for base in bases if base.epoch == epoch], self.log)
        results: dict[str, Verification] = {}
        for result in verified(self.signals, epoch):
            results.setdefault(result.backup, result)
        self.verdicts = results
        if isinstance(self.to, int):
            self.later = committed_after(self.store, self.log, self.to)

    def _verified_ones(self, known: set[str], listing: Listing) -> list[Candidate]:
        complete = {entry.name for entry in listing.complete}
        good = [
            result.backup
            for result in self.verdicts.values()
            if result.base_ok and result.backup not in known
        ]
        names = [manifest_name(backup) for backup in good[:_VERIFIED]]
        manifests = [whole(self.store, listing, name) for name in names if name in complete]
        return [self._candidate(manifest) for manifest in manifests if manifest]

    def _look_further_back(
        self, candidates: list[Candidate], found: Iterator[list[Manifest]], epoch: int
    ) -> None:
        """Older bases, until there is one before the target."""
        for batch in found:
            if not all(candidate.refused for candidate in candidates) or batch[0].epoch < epoch:
                return
            candidates += [self._candidate(manifest) for manifest in batch if manifest.epoch == epoch]

    def _candidate(self, manifest: Manifest) -> Candidate:
        before = GtidSet.parse(manifest.gtid_before)
        left = self.history.has_left(before)
        run = (self.log if left else self.history.own(self.log)).run_for(before)
        promised = reached(manifest, run.gtids)
        candidate = Candidate(manifest, run, promised, self._verdict(manifest), self.to is not None, left)
        if self.to is None:
            if not run.gtids or not covers(manifest, run.gtids):
                take_alone(candidate, run.hole or (_INSIDE if run.gtids else ""))
        else:
            candidate.refused = self._too_new(manifest) or self._too_short(candidate)
        return candidate

    def _verdict(self, manifest: Manifest) -> Verification | None:
        # A weekly copy was made of what was good; what became of the original later says nothing of it.
        original = self.verdicts.get(manifest.backup.removeprefix(WEEKLY))
        return self.verdicts.get(manifest.backup, original if original and original.base_ok else None)

    def _too_new(self, manifest: Manifest) -> str:
        before, after = GtidSet.parse(manifest.gtid_before), GtidSet.parse(manifest.gtid_after)
        if isinstance(self.to, GtidSet):
            # Without one of the set's transactions to wait for, only the set itself says where to stop.
            too_new = self.to <= before and not after <= self.to
        elif self.to is not None and all(
            piece.first_us > self.to for piece in self.log.pieces if piece.gtids
        ):
            # Nothing in the log is as old as the target, so the agent's clock is the only witness.
            too_new = microseconds(datetime.fromisoformat(manifest.started)) > self.to
        else:
            # What the log does not hold yet, or never will, was committed after all that it holds.
            too_new = bool(after - (after - self.later)) or not after <= self.log.gtids
        return "it holds transactions after the target" if too_new else ""

    def _too_short(self, candidate: Candidate) -> str:
        if isinstance(self.to, GtidSet) and not self.to <= candidate.reach:
            missing = self.to - candidate.reach
            return f"neither it nor the log behind it holds {missing}; {candidate.run.hole}".rstrip("; ")
        return ""

    def _best(self, candidates: list[Candidate], listing: Listing) -> Choice:
        while usable := [candidate for candidate in candidates if not candidate.refused]:
            best = max(usable, key=Candidate.rank)
            if best.tail is not None:
                warnings = (*listing.damaged, *of_the_log(best), *of_other_histories(best, candidates))
                return replace(self._choice(best, candidates, ""), warnings=warnings)
            self._read_tail(best)
        raise NoBackupError(self._none_serves(candidates[0].manifest, candidates[0].refused, listing))

    def _read_tail(self, candidate: Candidate) -> None:
        """Read the log behind a base: what it promises is not yet what it holds."""
        manifest = candidate.manifest
        tail = read_tail(self.store, candidate.run, manifest, self.to)
        candidate.tail, candidate.reach = tail, reached(manifest, tail.gtids)
        past = covers(manifest, tail.gtids)
        if self.to is None:
            if not past or tail.ambiguous:
                take_alone(candidate, tail.ambiguous or tail.end)
            return
        if tail.end:
            candidate.refused = tail.end
        elif not past:
            candidate.refused = "the target lies inside the moment of its snapshot"
        elif isinstance(self.to, GtidSet) and not self.to <= candidate.reach:
            candidate.refused = f"the log ends before {self.to - candidate.reach}"
        elif tail.ambiguous:
            candidate.refused = tail.ambiguous

    def _end_us(self, manifest: Manifest) -> int:
        """Until when it is known what the source held: the last transaction, or a quiet time after it."""
        last = max((piece.last_us for piece in self.log.pieces), default=0)
        return max(last, last_words(self.signals, manifest.site).through_us)

    def _none_serves(self, manifest: Manifest, reason: str, listing: Listing) -> str:
        """Why no chain serves, for example not this base, with the range that is possible."""
        if self.to is None:
            return f"no complete backup can be used: {manifest.backup}: {reason}"
        start = oldest(self.store, listing, self.log.epoch) or manifest
        through = say_time(self._end_us(manifest))
        possible = (
            f"from {start.backup} (data of {start.snapshot_at}) to {through} ({self.log.gtids})"
            if through
            else "the backups themselves, because there is no archived log; name one with --backup"
        )
        return (
            f"no chain of epoch {self.log.epoch} serves the target {say_target(self.to)}: "
            f"{manifest.backup}: {reason}; possible is {possible}"
        )

    def _choice(self, best: Candidate, candidates: list[Candidate], reason: str) -> Choice:
        ranked = sorted(candidates, key=Candidate.rank, reverse=True)
        ranked.remove(best)
        considered = [{"backup": best.manifest.backup, "chosen": "yes", "why": reason or why_for(best)}]
        considered += [
            {"backup": other.manifest.backup, "chosen": "no", "why": why_against(other, best)}
            for other in ranked[: _SHOWN - 1]
        ]
        verification = f"{best.verification.mode} at {best.verification.at}" if best.verification else ""
        return Choice(
            best.manifest,
            best.run,
            best.tail or NOTHING,
            self.log,
            verification,
            tuple(considered),
            failed=best.failed,
        )
