"""Child processes that never outlive the sandbox, whatever ends it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # prctl(2)
_libc = ctypes.CDLL(None, use_errno=True)

# The kernel sends the parent-death signal when the *thread* that forked ends (prctl(2)). Worker threads come
# and go, so one thread that lives as long as the process starts every child.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(
    argv: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own, both outputs appended to ``log`` (mode 0600).

    The child gets SIGKILL from the kernel when this process dies.

    Raises:
        OSError: when the program cannot be started.
    """

    def start() -> subprocess.Popen[bytes]:
        descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(
                [str(part) for part in argv],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env=None if env is None else dict(env),
                cwd=cwd,
                process_group=0,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no lock is taken between fork and exec
            )
        finally:
            os.close(descriptor)

    return _starter.submit(start).result()


def stop(process: subprocess.Popen[bytes], *, patience_s: float = 10.0) -> None:
    """End a child and its process group: SIGTERM, then SIGKILL after ``patience_s`` seconds."""
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience_s)
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a child and its process group, now; returns when the child is gone."""
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended between our look and the signal
        os.killpg(process.pid, number)
