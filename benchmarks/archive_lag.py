"""The log archive's lag, from COMMIT to acknowledged blob, and what it sends a day."""

from __future__ import annotations

import bisect
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count

from agent.archive.log import survey, transactions
from agent.archive.segment import metadata_of
from agent.archive.service import Archiver
from agent.config import load
from agent.context import Context
from agent.credentials import storage_credential
from agent.dump import dump_once
from agent.epoch import Epoch
from agent.gtid import GtidSet
from agent.storage import BlobStore
from benchmarks.common import Bench, Memory, arguments, bench, say
from benchmarks.data import SCHEMA, data, size_mb
from benchmarks.results import Results
from sandbox.azurite import Azurite
from sandbox.mysql import MySqlServer

_LATENCIES_MS = (0, 30)
_SECONDS = 30
_PATIENCE_S = 60.0
_LOOK_S = 0.002
_EPOCHS = count(1)

# The load runs inside the server, so that its clients take nothing from the archiver's share of the machine.
_PROCEDURE = """
CREATE PROCEDURE benchmark_load(IN commits INT, IN pause DOUBLE)
BEGIN
  WHILE commits > 0 DO
    INSERT INTO owners (first_name, city) VALUES ('benchmark', commits);
    IF pause > 0 THEN DO SLEEP(pause); END IF;
    SET commits = commits - 1;
  END WHILE;
END
"""
# What a database of each kind is taken to write in a day; RDS's own heartbeat comes on top, every 300 s.
_HEARTBEATS_A_DAY = 288
_DUMPS_A_DAY = 288  # one every 5 minutes, if anything changed
_BUSY_PER_S = 20
_BURSTS_A_DAY, _BURST = 4, 20_000
_REQUEST_BYTES = 2_000  # headers of one PUT, a token of about 1.5 kB among them; assumed, not measured
_METHOD = (
    "From the server's commit time in the log to the moment the archiver's status shows the transaction as "
    f"acknowledged (looked at every {_LOOK_S * 1000:g} ms), all on one clock; about {_SECONDS} s each, "
    "flush_seconds 1, one small row a commit, 8 sessions under load."
)
_MACHINE = (
    "The load runs inside the server; server, archiver and Blob emulator share the cores. The latency is "
    "added before every write of a segment."
)
_MEMORY = "Memory of the process that archives: at most"


@dataclass(frozen=True)
class Load:
    """``sessions`` that commit one row each and then wait for ``pause_s``, ``commits`` times."""

    name: str
    sessions: int
    pause_s: float
    commits: int


_LOADS = (
    Load("under load", 8, 0.006, 4_000),  # aims at 1,000 commits a second; the machine decides
    Load("nearly idle", 1, 1.7, 18),  # never in step with the flushes
)


class SlowStore(BlobStore):
    """The backups' container, farther away: each write of a segment begins ``delay_s`` later."""

    def __init__(self, context: Context, delay_s: float) -> None:
        config = context.config
        credential = storage_credential(config.identity)
        super().__init__(config.storage.endpoint, config.storage.backups, credential)
        self._delay_s = delay_s

    def create_once(self, name: str, data: bytes, metadata: Mapping[str, str]) -> None:
        """As there, and later."""
        time.sleep(self._delay_s)
        super().create_once(name, data, metadata)


class Watch:
    """When transactions were acknowledged, as the archiver's status shows it."""

    def __init__(self, archiver: Archiver) -> None:
        self._archiver, self._over = archiver, threading.Event()
        self._ends: list[int] = []
        self._times: list[float] = []
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_S):
            end = _last(self._archiver.status()["archived_gtid"])
            if not self._ends or end > self._ends[-1]:
                self._times.append(time.time())
                self._ends.append(end)

    def when(self, number: int) -> float:
        """Seconds since 1970 at which transaction ``number`` was seen to be acknowledged."""
        return self._times[bisect.bisect_left(self._ends, number)]

    def close(self) -> None:
        """End watching."""
        self._over.set()
        self._thread.join()


def main() -> None:
    """Measure and show."""
    options = arguments(__doc__ or "", size_mb=5)
    memory = Memory(os.getpid())
    with bench("archive-lag") as place:
        source, azurite = place.server("rds", "source"), place.blobs()
        data(source, options.size_mb, say)
        _run(source, _PROCEDURE)
        rows = [_lag(place, source, azurite, ms, load_) for ms in _LATENCIES_MS for load_ in _LOADS]
        volumes = _volumes(place, source, azurite)
        memory.look()
        Results(
            name="archive_lag",
            title="Log archive: lag, and bytes a day",
            promise="Promised: at most 2 s from COMMIT to an acknowledged blob at p99 under load.",
            heads=("load", "latency added, ms", "commits/s", "p50, s", "p99, s", "max, s", "segments"),
            rows=rows,
            notes=[_METHOD, _MACHINE, *volumes, f"{_MEMORY} {memory.peak_mb:.0f} MiB."],
        ).show(
            place.tools, f"python -m benchmarks.archive_lag --size-mb {options.size_mb:g}", save=options.save
        )


@dataclass(frozen=True)
class Archiving:
    """An archiver at work under an epoch of its own, so that each measurement has a chain of its own."""

    archiver: Archiver
    context: Context
    epoch: int

    def caught_up(self, source: MySqlServer) -> None:
        """Wait until all that is committed now is archived."""
        wanted = GtidSet.parse(str(source.execute("SELECT @@gtid_executed")[0][0]))
        _wait(lambda: wanted <= GtidSet.parse(self.archiver.status()["archived_gtid"]))

    def sent(self) -> tuple[int, int]:
        """Segments, and the bytes of their bodies and descriptions."""
        log = survey(self.context.backups, self.epoch)
        described = sum(len(str(metadata_of(self.context.backups.read(p.name)[0]))) for p in log.pieces)
        return len(log.pieces), sum(piece.size for piece in log.pieces) + described


@contextmanager
def _archiving(place: Bench, source: MySqlServer, azurite: Azurite, latency_ms: int) -> Generator[Archiving]:
    with ExitStack() as stack:
        context = Context.of(load(place.config(source, azurite, archive={})))
        context = replace(context, backups=SlowStore(context, latency_ms / 1000))
        epoch = Epoch(next(_EPOCHS), "aws", "", "")
        archiver, stopping = Archiver(context, lambda: epoch), threading.Event()
        thread = threading.Thread(target=archiver.run, args=(stopping,))
        thread.start()
        stack.callback(thread.join)
        stack.callback(stopping.set)
        _wait(lambda: archiver.status()["archived_through"] is not None)
        yield Archiving(archiver, context, epoch.epoch)


def _lag(
    place: Bench, source: MySqlServer, azurite: Azurite, latency_ms: int, load_: Load
) -> tuple[str, ...]:
    say(f"{load_.name}, {latency_ms} ms")
    with _archiving(place, source, azurite, latency_ms) as work:
        watch = Watch(work.archiver)
        began = time.monotonic()
        _commit(source, load_)
        seconds = time.monotonic() - began
        work.caught_up(source)
        time.sleep(10 * _LOOK_S)  # for the last look
        watch.close()
        log = survey(work.context.backups, work.epoch)
        base = log.pieces[0].before
        found = transactions(work.context.backups, log.run_for(base), after=base)
        lags = sorted(watch.when(_number(one.gtid)) - one.committed_us / 1e6 for one in found)
    rate = load_.sessions * load_.commits / seconds
    return (
        load_.name,
        str(latency_ms),
        f"{rate:.0f}" if rate > 10 else f"{rate:.1f}",
        f"{_quantile(lags, 0.5):.2f}",
        f"{_quantile(lags, 0.99):.2f}",
        f"{lags[-1]:.2f}",
        str(len(log.pieces)),
    )


def _volumes(place: Bench, source: MySqlServer, azurite: Azurite) -> list[str]:
    """Bytes a day, from the sizes of segments measured here."""
    say("bytes a day")
    dump_mb = 0.0
    os.environ["PATH"] = f"{place.tools.bin}:{os.environ['PATH']}"  # the dump calls mysqldump
    sizes: dict[str, tuple[int, int]] = {}
    for name, load_ in {
        "alone": Load("", 1, 2.2, 5),
        "steady": Load("", 1, 1 / _BUSY_PER_S, 10 * _BUSY_PER_S),
        "burst": Load("", 4, 0, _BURST // 4),
    }.items():
        with _archiving(place, source, azurite, 0) as work:
            _commit(source, load_)
            work.caught_up(source)
            sizes[name] = work.sent()
        if name == "alone":
            dump_mb = dump_once(work.context).stored_bytes / 1e6
    alone = sizes["alone"][1] / sizes["alone"][0] + _REQUEST_BYTES
    steady = sizes["steady"][1] / sizes["steady"][0] + _REQUEST_BYTES
    burst = sizes["burst"][1] + sizes["burst"][0] * _REQUEST_BYTES
    quiet_day = _HEARTBEATS_A_DAY * alone
    busy_day = 86_400 * steady
    bursty_day = quiet_day + _BURSTS_A_DAY * burst
    return [
        (
            "Bytes sent a day, extrapolated from the segments measured here: quiet (nothing but RDS's "
            f"heartbeat every 300 s) {quiet_day / 1e6:.1f} MB; busy ({_BUSY_PER_S} commits every second of "
            f"the day, a segment a second) {busy_day / 1e6:.0f} MB; bursty ({_BURSTS_A_DAY} bursts of "
            f"{_BURST} commits, else quiet) {bursty_day / 1e6:.1f} MB. Counted: bodies, descriptions, and "
            f"{_REQUEST_BYTES} bytes of headers a write (assumed). Packing reads the segments back and sends "
            "their bodies once more."
        ),
        (
            f"Dumps come on top, of {dump_mb:.1f} MB each for these {size_mb(source):.0f} MiB: on a quiet "
            f"day the first alone; {_DUMPS_A_DAY} on a busy one, so {_DUMPS_A_DAY * dump_mb:.0f} MB; "
            f"{_BURSTS_A_DAY} on a bursty one, so {_BURSTS_A_DAY * dump_mb:.0f} MB. When they outgrow the "
            "budget for egress their interval stretches."
        ),
    ]


def _commit(source: MySqlServer, load_: Load) -> None:
    sessions = [
        threading.Thread(target=_run, args=(source, f"CALL benchmark_load({load_.commits}, {load_.pause_s})"))
        for _ in range(load_.sessions)
    ]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join()


def _run(source: MySqlServer, statement: str) -> None:
    with source.root() as connection, connection.cursor() as cursor:
        cursor.execute(f"USE {SCHEMA}")
        cursor.execute(statement)


def _number(gtid: str) -> int:
    return int(gtid.rpartition(":")[2])


def _last(gtids: str) -> int:
    parts = GtidSet.parse(gtids).intervals.values()
    return max((intervals[-1][1] for intervals in parts), default=0)


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"the archive did not get there within {_PATIENCE_S:g} s")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
