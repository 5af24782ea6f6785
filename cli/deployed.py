"""``python -m cli.deployed STACK``: refuses when the deployed stack was switched and the repository was not.

In a disaster an operator switches the stack from any machine and commits later. A deployment from the
repository in between would undo the failover, or close PetClinic to its users.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import yaml

from cli.places import CLONE
from cli.problem import Problem

_PREFIX = "petclinic-dr:"


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


def deployed(stack: str) -> dict[str, Any]:
    """The outputs of the stack's last update; empty before the first.

    Raises:
        Problem: Pulumi cannot read the stack's state.
    """
    done = subprocess.run(
        ["pulumi", "stack", "output", "--json", "--non-interactive", "--stack", stack],
        cwd=CLONE,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Problem(
            f"the state of stack {stack} cannot be read ({done.stderr.strip()[-300:]}): log in to the "
            f"backend, and make the stack once with 'pulumi stack init {stack}'"
        )
    return json.loads(done.stdout)


def refuse_other_mode(stack: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Raise Problem when deploying ``wanted`` would undo what ``found`` says was done by hand."""
    if not found:
        return
    mode, here = found.get("mode"), wanted["mode"]
    if mode != here:
        raise Problem(
            f"stack {stack} is deployed in mode {mode!r}, and Pulumi.{stack}.yaml says {here!r}: commit "
            f"'{_PREFIX}mode: {mode}' (and the other switches as they are), or switch the stack with Pulumi "
            "on purpose"
        )
    if found.get("opened") is True and _is(wanted, "enablePetclinic") is not True:
        raise Problem(
            f"PetClinic is open in stack {stack}, and Pulumi.{stack}.yaml does not say enablePetclinic: "
            f"commit '{_PREFIX}enablePetclinic: true', or users lose it and the database its protection"
        )
    if found.get("opened") is True and _is(wanted, "maintenance") is True:
        raise Problem(
            f"PetClinic is open in stack {stack}, and Pulumi.{stack}.yaml closes it: take "
            f"'{_PREFIX}maintenance' out, or close it with Pulumi on purpose"
        )


def _is(wanted: Mapping[str, Any], key: str) -> bool:
    return str(wanted.get(key)).lower() == "true"


def main(arguments: list[str]) -> int:
    """Returns the exit status: 0 go on, 1 refused, 2 wrong usage."""
    if len(arguments) != 1:
        print("usage: python -m cli.deployed STACK", file=sys.stderr)
        return 2
    (stack,) = arguments
    try:
        refuse_other_mode(stack, committed(stack), deployed(stack))
    except Problem as problem:
        print(f"dr: {problem}", file=sys.stderr)
        return 1
    print(f"stack {stack} stands as the repository says")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
