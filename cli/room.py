"""The folder of one sandbox, held by one process at a time."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

from cli.problem import Problem

_STATE = "sandbox.json"
_NEEDED_MIB = 500  # three MySQL data directories, their logs and the emulator: 230 MiB after a rehearsal
_LOCK = ".lock"  # beside the folder, so that the folder can be thrown away while the lock is held


class Room:
    """Exclusive use of a sandbox's folder; ``with Room(root): ...``.

    The lock is the kernel's, so it ends with the process that holds it, however that one ends.

    Args:
        root: the folder; made when missing, mode 0700.
        fresh: throw away what an earlier run left there.

    Raises (on entering):
        Problem: another process uses the folder, or the disk is nearly full.
        OSError: it cannot be made.
    """

    def __init__(self, root: Path, *, fresh: bool = False) -> None:
        self.root = root
        self._fresh = fresh
        self._lock = -1

    def __enter__(self) -> Room:
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(_lock_file(self.root), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            holder = state(self.root).get("pid")
            who = f"process {holder}" if holder else "another process"
            raise Problem(
                f"{who} is using the sandbox in {self.root}: end it ('./dr sandbox down', if './dr sandbox "
                "up' started it), or choose another name with --name"
            ) from None
        if self._fresh and self.root.exists():
            shutil.rmtree(self.root)
        self.root.mkdir(exist_ok=True, mode=0o700)
        self.root.chmod(0o700)
        try:
            self._require_space()
            self.write_state({"pid": os.getpid()})
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def _require_space(self) -> None:
        """A full disk shows itself as a strange error of whatever writes next; so look first."""
        free = shutil.disk_usage(self.root).free // 2**20
        if free < _NEEDED_MIB:
            raise Problem(
                f"only {free} MiB are free on the disk of {self.root}, and a sandbox needs {_NEEDED_MIB}: "
                "make room there"
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        (self.root / _STATE).unlink(missing_ok=True)
        os.close(self._lock)

    def write_state(self, values: dict[str, Any]) -> None:
        """Replace ``sandbox.json`` (mode 0600)."""
        temporary = self.root / f"{_STATE}.tmp"
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump(values, file, indent=1)
        temporary.replace(self.root / _STATE)


def in_use(root: Path) -> bool:
    """Whether a living process holds the folder."""
    if not _lock_file(root).exists():
        return False
    descriptor = os.open(_lock_file(root), os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def state(root: Path) -> dict[str, Any]:
    """What the process that holds the folder wrote about itself; empty when nobody does."""
    try:
        return json.loads((root / _STATE).read_text())
    except FileNotFoundError:
        return {}


def _lock_file(root: Path) -> Path:
    return root.with_name(f"{root.name}{_LOCK}")
