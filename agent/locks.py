"""Runs that must not overlap, on this machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import AgentError, BusyError


@contextmanager
def exclusive(state_dir: Path, name: str) -> Generator[None]:
    """Hold ``<state_dir>/<name>.lock``; the kernel lets go of it when this process ends, however it ends.

    Raises:
        BusyError: another run holds it.
    """
    file = state_dir / f"{name}.lock"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AgentError(f"cannot write {file}: {error.strerror}; make state_dir writable") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                f"another {name} is running on this machine (it holds {file}); wait for it"
            ) from error
        yield
    finally:
        os.close(descriptor)
