"""``python -m benchmarks``: run the benchmarks one after another."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.results import DOCUMENT, NAMES, document


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line names; 0, or 1 when one of them failed."""
    parser = argparse.ArgumentParser(
        prog="./dr bench",
        description="Measure dump, restore, replay and the archive's lag against the plain tools, on this "
        "machine, with real MySQL servers and a Blob emulator. Run it on an idle machine.",
    )
    parser.add_argument("what", nargs="?", default="all", choices=("all", *NAMES), help="default: all")
    parser.add_argument("--size-mb", type=float, metavar="N", help="default: the benchmark's own")
    parser.add_argument(
        "--save", action="store_true", help="renew benchmarks/results and docs/performance.md"
    )
    arguments = parser.parse_args(argv)
    options = [] if arguments.size_mb is None else ["--size-mb", f"{arguments.size_mb:g}"]
    options += ["--save"] if arguments.save else []
    names = NAMES if arguments.what == "all" else (arguments.what,)
    failed = [
        name
        for name in names
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=False).returncode
    ]
    if arguments.save:
        DOCUMENT.write_text(document(), encoding="utf-8")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
