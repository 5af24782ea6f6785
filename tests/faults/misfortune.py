"""The faults themselves, and the agents that they happen to."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.faults.agents import AgentProcess, child_processes, new_clock
from tests.faults.proxy import random_trouble
from tests.faults.stage import Stage

_RESTART_S = 0.3  # as systemd does after a crash
_DUMP_PATIENCE_S = 5.0


class Faults:
    """What goes wrong in a round.

    Attributes:
        holes: the source's log was purged ahead of the archive, or may have been.
    """

    def __init__(self, stage: Stage, *, service: bool, random: Random) -> None:
        self.holes = False
        self._stage, self._service, self._random = stage, service, random
        self._agents: list[AgentProcess] = []
        self._main: AgentProcess | None = None
        self._dumper: AgentProcess | None = None
        self._died_at = 0.0
        self._clock = new_clock()
        self._all: dict[str, Callable[[], object]] = {
            "kill agent": self._kill_agent,
            "kill mysqldump": self._kill_mysqldump,
            "kill mysql": self._kill_mysql,
            "restart blobs": self._restart_blobs,
            "cut network": self._cut_network,
            "trouble": lambda: stage.proxy.add(random_trouble(random)),
            "second agent": lambda: self.agent(self._word, state="second"),
            "full disk": lambda: self.agent("run" if service else "dump", state="full", file_bytes=0),
            "wrong clock": self._wrong_clock,
            "rotate": lambda: stage.source.execute("FLUSH BINARY LOGS"),
            "purge": self._purge,
            "fail over": stage.fail_over,
            "stall mysql": self._stall_mysql,
            "kill log readers": stage.kill_log_readers,
            "dump": self._dump,
        }

    @property
    def _word(self) -> str:
        return "run" if self._service else "archive"

    def happen(self, name: str) -> None:
        """Let one of ``plan.FAULTS`` happen; returns when it is over, or has begun to last."""
        self._all[name]()

    def agent(self, *words: str, state: str = "", file_bytes: int | None = None) -> AgentProcess:
        """Start a command of the source's agent, which ends with the round.

        Args:
            state: of another machine, whose clock is right.
        """
        clock = None if state else self._clock
        started = self._stage.agent("aws", *words, state=state, clock=clock, file_bytes=file_bytes)
        self._agents.append(started)
        return started

    def keep_running(self) -> None:
        """Start the agent when it does not run, a moment after its death."""
        if self._main is not None and self._main.running:
            return
        if self._main is not None and not self._died_at:
            self._died_at = time.monotonic()
        if self._main is None or time.monotonic() - self._died_at > _RESTART_S:
            self._died_at = 0.0
            self._main = self.agent(self._word)

    def first_dump(self) -> None:
        """The service makes its own."""
        if not self._service:
            self._dump()

    def dump_again(self) -> None:
        """When the one before ended, as it seems badly."""
        if self._dumper is not None and not self._dumper.running:
            self._dump()

    def kill_agents(self) -> None:
        """All of them."""
        for agent in self._agents:
            if agent.running:
                agent.kill()

    def _dump(self) -> None:
        self._dumper = self.agent("dump", state="dumper")

    def _kill_agent(self) -> None:
        if self._main is not None:
            self._main.kill()

    def _wrong_clock(self) -> None:
        """It jumps under a running agent; sometimes the machine started with it."""
        self._clock.value = self._random.choice((-3600.0, -30.0, 3600.0, 86400.0))
        if self._random.random() < 0.5:
            self._kill_agent()

    def _kill_mysqldump(self) -> None:
        """During a dump that is made for it."""
        dump = self.agent("dump", state="killed")
        end = time.monotonic() + _DUMP_PATIENCE_S
        while dump.running and time.monotonic() < end:
            for pid in child_processes(dump.pid):
                if b"mysqldump" in _command(pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    return
            time.sleep(0.002)

    def _kill_mysql(self) -> None:
        self._stage.source.kill()
        self._stage.source.start()

    def _stall_mysql(self) -> None:
        pid = self._stage.source_pid
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self._random.uniform(0.2, 1.0))
        os.kill(pid, signal.SIGCONT)

    def _restart_blobs(self) -> None:
        """Ended by SIGTERM: the emulator writes its index every few seconds only, so that SIGKILL would lose
        what it acknowledged, which the real service does not."""
        self._stage.blobs.stop()
        time.sleep(self._random.uniform(0, 0.5))
        self._stage.blobs.start()

    def _cut_network(self) -> None:
        self._stage.proxy.cut(off=True)
        time.sleep(self._random.uniform(0.1, 1.5))
        self._stage.proxy.cut(off=False)

    def _purge(self) -> None:
        """The log is purged ahead of an agent that is down."""
        self.holes = True
        self.kill_agents()
        time.sleep(0.2)  # of load that nobody archives
        source = self._stage.source
        source.execute("FLUSH BINARY LOGS")
        self._stage.oracle.keep_files()
        files = [str(row[0]) for row in source.execute("SHOW BINARY LOGS")]
        source.execute(f"PURGE BINARY LOGS TO '{files[-1]}'")


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
