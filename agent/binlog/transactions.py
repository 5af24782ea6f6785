"""A transaction as the replay gets it, whatever it was read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agent.binlog.events import Event


@dataclass(frozen=True, slots=True)
class Transaction:
    """One committed transaction.

    Attributes:
        gtid: ``uuid:number`` or ``uuid:tag:number``.
        committed_us: microseconds since 1970, by the clock of the server whose log it was read from.
        events: what follows the GTID event, its commit included. Can be read once, and must be read to its
            end before the next transaction is asked for: a transaction may be larger than memory.
    """

    gtid: str
    committed_us: int
    events: Iterator[Event]
