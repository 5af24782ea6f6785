"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable


class WaitTimeout(TimeoutError):
    """What was waited for did not happen in time."""


def wait_for(condition: Callable[[], bool], timeout_s: float, what: str, *, pause_s: float = 0.05) -> float:
    """Poll ``condition`` until it is true.

    Args:
        condition: cheap and without side effects.
        timeout_s: seconds of real time.
        what: the awaited state in words, for the error.
        pause_s: seconds between two looks.

    Returns:
        Seconds waited.

    Raises:
        WaitTimeout: naming ``what`` and the seconds.
    """
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        if waited >= timeout_s:
            raise WaitTimeout(f"waited {waited:.1f} s in vain: {what}")
        time.sleep(pause_s)
    return time.monotonic() - began
