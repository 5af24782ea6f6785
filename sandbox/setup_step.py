"""One external command of set-up, whose failure becomes one sentence. Standard library only."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.setup_error import SetupError

_ERROR = re.compile(r"(E|Err|ERROR|npm error|fatal|.*\[ERROR\])[:\s]", re.IGNORECASE)
_CAUSE = re.compile(r"\b(cause|caused by|reason):", re.IGNORECASE)
MORE_SPACE = "free some space, or set XDG_CACHE_HOME to a folder on a larger disk"
_FULL = "No space left on device"


def run_step(
    argv: Sequence[str | Path],
    *,
    what: str,
    by_hand: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a command quietly and return what it printed on standard output.

    Args:
        what: what this is to bring, the subject of the error sentence ("MySQL", "Azurite").
        by_hand: what a person can do instead, the end of the error sentence.
        env: variables on top of our own environment.

    Raises:
        SetupError: the command is not there or ended with a non-zero status.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            cwd=cwd,
            check=False,
        )
    except FileNotFoundError as error:
        raise SetupError(
            f"{what} could not be had: there is no {Path(words[0]).name} here; {by_hand}"
        ) from error
    except PermissionError as error:
        raise SetupError(
            f"{what} could not be had: {words[0]} may not be executed (a noexec mount?); {by_hand}"
        ) from error
    if done.returncode == 0:
        return done.stdout
    if _FULL in done.stderr + done.stdout:
        raise SetupError(f"{what} could not be had: disk full; {MORE_SPACE}")
    raise SetupError(
        f"{what} could not be had: {Path(words[0]).name} ended with status {done.returncode} "
        f"({telling(done.stderr) or telling(done.stdout) or 'it said nothing'}); {by_hand}"
    )


def telling(said: str) -> str:
    """What a command's output says best about why it failed: its first error, and that error's last cause."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    causes = [line for line in lines if _CAUSE.search(line) and line not in errors[:1]]
    text = "; ".join([*errors[:1], *causes[-1:]] or lines[-1:])
    return text if len(text) <= 400 else text[:397] + "..."
