"""``./dr agent``: the agent, with MySQL's programs found or brought: nothing is installed by hand."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from agent.__main__ import main as agent
from sandbox.tools import SetupError, mysql_folder

# What each command starts; the others start nothing.
_CLIENTS = ("mysql", "mysqldump")
_NEEDS = {
    "check": _CLIENTS,
    "dump": _CLIENTS,
    "restore": _CLIENTS,
    "replay": _CLIENTS,
    "verify": (*_CLIENTS, "mysqld"),
    "run": (*_CLIENTS, "mysqld"),
}


def run(words: Sequence[str]) -> int:
    """Run one command of the agent; its own exit status, or 4 when MySQL's programs cannot be had."""
    if not {"-h", "--help"} & set(words):
        try:
            _provide(_NEEDS.get(next(iter(words), ""), ()))
        except SetupError as error:
            print(f"error: {error}", file=sys.stderr)
            return 4  # the agent's own status for it
    os.umask(0o077)
    return agent(words, program="./dr agent")


def _provide(programs: Sequence[str]) -> None:
    """Put MySQL's programs on PATH where one of those needed is missing."""
    if all(shutil.which(program) for program in programs):
        return
    folder = mysql_folder(lambda step: print(step, file=sys.stderr))
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
