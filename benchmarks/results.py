"""Results of the benchmarks: one file each in ``results/``, and docs/performance.md made from all of them."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sandbox.tools import Tools

_ROOM = Path(__file__).parent
RESULTS = _ROOM / "results"
DOCUMENT = _ROOM.parent / "docs" / "performance.md"
# In the document's order; a benchmark without a file of results is named as not yet measured.
NAMES = ("dump", "restore", "replay", "archive_lag", "service")
_INTRODUCTION = """\
# Performance

Every figure below was measured by `benchmarks/` in this repository; the command at the end of each section
repeats it, and `--save` writes this page. The plain tools ran in the same run on the same machine, so read
the ratios: absolute figures depend on the machine. The Blob endpoint is an emulator on the same machine;
latency is added where a row says so. Nothing here was measured on a cloud.
"""


@dataclass(frozen=True)
class Results:
    """What one benchmark found.

    Attributes:
        name: the module's, one of ``NAMES``.
        title: a heading.
        promise: what was promised, as a sentence with its figure; "" where nothing was.
        heads, rows: the table.
        notes: sentences below it.
    """

    name: str
    title: str
    promise: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]

    def text(self, tools: Tools, command: str) -> str:
        """The section as Markdown, with the machine, the date, the load and the command."""
        version = ".".join(map(str, tools.mysql_version))
        lines = [f"## {self.title}", ""]
        if self.promise:
            lines += [self.promise, ""]
        lines += [_row(self.heads), _row(["---"] * len(self.heads)), *map(_row, self.rows), ""]
        lines += [f"- {note}" for note in self.notes]
        lines.append(f"- {machine()}; MySQL {version}; {datetime.now(UTC):%Y-%m-%d}; `{command}`.")
        return "\n".join(lines) + "\n"

    def show(self, tools: Tools, command: str, *, save: bool) -> None:
        """Print the section; with ``save`` also renew its file and the document."""
        text = self.text(tools, command)
        print(text)
        if save:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / f"{self.name}.md").write_text(text, encoding="utf-8")
            DOCUMENT.write_text(document(), encoding="utf-8")


def document() -> str:
    """docs/performance.md as the files of results make it."""
    parts = [_INTRODUCTION]
    for name in NAMES:
        file = RESULTS / f"{name}.md"
        parts.append(
            file.read_text(encoding="utf-8")
            if file.exists()
            else f"## {name}\n\nNot measured yet: `./dr bench {name}`.\n"
        )
    return "\n".join(parts)


def machine() -> str:
    """Cores, processor, memory, and how busy it was: ``2 cores (...), 23 GiB, load 0.4, Python 3.13``."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{len(os.sched_getaffinity(0))} cores ({model}), {memory:.0f} GiB, "
        f"load average {load:.1f} at the end, Python {platform.python_version()}, commit {_commit()}"
    )


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=_ROOM, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
