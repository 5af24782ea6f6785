"""The operator's own tool, run as a person runs it: in the project's folder, in a sandbox's shell."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from cli.places import CLONE
from cli.world import World
from sandbox import processes
from sandbox.engine.cli import Result
from sandbox.engine.environment import clean

_LONGEST_S = 600.0  # what a command may take on a machine that others load, too


class OperatorError(RuntimeError):
    """A command of the operator's tool ended in another way than it must; with the last lines it said."""


class Tool:
    """One running ``./dr`` command.

    Attributes:
        words: what followed ``./dr``.
        aws: the operator has signed in to AWS, as no command of an emergency needs.
    """

    def __init__(self, world: World, words: Sequence[str], *, aws: bool) -> None:
        self.words = tuple(words)
        folder = world.root / "dr"
        folder.mkdir(exist_ok=True, mode=0o700)
        name = "-".join(word.lstrip("-") for word in words[:2])
        self._log = next(
            file for number in itertools.count() if not (file := folder / f"{number:03}-{name}.log").exists()
        )
        signed_in = world.clouds.operator_aws_environment() if aws else {}
        self._began = time.monotonic()
        self._process: subprocess.Popen[bytes] = processes.spawn(
            [sys.executable, "-P", "-m", "cli", *words],
            log=self._log,
            env=_environment({**world.shell_environment(), **signed_in}),
            cwd=world.project,
        )

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self, timeout_s: float = _LONGEST_S) -> Result:
        """Wait for its end.

        Raises:
            OperatorError: it took longer, and was killed.
        """
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise OperatorError(f"{self} took more than {timeout_s:.0f} s: {tail(self.said())}") from error
        finally:
            processes.kill(self._process)  # also what it left behind in its process group
        return Result(self.words, self._process.returncode, self.said(), time.monotonic() - self._began)

    def kill(self) -> None:
        """SIGKILL, to the tool and to whatever it runs at this moment."""
        processes.kill(self._process)

    def said(self) -> str:
        """All that it has said so far."""
        return self._log.read_text(errors="replace")

    def __str__(self) -> str:
        return " ".join(("./dr", *self.words))


def tail(text: str, lines: int = 6) -> str:
    """The end of what a command said, in one line."""
    return " / ".join(line.strip() for line in text.strip().splitlines()[-lines:])


def _environment(shell: Mapping[str, str]) -> dict[str, str]:
    """The environment of a shell after ``eval "$(./dr sandbox env)"``."""
    mine = clean(os.environ)
    path = shell.get("PATH", "") + mine.get("PATH", os.defpath)
    return {**mine, **shell, "PATH": path, "PYTHONPATH": str(CLONE)}
