"""What became of every acknowledged write, and when visitors went without: pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from cli.rehearse.client import Attempt, Outcome
from cli.rehearse.ledger import Entry


@dataclass(frozen=True, kw_only=True)
class Check:
    """One invariant of the rehearsal and whether it held."""

    name: str
    held: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class Writes:
    """The account of acknowledged writes.

    Attributes:
        acknowledged: all of them, by the ledger.
        found: those that the final database holds.
        lost: those it does not hold, oldest first.
        lost_seconds: from when the first lost write was sent to when the last one was acknowledged: how much
            of visitors' time is gone. 0 when nothing is.
        unacknowledged: written although the visitor never heard so; no loss, but worth knowing.
    """

    acknowledged: int
    found: int
    lost: tuple[Entry, ...]
    lost_seconds: float
    unacknowledged: int


def account(entries: Sequence[Entry], tokens: Collection[str]) -> Writes:
    """Compare the ledger with the tokens that the final database holds."""
    held = set(tokens)
    lost = tuple(sorted((e for e in entries if e.token not in held), key=lambda e: e.acknowledged))
    seconds = lost[-1].acknowledged - min(entry.sent for entry in lost) if lost else 0.0
    known = {entry.token for entry in entries}
    return Writes(
        acknowledged=len(entries),
        found=len(known & held),
        lost=lost,
        lost_seconds=seconds,
        unacknowledged=len(held - known),
    )


def check_losses(writes: Writes, *, kept: Collection[str], disaster: float) -> Check:
    """Lost may be only what the vault never had, and what was written before the disaster.

    Args:
        writes: the account.
        kept: tokens that the vault held once AWS was dead, in a dump or in the archived log.
        disaster: Unix time of the disaster; an answer that was on its way then counts a second longer.
    """
    strays = [e for e in writes.lost if e.token in kept or e.sent > disaster + 1.0]
    strays += [e for e in writes.lost if e.cloud != "aws" and e not in strays]
    detail = (
        f"{writes.acknowledged} acknowledged, {writes.found} in the final database, "
        f"{len(writes.lost)} lost in the disaster ({writes.lost_seconds:.1f} s)"
    )
    if strays:
        detail += f"; {len(strays)} lost that must not be, the first is {strays[0].token}"
    whole = writes.found + len(writes.lost) == writes.acknowledged
    return Check(name="every acknowledged write is accounted for", held=whole and not strays, detail=detail)


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
