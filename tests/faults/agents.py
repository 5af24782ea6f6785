"""Agents as processes of their own, started in an instant: forked from a server that has everything imported.

What runs is ``agent.__main__.main``, the very entry of ``python -m agent``. Beforehand the child takes on the
faults of its machine: a clock that is wrong, a disk that is full.
"""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

_PRELOADED = ["agent.__main__", "azure.storage.blob", "azure.identity", "boto3", "pymysql", __name__]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_PRELOADED)
_PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass(frozen=True)
class Machine:
    """What is wrong with the machine that an agent runs on.

    Attributes:
        clock: its clock against ours, as ``new_clock`` makes it; it jumps when the value is changed.
        file_bytes: no file can grow beyond this (a full disk); None: no limit.
        path: PATH, where the client programs are.
    """

    path: str
    clock: Synchronized[float] | None = None
    file_bytes: int | None = None


def new_clock() -> Synchronized[float]:
    """Seconds by which a machine's clock is ahead of ours; shared with the agents that are given it."""
    return _context.Value("d", 0.0)


@dataclass
class AgentProcess:
    """One started command of the agent; its output goes to ``folder``."""

    folder: Path
    process: Any = field(repr=False)

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    @property
    def running(self) -> bool:
        return bool(self.process.is_alive())

    def kill(self) -> None:
        """SIGKILL to it and to what it started; returns when it is gone."""
        children = child_processes(self.pid)
        self.process.kill()
        self.process.join()
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def stop(self, patience_s: float = 60) -> int:
        """SIGTERM, and SIGKILL when that was not enough; its exit status."""
        if self.running:
            self.process.terminate()
        return self.wait(patience_s)

    def wait(self, patience_s: float = 120) -> int:
        """Its exit status; -9 when it did not end by itself in time."""
        self.process.join(patience_s)
        if self.running:
            self.kill()
        return int(self.process.exitcode)

    @property
    def document(self) -> Any:
        """The JSON document that it printed."""
        text = (self.folder / "out").read_text()
        return json.loads(text) if text.strip() else None

    @property
    def said(self) -> str:
        """Its log."""
        return (self.folder / "log").read_text()


def start(folder: Path, config: Path, words: Sequence[str], machine: Machine) -> AgentProcess:
    """Start a command of the agent; ``folder`` is made for its output."""
    folder.mkdir(parents=True)
    command, *rest = words
    argv = [command, "--config", str(config), "--json", *rest]
    process = _context.Process(target=_main, args=(argv, folder, machine), daemon=True)
    process.start()
    return AgentProcess(folder, process)


def child_processes(pid: int) -> list[int]:
    """What a process has started and not yet buried."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def _main(argv: list[str], folder: Path, machine: Machine) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.umask(0o077)
    for name, number in (("out", 1), ("log", 2)):
        descriptor = os.open(folder / name, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        os.dup2(descriptor, number)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    os.environ["PATH"] = machine.path
    if machine.clock is not None:
        _set_clock(machine.clock)
    if machine.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (machine.file_bytes, machine.file_bytes))
    from agent.__main__ import main  # noqa: PLC0415 - preloaded in the fork server

    code = main(argv)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _set_clock(ahead: Synchronized[float]) -> None:
    """Give the agent's modules a clock that is wrong; libraries keep the real one.

    Azure refuses requests whose date is more than 15 minutes off, and a machine with such a clock has no
    working credentials anyway; what is tried here is what the agent itself concludes from the time.
    """

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=ahead.value)

    class Time:
        def __getattr__(self, name: str) -> Any:
            return (lambda: time.time() + ahead.value) if name == "time" else getattr(time, name)

    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "agent":
            if getattr(module, "datetime", None) is datetime:
                module.datetime = Clock  # type: ignore[attr-defined]
            if getattr(module, "time", None) is time:
                module.time = Time()  # type: ignore[attr-defined]
