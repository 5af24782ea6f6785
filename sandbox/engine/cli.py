"""The real Pulumi command line, run against the simulated clouds."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import processes
from sandbox.engine.environment import engine_environment
from sandbox.engine.project import prepare_project
from sandbox.tools import Tools


@dataclass(frozen=True)
class Result:
    """One finished command.

    Attributes:
        args: what followed ``pulumi``.
        code: its exit status.
        out: all it printed.
        seconds: how long it took.
    """

    args: tuple[str, ...]
    code: int
    out: str
    seconds: float


class EngineError(RuntimeError):
    """A Pulumi command failed or took too long; the message holds what it printed."""


class Engine:
    """Runs ``pulumi`` in the sandbox's copy of the project.

    Args:
        root: the sandbox's folder.
        tools: the programs of the sandbox.
        provider_ports: ports of the provider servers and of the language host (``Servers.ports``).
        project: the clone that holds the program.

    Attributes:
        env: full environment for plain ``pulumi`` in a shell of the user.
        project: the folder to run it in.
    """

    def __init__(self, root: Path, tools: Tools, provider_ports: dict[str, int], project: Path) -> None:
        self.project = prepare_project(project, root)
        self.env: Mapping[str, str] = engine_environment(root, tools.pulumi, tools.bin, provider_ports)
        self._program = root / "pulumi" / "bin" / "pulumi"
        self._logs = root / "pulumi" / "logs"
        self._logs.mkdir(exist_ok=True, mode=0o700)

    def run(self, *args: str, check: bool = True, stack: str | None = None, timeout_s: float = 300) -> Result:
        """Run one command; it never asks questions.

        Args:
            args: e.g. ``"up", "--yes"``.
            check: raise when the command fails.
            stack: the stack to name on the command line.
            timeout_s: after so many seconds the command is stopped.

        Raises:
            EngineError: a failure (with ``check``) or a time-out.
        """
        words = [*args, *(["--stack", stack] if stack else []), "--non-interactive", "--color", "never"]
        log = next(
            file
            for number in itertools.count()
            if not (file := self._logs / f"{number:03}-{args[0]}.log").exists()
        )
        started = time.monotonic()
        process = processes.spawn([self._program, *words], log=log, env=self.env, cwd=self.project)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise EngineError(
                f"pulumi {' '.join(args)} took more than {timeout_s:.0f} s:\n{log.read_text()}"
            ) from error
        finally:
            processes.stop(process)
        result = Result(args, process.returncode, log.read_text(errors="replace"), time.monotonic() - started)
        if check and result.code != 0:
            raise EngineError(f"pulumi {' '.join(args)} ended with status {result.code}:\n{result.out}")
        return result

    def select(self, stack: str) -> None:
        """Make ``stack`` the current one; it is created when it does not exist."""
        self.run("stack", "select", "--create", stack)

    def config_set(self, key: str, value: str, *, stack: str | None = None, secret: bool = False) -> None:
        """``pulumi config set KEY VALUE``."""
        self.run("config", "set", key, value, "--secret" if secret else "--plaintext", stack=stack)

    def up(self, *args: str, check: bool = True, stack: str | None = None, timeout_s: float = 600) -> Result:
        """``pulumi up --yes``."""
        return self.run("up", "--yes", *args, check=check, stack=stack, timeout_s=timeout_s)

    def preview(self, *args: str, check: bool = True, stack: str | None = None) -> Result:
        """``pulumi preview``."""
        return self.run("preview", *args, check=check, stack=stack)

    def outputs(self, *, stack: str | None = None) -> dict[str, Any]:
        """The stack's outputs, secrets in plain text."""
        out = self.run("stack", "output", "--json", "--show-secrets", stack=stack).out
        # the log holds both streams, so a warning may stand before the JSON
        return json.JSONDecoder().raw_decode(out[out.index("{") :])[0]
