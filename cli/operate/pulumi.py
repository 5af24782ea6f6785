"""Plain ``pulumi`` commands in the project's folder, as an operator would type them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import yaml

from cli.operate.facts import Switches, switches_from
from cli.places import CLONE
from cli.problem import Problem

PROJECT = "petclinic-dr"
_QUIET = ("--non-interactive", "--color", "never")
_TIMEOUT_S = 120.0  # of commands that only read; an ``up`` has none, it is the engine that knows
_TAIL = 600
PAGE = 10
"""Entries of a stack's history that are looked at."""


def project_folder(named: str | None) -> Path:
    """Where ``pulumi`` is run: ``named``, else the current directory if it holds this project, else CLONE.

    Raises:
        Problem: ``named`` holds no such project.
    """
    if named is not None:
        folder = Path(named).resolve()
        if not _is_project(folder):
            raise Problem(
                f"--cwd is {named!r}: it holds no Pulumi.yaml of project {PROJECT}; name its folder"
            )
        return folder
    here = Path.cwd()
    return here if _is_project(here) else CLONE


def _is_project(folder: Path) -> bool:
    try:
        document: object = yaml.safe_load((folder / "Pulumi.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return False
    return isinstance(document, dict) and cast("dict[str, Any]", document).get("name") == PROJECT


@dataclass(frozen=True)
class Deployment:
    """What the state says.

    Attributes:
        switches: of the last update, if it succeeded and nothing was changed since; else None.
        mode: in which the last update that ended was; empty: none ended yet.
        why: in words, why ``switches`` is None.
        succeeded: of the last update that succeeded, whatever came after it; None: none is remembered.
        ordered: as ``switches``, also where only single resources were destroyed since.
    """

    switches: Switches | None
    mode: str
    why: str
    succeeded: Switches | None = None
    ordered: Switches | None = None


@dataclass(frozen=True)
class Run:
    """One command that changed the stack, as its history keeps it.

    Attributes:
        kind: ``update``, ``destroy``, ``refresh`` and others. result: ``succeeded`` or how else it ended.
        ended: when, ISO 8601.
        switches: with which it was run.
    """

    kind: str
    result: str
    ended: str
    switches: Switches

    @property
    def deployed(self) -> bool:
        """What the stack's file said then was deployed, all of it."""
        return self.kind == "update" and self.result == "succeeded"


class Pulumi:
    """One stack.

    Args:
        folder: of the project.
        stack: its name; None: the selected one.
    """

    def __init__(self, folder: Path, stack: str | None, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._stack = stack
        self._say = say

    @property
    def stack(self) -> str:
        """The stack's name.

        Raises:
            Problem: none is selected, or Pulumi cannot tell.
        """
        if self._stack is None:
            self._stack = self.read("stack", "--show-name", named=False).strip().rsplit("/", 1)[-1]
        return self._stack

    def read(self, *words: str, named: bool = True, timeout_s: float | None = _TIMEOUT_S) -> str:
        """What a command that only reads prints.

        Raises:
            Problem: it failed; with what it said last.
        """
        try:
            done = subprocess.run(
                self._command(*words, named=named),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout_s,
            )
        except FileNotFoundError as error:
            raise Problem(_MISSING) from error
        except subprocess.TimeoutExpired as error:
            raise Problem(
                f"'pulumi {' '.join(words)}' took more than {timeout_s} s; is the backend there?"
            ) from error
        if done.returncode != 0:
            raise Problem(
                f"'pulumi {' '.join(words)}' failed: {(done.stderr or done.stdout).strip()[-_TAIL:]}"
            )
        return done.stdout

    def change(self, *words: str) -> tuple[int, str]:
        """Run a command that changes something, its output shown as it comes; status and output."""
        self._say(f"$ pulumi {' '.join(words)}")
        lines: list[str] = []
        try:
            process = subprocess.Popen(
                self._command(*words),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except FileNotFoundError as error:
            raise Problem(_MISSING) from error
        with process:
            try:
                self._follow(process, lines)
            except KeyboardInterrupt:
                # The same Ctrl-C reached the engine, which now ends what it is making and writes its state.
                self._say("  pulumi is ending in order; another Ctrl-C leaves it alone with that")
                self._follow(process, lines)
                raise
        return process.returncode, "".join(lines)

    def _follow(self, process: subprocess.Popen[str], lines: list[str]) -> None:
        for line in process.stdout or ():
            lines.append(line)
            if line.strip():
                self._say(f"  | {line.rstrip()}")

    def _command(self, *words: str, named: bool = True) -> list[str]:
        stack = ["--stack", self.stack] if named else []
        return ["pulumi", *words, *stack, *_QUIET]

    # ---------------------------------------------------------------------------------------------- reading

    def config(self) -> dict[str, str]:
        """The stack's settings by key, with the project's defaults below them."""
        own: dict[str, Any] = json.loads(self.read("config", "--json"))
        return {**self._defaults, **_plain(own)}

    @cached_property
    def _defaults(self) -> dict[str, str]:
        entries = yaml.safe_load((self.folder / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]
        return {key: _text(entry.get("default")) for key, entry in entries.items() if isinstance(entry, dict)}

    def outputs(self) -> dict[str, Any]:
        """The outputs of the last update; empty before the first."""
        return json.loads(self.read("stack", "output", "--json"))

    def history(self) -> list[Run]:
        """The last `PAGE` commands that changed the stack and ended, newest first."""
        entries: list[dict[str, Any]] = json.loads(
            self.read("stack", "history", "--json", "--page-size", str(PAGE))
        )
        return [
            Run(
                str(entry.get("kind")),
                str(entry.get("result")),
                str(entry.get("endTime", "")),
                switches_from(_plain(entry.get("config") or {})),
            )
            for entry in entries
        ]

    def deployment(self) -> Deployment:
        """What was deployed last; see `Deployment`."""
        history = self.history()
        ended = [run for run in history if run.kind == "update"]
        if not ended:
            return Deployment(None, "", "the stack was never deployed")
        switches, newest = ended[0].switches, history[0]
        succeeded = next((run.switches for run in ended if run.deployed), None)
        since = [(run.kind, run.result) for run in history[: history.index(ended[0])]]
        destroyed_only = ended[0].deployed and all(run == ("destroy", "succeeded") for run in since)
        if not newest.deployed:
            why = f"the last '{newest.kind}' of the stack ended {newest.result}"
            certain = destroyed_only and not self.changed_after(newest)
            return Deployment(None, switches.mode, why, succeeded, switches if certain else None)
        if self.changed_after(newest):
            return Deployment(None, switches.mode, "an update was ended half-way since", succeeded)
        return Deployment(switches, switches.mode, "", succeeded, switches)

    def changed_after(self, run: Run) -> bool:
        """A killed update leaves no entry in the history, but a younger state, or is still under way."""
        stacks: list[dict[str, Any]] = json.loads(self.read("stack", "ls", "--json", named=False))
        mine = next((s for s in stacks if str(s.get("name", "")).rsplit("/", 1)[-1] == self.stack), {})
        if mine.get("updateInProgress"):
            return True
        written, end = mine.get("lastUpdate"), run.ended
        if not written or not end:
            return False
        # The end has whole seconds, and the last state is written just before it.
        return datetime.fromisoformat(str(written)) > datetime.fromisoformat(end) + timedelta(seconds=2)

    def resources(self) -> list[dict[str, Any]]:
        """The resources of the stack's state."""
        document = json.loads(self.read("stack", "export"))
        return (document.get("deployment") or {}).get("resources") or []

    # --------------------------------------------------------------------------------------------- changing

    def configure(self, changes: Mapping[str, str | None]) -> None:
        """Change settings in the stack's file: all at once, so that no contradiction stands in between.

        Raises:
            Problem: a command failed.
        """
        pairs = [f"{key}={value or ''}" for key, value in changes.items()]
        gone = [key for key, value in changes.items() if value is None]
        commands: list[Sequence[str]] = [
            ("config", "set-all", *(word for pair in pairs for word in ("--plaintext", pair))),
            *(("config", "rm", key) for key in gone),  # empty already, which means the same
        ]
        for words in commands:
            code, out = self.change(*words)
            if code != 0:
                raise Problem(f"'pulumi {' '.join(words)}' failed with status {code}: {out.strip()[-_TAIL:]}")

    def unlock(self) -> None:
        """Remove the lock that a dead process left.

        Raises:
            Problem: that failed.
        """
        self._say(f"$ pulumi cancel --yes {self.stack}")
        self.read("cancel", "--yes", self.stack, named=False)


_MISSING = (
    f"there is no pulumi on PATH ({os.environ.get('PATH', '')}): install it from pulumi.com/docs/install"
)


def _plain(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings as ``pulumi config --json`` and the history write them, by key without the project."""
    return {
        key.removeprefix(f"{PROJECT}:"): str(entry.get("value", ""))
        for key, entry in values.items()
        if isinstance(entry, dict) and not entry.get("secret")
    }


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, list | dict) else str(value)
