"""Replay: the agent's last images against ``mysqlbinlog | mysql``, the same log onto the same loaded base.

Twice: the same local file, for the ratio; and, as after a disaster, a restored copy that follows the archive.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from agent.config import Database, FileSecret
from agent.database import Login
from agent.gtid import GtidSet
from agent.replay.replay import Plan, replay
from benchmarks.common import PASSWORD, USER, Bench, Timing, arguments, bench, say
from benchmarks.data import SCHEMA, checksums, data, size_mb
from benchmarks.results import Results
from sandbox.azurite import Azurite
from sandbox.mysql import MySqlServer
from sandbox.mysql_log import files, transactions

_TRANSACTIONS = 60_000
_SESSIONS = 4
_COPY = (
    "mysqldump $login --single-transaction --set-gtid-purged=OFF --hex-blob --no-tablespaces"
    " --databases $schema > base.sql"
)
_LOAD = "mysql $login < base.sql"
_EQUAL = "CHECKSUM TABLE of every table equal to the source's after each."
_SETTING = (
    "The plain tools read a local file; the targets have their binary log on and are durable at each commit. "
    "Over a network the plain tools also pay four round trips a transaction."
)
_FOLLOWS = (
    "`agent replay` is the whole command: it chooses the chain, reads its segments from the emulator, proves "
    "their hashes and replays them onto a copy that `agent restore` made."
)
_REPLAY = "mysqlbinlog --skip-gtids {} | mysql $login"


def main() -> None:
    """Measure and show; with a host and port on the command line: replay the log files that follow."""
    if len(sys.argv) > 3 and sys.argv[1] == "onto":
        _apply(sys.argv[2], int(sys.argv[3]), [Path(name) for name in sys.argv[4:]])
        return
    options = arguments(__doc__ or "", size_mb=100)
    with bench("replay") as place:
        source, target = place.server("rds", "source"), place.server("plain", "target")
        copy = Copy(place, source, place.server("azure", "copy"), place.blobs())
        data(source, options.size_mb, say)
        size = size_mb(source)
        _base(place, source, target)
        copy.load()
        say(f"{_TRANSACTIONS} transactions of one row each")
        source.execute("FLUSH BINARY LOGS")
        _write(source)
        log = files(source)[-1:]
        log_mb = sum(file.stat().st_size for file in log) / 2**20
        wanted = checksums(source)
        plain = _plain(place, target, log)
        _require_equal(target, wanted, "mysqlbinlog | mysql")
        _base(place, source, target, again=True)
        ours, done = _ours(place, target, log)
        _require_equal(target, wanted, "the agent")
        followed = copy.follow()
        _require_equal(copy.server, wanted, "the agent that follows the archive")
        Results(
            name="replay",
            title="Replay of the log's tail",
            promise="Promised: at least 10 times as fast as `mysqlbinlog | mysql` on tables with keys.",
            heads=("", "seconds", "transactions/s", "ratio"),
            rows=[
                _row("`mysqlbinlog \\| mysql`", plain, plain),
                _row("agent: whole process, the same local file", ours, plain),
                _row("`agent replay` from the Blob endpoint", followed, plain),
            ],
            notes=[
                f"{done['transactions']} transactions ({log_mb:.1f} MiB) onto {size:.0f} MiB. {_EQUAL}",
                f"{done['changes']} row changes became {done['written']} written rows.",
                f"The agent's memory: at most {max(ours.peak_mb, followed.peak_mb):.0f} MiB.",
                _FOLLOWS,
                _SETTING,
            ],
        ).show(place.tools, f"python -m benchmarks.replay --size-mb {options.size_mb:g}", save=options.save)


class Copy:
    """A server like Azure's that gets the source's data as after a disaster: restored, then following."""

    def __init__(self, place: Bench, source: MySqlServer, server: MySqlServer, blobs: Azurite) -> None:
        self.server = server
        self._place = place
        self._here = place.config(source, blobs, archive={})
        self._there = place.config(server, blobs, site="azure")

    def load(self) -> None:
        """The base, by a dump and a restore of the agent's."""
        say("restore the base with the agent")
        self._place.agent(self._here, "dump")
        self._place.agent(self._there, "restore")

    def follow(self) -> Timing:
        """Archive what was written since, then replay it."""
        say("archive the log, then follow it with the agent")
        self._place.agent(self._here, "archive", "--once", "--patience", "600")
        return self._place.agent(self._there, "replay")


def _row(what: str, timing: Timing, plain: Timing) -> tuple[str, ...]:
    rate, ratio = _TRANSACTIONS / timing.seconds, plain.seconds / timing.seconds
    return what, f"{timing.seconds:.1f}", f"{rate:.0f}", f"{ratio:.1f}"


def _base(place: Bench, source: MySqlServer, target: MySqlServer, *, again: bool = False) -> None:
    """The target as the source was before the transactions."""
    say("load the base")
    folder = f"cd '{place.folder}' && "
    if again:
        target.execute(f"DROP DATABASE {SCHEMA}")
    else:
        place.plain(source, folder + _COPY)
    place.plain(target, folder + _LOAD)


def _write(source: MySqlServer) -> None:
    """Inserts, updates and deletes of single rows over three tables, several sessions at once."""
    source.execute("SET GLOBAL sync_binlog = 0, GLOBAL innodb_flush_log_at_trx_commit = 2")
    with ThreadPoolExecutor(_SESSIONS, thread_name_prefix="writer") as pool:
        share = _TRANSACTIONS // _SESSIONS
        for work in [pool.submit(_session, source, number, share) for number in range(_SESSIONS)]:
            work.result()


def _session(source: MySqlServer, number: int, count: int) -> None:
    with source.root() as connection, connection.cursor() as cursor:
        connection.select_db(SCHEMA)
        for statement in _statements(Random(number), number, count):  # noqa: S311  # test data
            changed = cursor.execute(statement)
            while not changed:  # the log must hold as many transactions as were promised
                changed = cursor.execute("INSERT INTO measurements (k, c, pad) VALUES (1, 'x', 'y')")


def _statements(rng: Random, number: int, count: int) -> Iterator[str]:
    for i in range(count):
        text = f"{number}-{i} {rng.getrandbits(64):x}"
        row = rng.randrange(1, 20_000) * _SESSIONS + number
        match rng.randrange(6):
            case 0 | 1:
                row = f"1, '2026-01-01', '{text}'"
                yield f"INSERT INTO visits (pet_id, visit_date, description) VALUES ({row})"
            case 2 | 3:
                yield f"UPDATE owners SET telephone = '{text[:20]}' WHERE id = {row}"
            case 4:
                yield f"UPDATE measurements SET k = {i}, c = '{text}' WHERE id = {row}"
            case _:
                yield f"DELETE FROM visits WHERE id = {row}"


def _plain(place: Bench, target: MySqlServer, log: list[Path]) -> Timing:
    say("replay with mysqlbinlog and mysql")
    return place.plain(target, _REPLAY.format(" ".join(f"'{file}'" for file in log)))


def _ours(place: Bench, target: MySqlServer, log: list[Path]) -> tuple[Timing, dict[str, int]]:
    say("replay with the agent")
    command = [sys.executable, "-m", "benchmarks.replay", "onto", target.address, str(target.port)]
    timing = place.timed([*command, *map(str, log)])
    return timing, json.loads(timing.output)


def _apply(host: str, port: int, log: list[Path]) -> None:
    """What the agent does with a tail, in a process of its own."""
    secret = FileSecret(Path("unused"))
    login = Login(Database(host, port, (SCHEMA,), USER, secret, "required", None), PASSWORD)
    plan = Plan(schemas=(SCHEMA,), window=GtidSet({}))
    done = replay(login, transactions(log), plan)
    figures = {
        "transactions": done.transactions,
        "changes": done.rows_compacted,
        "written": done.rows_written,
    }
    print(json.dumps(figures))


def _require_equal(target: MySqlServer, wanted: dict[str, object], what: str) -> None:
    found = checksums(target)
    if found != wanted:
        raise SystemExit(f"{what} made other rows: {found} instead of {wanted}")


if __name__ == "__main__":
    main()
