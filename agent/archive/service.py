"""The continuous archive of the binary log, as a service.

From COMMIT to acknowledged blob it takes ``flush_s`` and one write. Only what the Blob endpoint acknowledged
counts; after any failure the archive goes on from what the vault holds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from agent.archive.collector import Batch, Collector, Open
from agent.archive.log import Log, survey
from agent.archive.packing import pack
from agent.archive.run import Place
from agent.archive.start import LostError, Start, ask, find_start
from agent.archive.tail import Tail
from agent.archive.writing import Chain, ForeignError, OvertakenError, Prepared, write
from agent.binlog.events import MAGIC
from agent.binlog.stream import LogStream, read_previous_gtids
from agent.catalog import newest_first
from agent.catalog import survey as list_backups
from agent.context import Context
from agent.database import Login, server_lock, session
from agent.epoch import Epoch
from agent.errors import AgentError, ConfigError, StorageError
from agent.gtid import GtidSet
from agent.storage import BlobStore, BlobThrottledError

_log = logging.getLogger(__name__)

_PATIENCE_S = 0.25  # how soon a stop or a new epoch is noticed
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 15.0
_LOOK_S = 10.0
_LOCK, _LOCK_PATIENCE_S = "pilotlight-archive", 5.0
_ANSWER_S = 20.0  # the server's, to the few short questions asked before the log is followed
# Share of a period after whose end it is packed: a segment of the next one is there by then. Once a period,
# because finding out what is not packed yet takes a listing for every file of the server's log, and a listing
# is billed like a write (costs/usage.py).
_SETTLED = 1 / 8
_INTERVALS = 200


class EpochEndedError(AgentError):
    """This site is not the writer of this epoch any more, or cannot know."""


class Archiver:
    """Archives while ``epoch`` says that this site writes.

    Args:
        epoch: the present epoch, as far as it is known; None: unknown, archive nothing.

    Raises:
        ConfigError: the configuration has no "archive".
    """

    def __init__(self, context: Context, epoch: Callable[[], Epoch | None]) -> None:
        if context.config.archive is None:
            raise ConfigError('the configuration has no "archive"; add it, if only as {}')
        self._context = context
        self._settings = context.config.archive
        self._epoch = epoch
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {
            "archived_gtid": "",
            "position": "",
            "archived_through": None,
            "behind_bytes": 0,
            "segments": 0,
            "hole": "",
            "error": "",
            "touched": "",
        }
        self._touched = GtidSet({})
        self._epoch_seen = 0
        self._needs = GtidSet({})
        self._dealt_with = GtidSet({})
        self._lost = False

    def status(self) -> dict[str, Any]:
        """For the heartbeat.

        ``archived_gtid`` and ``position``: how far. ``archived_through``: everything that was committed
        before that time is archived; it goes on while there is nothing to archive, is never in the future
        and None when it is not known. ``behind_bytes``: read
        and not acknowledged. ``segments``: acknowledged by this process. ``hole``: why no backup reaches the
        archived end until the next one. ``error``: what is being tried again. ``touched``: those
        transactions of this epoch that changed a dumped schema, and others: all that this process did not
        archive itself.
        """
        with self._lock:
            self._forget_the_future()
            return dict(self._state)

    @property
    def needs_dump(self) -> bool:
        """Whether no backup exists yet that the archived log serves up to its end."""
        with self._lock:
            return bool(self._needs)

    @property
    def has_lost(self) -> bool:
        """Whether the server lacks what is archived, so that nothing is archived until a new epoch."""
        with self._lock:
            return self._lost

    def has_begun(self, epoch: int) -> bool:
        """Whether it was decided where that epoch's log begins, or goes on."""
        with self._lock:
            return self._epoch_seen == epoch

    def has_dealt_with(self, gtids: GtidSet) -> bool:
        """Whether each of them is archived, or needs not be: a backup holds it, or every later one will.

        False before the archive has begun.
        """
        with self._lock:
            return bool(self._state["position"]) and gtids <= self._dealt_with

    def take_base(self, epoch: int, base: GtidSet) -> None:
        """A backup of ``epoch`` with this ``gtid_before`` is complete: perhaps the one that is needed."""
        with self._lock:
            if epoch == self._epoch_seen and self._needs <= base:
                self._needs, self._state["hole"] = GtidSet({}), ""

    def run(self, stopping: threading.Event) -> None:
        """Archive until ``stopping`` is set; whatever fails is told and tried again."""
        ended = threading.Event()
        helper = threading.Thread(target=self._maintain, args=(ended,), name="log-keeper", daemon=True)
        helper.start()
        try:
            self._keep_archiving(stopping)
        finally:  # a programming error too: whoever begins again begins another helper
            ended.set()
            helper.join()

    def _keep_archiving(self, stopping: threading.Event) -> None:
        pause = _FIRST_PAUSE_S
        while not stopping.is_set():
            acknowledged = self.status()["segments"]
            try:
                self._archive(self._current(), stopping)
            except EpochEndedError:
                stopping.wait(_PATIENCE_S)
                continue
            except OvertakenError as error:
                _log.info("%s", error)
                pause = 0.0  # the other one may be about to end
            except AgentError as error:
                self._failed(str(error), lost=isinstance(error, LostError))
            # Progress since the last failure: this one is another.
            progress = self.status()["segments"] > acknowledged
            pause = _FIRST_PAUSE_S if progress else min(max(2 * pause, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
            stopping.wait(pause)

    def _current(self, seen: Epoch | None = None) -> Epoch:
        """The epoch under which this site may archive: the one that was ``seen``, if given.

        Raises:
            EpochEndedError: there is none.
        """
        now = self._epoch()
        if now is None or now.writer != self._context.config.site or (seen and now.epoch != seen.epoch):
            raise EpochEndedError("this site is not known to be the writer of this epoch")
        return now

    def _archive(self, epoch: Epoch, stopping: threading.Event) -> None:
        """One connection's worth."""
        account = self._context.login()
        # In this order: what another agent archives meanwhile must not look like more than the server has.
        log = survey(self._context.backups, epoch.epoch)
        with session(account, read_timeout_s=_ANSWER_S) as database:
            server = ask(database)
        base = newest_base(self._context.backups, epoch.epoch)
        start = find_start(
            server,
            log,
            self._context.backups,
            previous_gtids=cache(lambda file: server.purged | read_previous_gtids(account, file)),
            base=base or _fork(epoch),
        )
        if base is None:  # the log continues the epoch before, which no verification looks at: a dump is due
            start = replace(start, needs=start.needs or log.gtids | server.executed)
        self._begin(epoch, log.gtids, start)
        resumed = Open(start.open_gtid, start.open_us, time.monotonic(), unsure=True)
        collector = Collector(
            limit=self._settings.segment_bytes,
            dumped=self._context.config.database.schemas,
            skip=start.skip,
            resumed=resumed if start.open_gtid else None,
        )
        chain = Chain(epoch.epoch, server.uuid, start, log.gtids)
        with (
            closing(LogStream(account, start.file, start.position)) as stream,
            Tail(stream, collector) as tail,
        ):
            goes_on = start.position > len(MAGIC)  # then two of us write to the same place
            begin = None if goes_on else partial(self._begin_chain, account, epoch, server.uuid, log)
            self._follow(epoch, chain, tail, stopping, begin=begin)

    def _begin_chain(
        self, account: Login, epoch: Epoch, server_uuid: str, seen: Log, prepared: Prepared
    ) -> None:
        """Write a chain's first segment while nobody else does, unless somebody did since ``seen``.

        Two agents live while a machine is replaced. If both began, at different places of the same log, the
        segments of neither would continue those of the other. It is tried once: who cannot write shall not
        keep those waiting who can.

        Raises:
            OvertakenError: another agent began meanwhile. BusyError: it is about to.
            ForeignError, StorageError: see ``write``.
        """
        busy = "another agent begins to archive the same log"
        with (
            session(account, read_timeout_s=_ANSWER_S) as database,
            server_lock(database, _LOCK, _LOCK_PATIENCE_S, busy),
        ):
            present = survey(self._context.backups, epoch.epoch)
            if _ends(present, server_uuid) != _ends(seen, server_uuid):
                raise OvertakenError("another agent archives the same log; going on behind it")
            self._current(epoch)
            self._write_once(prepared)

    def _follow(
        self,
        epoch: Epoch,
        chain: Chain,
        tail: Tail,
        stopping: threading.Event,
        *,
        begin: Callable[[Prepared], None] | None,
    ) -> None:
        acknowledged, ending = 0, False
        while not ending:
            ending = stopping.is_set()  # then what waits is written at once, and once
            self._current(epoch)
            flush_s, patience_s = (0.0, 0.0) if ending else (self._settings.flush_s, _PATIENCE_S)
            batch = tail.take(flush_s=flush_s, patience_s=patience_s)
            if batch is not None:
                prepared = chain.prepare(batch, tail.skipped if acknowledged == 0 else [])
                if begin is not None and not acknowledged:
                    begin(prepared)
                elif not self._write(epoch, prepared, stopping):
                    return
                chain.advance(prepared)
                acknowledged += 1
                self._wrote(batch, chain)
            self._worked(tail.quiet_since(acknowledged), tail.waiting)

    def _write(self, epoch: Epoch, prepared: Prepared, stopping: threading.Event) -> bool:
        """Write until it is acknowledged; False when it failed and we are told to stop."""
        pause = 0.0
        while True:
            self._current(epoch)
            try:
                self._write_once(prepared)
                return True
            except StorageError as error:
                self._failed(str(error))
                asked = error.retry_after_s if isinstance(error, BlobThrottledError) else 0.0
                if stopping.wait(max(pause, asked)):
                    return False
                pause = min(max(2 * pause, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)

    def _write_once(self, prepared: Prepared) -> None:
        try:
            write(self._context.backups, prepared)
        except ForeignError as error:
            self._require(GtidSet.parse(prepared.segment.before), str(error))
            raise

    def _begin(self, epoch: Epoch, archived: GtidSet, start: Start) -> None:
        with self._lock:
            if self._epoch_seen != epoch.epoch:
                self._epoch_seen, self._touched, self._needs = epoch.epoch, GtidSet({}), GtidSet({})
                self._state |= {"archived_gtid": "", "hole": "", "archived_through": None}
            # What another agent archived, or what was acknowledged after we had given up, nobody looked at
            # here: it may have changed anything.
            unseen = archived - GtidSet.parse(self._state["archived_gtid"])
            self._touched = bounded(self._touched | unseen)
            self._dealt_with = archived | start.before | start.skip
            self._state |= {
                "touched": str(self._touched),
                "archived_gtid": str(archived),
                "position": f"{start.file}:{start.position}",
            }
        if start.needs:
            self._require(start.needs, start.hole)
        _log.info("archiving epoch %d from %s:%d on", epoch.epoch, start.file, start.position)

    def _wrote(self, batch: Batch, chain: Chain) -> None:
        with self._lock:
            self._touched = bounded(self._touched | GtidSet.parse(",".join(batch.touched)))
            self._dealt_with |= chain.archived
            self._state |= {
                "archived_gtid": str(chain.archived),
                "position": f"{batch.file}:{batch.end}",
                "segments": self._state["segments"] + 1,
                "touched": str(self._touched),
            }
            self._reached(min(batch.last_us / 1e6, time.time()))  # by the server's clock, which may be ahead
        if batch.flaw:
            self._require(chain.before, f"the archived log cannot be replayed: {batch.flaw}")

    def _worked(self, quiet: float | None, waiting: int) -> None:
        with self._lock:
            if self._state["error"]:
                _log.info("archiving works again")
            self._lost = False
            self._state |= {"error": "", "behind_bytes": waiting}
            if quiet is not None:
                self._reached(quiet)

    def _reached(self, moment: float) -> None:
        self._forget_the_future()
        if moment:
            self._state["archived_through"] = max(self._state["archived_through"] or "", _said(moment))

    def _forget_the_future(self) -> None:
        """What a clock that was put back since had said would hide for as long that nothing is archived."""
        if (self._state["archived_through"] or "") > _said(time.time()):
            self._state["archived_through"] = None

    def _failed(self, sentence: str, *, lost: bool = False) -> None:
        with self._lock:
            self._lost = lost
            if self._state["error"] != sentence:
                _log.error("%s", sentence)
            self._state["error"] = sentence

    def _require(self, needs: GtidSet, why: str) -> None:
        """Only a backup that holds all of ``needs`` can be brought to the archived end."""
        with self._lock:
            self._needs |= needs
            if why and why != self._state["hole"]:
                _log.error("%s; the next dump closes this hole", why)
                self._state["hole"] = why

    def _maintain(self, stopping: threading.Event) -> None:
        """What need not be at once: looking for the backup that closes a hole, and packing."""
        look_s = min(self._settings.pack_s, _LOOK_S)
        next_pack = time.monotonic() + look_s
        while not stopping.wait(look_s):
            try:
                epoch = self._current()
                self._look_for_base(epoch)
                if time.monotonic() >= next_pack:
                    # Set before: what is damaged stays so, and each attempt lists the log and reads of it.
                    next_pack = time.monotonic() + until_packing(self._settings.pack_s, time.time())
                    pack(self._context.backups, epoch.epoch, self._settings.pack_s, stopping)
            except EpochEndedError:
                continue
            except AgentError as error:
                _log.error("looking after the archived log: %s", error)
            except Exception:  # noqa: BLE001 - without this thread a needed dump is needed for ever
                _log.exception("looking after the archived log: an error of this program")

    def _look_for_base(self, epoch: Epoch) -> None:
        if not self.needs_dump:
            return
        base = newest_base(self._context.backups, epoch.epoch)
        if base is not None:
            self.take_base(epoch.epoch, base)


def _said(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def until_packing(period_s: float, now: float) -> float:
    """Seconds from ``now``, a Unix time, until the period that it lies in can be packed, or the last one."""
    return period_s - (now - _SETTLED * period_s) % period_s


def newest_base(store: BlobStore, epoch: int) -> GtidSet | None:
    """``gtid_before`` of the epoch's newest backup; None when there is none."""
    found = newest_first(store, list_backups(store), 1)
    return GtidSet.parse(found[0].gtid_before) if found and found[0].epoch == epoch else None


def _ends(log: Log, server_uuid: str) -> set[tuple[tuple[str, str], Place]]:
    """How far a server's log is archived."""
    return {(source, piece.end) for source, piece in log.ends().items() if source[0] == server_uuid}


def _fork(epoch: Epoch) -> GtidSet | None:
    """Where an epoch's log begins that has no backup yet, so that nothing since the fork is left out."""
    return GtidSet.parse(epoch.began_gtid) or None


def bounded(gtids: GtidSet) -> GtidSet:
    """The set, or one that contains it and is short: it stands in every heartbeat."""
    if sum(map(len, gtids.intervals.values())) <= _INTERVALS:
        return gtids
    return GtidSet({source: ((parts[0][0], parts[-1][1]),) for source, parts in gtids.intervals.items()})
