"""The agent as a service: heartbeat, epoch, orders, dumps - until it is told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from agent.config import Site
from agent.context import Context
from agent.database import session
from agent.dump import dump_once
from agent.epoch import Epoch, read_epoch, read_orders
from agent.errors import AgentError
from agent.manifest import Manifest, as_report
from agent.marker import read_marker
from agent.opening import become_writer, finish_opening, wants_to_open
from agent.signals import write_heartbeat

_log = logging.getLogger(__name__)

# Everything else follows from the dump interval, so that a rehearsal which shortens it shortens all alike.
# At 300 s: epoch and orders are read every 5 s (about 0.3 USD a month at Blob prices), a heartbeat is written
# every 30 s (0.6 USD), a failed dump is tried again after 30 s.
_POLLS_PER_INTERVAL = 60
_HEARTBEATS_PER_INTERVAL = 10
_RETRIES_PER_INTERVAL = 10
_SHORTEST_POLL_S = 0.25


class Agent:
    """One site's agent. ``run`` ends after ``stop``; failures are logged, told and retried."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._site: Site = context.config.site
        self._interval_s = context.config.dump.interval_s
        self._stopping = threading.Event()
        self._dump: Future[Manifest] | None = None
        self._dump_began = 0.0
        self._next_dump = 0.0
        self._next_heartbeat = 0.0
        self._epoch: Epoch | None = None
        self._opened_epoch = 0
        self._last_backup: dict[str, Any] | None = None
        self._errors: dict[str, str] = {}

    def stop(self) -> None:
        """Ask ``run`` to return soon; a dump under way is given up and leaves nothing behind."""
        self._stopping.set()

    def run(self) -> None:
        """Work until ``stop``."""
        poll_s = max(_SHORTEST_POLL_S, self._interval_s / _POLLS_PER_INTERVAL)
        _log.info("agent of site %s: a dump every %g s while it is the writer", self._site, self._interval_s)
        with ThreadPoolExecutor(1, thread_name_prefix="dump") as dumper:
            while not self._stopping.is_set():
                self._attempt("epoch", self._follow_epoch)
                self._collect_dump()
                if self._dump_is_due():
                    self._dump_began = time.monotonic()
                    self._dump = dumper.submit(dump_once, self._context, self._stopping)
                if time.monotonic() >= self._next_heartbeat:
                    self._next_heartbeat = time.monotonic() + self._interval_s / _HEARTBEATS_PER_INTERVAL
                    self._attempt("heartbeat", self._heartbeat)
                self._stopping.wait(poll_s)
        self._collect_dump()
        _log.info("agent of site %s stopped", self._site)

    def _attempt(self, what: str, action: Callable[[], None]) -> bool:
        """Run ``action``; a failure that repeats is logged once, and its end is logged too."""
        try:
            action()
        except AgentError as error:
            self._failed(what, str(error))
            return False
        self._worked(what)
        return True

    def _failed(self, what: str, sentence: str) -> None:
        if self._errors.get(what) != sentence:
            _log.error("%s: %s", what, sentence)
        self._errors[what] = sentence

    def _worked(self, what: str) -> None:
        if self._errors.pop(what, None) is not None:
            _log.info("%s: works again", what)

    def _follow_epoch(self) -> None:
        """Learn who writes; become the writer when the operator ordered it."""
        self._epoch = None  # whoever cannot read it must not act on what it was
        self._epoch = epoch = read_epoch(self._context.control)
        if self._site == "azure" and wants_to_open(read_orders(self._context.orders), epoch, self._site):
            with session(self._context.login()) as database:
                marker = read_marker(database)
                epoch = become_writer(database, self._context.control, epoch, self._context.config, marker)
            self._next_dump = 0.0  # the new chain begins now
            self._opened_epoch = epoch.epoch
        if epoch.writer == self._site and self._opened_epoch != epoch.epoch:
            self._finish_opening(epoch)
        self._epoch = epoch

    def _finish_opening(self, epoch: Epoch) -> None:
        """Once an epoch: complete an opening that was interrupted after the epoch had been written."""
        with session(self._context.login()) as database:
            marker = read_marker(database)
            if marker is not None and marker.state == "verified" and marker.served_epoch < epoch.epoch:
                finish_opening(database, epoch, self._context.config, marker)
        self._opened_epoch = epoch.epoch

    def _dump_is_due(self) -> bool:
        writes = self._epoch is not None and self._epoch.writer == self._site
        return writes and self._dump is None and time.monotonic() >= self._next_dump

    def _collect_dump(self) -> None:
        if self._dump is None or not (self._dump.done() or self._stopping.is_set()):
            return
        future, self._dump = self._dump, None
        try:
            manifest = future.result()
        except AgentError as error:
            self._next_dump = time.monotonic() + self._interval_s / _RETRIES_PER_INTERVAL
            self._failed("dump", str(error))
            return
        self._worked("dump")
        self._last_backup = as_report(manifest)
        took = time.monotonic() - self._dump_began
        self._next_dump = self._dump_began + self._interval_s
        if took > self._interval_s:
            _log.warning("the dump took %.0f s, longer than the interval of %g s", took, self._interval_s)

    def _heartbeat(self) -> None:
        state = {
            "epoch": self._epoch.epoch if self._epoch else None,
            "writer": self._epoch.writer if self._epoch else None,
            "dumping": self._dump is not None,
            "interval_seconds": self._interval_s,
            "last_backup": self._last_backup,
            "errors": dict(self._errors),
        }
        write_heartbeat(self._context.signals, self._site, state)
