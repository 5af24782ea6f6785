"""The end of the server's log: one thread reads and collects, so that a slow upload never stalls reading."""

from __future__ import annotations

import threading
import time
from collections import deque

from agent.archive.collector import Batch, Collector
from agent.binlog.stream import HEARTBEAT_S, LogStream

_FULL = 2  # batches that wait; then reading waits too, and memory stays bounded
_WAITED_S = HEARTBEAT_S / 4


class Tail:
    """Reads ``stream`` into ``collector`` until it fails or ``close`` is called. Use as a context manager.

    Attributes:
        given: how many batches were taken.
    """

    def __init__(self, stream: LogStream, collector: Collector) -> None:
        self._stream = stream
        self._collector = collector
        self._changed = threading.Condition()
        self._full: deque[Batch] = deque()
        self._closed = False
        self._error: BaseException | None = None
        self._quiet: tuple[int, float, float] | None = None
        self.given = 0
        self._thread = threading.Thread(target=self._read, name="log-reader", daemon=True)

    def __enter__(self) -> Tail:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._stream.interrupt()
        self._thread.join()

    def _read(self) -> None:
        try:
            asked = time.monotonic()
            for placed in self._stream:
                waited_s = time.monotonic() - asked
                with self._changed:
                    if self._closed:
                        return
                    if placed.is_heartbeat:
                        # One that lay in a buffer while we did not read is old, and more may lie behind it.
                        if waited_s >= _WAITED_S:
                            self._be_quiet()
                        asked = time.monotonic()
                        continue
                    waited = self._collector.waits_since
                    full = self._collector.feed(placed)
                    self._full += full
                    if full or (waited is None and self._collector.waits_since is not None):
                        self._changed.notify_all()
                    while len(self._full) >= _FULL and not self._closed:
                        self._changed.wait()
                asked = time.monotonic()
        except BaseException as error:  # noqa: BLE001 - raised again by take, in the thread that waits there
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _be_quiet(self) -> None:
        """The server has nothing beyond what was read; remember when, if all of that was given out."""
        if not self._full and self._collector.waits_since is None:
            self._quiet = (self.given, time.time(), time.monotonic())
            self._changed.notify_all()

    def quiet_since(self, acknowledged: int) -> float | None:
        """When the server last said that it had nothing beyond the first ``acknowledged`` batches.

        By the clock of then and by that of now, whichever makes it older: either may have jumped since.
        """
        with self._changed:
            if self._quiet is None or self._quiet[0] > acknowledged:
                return None
            return min(self._quiet[1], time.time() - (time.monotonic() - self._quiet[2]))

    @property
    def skipped(self) -> list[str]:
        """The transactions left out at the start, complete once a batch was taken."""
        with self._changed:
            return list(self._collector.skipped)

    @property
    def waiting(self) -> int:
        """Bytes that were read and not taken."""
        with self._changed:
            return sum(len(batch.log) for batch in self._full) + self._collector.waiting

    def take(self, *, flush_s: float, patience_s: float) -> Batch | None:
        """The next batch: a full one at once, another when its first byte has waited for ``flush_s``.

        Returns None after ``patience_s`` without one.

        Raises:
            AgentError: reading failed; all that was whole before was given out.
        """
        end = time.monotonic() + patience_s
        with self._changed:
            while True:
                batch = self._due(flush_s)
                if batch is not None:
                    self.given += 1
                    self._changed.notify_all()
                    return batch
                if self._error is not None:
                    raise self._error
                since = self._collector.waits_since
                until = end if since is None else min(end, since + flush_s)
                left = until - time.monotonic()
                if left <= 0 and time.monotonic() >= end:
                    return None
                self._changed.wait(max(left, 0))

    def _due(self, flush_s: float) -> Batch | None:
        if self._full:
            return self._full.popleft()
        since = self._collector.waits_since
        if since is not None and (self._error is not None or time.monotonic() >= since + flush_s):
            return self._collector.take()
        return None
