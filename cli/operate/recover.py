"""``pulumi up`` that goes on after one that was killed: a stale lock, and resources that Azure has already.

The engine writes a resource into the state after the cloud has made it. An engine that dies in between leaves
a resource that the next ``up`` cannot create; only ``pulumi import`` makes it the stack's own
(https://www.pulumi.com/docs/iac/operations/troubleshooting/). Azure's provider says "cannot create already
existing resource '<id>'" (provider/pkg/provider/provider.go of pulumi-azure-native).
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.operate.pulumi import Pulumi
from cli.problem import Problem

_MOST_IMPORTS = 60  # more than an emergency makes
_TAIL = 1500
# Of the diagnostics at the end: "  <type> (<name>):", then its messages, indented further.
_RESOURCE = re.compile(r"^  (?P<type>[\w:/.-]+) \((?P<name>[^)]+)\):$")
_EXISTS = re.compile(r"cannot create already existing (?:sub)?resource '(?P<id>[^']+)'")
_LOCKED = "the stack is currently locked by"
_HOLDER = re.compile(r"created by \S+?@(?P<host>\S+) \(pid (?P<pid>\d+)\)")

Agree = Callable[[str], bool]


@dataclass(frozen=True)
class Orphan:
    """A resource that exists in Azure and not in the stack's state."""

    type: str
    name: str
    id: str


def orphans(output: str) -> list[Orphan]:
    """The resources that the engine's output says exist already, each once."""
    found: dict[str, Orphan] = {}
    kind = name = ""
    for line in output.partition("\nDiagnostics:")[2].splitlines():
        if heading := _RESOURCE.match(line):
            kind, name = heading["type"], heading["name"]
        elif (exists := _EXISTS.search(line)) and name:
            found[exists["id"]] = Orphan(kind, name, exists["id"])
    return list(found.values())


def stale_lock(output: str) -> bool | None:
    """Whether the stack is locked by a process of this machine that is gone; None: it is not locked.

    False: the holder lives, or is on another machine, where nobody here can tell.
    """
    if _LOCKED not in output:
        return None
    holders = list(_HOLDER.finditer(output))
    return bool(holders) and all(
        holder["host"] == socket.gethostname() and not _lives(int(holder["pid"])) for holder in holders
    )


def _lives(pid: int) -> bool:
    """Whether a process of this machine lives. A dead one whose parent never asked keeps its number: that is
    what a killed ``./dr`` leaves in a container whose first process is no init.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError):  # no /proc: macOS
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        return state.split()[:1] != ["Z"]
    return True


def up(pulumi: Pulumi, agree: Agree, say: Callable[[str], None]) -> None:
    """``pulumi up``, until it succeeds or fails for a reason that a person has to look at.

    Args:
        agree: is asked before a lock is removed and before a resource is imported.

    Raises:
        Problem: it failed; the engine's output was shown.
    """
    imported: set[str] = set()
    while True:
        code, out = pulumi.change("up", "--yes", "--skip-preview")
        if code == 0:
            return
        if stale_lock(out) is not None:
            _unlock(pulumi, out, agree)
            continue
        new = [orphan for orphan in orphans(out) if orphan.id not in imported]
        if not new or len(imported) > _MOST_IMPORTS:
            raise Problem(
                f"'pulumi up' ended with status {code}; what it says is above. Put that right and run the "
                "same command again: it goes on from what it finds"
            )
        _adopt(pulumi, new, agree, say)
        imported |= {orphan.id for orphan in new}


def _unlock(pulumi: Pulumi, output: str, agree: Agree) -> None:
    how = f"pulumi cancel --yes {pulumi.stack}"
    if not stale_lock(output):
        raise Problem(
            "another pulumi works on this stack, or died on another machine: wait for it; if it is certainly "
            f"dead, run '{how}' and then the same command again"
        )
    if not agree(f"the process that locked the stack is dead; remove its lock ({how})?"):
        raise Problem(
            f"the stack is locked by a process that is dead: run '{how}', then the same command again"
        )
    pulumi.unlock()


def _adopt(pulumi: Pulumi, found: list[Orphan], agree: Agree, say: Callable[[str], None]) -> None:
    listed = "\n".join(f"    {orphan.type} {orphan.name}\n      {orphan.id}" for orphan in found)
    say(f"An 'up' that was ended had made in Azure what the stack's state does not know:\n{listed}")
    if not agree("import exactly these into the stack and go on?"):
        raise Problem(
            "nothing was imported; import them with 'pulumi import', then run the same command again"
        )
    wanted = _wanted(pulumi)
    for orphan in found:
        goal = wanted.get((orphan.type, orphan.name))
        if goal is None:
            raise Problem(
                f"the program does not ask for {orphan.type} {orphan.name}, which exists as {orphan.id}: "
                "look at it in Azure and delete it there, or import it with 'pulumi import'"
            )
        code, out = pulumi.change(
            *("import", orphan.type, orphan.name, orphan.id),
            *("--parent", f"parent={goal['parent']}"),
            *("--provider", f"cloud={str(goal['provider']).rpartition('::')[0]}"),
            f"--protect={str(bool(goal.get('protect'))).lower()}",
            *("--generate-code=false", "--yes", "--skip-preview"),
        )
        if code != 0 and orphan.id not in {r.get("id") for r in pulumi.resources()}:
            raise Problem(f"'pulumi import' of {orphan.id} ended with status {code}: {out.strip()[-_TAIL:]}")


def _wanted(pulumi: Pulumi) -> dict[tuple[str, str], dict[str, Any]]:
    """What the program would create, by type and name: a preview knows each one's parent and provider."""
    document = json.loads(pulumi.read("preview", "--json", timeout_s=None))
    states = [step.get("newState") or {} for step in document.get("steps") or []]
    return {(str(s.get("type")), str(s.get("urn", "")).rpartition("::")[2]): s for s in states}
