"""The agent as a service: heartbeat, epoch, handover, dumps, the log archive, verification and metrics.

Each of them goes on while the others fail: the loop here never waits for anything but the Blob endpoint, and
the rest has threads of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from agent.archiving import Archiving
from agent.config import Site
from agent.context import Context
from agent.dumping import Dumping
from agent.epoch import Epoch, read_epoch
from agent.gtid import GtidSet
from agent.handover.service import Handover, starts_no_dump
from agent.jobs import Job, Troubles
from agent.metrics import PERIOD_S, CloudWatch, figures
from agent.schedule import utc_now
from agent.serving import Serving
from agent.signals import write_heartbeat
from agent.verifying import Verifying

_log = logging.getLogger(__name__)

# Everything else follows from the dump interval, so that a rehearsal which shortens it shortens all alike.
# At 300 s: epoch and orders are read every 5 s (about 0.3 USD a month at Blob prices), a heartbeat is written
# every 30 s (0.6 USD), a failed dump is tried again after 30 s.
_POLLS_PER_INTERVAL = 60
_HEARTBEATS_PER_INTERVAL = 10
_SHORTEST_POLL_S = 0.25
_SOON_S = 0.5
_LEAST_GRACE_S = 30.0
# systemd kills after 90 s by default; an instance that is being replaced has less.
_END_PATIENCE_S = 20.0


class Agent:
    """One site's agent. ``run`` ends after ``stop``; failures are logged, told and retried."""

    def __init__(self, context: Context) -> None:
        config = context.config
        self._context = context
        self._site: Site = config.site
        self._interval_s = config.dump.interval_s
        self._stopping = threading.Event()
        self._troubles = Troubles()
        self._epoch: Epoch | None = None
        self._archive_epoch: tuple[Epoch, float] | None = None
        self._archiving = Archiving(context, self._epoch_to_archive, self._troubles, self._stopping)
        self._dumping = Dumping(context, self._archiving, self._troubles, self._stopping)
        self._verifying = Verifying(context, self._troubles, self._stopping)
        self._handover = Handover(context, self._archived, self._troubles)
        self._serving = Serving(context, self._handover)
        self._metrics = CloudWatch(config.metrics, config.site) if config.metrics else None
        self._sending: Job[None] = Job("metrics", self._troubles)
        self._next_heartbeat = self._next_metrics = 0.0

    def stop(self) -> None:
        """Ask ``run`` to return soon; a dump under way is given up and leaves nothing behind."""
        self._stopping.set()

    def run(self) -> None:
        """Work until ``stop``."""
        poll_s = max(_SHORTEST_POLL_S, self._interval_s / _POLLS_PER_INTERVAL)
        _log.info("agent of site %s: a dump every %g s while it is the writer", self._site, self._interval_s)
        self._troubles.attempt("scratch server", self._verifying.start)
        self._archiving.start()
        while not self._stopping.is_set():
            self._troubles.attempt("epoch", self._follow_epoch)
            self._troubles.attempt("handover", self._hand_over)
            self._troubles.attempt("opening", self._open)
            self._troubles.attempt("fence", self._keep_one_writer)
            self._troubles.attempt("schedule", self._step)
            if time.monotonic() >= self._next_heartbeat:
                self._next_heartbeat = time.monotonic() + self._interval_s / _HEARTBEATS_PER_INTERVAL
                self._troubles.attempt("heartbeat", self._heartbeat)
            self._stopping.wait(min(poll_s, _SOON_S) if self._dumping.awaits else poll_s)
        for part in (
            self._serving,
            self._handover,
            self._archiving,
            self._dumping,
            self._verifying,
            self._sending,
        ):
            part.join(_END_PATIENCE_S)
        _log.info("agent of site %s stopped", self._site)

    def _step(self) -> None:
        # Where the log has a hole, or no base, only a dump leads a target to its end; users wait meanwhile.
        waits = starts_no_dump(self._site, self._epoch) and not self._archiving.needs_dump
        self._dumping.step(None if waits or self._serving.waits else self._epoch)
        if self._verifying.step(self._epoch, self._dumping.base):
            self._dumping.at_once("the newest backup could not be verified")
        self._sending.collect()
        if self._metrics is not None and time.monotonic() >= self._next_metrics and not self._sending.busy:
            self._next_metrics = time.monotonic() + min(PERIOD_S, self._interval_s)
            metrics, now = self._metrics, utc_now()
            values = figures({"site": self._site, **self._state()}, now)
            self._sending.begin(lambda: metrics.send(values, now))

    def _follow_epoch(self) -> None:
        """Learn who writes."""
        self._epoch = None  # whoever cannot read it must not act on what it was
        self._epoch = epoch = read_epoch(self._context.control)
        self._archive_epoch = (epoch, time.monotonic())

    def _hand_over(self) -> None:
        """Do this site's part of what is ordered."""
        self._handover.step(self._epoch, closed=self._serving.is_closed(self._epoch))

    def _open(self) -> None:
        """Become the writer, if that is ordered."""
        if self._epoch is not None:
            self._serving.open(self._epoch)

    def _keep_one_writer(self) -> None:
        """Who cannot read the epoch leaves everything as it is."""
        if self._epoch is not None:
            self._serving.fence(self._epoch)

    def _epoch_to_archive(self) -> Epoch | None:
        """The epoch to archive under: one that was read within the last dump interval.

        An epoch that cannot be read for a moment need not stop the archive: what is written under an old
        epoch's name is harmless to the new one, whose chain stands alone.
        """
        seen = self._archive_epoch
        if seen is None or time.monotonic() - seen[1] > max(self._interval_s, _LEAST_GRACE_S):
            return None
        return seen[0]

    def _archived(self) -> GtidSet:
        """What the vault holds of the present epoch: its newest base, and the log."""
        base = self._dumping.base
        log = GtidSet.parse(self._archiving.status().get("archived_gtid", ""))
        return log if base is None else log | GtidSet.parse(base.gtid_before)

    def _state(self) -> dict[str, Any]:
        archive, errors = self._archiving.status(), self._troubles.now()
        if self._serving.waits:  # what they said of the lost database leads past the order to open
            archive = {}
            errors.pop("dump", None)
        for what in ("error", "hole"):
            if archive.get(what):
                errors["archive" if what == "error" else "archive hole"] = archive[what]
        return {
            "epoch": self._epoch.epoch if self._epoch else None,
            "writer": self._epoch.writer if self._epoch else None,
            **self._dumping.state(),
            "archive": archive or None,
            "possible_loss": self._archiving.loss,
            "verification": self._verifying.state(),
            "handover": self._handover.state(),
            "errors": errors,
        }

    def _heartbeat(self) -> None:
        write_heartbeat(self._context.signals, self._site, self._state())
