"""The agent's whole service at work: its memory, for a small and for a large database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from benchmarks.common import CLONE, Bench, Memory, arguments, bench, say
from benchmarks.data import SCHEMA, data, size_mb
from benchmarks.results import Results
from sandbox.azurite import Azurite
from sandbox.mysql import MySqlServer

_PATIENCE_S = 900.0
_LOOK_S = 0.5
_KINDS = ("backups", "signals", "control")
_UNTIL = (
    "`python -m agent run` from its start until a chain was dumped, archived, packed, restored into a "
    "scratch server, compared in full, and dumped again; one session commits all the time."
)
_COMMIT = "INSERT INTO owners (first_name, city) VALUES ('benchmark', %s)"


def main() -> None:
    """Measure and show."""
    options = arguments(__doc__ or "")
    rows: list[tuple[str, ...]] = []
    with bench("service") as place:
        blobs = place.blobs()
        for number, size in enumerate((options.size_mb / 20, options.size_mb)):
            source = place.server("rds", f"source{number}")
            data(source, size, say)
            rows.append(_row(place, source, blobs))
            source.stop()
        Results(
            name="service",
            title="Memory of the agent's service",
            promise="Promised: at most 200 MB, whatever the size of the database.",
            heads=("data and indexes, MiB", "peak memory, MiB", "commits meanwhile", "dumps", "segments"),
            rows=rows,
            notes=(
                _UNTIL,
                "The kernel's VmHWM of that process alone: mysqldump and the scratch mysqld are others.",
            ),
        ).show(place.tools, f"./dr bench service --size-mb {options.size_mb:g}", save=options.save)


def _row(place: Bench, source: MySqlServer, blobs: Azurite) -> tuple[str, ...]:
    say(f"the service at work on {size_mb(source):.0f} MiB")
    size = size_mb(source)
    with BlobServiceClient(f"{blobs.endpoint}?{blobs.sas}") as client, _commits(source) as done:
        for container in _KINDS:  # of this server alone
            client.create_container(f"{container}-{source.name.partition('.')[0]}")
        config = place.config(
            source,
            blobs,
            storage=_storage(source, blobs),
            dump={"interval_seconds": 20},
            archive={"pack_seconds": 20},
            verify={"mode": "full", "interval_seconds": 3600},
        )
        with _service(place, str(config)) as memory:
            seen = _wait_for_everything(client, source, memory)
    archive = seen["archive"]
    return (
        f"{size:.0f}",
        f"{memory.peak_mb:.0f}",
        str(done[0]),
        str(seen["dumps"]),
        str(archive["segments"]),
    )


def _storage(source: MySqlServer, blobs: Azurite) -> dict[str, str]:
    name = source.name.partition(".")[0]
    return {"endpoint": blobs.endpoint} | {kind: f"{kind}-{name}" for kind in _KINDS}


@contextmanager
def _service(place: Bench, config: str) -> Generator[Memory]:
    argv = [sys.executable, "-m", "agent", "run", "--config", config]
    environment = {**os.environ, "PATH": f"{place.tools.bin}:{os.environ['PATH']}", "PYTHONPATH": str(CLONE)}
    with (place.folder / "service.log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=CLONE, env=environment, stdout=log, stderr=log)
    try:
        yield Memory(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait_for_everything(client: BlobServiceClient, source: MySqlServer, memory: Memory) -> dict[str, Any]:
    """Until a chain is verified and packed, and two dumps began after that; what the heartbeat says then.

    Raises:
        RuntimeError: it did not come to that in time.
    """
    name = source.name.partition(".")[0]
    backups, signals = (client.get_container_client(f"{kind}-{name}") for kind in ("backups", "signals"))
    end, before, beat = time.monotonic() + _PATIENCE_S, 0, {}
    while time.monotonic() < end:
        time.sleep(_LOOK_S)
        memory.look()
        dumps = sum(b.name.endswith(".json") for b in backups.list_blobs(name_starts_with="backup_"))
        beat = _heartbeat(signals)
        verified = (beat.get("verification") or {}).get("ok")
        if verified and not before:
            before = dumps
        if before and dumps >= before + 2 and next(iter(backups.list_blobs(name_starts_with="packs/")), None):
            return {**beat, "dumps": dumps}
    raise RuntimeError(
        f"the service did not come to a verified and packed chain in {_PATIENCE_S:g} s: {beat}"
    )


def _heartbeat(signals: Any) -> dict[str, Any]:
    try:
        return json.loads(signals.download_blob("heartbeat-aws.json").readall())
    except ResourceNotFoundError:
        return {}


@contextmanager
def _commits(source: MySqlServer) -> Generator[list[int]]:
    """One session that commits a row after the other; the list's only number counts them."""
    over, done = threading.Event(), [0]

    def write() -> None:
        with source.root() as connection, connection.cursor() as cursor:
            connection.select_db(SCHEMA)
            while not over.is_set():
                cursor.execute(_COMMIT, (done[0],))
                done[0] += 1

    thread = threading.Thread(target=write, name="commits", daemon=True)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    main()
