"""What ``./dr`` does before its virtual environment exists: make it, or compile the locks it is made from.

Run by the system's Python, so everything imported here is the standard library or says that it needs no more.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.cache import refuse_full_disk
from sandbox.setup_error import SetupError
from sandbox.setup_step import run_step
from sandbox.wheels import find_or_bring_uv, uv_environment

CLONE = Path(__file__).parents[1]
VENV = CLONE / ".venv"
LOCK = CLONE / "requirements" / "dev.txt"
INSTALLED = VENV / "installed.txt"  # a copy of the lock, written last; ./dr compares the two
NPM = CLONE / "sandbox" / "npm"
_VENV_MIB = 1500
_OLDEST_PYTHON = "3.11"
_BY_HAND = (
    "connect this machine to the network and run again; the packages come from the Python package index"
)


def main(arguments: Sequence[str]) -> int:
    """No argument: make the environment. ``lock [--upgrade]``: compile the locks. Returns the exit status."""
    try:
        if not arguments:
            make_environment()
        elif arguments[0] == "lock" and set(arguments[1:]) <= {"--upgrade"}:
            compile_locks(upgrade="--upgrade" in arguments)
        else:
            raise SetupError(
                f"'./dr {' '.join(arguments)}' is not known: say './dr lock' or './dr lock --upgrade'"
            )
    except SetupError as error:
        print(f"dr: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dr: interrupted; run it again, it continues where it was", file=sys.stderr)
        return 130
    return 0


def report(line: str) -> None:
    """Progress of set-up; on standard error, so that ``./dr sandbox env`` stays clean."""
    print(f"set-up: {line}", file=sys.stderr, flush=True)


def make_environment() -> None:
    """Make ``.venv`` hold exactly what the lock names.

    The stamp goes first and comes back last: whatever ends us in between, the next run finishes the work.
    A lock on the clone's own folder keeps a second ``./dr`` of the same clone away meanwhile.

    Raises:
        SetupError: something could not be had, or the clone cannot be written to.
    """
    descriptor = os.open(CLONE, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _runs(VENV / "bin/python") and INSTALLED.exists() and INSTALLED.read_bytes() == LOCK.read_bytes():
            return
        _install()
    except OSError as error:
        raise SetupError(f"cannot write to {error.filename or CLONE} ({error.strerror})") from error
    finally:
        os.close(descriptor)


def _install() -> None:
    INSTALLED.unlink(missing_ok=True)
    uv = find_or_bring_uv(report)
    if not _runs(VENV / "bin/python"):
        refuse_full_disk(CLONE, _VENV_MIB, "free some space, or clone onto a larger disk")
        report(f"making {VENV} with Python {sys.version.split()[0]}")
        # Relocatable: a clone may be moved or renamed with its environment in it.
        _uv(uv, "venv", "--quiet", "--clear", "--relocatable", "--python", sys.executable, VENV)
    count = len(re.findall(r"^\S+==", LOCK.read_text(), re.MULTILINE))
    report(f"installing the {count} Python packages of {LOCK.relative_to(CLONE)} (once, about 1 GB)")
    _uv(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", VENV / "bin/python", LOCK)
    shutil.copyfile(LOCK, INSTALLED.with_suffix(".tmp"))
    INSTALLED.with_suffix(".tmp").replace(INSTALLED)


def _uv(uv: Path, *arguments: str | Path) -> None:
    run_step(
        [uv, *arguments], what="the Python environment", by_hand=_BY_HAND, env=uv_environment(), cwd=CLONE
    )


def _runs(python: Path) -> bool:
    """Whether it is a Python that works: a system upgrade leaves links to a Python that is gone."""
    if not python.exists():
        return False
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


def compile_locks(*, upgrade: bool) -> None:
    """Write every ``requirements/*.txt`` from its ``.in``, and the npm lock.

    What is locked stays as it is unless the ``.in`` asks for another, or ``upgrade`` is given.

    Raises:
        SetupError: a tool or the network is missing, or a requirement cannot be met.
    """
    from sandbox.tools import find_or_bring_node  # noqa: PLC0415 - only here

    uv = find_or_bring_uv(report)
    # dev first: what runs on the servers has the versions that the tests ran with.
    locks = {"dev": None, "agent": LOCK, "program": LOCK, "tools": None, "iam": None, "checkov": None}
    for name, constraint in locks.items():
        source = CLONE / "requirements" / f"{name}.in"
        report(f"compiling {source.name}")
        options = ["--quiet", "--universal", "--python-version", _OLDEST_PYTHON, "--generate-hashes"]
        options += ["--no-annotate", "--no-emit-index-url", "--custom-compile-command", "./dr lock"]
        options += ["--upgrade"] if upgrade else []
        options += ["--constraint", str(constraint)] if constraint else []
        _uv(uv, "pip", "compile", *options, source, "--output-file", source.with_suffix(".txt"))
    report("compiling the npm lock")
    _, npm = find_or_bring_node(report)
    run_step(
        [*npm, "update" if upgrade else "install", "--package-lock-only", "--ignore-scripts", "--no-audit"],
        what="the npm lock",
        by_hand="connect this machine to the network and run again",
        cwd=NPM,
        env={"npm_config_omit_lockfile_registry_resolved": "true"},
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
