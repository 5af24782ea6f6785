"""A dump against ``mysqldump | gzip``."""

from __future__ import annotations

import json

from benchmarks.common import arguments, bench, fastest, say
from benchmarks.data import data, size_mb
from benchmarks.results import Results

# The options of the agent's own mysqldump that decide how much work it does.
_PLAIN = (
    'mysqldump "$login" --single-transaction --quick --set-gtid-purged=OFF --no-tablespaces --routines '
    '--events --triggers --hex-blob --order-by-primary --databases "$schema" | gzip | wc -c'
)


def main() -> None:
    """Measure and show."""
    options = arguments("Dump: the agent against mysqldump | gzip.")
    with bench("dump") as place:
        source, blobs = place.server("rds", "source"), place.blobs()
        data(source, options.size_mb, say)
        measured = size_mb(source)
        config = place.config(source, blobs)
        agent = fastest(lambda: place.agent(config, "dump", "--json"))
        plain = fastest(lambda: place.plain(source, _PLAIN))
        stored, gzipped = int(json.loads(agent.output)["stored_bytes"]), int(plain.output)
        Results(
            name="dump",
            title="Dump",
            promise="Promised: at least 4 times as fast as `mysqldump | gzip`, in at most 200 MB of memory.",
            heads=("", "seconds", "stored MB", "times as fast", "peak memory, MiB"),
            rows=(
                ("`mysqldump \\| gzip`, to nowhere", f"{plain.seconds:.1f}", f"{gzipped / 1e6:.0f}", "1", ""),
                (
                    "`agent dump`, to the Blob endpoint",
                    f"{agent.seconds:.1f}",
                    f"{stored / 1e6:.0f}",
                    f"{plain.seconds / agent.seconds:.1f}",
                    f"{agent.peak_mb:.0f}",
                ),
            ),
            notes=(
                f"A database of {measured:.0f} MiB of data and indexes; each the fastest of two runs.",
                "The agent also counts and hashes every table's rows, proves the stream's end and uploads.",
                "Its seconds include the start of Python; its memory is without that of mysqldump itself.",
            ),
        ).show(place.tools, f"./dr bench dump --size-mb {options.size_mb:g}", save=options.save)


if __name__ == "__main__":
    main()
