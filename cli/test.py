"""``./dr test``: the same checks on every machine, here and in CI."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import Any

from cli.places import CLONE

_TESTS = CLONE / "tests"
_LONG = ("rehearsal", "engine", "faults", "agent")
_MOST_WORKERS = 4  # each has MySQL servers and emulators of its own
_FAST = ("unit", "program")
_STATIC = (
    ("ruff check", ("ruff", "check", ".")),
    ("ruff format", ("ruff", "format", "--check", "--quiet", ".")),
    ("pyright", ("pyright",)),
)
_EPILOG = """\
Examples:
  ./dr test unit                  # seconds: pure functions, and the Pulumi program under mocks
  ./dr test                       # everything: style, types, every test, three whole rehearsals
  ./dr test all -x -k failover    # what follows is pytest's own; -n 0: one file after another
  ./dr test providers             # both stacks previewed by the real plugins; needs open internet, no account
  ./dr test faults --rounds 300 --seed mine    # a long campaign of random faults against the data path
"""


def add(commands: Any) -> None:
    """Register ``test``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "test",
        help="run the project's tests",
        description=(__doc__ or "").replace("``", "'"),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what",
        nargs="?",
        default="all",
        choices=("all", "unit", "static", "providers", *sorted(_folders() - {"unit"})),
        metavar="WHAT",
        help="all (default), unit (fast: tests/unit and tests/program), static (style and types), "
        "providers (the real plugins; status 3 where they cannot be downloaded), or one "
        f"folder of tests: {', '.join(sorted(_folders() - {'unit'}))}",
    )
    parser.add_argument("pytest", nargs=argparse.REMAINDER, help="further arguments go to pytest")
    parser.set_defaults(run=_run)


def _folders() -> set[str]:
    return {path.name for path in _TESTS.iterdir() if path.is_dir() and any(path.glob("test_*.py"))}


def _run(arguments: argparse.Namespace) -> int:
    what: str = arguments.what
    if what == "providers":
        from cli.provider_check import check  # noqa: PLC0415 - heavy, and only this needs it

        return check()
    failures: list[str] = []
    if what in ("all", "static"):
        failures = [name for name, command in _STATIC if not _passes(name, command)]
        if what == "static":
            return _verdict(failures)
    folders = (
        [f"tests/{name}" for name in _FAST if name in _folders()] if what == "unit" else [f"tests/{what}"]
    )
    if what == "all":
        folders = [*_side_by_side(), *_longest_first()]
    status = subprocess.run(
        [sys.executable, "-m", "pytest", *folders, *arguments.pytest], cwd=CLONE, check=False
    ).returncode
    if failures:
        print(f"also failed: {', '.join(failures)} (above the tests)", file=sys.stderr)
    return status or bool(failures)


def _side_by_side() -> list[str]:
    """Options of pytest-xdist: whole files side by side, in the order in which they are named."""
    workers = min(len(os.sched_getaffinity(0)), _MOST_WORKERS)
    return ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"] if workers > 1 else []


def _longest_first() -> list[str]:
    """So that at the end no worker is left alone with a long file."""
    return [f"tests/{name}" for name in (*_LONG, *sorted(_folders() - set(_LONG)))]


def _passes(name: str, command: tuple[str, ...]) -> bool:
    done = subprocess.run([sys.executable, "-m", *command], cwd=CLONE, check=False)
    print(f"{name}: {'passed' if done.returncode == 0 else 'FAILED'}", flush=True)
    return done.returncode == 0


def _verdict(failures: list[str]) -> int:
    print(f"failed: {', '.join(failures)}" if failures else "style and types are in order")
    return 1 if failures else 0
