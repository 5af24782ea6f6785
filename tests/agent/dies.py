"""``python -m tests.agent.dies WHERE restore ...``: the agent, killed at a chosen moment as by ``kill -9``.

WHERE is ``end of PHASE`` or ``transaction N`` (of the replay, before it is applied).
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import agent.catchup
from agent.__main__ import main
from agent.binlog.transactions import Transaction
from agent.report import Report

_phase = Report.phase
_transactions = agent.catchup.transactions


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def _deadly_phase(self: Report, name: str) -> Generator[None]:
    with _phase(self, name):
        yield
    if sys.argv[1] == f"end of {name}":
        _die()


def _deadly_transactions(*arguments: Any, **named: Any) -> Iterator[Transaction]:
    found: Iterable[Transaction] = _transactions(*arguments, **named)
    for number, transaction in zip(itertools.count(1), found, strict=False):
        if sys.argv[1] == f"transaction {number}":
            _die()
        yield transaction


def arm() -> None:
    """From now on this process dies where its first argument says."""
    Report.phase = _deadly_phase
    agent.catchup.transactions = _deadly_transactions


if __name__ == "__main__":
    arm()
    sys.exit(main(sys.argv[2:]))
