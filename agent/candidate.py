"""One base that could be restored, with the log behind it: how it ranks, and why it is taken or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.archive.run import Run
from agent.gtid import GtidSet
from agent.manifest import Manifest
from agent.moment import say_time
from agent.signals import Verification
from agent.tail import NOTHING, Tail, reached


@dataclass
class Candidate:
    """A base and what is known of its chain so far.

    Attributes:
        reach: what it holds in the end; while ``tail`` is None, not read yet, what the log's descriptions
            promise.
        verification: the last one of the base, None: there was none.
        aimed: at a target, so that all that serve reach the same state.
        left: of a history that the source has left.
        refused: why it cannot be taken; empty when it can.
    """

    manifest: Manifest
    run: Run
    reach: GtidSet
    verification: Verification | None
    aimed: bool = False
    left: bool = False
    tail: Tail | None = None
    refused: str = ""

    @property
    def failed(self) -> bool:
        """Its last verification says that the base is bad."""
        return self.verification is not None and not self.verification.base_ok

    def rank(self) -> tuple[int, ...]:
        """The greatest is the best."""
        good = self.verification is not None and self.verification.ok
        # Without GTIDs nothing but their order tells which of two bases is the newer one.
        order = 0 if self.manifest.gtid_before else self.manifest.sequence
        reach = 0 if self.aimed else self.reach.count()
        return (not self.failed, not self.left, reach, order, good, -self.to_replay())

    def to_replay(self) -> int:
        """How many transactions of log it needs."""
        return (self.reach - GtidSet.parse(self.manifest.gtid_before)).count()


def take_alone(candidate: Candidate, why: str) -> None:
    """Nothing can be replayed onto the base: the log does not get past its own snapshot, or has no more."""
    candidate.tail = replace(NOTHING, end=why)
    candidate.reach = reached(candidate.manifest, GtidSet({}))


def of_the_log(best: Candidate) -> list[str]:
    """A warning that the base was proved and its log was not."""
    result = best.verification
    if result is None or result.ok or not result.base_ok:
        return []
    return [f"{best.manifest.backup} itself was verified, but not the log around it: {result.error}"]


def of_other_histories(best: Candidate, candidates: Sequence[Candidate]) -> list[str]:
    """The furthest chain of a history that the source has left, and how to have it instead."""
    others = [candidate for candidate in candidates if candidate.left and candidate is not best]
    if not others or best.left:
        return []
    other = max(others, key=Candidate.rank)
    only = other.reach - best.reach
    said = (
        f"the source went on from an older state within this epoch: {only.count()} transactions ({only}) are "
        f"in the history that it left, and not in this copy; for those instead: --backup "
        f"{other.manifest.backup} --to {other.reach}"
    )
    return [said]


def why_for(best: Candidate) -> str:
    """Why it is taken."""
    result = best.verification
    proof = (
        "never verified"
        if result is None
        else f"verified {result.at}"
        if result.ok
        else f"FAILED {result.at}"
    )
    tail = best.tail or NOTHING
    log = f"{tail.transactions} transactions of log behind it, to {say_time(tail.through_us)}"
    return f"no other chain reaches further: {proof}; " + (log if tail.transactions else "no log to replay")


def why_against(other: Candidate, best: Candidate) -> str:
    """Why ``other`` is not taken."""
    if other.refused:
        return other.refused
    if other.verification is not None and other.failed:
        return f"its verification failed: {other.verification.error}"
    if other.left and not best.left:
        return "it belongs to a history that the source has left"
    missing = (best.reach - other.reach).count()
    if missing:
        why = other.tail.end if other.tail else other.run.hole
        return f"its chain lacks {missing} transactions" + (f": {why}" if why else "")
    if best.verification is not None and other.verification is None:
        return "reaches as far, but was not verified"
    return f"reaches as far, with {other.to_replay()} instead of {best.to_replay()} transactions to replay"
