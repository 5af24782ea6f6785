"""How long a preview takes, as a ratio to the least program that uses the same SDKs.

    PYTHONPATH=. .venv/bin/python -m benchmarks.preview [ROUNDS]

The least program imports the SDK modules that ours imports and registers one resource of each type that
ours registers in that stack, with the same inputs, through the same classes. Both run on the real engine
against the simulated providers, in turns, so that whatever else the machine does falls on both. Writes
docs/performance-preview.md and exits with 1 when a ratio is above the promise.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml

from sandbox.engine.cli import Engine
from sandbox.faults import Faults
from sandbox.providers.effects import Effects
from sandbox.providers.server import PACKAGES, serve
from sandbox.store import Store
from sandbox.tools import find_or_bring
from tests.program.recorder import run_program

CLONE = Path(__file__).resolve().parents[1]
DOCUMENT = CLONE / "docs" / "performance-preview.md"
LEAST_PROGRAM = Path(__file__).with_name("preview_least.py")
STACKS = ("normal", "emergency")
PROMISE = 1.5
_ROUNDS = 7
_AWS_IDS = {"security-group": "sg-0a1b2c3d4e5f60718", "template": "lt-0a1b2c3d4e5f60718"}
_REAL_IDS = re.compile(rf'"/id/[\w-]*?-({"|".join(_AWS_IDS)})"')
"""Ids of the recorder whose shape the providers look at."""


@dataclass
class _World:
    """Clouds with nothing running in them: the providers' part of a sandbox."""

    root: Path
    effects: Effects = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.faults = Faults(self.root)
        self.stores: Mapping[str, Store] = {
            name: Store(self.root / "clouds" / f"{name}.json") for name in PACKAGES
        }


def main(arguments: list[str]) -> int:
    """Measure, print and write; 0 within the promise, 1 above it."""
    rounds = int(arguments[0]) if arguments else _ROUNDS
    with tempfile.TemporaryDirectory(prefix="pilotlight-") as folder:
        seconds = _measure(Path(folder), rounds)
    table = _table(seconds)
    print(table)
    DOCUMENT.write_text(_document(table, rounds))
    return 0 if all(_ratio(seconds, stack) <= PROMISE for stack in STACKS) else 1


def _measure(root: Path, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds of each preview by stack and program; a first round warms caches and is not counted."""
    tools, clouds = find_or_bring(print), root / "clouds"
    clouds.mkdir()
    servers = serve(_World(clouds))
    try:
        ours = Engine(root / "ours", tools, servers.ports, CLONE)
        programs = {}
        for stack in STACKS:
            ours.select(stack)
            least = Engine(root / f"least-{stack}", tools, servers.ports, _least_project(root, stack))
            least.select(stack)
            programs[stack, "ours"], programs[stack, "least"] = ours, least
        # The stack without AWS reads what production made; state stays apart: every preview is a first.
        production = Engine(root / "production", tools, servers.ports, CLONE)
        production.select("normal")
        production.up(stack="normal")
        seconds: dict[tuple[str, str], list[float]] = {key: [] for key in programs}
        for number in range(rounds + 1):
            for (stack, program), engine in programs.items():
                took = engine.preview(stack=stack).seconds
                if number:
                    seconds[stack, program].append(took)
                print(f"round {number}: {stack}, {program}: {took:.2f} s", flush=True)
    finally:
        servers.stop()
    return seconds


def _least_project(root: Path, stack: str) -> Path:
    """A project with the least program and the inputs that ours registers in ``stack``."""
    folder = root / f"project-{stack}"
    folder.mkdir()
    settings = {"name": "petclinic-dr", "runtime": {"name": "python"}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(settings))
    (folder / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
    (folder / "__main__.py").write_text(LEAST_PROGRAM.read_text())
    (folder / "components").mkdir()  # the engine's project links this folder by its name, and no other file
    (folder / "components" / "resources.json").write_text(json.dumps(_one_of_each_type(stack)))
    return folder


def _one_of_each_type(stack: str) -> list[dict[str, object]]:
    first: dict[str, dict[str, object]] = {}
    for resource in run_program(stack).of(""):
        if not resource.read:
            first.setdefault(resource.type, {"type": resource.type, "inputs": resource.inputs})
    return json.loads(
        _REAL_IDS.sub(lambda found: f'"{_AWS_IDS[found[1]]}"', json.dumps(list(first.values())))
    )


def _ratio(seconds: Mapping[tuple[str, str], list[float]], stack: str) -> float:
    return statistics.median(seconds[stack, "ours"]) / statistics.median(seconds[stack, "least"])


def _table(seconds: Mapping[tuple[str, str], list[float]]) -> str:
    lines = [
        "| stack | least program, median (range) | our program, median (range) | ratio | promise |",
        "|---|---|---|---|---|",
    ]
    for stack in STACKS:
        least, ours = (_range(seconds[stack, program]) for program in ("least", "ours"))
        lines.append(f"| {stack} | {least} | {ours} | {_ratio(seconds, stack):.2f} | at most {PROMISE} |")
    return "\n".join(lines)


def _range(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} s ({min(values):.2f}-{max(values):.2f})"


def _document(table: str, rounds: int) -> str:
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"""# How long a preview takes

Written by `PYTHONPATH=. .venv/bin/python -m benchmarks.preview`; run it to repeat the measurement.

The least program imports the SDK modules that ours imports and registers one resource of each type that ours
registers in that stack, with the same inputs. Both run on the real engine against the simulated providers, in
turns, each time from an empty state; the ratio says what the program itself adds.

{table}

{rounds} rounds after one that warms the caches. {datetime.now(UTC):%Y-%m-%d}, {platform.machine()},
{os.cpu_count()} cores, Python {platform.python_version()}, load average at the end {load}. Absolute times say
little about another machine, and a preview against real clouds also waits for them.
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
