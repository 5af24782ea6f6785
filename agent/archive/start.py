"""Where the archive goes on: found in the vault and on the server, never on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from agent.archive.run import Log, Piece, Place
from agent.archive.segment import members, segment_name
from agent.binlog.events import MAGIC
from agent.database import Session
from agent.errors import DatabaseError, LogError
from agent.gtid import GtidSet
from agent.storage import BlobStore

_NEEDED = (
    ("log_bin", "ON", "RDS: automated backups with a retention above 0"),
    ("gtid_mode", "ON", "RDS: gtid-mode and enforce_gtid_consistency in the parameter group"),
    ("binlog_row_image", "FULL", "in the parameter group"),
)


class LostError(LogError):
    """The server lacks what is archived: waiting changes nothing."""


@dataclass(frozen=True)
class LogFile:
    """One of the server's log files and its present size."""

    name: str
    size: int


@dataclass(frozen=True)
class Server:
    """What the server says of its log.

    Attributes:
        files: oldest first.
        purged: what was committed and is in none of them. The heads of the files do not name what never was:
            the history that a replica or a restored server was set up with.
    """

    uuid: str
    files: tuple[LogFile, ...]
    executed: GtidSet
    purged: GtidSet


@dataclass(frozen=True)
class Start:
    """Where and how to go on.

    Attributes:
        file, position: of the first event to ask for.
        before: everything committed before it, as the next segment's ``before``.
        skip: transactions at the start that need not be archived.
        previous: SHA-256 of this server's last stored segment; empty when it has none.
        open_gtid, open_us: the transaction inside which ``position`` lies.
        hole: why what follows does not continue what is archived; empty when it does.
        needs: what a backup's ``gtid_before`` must contain so that the log serves it up to its end; empty
            when the newest backup will do.
    """

    file: str
    position: int
    before: GtidSet
    skip: GtidSet
    previous: str = ""
    open_gtid: str = ""
    open_us: int = 0
    hole: str = ""
    needs: GtidSet = field(default_factory=lambda: GtidSet({}))


def ask(database: Session) -> Server:
    """Look at the server.

    Raises:
        DatabaseError: its log cannot be archived; the message says what to set.
    """
    for name, wanted, how in _NEEDED:
        value = database.variable(name)
        if value != wanted:
            raise DatabaseError(
                f"the log cannot be archived, so each dump's interval can be lost: {name} is {value}; "
                f"set it to {wanted} ({how})"
            )
    files = tuple(LogFile(str(row[0]), int(row[1])) for row in database.rows("SHOW BINARY LOGS"))
    if not files:
        raise DatabaseError("the server has no binary log file; see: SHOW BINARY LOGS")
    uuid = str(database.value("SELECT @@server_uuid"))
    purged = GtidSet.parse(str(database.value("SELECT @@GLOBAL.gtid_purged") or ""))
    return Server(uuid, files, GtidSet.parse(database.gtid_executed()), purged)


def find_start(
    server: Server,
    log: Log,
    store: BlobStore,
    *,
    previous_gtids: Callable[[str], GtidSet],
    base: GtidSet | None,
) -> Start:
    """Decide where to go on.

    Args:
        log: of this epoch.
        previous_gtids: what was committed before a log file began.
        base: ``gtid_before`` of the epoch's newest backup; None when there is none.

    Raises:
        LostError: the server lacks transactions that are archived.
    """
    archived = log.gtids
    lost = archived - server.executed
    if lost:
        raise _lost(str(lost))
    tail = max((p for p in log.ends().values() if p.source[0] == server.uuid), key=_after, default=None)
    if tail is None:
        return _enter(server, log, "", previous_gtids, base)
    previous = _stored_hash(store, tail)
    here = [file for file in server.files if _numbered(file.name) == (tail.source[1], tail.end.number)]
    taken = segment_name(log.epoch, server.uuid, here[0].name, tail.end.position) if here else ""
    if taken in log.damaged:
        hole = f"{log.damaged[taken]}; it lies where the log goes on"
        return _begin_anew(server, previous, previous_gtids, None, hole)
    if not here or archived - tail.after:
        return _enter(server, log, previous, previous_gtids, base)
    if here[0].size < tail.end.position:
        raise _lost(f"what stood in {here[0].name} from {here[0].size} to {tail.end.position}")
    return Start(
        here[0].name,
        tail.end.position,
        tail.after,
        GtidSet({}),
        previous,
        tail.open_gtid,
        tail.open_us,
        **_needs(log, base),
    )


class _Needs(TypedDict):
    needs: GtidSet
    hole: str


def _needs(log: Log, base: GtidSet | None) -> _Needs:
    """What a backup must contain, and why the newest one does not do: told again after every restart."""
    if base is None:
        return {"needs": log.gtids, "hole": ""}
    run = log.run_for(base)
    why = run.hole
    if run.flaws:
        why = why or f"the archived log cannot be replayed: {run.flaws[-1]}"
    if log.gtids - base - run.gtids:
        why = why or "the newest backup does not lead to the archived log's end"
    return {"needs": log.gtids if why else GtidSet({}), "hole": why}


def _after(piece: Piece) -> Place:
    return piece.end


def _lost(what: str) -> LostError:
    return LostError(
        f"the archive holds transactions that this server does not have ({what}): it was restored from an "
        "older state, or crashed with sync_binlog other than 1; its log cannot continue the archived one. If "
        "it is new and empty, bring back what was archived first: python -m agent restore --take-over, which "
        "begins a new epoch. Else begin one: in control/epoch.json raise epoch by one and keep the writer "
        '(no such blob means epoch 1: write {"epoch": 2, "writer": "aws"})'
    )


def _enter(
    server: Server,
    log: Log,
    previous: str,
    previous_gtids: Callable[[str], GtidSet],
    base: GtidSet | None,
) -> Start:
    """Enter the newest file that leaves nothing out that is not archived; else a new chain begins."""
    archived = log.gtids
    if archived and (file := newest_within(server.files, archived, previous_gtids)):
        before = previous_gtids(file)
        return Start(file, len(MAGIC), before, archived, previous, **_needs(log, base))
    hole = _purged(server, archived, previous_gtids) if archived else ""
    return _begin_anew(server, previous, previous_gtids, base, hole)


def _purged(server: Server, held: GtidSet, previous_gtids: Callable[[str], GtidSet]) -> str:
    missing = previous_gtids(server.files[0].name) - held
    return (
        f"the server has purged log that was not archived: transactions {missing} are missing; keep its "
        "log longer (RDS: CALL mysql.rds_set_configuration('binlog retention hours', 24))"
    )


def _begin_anew(
    server: Server,
    previous: str,
    previous_gtids: Callable[[str], GtidSet],
    base: GtidSet | None,
    hole: str,
) -> Start:
    """A new chain, as early as it serves the newest backup; else from now on, for the backups to come."""
    if base and (file := newest_within(server.files, base, previous_gtids)):
        needs = server.executed if hole else GtidSet({})
        return Start(file, len(MAGIC), previous_gtids(file), base, previous, hole=hole, needs=needs)
    if base and not hole:
        hole = _purged(server, base, previous_gtids)
    newest = server.files[-1].name
    # Whatever was committed by now is in any backup that begins from now on.
    executed = server.executed
    return Start(newest, len(MAGIC), previous_gtids(newest), executed, previous, hole=hole, needs=executed)


def newest_within(
    files: Sequence[LogFile], known: GtidSet, previous_gtids: Callable[[str], GtidSet]
) -> str | None:
    """The newest file before which nothing was committed that is not in ``known``: sets only grow."""
    low, high = 0, len(files)
    while low < high:
        middle = (low + high) // 2
        if previous_gtids(files[middle].name) <= known:
            low = middle + 1
        else:
            high = middle
    return files[low - 1].name if low else None


def _numbered(file: str) -> tuple[str, int]:
    """A log file's name without its number, and the number."""
    base, _, number = file.rpartition(".")
    if not number.isdigit():
        raise LogError(f"the server's log file {file} has no number")
    return base, int(number)


def _stored_hash(store: BlobStore, piece: Piece) -> str:
    """SHA-256 of the last stored segment."""
    if piece.last:
        return piece.last
    data, _ = store.read(piece.name)
    for _, stored in members(data, piece.name):
        return hashlib.sha256(stored).hexdigest()
    raise LogError(f"{piece.name} is empty")
