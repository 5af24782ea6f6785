"""How long the operator's commands look and wait; in a sandbox time passes faster, and they with it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from cli.operate.steps import Goal
from cli.problem import Problem

PACE = "DR_PACE"
"""How many times faster the clouds are than real ones; ``./dr sandbox env`` sets it."""
TTL_S = 60.0  # of the records in components/aws/failover_dns.py
_POLL_S = 5.0
_SHORTEST_POLL_S = 0.2
_LEAST_PATIENCE_S = 180.0  # agents and engines on one machine do not become faster at will
_SHOWN_EVERY_S = 30.0
_LIVE_WIDTH = 100  # characters that can be written over; what is longer is worth lines of its own
# Gateway and database need 6 to 16 minutes and are waited for by pulumi itself; these begin after it.
_PATIENCE_S = {
    Goal.RESTORED: 2 * 3600.0,  # at the target's speed
    Goal.REPLACED: 2 * 3600.0,
    Goal.FOLLOWING: 6 * 3600.0,  # a snapshot of RDS, a quarantine dump and a restore
    Goal.READY: 1800.0,
    Goal.AWS_WRITES: 1800.0,
    Goal.AZURE_WRITES: 900.0,
    Goal.REOPENED: 900.0,
    Goal.PAGE: 900.0,
    Goal.AWS_ONLY: 1800.0,
}


def pace() -> float:
    """How many times faster than in the clouds time passes; 1 outside a sandbox.

    Raises:
        Problem: DR_PACE is no number above 0.
    """
    text = os.environ.get(PACE, "1")
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= 10_000:
        raise Problem(f"{PACE} is {text!r}: give a number from above 0 to 10000, or unset it")
    return factor


def poll_s() -> float:
    """Seconds between two looks."""
    return max(_SHORTEST_POLL_S, _POLL_S / pace())


def patience_s(goal: Goal) -> float:
    """Seconds after which a command stops waiting; what it waits for goes on all the same."""
    return max(_LEAST_PATIENCE_S, _PATIENCE_S[goal] / pace())


def settled_s() -> float:
    """Seconds for which DNS has to answer AWS only: twice the records' time to live."""
    return 2 * TTL_S / pace()


class Clock:
    """Says what is waited for: every line when the words change, and now and then the time that passed.

    On a terminal one line is written over; elsewhere, and where a line is long, they follow each other.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._began = time.monotonic()
        self._last, self._shown_at = "", 0.0
        self._live = sys.stdout.isatty()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def show(self, text: str) -> None:
        """Tell the present state."""
        now = time.monotonic()
        new = text != self._last
        if self._live and len(text) <= _LIVE_WIDTH:
            print(f"\r\x1b[K  {clock(self.seconds)}  {text}", end="", flush=True)
        elif new or now - self._shown_at >= _SHOWN_EVERY_S:
            if self._live:
                print("\r\x1b[K", end="")
            self._say(f"  {clock(self.seconds)}  {text}")
            self._shown_at = now
        self._last = text

    def end(self) -> None:
        """Leave the line."""
        if self._live and self._last:
            print(flush=True)


def clock(seconds: float) -> str:
    """``m:ss``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
