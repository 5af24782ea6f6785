"""Restore: the agent's load of a plain dump against ``gunzip | mysql``, the same rows and the same server."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.common import Bench, Timing, arguments, bench, say
from benchmarks.data import SCHEMA, checksums, data, size_mb
from benchmarks.results import Results
from sandbox.mysql import MySqlServer

# What the plain tools do too; the comparison, the marker and the account come on top and are shown apart.
_LOADING = ("rows", "indexes", "foreign keys", "stored programs")
_DUMP = (
    "mysqldump $login --single-transaction --set-gtid-purged=OFF --routines --events --triggers --hex-blob"
    " --no-tablespaces --databases $schema | gzip -1 > dump.sql.gz"
)
_LOAD = "gunzip -c dump.sql.gz | mysql $login"


def main() -> None:
    """Measure and show."""
    options = arguments(__doc__ or "")
    with bench("restore") as place:
        source, target = place.pair()
        data(source, options.size_mb, say)
        size, wanted = size_mb(source), checksums(source)
        plain = _plain(place, source, target)
        _require_equal(target, wanted, "gunzip | mysql")
        target.execute(f"DROP DATABASE {SCHEMA}")
        ours, seconds = _ours(place, source, target)
        _require_equal(target, wanted, "the agent")
        loading = sum(seconds[phase] for phase in _LOADING)
        Results(
            name="restore",
            title="Restore",
            promise="Promised: a plain dump loaded at least 2.5 times as fast as by `gunzip | mysql`.",
            heads=("", "seconds", "ratio"),
            rows=[
                ("`gunzip \\| mysql`", f"{plain.seconds:.1f}", "1.0"),
                ("agent: load", f"{loading:.1f}", f"{plain.seconds / loading:.1f}"),
                *((f"- {phase}", f"{seconds[phase]:.1f}", "") for phase in _LOADING),
                ("agent: comparison with the backup", f"{seconds['verify']:.1f}", ""),
                ("agent: whole command", f"{ours.seconds:.1f}", f"{plain.seconds / ours.seconds:.1f}"),
            ],
            notes=[
                (
                    f"{size:.0f} MiB of data and indexes; after both loads CHECKSUM TABLE of every table was "
                    "equal to the source's."
                ),
                f"The agent's own memory: at most {ours.peak_mb:.0f} MiB.",
                (
                    "Client, emulator and both servers share the cores; the target has its binary log on and "
                    "is durable at every commit."
                ),
            ],
        ).show(place.tools, f"python -m benchmarks.restore --size-mb {options.size_mb:g}", save=options.save)


def _plain(place: Bench, source: MySqlServer, target: MySqlServer) -> Timing:
    say("dump with mysqldump, load with mysql")
    folder = f"cd '{place.folder}' && "
    place.plain(source, folder + _DUMP)
    return place.plain(target, folder + _LOAD)


def _ours(place: Bench, source: MySqlServer, target: MySqlServer) -> tuple[Timing, dict[str, float]]:
    say("dump and restore with the agent")
    azurite = place.blobs()
    place.agent(place.config(source, azurite), "dump")
    timing = place.agent(place.config(target, azurite, site="azure"), "restore", "--json")
    report: dict[str, Any] = json.loads(timing.output)
    return timing, report["seconds"]


def _require_equal(target: MySqlServer, wanted: dict[str, object], what: str) -> None:
    found = checksums(target)
    if found != wanted:
        raise SystemExit(f"{what} loaded other rows: {found} instead of {wanted}")


if __name__ == "__main__":
    main()
