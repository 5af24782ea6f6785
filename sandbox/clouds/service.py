"""One service of a machine: its processes, its output, and starting again when it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sandbox import processes
from sandbox.clouds.machine_paths import PREFIXES, MachinePaths
from sandbox.clouds.start_limit import StartLimit
from sandbox.clouds.unit_file import Unit, UnitError, parse_environment, parse_environment_file

_DEFAULT_RESTART_S = 0.1  # systemd.service(5)
_SHORTEST_RESTART_S = 0.3  # a Python that ends at its start costs a fifth of a second of processor
_SHORTEST_WAIT_S = 0.05  # an attempt that ends before there is a process costs nothing
_LONGEST_BACK_OFF_S = 5.0


class Runner(Protocol):
    """What can be started as a unit: a service from a file, or a package's own service."""

    @property
    def state(self) -> str:
        """``inactive``, ``activating``, ``active`` or ``failed``."""
        ...

    def start(self) -> None:
        """Start and return when it is up (a oneshot: when it is done); raises UnitError."""

    def stop(self) -> None:
        """End it cleanly."""

    def kill(self) -> None:
        """SIGKILL."""


class Service:
    """One unit from a file.

    Args:
        unit: what it says.
        paths: where the machine's files are.
        environment: the machine's own variables, asked at every start.
        time_factor: divides ``RestartSec``.
    """

    def __init__(
        self, unit: Unit, paths: MachinePaths, environment: Callable[[], dict[str, str]], time_factor: float
    ) -> None:
        self.unit = unit
        self._paths = paths
        self._environment = environment
        self._time_factor = time_factor
        self._mutex = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._at_once = threading.Event()
        self._settled = threading.Event()
        self._state = "inactive"
        self._reason = self._refusal = ""
        self._code = 0
        self._spawned = False
        self.restarts = 0

    @property
    def state(self) -> str:
        """``inactive``, ``activating`` (also between two starts), ``active`` or ``failed``."""
        return self._state

    @property
    def log(self) -> Path:
        """Where its output goes: the file after ``append:``, else the machine's journal."""
        target = self.unit.one("Service", "StandardOutput", "journal")
        if target.startswith("append:"):
            return self._paths.path(target.removeprefix("append:"))
        return self._paths.path(f"/var/log/journal/{self.unit.name}.log")

    def start(self) -> None:
        """Start; a oneshot is waited for. Nothing happens when it is active already; what waits to be started
        again is started now.

        Raises:
            UnitError: this start failed, whether or not others follow; with the last lines of its output.
        """
        with self._mutex:
            if self._state not in {"active", "activating"}:
                self._state = "activating"
                self._stopping.clear()
                self._at_once.clear()
                self._settled.clear()
                self._thread = threading.Thread(target=self._live, name=self.unit.name, daemon=True)
                self._thread.start()
            elif self._state == "activating" and self._settled.is_set():
                self._settled.clear()
                self._at_once.set()
        self._settled.wait()
        if self._refusal:
            raise UnitError(self._refusal)

    def _live(self) -> None:
        limit, back_off = StartLimit(self.unit), 1.0
        while True:
            began = time.monotonic()
            self._spawned = False
            if not self._attempt(limit):
                return
            lived = time.monotonic() - began
            nominal = self.unit.seconds("RestartSec", _DEFAULT_RESTART_S)
            limit.passes(lived + nominal)
            pause = max(nominal / self._time_factor, _SHORTEST_WAIT_S)
            if self._spawned:
                back_off = 1.0 if lived > _LONGEST_BACK_OFF_S else back_off * 2
                pause = min(max(pause, _SHORTEST_RESTART_S) * back_off, _LONGEST_BACK_OFF_S)
            self._at_once.wait(pause)
            self._at_once.clear()
            if self._stopping.is_set():
                self._state = "failed" if self._reason else "inactive"
                self._settle(self._reason)
                return
            self.restarts += 1

    def _attempt(self, limit: StartLimit) -> bool:
        """Run it once; whether it is to be started again."""
        self._reason, limited = "", False
        try:
            limited = not limit.allows()
            if limited:
                raise UnitError("start request repeated too quickly")
            self._once()
        except (UnitError, OSError) as error:
            self._reason = f"{self.unit.name}: {error}"
        succeeded = not self._reason
        remains = succeeded and self.unit.type == "oneshot" and self.unit.flag("RemainAfterExit")
        policy = self.unit.one("Service", "Restart", "no")
        again = policy == "always" or (policy == "on-failure" and not succeeded)
        final = self.unit.one("Service", "RestartPreventExitStatus").split()
        again = again and not (remains or limited or self._stopping.is_set() or str(self._code) in final)
        # Also of a start that failed before a process was there: service_enter_start, service_enter_dead and
        # service_shall_restart in systemd's src/core/service.c; "auto-restart" counts as activating.
        self._state = (
            "activating" if again else "active" if remains else "inactive" if succeeded else "failed"
        )
        # Who depends on it goes on waiting then, and hears of no failure (systemd.service, RestartMode=).
        if not (again and self.unit.one("Service", "RestartMode", "normal") == "direct"):
            self._settle(self._reason)
        self._clear_runtime(keep=remains)
        return again

    def _settle(self, refusal: str) -> None:
        """Tell who started it; whoever was told already hears nothing of what comes after."""
        if not self._settled.is_set():
            self._refusal = refusal
            self._settled.set()

    def _once(self) -> None:
        self._code = 0
        if not self._condition_holds():
            return
        for section_key, base in (
            ("RuntimeDirectory", "/run"),
            ("StateDirectory", "/var/lib"),
            ("LogsDirectory", "/var/log"),
        ):
            for name in self.unit.one("Service", section_key).split():
                self._paths.path(f"{base}/{name}").mkdir(parents=True, exist_ok=True, mode=0o700)
        environment = self._full_environment()
        for words, forgiven in self.unit.commands("ExecStartPre"):
            if self._spawn(words, environment).wait() and not forgiven:
                raise UnitError(f"ExecStartPre {words[0]} failed: {self.tail()}")
        simple = self.unit.type != "oneshot"
        for words, forgiven in self.unit.commands("ExecStart"):
            process = self._spawn(words, environment)
            if simple:
                self._state = "active"
                self._settle("")
            self._code = code = process.wait()
            good = {0, *(int(word) for word in self.unit.one("Service", "SuccessExitStatus").split())}
            if code not in good and not forgiven:
                raise UnitError(f"ended with {code}: {self.tail()}")

    def _condition_holds(self) -> bool:
        for text in self.unit.all("Unit", "ConditionPathExists"):
            if self._paths.path(text.removeprefix("!")).exists() == text.startswith("!"):
                return False
        return True

    def _full_environment(self) -> dict[str, str]:
        environment = self._environment()
        own = parse_environment(self.unit.all("Service", "Environment"))
        environment |= {key: self._paths.word(value) for key, value in own.items()}
        for text in self.unit.all("Service", "EnvironmentFile"):
            file = self._paths.path(text.removeprefix("-"))
            if file.exists():
                environment |= parse_environment_file(file.read_text())
            elif not text.startswith("-"):
                raise UnitError(f"EnvironmentFile {text} does not exist")
        return environment

    def _spawn(self, words: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        program = program_path(words[0], self._paths, environment["PATH"])
        directory = self._paths.path(self.unit.one("Service", "WorkingDirectory", "/"))
        if not directory.is_dir():
            raise UnitError(f"WorkingDirectory {self.unit.one('Service', 'WorkingDirectory')} does not exist")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self._mutex:
            if self._stopping.is_set():
                raise UnitError("stopped while it started")
            self._spawned = True
            self._process = processes.spawn(
                [program, *(self._paths.word(word) for word in words[1:])],
                log=self.log,
                env=environment,
                cwd=directory,
            )
            return self._process

    def _clear_runtime(self, *, keep: bool) -> None:
        if keep or self.unit.one("Service", "RuntimeDirectoryPreserve", "no") != "no":
            return
        for name in self.unit.one("Service", "RuntimeDirectory").split():
            shutil.rmtree(self._paths.path(f"/run/{name}"), ignore_errors=True)

    def tail(self, lines: int = 12) -> str:
        """The last lines of its output."""
        if not self.log.exists():
            return "(no output)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after 10 s; it is not started again."""
        self._end(processes.stop)

    def kill(self) -> None:
        """SIGKILL; it is not started again."""
        self._end(processes.kill)

    def kill_process(self) -> None:
        """SIGKILL to its process only: what happens then is the unit's business."""
        process = self._process
        if process is not None and process.poll() is None:
            processes.kill(process)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        with self._mutex:
            self._stopping.set()
            self._at_once.set()
            process, thread = self._process, self._thread
        if process is not None and process.poll() is None:
            how(process)
        if thread is not None:
            thread.join()
        self._state = "inactive"


def program_path(text: str, paths: MachinePaths, search: str) -> str:
    """Where a unit's program really is: in the machine's folder, else by its name in the machine's PATH.

    Raises:
        UnitError: the machine has no such program.
    """
    own = paths.path(text)
    if own.exists():
        return str(own)
    if any(text.startswith(prefix + "/") for prefix in PREFIXES):
        raise UnitError(f"{text} does not exist on this machine")
    found = shutil.which(os.path.basename(text), path=search)  # noqa: PTH119 - a name, not a file
    if found is None:
        raise UnitError(f"{text} is not installed on this machine")
    return found
