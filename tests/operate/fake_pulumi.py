"""A stand-in for ``pulumi``: one stack in a JSON file, with the real program's own rules for its switches.

Run as a program it is what PATH finds; ``call`` is the same without a process. Every command is recorded.
"""

from __future__ import annotations

import fcntl
import json
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from components.config_reader import Reader
from components.switches import Switches, read_switches

PREFIX = "petclinic-dr:"
ROOT = Path(__file__).resolve().parents[2]
STACK = "urn:pulumi:normal::petclinic-dr::pulumi:pulumi:Stack::petclinic-dr-normal"
PROVIDER = "urn:pulumi:normal::petclinic-dr::pulumi:providers:azure-native::azure-native"
SERVER = "azure-native:dbformysql:Server"
BLOB = "azure-native:storage:Blob"


class Died(RuntimeError):
    """The engine was killed."""


def now() -> str:
    return datetime.now(UTC).isoformat()


class Stack:
    """The state file.

    Keys: ``config`` (own settings), ``history``, ``resources`` (name: resource), ``cloud`` (names of what
    Azure has), ``outputs``, ``calls``, ``kill`` (name of the resource after whose creation the engine dies),
    ``written`` (when the state was last written), ``lock`` (the pid that holds it).
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "fake.json"
        self.now: dict[str, Any] = json.loads(self.file.read_text())

    def save(self) -> None:
        self.file.write_text(json.dumps(self.now, indent=1))

    def values(self) -> dict[str, str]:
        return {**defaults(), **self.now["config"]}

    def switches(self) -> Switches:
        reader = Reader(self.values().get)
        switches = read_switches(reader)
        if reader.problems:
            raise ValueError("\n".join(reader.problems))
        return switches

    # ---------------------------------------------------------------------------------------------- commands

    def config_json(self) -> str:
        return json.dumps(
            {f"{PREFIX}{k}": {"value": v, "secret": False} for k, v in self.now["config"].items()}
        )

    def up(self) -> tuple[int, str]:
        if self.now["lock"]:
            return 255, f"error: the stack is currently locked by 1 lock(s).\n  x: {self.now['lock']}"
        try:
            switches = self.switches()
        except ValueError as error:
            return 255, f"error: {error}"
        wanted = self.wanted(switches)
        protected = [n for n, r in self.now["resources"].items() if n not in wanted and r["protect"]]
        if protected:
            return 255, f"error: resource {protected[0]} cannot be deleted\nbecause it is protected"
        for name, resource in wanted.items():
            if name in self.now["resources"]:
                self.now["resources"][name]["protect"] = resource["protect"]
                continue
            if name in self.now["cloud"]:
                self.now["outputs"], self.now["written"] = {}, now()
                self.now["history"].insert(0, self.entry("update", "failed"))
                return 255, exists(resource)
            self.now["cloud"].append(name)
            if self.now["kill"] == name:
                self.now |= {"kill": "", "written": now(), "lock": "created by me@elsewhere (pid 1) at now"}
                raise Died
            self.now["resources"][name] = resource
        for name in [n for n in self.now["resources"] if n not in wanted]:
            self.now["cloud"].remove(name)
            del self.now["resources"][name]
        self.now["outputs"] = {"mode": switches.mode, "backup_endpoint": "https://vault.example"}
        self.now["history"].insert(0, self.entry("update", "succeeded"))
        self.now["written"] = now()
        return 0, "Resources:\n    all as wanted"

    def entry(self, kind: str, result: str) -> dict[str, Any]:
        config = {f"{PREFIX}{k}": {"value": v, "secret": False} for k, v in self.values().items()}
        return {"kind": kind, "result": result, "endTime": now(), "config": config}

    def wanted(self, switches: Switches) -> dict[str, dict[str, Any]]:
        account = "azure-native:storage:StorageAccount"
        blob = {"primaryEndpoints": {"blob": "https://vault.example/"}}
        found = [
            one(f"pilotlight:azure:BackupVault${account}", "vault-account", blob),
            one(
                f"pilotlight:azure:MaintenanceSite${account}",
                "site-account",
                {"primaryEndpoints": {"web": "https://site.example/"}},
            ),
            one("azure-native:network:PublicIPAddress", "pip", {"ipAddress": "198.51.100.10"}),
        ]
        if switches.servers_run:
            database = one(f"pilotlight:azure:StandbyDatabase${SERVER}", "standby-database-server", {})
            found.append({**database, "protect": switches.database_protected})
        if switches.holds_traffic:
            found.append(one(f"pilotlight:azure:HoldSwitch${BLOB}", "hold-switch-blob", {}))
        return {resource["urn"].rpartition("::")[2]: resource for resource in found}

    def destroy(self, urn: str) -> tuple[int, str]:
        name = urn.rpartition("::")[2]
        del self.now["resources"][name]
        self.now["cloud"].remove(name)
        self.now["history"].insert(0, self.entry("destroy", "succeeded"))
        self.now["written"] = now()
        return 0, "deleted"

    def adopt(self, kind: str, name: str) -> tuple[int, str]:
        resource = self.wanted(self.switches())[name]
        assert resource["type"] == kind
        self.now["resources"][name] = resource
        self.now["history"].insert(0, self.entry("import", "succeeded"))
        self.now["written"] = now()
        return 0, "imported"


@cache
def defaults() -> dict[str, str]:
    document = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    found = {key: entry.get("default") for key, entry in document["config"].items()}
    return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in found.items()}


def one(chain: str, name: str, outputs: dict[str, Any]) -> dict[str, Any]:
    kind = chain.rpartition("$")[2]
    urn = f"urn:pulumi:normal::petclinic-dr::{chain}::{name}"
    return {
        "urn": urn,
        "type": kind,
        "id": f"/azure/{name}",
        "outputs": outputs,
        "created": now(),
        "parent": STACK,
        "provider": f"{PROVIDER}::id",
        "protect": False,
    }


def exists(resource: dict[str, Any]) -> str:
    """The engine's own words, from a run of it (tests/engine/test_program.py)."""
    kind, name = resource["type"], resource["urn"].rpartition("::")[2]
    return (
        f" +  {kind} {name} **creating failed** error: cannot create already existing resource\n"
        "Diagnostics:\n  pulumi:pulumi:Stack (petclinic-dr-normal):\n    error: update failed\n\n"
        f"  {kind} ({name}):\n    error: cannot create already existing resource '{resource['id']}'\n"
    )


def call(folder: Path, words: list[str]) -> tuple[int, str]:
    """Run one command; exit status and output. One at a time, as reads come from several threads."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _call(folder, words)


def _call(folder: Path, words: list[str]) -> tuple[int, str]:
    stack = Stack(folder)
    words = [w for w in words if w not in ("--non-interactive", "--color", "never")]
    if "--stack" in words:
        at = words.index("--stack")
        assert words[at + 1] == "normal"
        del words[at : at + 2]
    stack.now["calls"].append(words)
    try:
        return _answer(stack, words)
    finally:
        stack.save()


def _answer(stack: Stack, words: list[str]) -> tuple[int, str]:  # noqa: PLR0911, PLR0912 - a table
    match words:
        case ["stack", "--show-name"]:
            return 0, "normal\n"
        case ["stack", "output", "--json"]:
            return 0, json.dumps(stack.now["outputs"])
        case ["stack", "history", "--json", *_]:
            return 0, json.dumps(stack.now["history"])
        case ["stack", "ls", "--json"]:
            return 0, json.dumps([{"name": "normal", "lastUpdate": stack.now["written"]}])
        case ["stack", "export"]:
            return 0, json.dumps({"deployment": {"resources": list(stack.now["resources"].values())}})
        case ["config", "--json"]:
            return 0, stack.config_json()
        case ["config", "rm", key]:
            stack.now["config"].pop(key, None)
            return 0, ""
        case ["config", "set-all", *pairs]:
            for pair in pairs[1::2]:
                key, _, value = pair.partition("=")
                stack.now["config"][key] = value
            return 0, ""
        case ["up", "--yes", "--skip-preview"]:
            return stack.up()
        case ["destroy", "--yes", "--skip-preview", "--target", urn]:
            return stack.destroy(urn)
        case ["import", kind, name, _, *_]:
            return stack.adopt(kind, name)
        case ["preview", "--json"]:
            states = list(stack.wanted(stack.switches()).values())
            return 0, json.dumps({"steps": [{"op": "create", "newState": state} for state in states]})
        case ["cancel", "--yes", "normal"]:
            stack.now["lock"] = ""
            return 0, ""
        case _:
            return 2, f"the fake knows no {words}"


def new(folder: Path, own: dict[str, str]) -> None:
    """A stack that was never deployed."""
    empty: dict[str, Any] = {"config": own, "history": [], "resources": {}, "cloud": [], "outputs": {}}
    empty |= {"calls": [], "kill": "", "written": "", "lock": ""}
    (folder / "fake.json").write_text(json.dumps(empty))


if __name__ == "__main__":
    code, out = call(Path.cwd(), sys.argv[1:])
    print(out, end="")
    sys.exit(code)
