"""The dumps of the service: when, whether at all, and what came of them."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime
from typing import Any

from agent.archiving import Archiving
from agent.catalog import newest_first, survey
from agent.context import Context
from agent.database import session
from agent.dump import dump_once
from agent.epoch import Epoch
from agent.errors import BusyError, UnopenedError
from agent.gtid import GtidSet
from agent.jobs import Job, Troubles
from agent.manifest import Manifest, as_report
from agent.schedule import is_fresh, stretched, unchanged, utc_now

_log = logging.getLogger(__name__)
_RETRIES_PER_INTERVAL = 10
_BEGIN_PATIENCE_S = 10.0


class Dumping:
    """One dump an interval while this site writes, in a thread of its own; never two at once.

    Attributes:
        awaits: the epoch's first dump is due as soon as its log is archived, so ``step`` is wanted soon.
    """

    def __init__(
        self, context: Context, archiving: Archiving, troubles: Troubles, stopping: threading.Event
    ) -> None:
        self._context, self._archiving, self._stopping = context, archiving, stopping
        self._settings = context.config.dump
        self._job: Job[tuple[Manifest, datetime] | None] = Job("dump", troubles)
        self._began = 0.0
        self._next = 0.0
        self._forced = self._ordered = ""
        self._needed_again = 0.0
        self.awaits = False
        self._awaited, self._awaited_until = 0, 0.0
        self._interval_s, self._stretched = self._settings.interval_s, ""
        self._base: Manifest | None = None
        self._ours = False
        self._fresh_at: datetime | None = None
        self._skipped = 0

    def at_once(self, why: str) -> None:
        """The next dump is due now, whether anything changed or not."""
        if not self._forced:
            _log.info("a dump at once: %s", why)
        self._forced = why
        self._next = 0.0

    def step(self, epoch: Epoch | None) -> None:
        """Collect a dump that has ended; begin one that is due while this site writes."""
        self._collect()
        self.awaits = False
        if epoch is None or epoch.writer != self._context.config.site:
            return
        if self._base is not None and self._base.epoch != epoch.epoch:
            self._base, self._ours, self._fresh_at = None, False, None
            self._next = 0.0  # the new epoch's chain begins now
        now = time.monotonic()
        self.awaits = self._awaits_archive(epoch.epoch, now)
        if self.awaits:
            return
        if self._archiving.needs_dump and now >= self._needed_again and not self._job.busy:
            # What makes each transaction useless to the log (a session with binlog_format=STATEMENT) needs a
            # dump all the time: then the interval holds, and with it the budget for egress.
            self._needed_again = now + self._interval_s
            self.at_once("no backup leads into the archived log and on to its end")
        if not self._job.busy and now >= self._next:
            self._ordered, self._forced, self._began = self._forced, "", now
            forced = bool(self._ordered)
            self._job.begin(lambda: self._dump(epoch, forced=forced))

    def _awaits_archive(self, epoch: int, now: float) -> bool:
        """Whether an epoch's first dump should wait for a moment, until its log is archived.

        What is committed between a dump's snapshot and the archive's first byte is in neither.
        """
        if self._awaited != epoch:
            self._awaited, self._awaited_until = epoch, now + min(_BEGIN_PATIENCE_S, self._interval_s)
        return now < self._awaited_until and not self._archiving.has_begun(epoch)

    def join(self, patience_s: float) -> None:
        """Wait for a dump that is being given up."""
        self._job.join(patience_s)
        self._collect()

    @property
    def base(self) -> Manifest | None:
        """The newest backup of the present epoch, once it is known."""
        return self._base

    def state(self) -> dict[str, Any]:
        """For the heartbeat."""
        return {
            "dumping": self._job.running,
            "interval_seconds": self._interval_s,
            "interval_stretched": self._stretched,
            "stretched_by_seconds": self._interval_s - self._settings.interval_s,
            "last_backup": None if self._base is None else as_report(self._base),
            # When the database was last seen to be what that backup holds.
            "fresh_at": self._fresh_at.isoformat(timespec="milliseconds") if self._fresh_at else None,
            "skipped_unchanged": self._skipped,
        }

    def _dump(self, epoch: Epoch, *, forced: bool) -> tuple[Manifest, datetime] | None:
        """The new backup, or the last one when it still is what the database holds; and when that was so.

        None while somebody else dumps, or has to open the database first.
        """
        looked_at = utc_now()
        if not forced and (base := self._unchanged_base(epoch)) is not None:
            return base, looked_at
        try:
            manifest = dump_once(self._context, self._stopping)
        except (BusyError, UnopenedError) as error:
            # No trouble: an agent on the machine that replaces this one, or an operator, makes the backup; or
            # it is made when the operator has opened the database.
            _log.info("%s", error)
            return None
        return manifest, datetime.fromisoformat(manifest.snapshot_at)

    def _unchanged_base(self, epoch: Epoch) -> Manifest | None:
        base, ours = self._base, self._ours
        if base is None:  # the agent has just started
            found = newest_first(self._context.backups, survey(self._context.backups), 1)
            base = found[0] if found else None
        config = self._context.config
        if base is None or base.epoch != epoch.epoch or base.schemas != config.database.schemas:
            return None
        if not base.gtid_before or not is_fresh(base, config.dump, utc_now()):
            return None
        with session(self._context.login()) as database:
            if database.variable("gtid_mode") != "ON":
                return None
            same = unchanged(
                base,
                lambda: GtidSet.parse(database.gtid_executed()),
                self._archiving.status,
                ours=ours,
            )
        return base if same else None

    def _collect(self) -> None:
        ended = self._job.collect()
        if ended is None:
            return
        _, result = ended
        if result is None:
            self._forced = self._forced or self._ordered
            self._next = time.monotonic() + self._settings.interval_s / _RETRIES_PER_INTERVAL
            return
        manifest, self._fresh_at = result
        took = time.monotonic() - self._began
        self._archiving.take_base(manifest)
        same = self._base is not None and manifest.backup == self._base.backup
        if same and not self._skipped:
            _log.info("nothing changed since %s: no dump until something does", manifest.backup)
        self._skipped = self._skipped + 1 if same else 0
        self._base, self._ours = manifest, True
        self._stretch(manifest)
        self._next = self._began + self._interval_s
        if took > self._interval_s:
            _log.warning("the dump took %.0f s, longer than the interval of %g s", took, self._interval_s)

    def _stretch(self, manifest: Manifest) -> None:
        interval_s, why = stretched(self._settings, manifest.stored_bytes)
        if bool(why) != bool(self._stretched) or abs(interval_s - self._interval_s) > 0.1 * self._interval_s:
            _log.warning("%s", why or f"a dump every {interval_s:g} s again")
        self._interval_s, self._stretched = interval_s, why
