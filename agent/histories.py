"""Two histories in one epoch: a server was restored to an older state and went on from there.

GTIDs tell it: one writer's states follow one another, each within the next; of two histories each holds what
the other lacks. What was acknowledged last counts, so the history of the newest base is the present one, and
never are two of them joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.archive.run import Log
from agent.gtid import GtidSet
from agent.manifest import Manifest


@dataclass(frozen=True)
class History:
    """The present one; ``held``: all that is known to have been committed in it."""

    held: GtidSet

    @classmethod
    def present(cls, bases: Sequence[Manifest], log: Log) -> History:
        """The history of the last of some bases of one epoch, and of its server's own log behind it.

        A higher sequence means that the other one's manifest was there already when the dump began.
        """
        if not bases:
            return cls(GtidSet({}))
        last = max(bases, key=lambda base: (base.sequence, GtidSet.parse(base.gtid_before).count()))
        dumped = cls(GtidSet.parse(last.gtid_after))
        held = dumped.held
        for (uuid, _), piece in log.ends().items():
            if uuid == last.server_uuid and not dumped.has_left(piece.after):
                held |= piece.after
        return cls(held)

    def has_left(self, state: GtidSet) -> bool:
        """Whether ``state`` is of another history than this one."""
        return not (state <= self.held or self.held <= state)

    def own(self, log: Log) -> Log:
        """The log without what other histories have in it."""
        left = {source for source, last in log.ends().items() if self.has_left(last.after)}
        if not left:
            return log
        kept = (piece for piece in log.pieces if piece.source not in left or piece.after <= self.held)
        return replace(log, pieces=tuple(kept))
