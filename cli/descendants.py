"""Which processes a run has started and not ended: asked from the kernel, not from our own lists."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


def adopt_orphans() -> None:
    """From now on every descendant whose parent ends becomes our own child, so that none gets out of sight.

    Raises:
        OSError: the kernel refuses.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def descendants() -> dict[int, str]:
    """Every living process below this one: id and command line. Ended ones that were adopted are reaped."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
    found: dict[int, str] = {}
    waiting = [os.getpid()]
    while waiting:
        for child in _children(waiting.pop()):
            try:
                command = (
                    Path(f"/proc/{child}/cmdline")
                    .read_bytes()
                    .replace(b"\0", b" ")
                    .decode("utf-8", "replace")
                )
            except OSError:
                continue  # it ended while we looked
            found[child] = command.strip()
            waiting.append(child)
    return found


def still_there(patience_s: float = 30.0) -> dict[int, str]:
    """`descendants`, after a short while in which what was just killed may disappear."""
    give_up = time.monotonic() + patience_s
    while True:
        found = descendants()
        if not found or time.monotonic() > give_up:
            return found
        time.sleep(0.1)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue  # that thread or process ended
    return found
