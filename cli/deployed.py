"""``python -m cli.deployed STACK``: refuses when the stack was run with other switches than are committed.

In a disaster an operator switches the stack from any machine and commits later. A deployment from the
repository in between would undo the failover, or close PetClinic to its users. The stack's outputs do not
tell: after an ``up`` that failed they are still those of the one before. Its history does.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from cli.operate.facts import SWITCHES, Switches, switches_from
from cli.operate.pulumi import PAGE, PROJECT, Pulumi, Run
from cli.places import CLONE
from cli.problem import Problem

_PREFIX = f"{PROJECT}:"
_WORDS = {"update": "up"}  # kind of an entry: the command
_BY_HAND = (
    "the switches were changed and no 'pulumi up' has succeeded since: complete or undo the change by hand "
    "(./dr status names the command), commit the switches, then repeat this deployment"
)


def committed(stack: str) -> dict[str, Any]:
    """The stack's settings in the repository, with the project's defaults below them.

    Raises:
        Problem: there is no file for the stack.
    """
    file = CLONE / f"Pulumi.{stack}.yaml"
    if not file.exists():
        raise Problem(f"there is no {file.name}: name a stack that has one")
    defaults = yaml.safe_load((CLONE / "Pulumi.yaml").read_text())["config"]
    own = yaml.safe_load(file.read_text())["config"]
    values = {key: entry.get("default") for key, entry in defaults.items()}
    return values | {key.removeprefix(_PREFIX): value for key, value in own.items()}


def refuse_other_switches(stack: str, wanted: Switches, history: Sequence[Run]) -> None:
    """Raise Problem when deploying ``wanted`` would undo, or complete unasked, what was done by hand.

    Whatever was run since the last ``up`` that succeeded counts, and so does that one: a deployment of this
    workflow that failed can be repeated, an operator's command that ended half-way is the operator's to end.

    Args:
        history: newest first.
    """
    for run in history:
        _refuse(stack, wanted, run, newest=run is history[0])
        if run.deployed:
            return
    if len(history) >= PAGE:
        raise Problem(
            f"none of the last {PAGE} commands on stack {stack} is a 'pulumi up' that succeeded, so what "
            "stands there is not known: run 'pulumi up' with the switches it is to have, then repeat this "
            "deployment"
        )


def _refuse(stack: str, wanted: Switches, run: Run, *, newest: bool) -> None:
    changes = wanted.changes_to(run.switches)
    ended = f"'pulumi {_WORDS.get(run.kind, run.kind)}'"
    if changes:
        there = ", ".join(f"{key}: {value or repr('')}" for key, value in changes.items())
        here = ", ".join(f"{key}: {_shown(wanted, key)}" for key in changes)
        raise Problem(
            f"{ended} on stack {stack}, which ended {run.result} at {run.ended}, was run with {there}, and "
            f"Pulumi.{stack}.yaml says {here}: " + (_commit(changes) if newest and run.deployed else _BY_HAND)
        )
    if run.kind == "destroy":
        raise Problem(
            f"{ended} on stack {stack} at {run.ended} was not followed by an 'up', so somebody is at work "
            "there: let the command that was begun come to its end (./dr status names it), then repeat this "
            "deployment"
        )


def _commit(changes: Mapping[str, str | None]) -> str:
    lines = ", ".join(f"'{_PREFIX}{key}: {value or repr('')}'" for key, value in changes.items())
    return f"commit {lines}, or switch the stack with ./dr or Pulumi on purpose"


def _shown(wanted: Switches, key: str) -> str:
    value = next(getattr(wanted, name) for name, named in SWITCHES.items() if named == key)
    return str(value).lower() if isinstance(value, bool) else str(value) or repr("")


def check(pulumi: Pulumi, wanted: Switches) -> None:
    """Look at the stack, and refuse as `refuse_other_switches` does, or when nobody can tell.

    Raises:
        Problem: it is refused, or Pulumi cannot read the stack.
    """
    stack = pulumi.stack
    try:
        history = pulumi.history()
        unknown = pulumi.changed_after(history[0]) if history else bool(pulumi.resources())
    except Problem as problem:
        raise Problem(
            f"stack {stack} cannot be read ({problem}): log in to the backend, and make the stack once with "
            f"'pulumi stack init {stack}'"
        ) from problem
    refuse_other_switches(stack, wanted, history)
    if unknown:
        raise Problem(
            f"an update of stack {stack} is under way, or was ended half-way and left no entry in its "
            "history, so its switches are not known: complete it by hand ('pulumi up', or the command that "
            "./dr status names), then repeat this deployment"
        )


def main(arguments: list[str]) -> int:
    """Returns the exit status: 0 go on, 1 refused, 2 wrong usage."""
    if len(arguments) != 1:
        print("usage: python -m cli.deployed STACK", file=sys.stderr)
        return 2
    (stack,) = arguments
    try:
        check(Pulumi(CLONE, stack, print), switches_from(committed(stack)))
    except Problem as problem:
        print(f"dr: {problem}", file=sys.stderr)
        return 1
    print(f"stack {stack} stands as the repository says")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
