"""Verification inside the service: on its schedule, in a thread of its own, its failure an alarm."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

from agent.catalog import manifest_of
from agent.context import Context
from agent.epoch import Epoch
from agent.errors import BusyError, VerificationError
from agent.jobs import Job, Troubles
from agent.locks import exclusive
from agent.manifest import Manifest
from agent.schedule import utc_now
from agent.scratch import remove_survivor
from agent.signals import verified
from agent.verification import verify_chain
from agent.weekly import keep_weekly

_RETRY_S = 600.0  # a restore into a scratch server is not worth trying every few seconds
_RETRIES_PER_INTERVAL = 10
_SHOWN = ("at", "backup", "mode", "gtid", "next_backup", "seconds", "ok", "error")


class Verifying:
    """What is done with the vault's content while this site writes: proved, and copied weekly."""

    def __init__(self, context: Context, troubles: Troubles, stopping: threading.Event) -> None:
        self._context, self._troubles, self._stopping = context, troubles, stopping
        self._verifying: Job[dict[str, Any]] = Job("verification", troubles)
        self._next = 0.0
        self._epoch = 0
        self._last: dict[str, Any] | None = None
        self._bad: dict[str, Any] | None = None
        self._ordered_for: str | None = None
        self._last_good: str | None = None

    def start(self) -> None:
        """Remove what an agent that was killed during a verification left behind."""
        state_dir = self._context.config.state_dir
        with suppress(BusyError), exclusive(state_dir, "scratch"):  # busy: somebody verifies by hand
            remove_survivor(state_dir)

    def step(self, epoch: Epoch | None, base: Manifest | None) -> bool:
        """Begin and collect what is due; True when a fault was found that a new dump may mend."""
        bad = self._collect()
        if epoch is not None and epoch.writer == self._context.config.site and base is not None:
            if epoch.epoch != self._epoch:
                self._epoch, self._last, self._last_good = epoch.epoch, None, None
                self._next = 0.0
            self._verify(epoch.epoch)
        return bad

    def join(self, patience_s: float) -> None:
        """Wait for what is being given up."""
        self._verifying.join(patience_s)

    def state(self) -> dict[str, Any] | None:
        """For the heartbeat: the last result, and when the last good one was; None: none is known."""
        last = self._last
        return None if last is None else {**{key: last[key] for key in _SHOWN}, "good_at": self._last_good}

    def _verify(self, epoch: int) -> None:
        settings = self._context.config.verify
        if settings is None or settings.mode == "off":
            return
        if not self._verifying.busy and time.monotonic() >= self._next:
            self._next = time.monotonic() + settings.interval_s
            self._verifying.begin(lambda: self._work(epoch, settings.mode, settings.interval_s))

    def _work(self, epoch: int, mode: Any, interval_s: float) -> dict[str, Any]:
        """The result of a verification, or the last one's where a restarted agent finds it to be recent."""
        if self._last is None:
            results = verified(self._context.signals, epoch)
            good = next((result.at for result in results if result.ok), None)
            if results and results[0].ok and _age_s(results[0].at) < interval_s:
                found = vars(results[0])
                self._next = time.monotonic() + interval_s - _age_s(results[0].at)
                return {**found, "good_at": good}
        result = verify_chain(self._context, mode, self._stopping)
        if not result["ok"]:
            self._bad = result
            raise VerificationError(f"{result['backup']} is not good: {result['error']}")
        manifest = manifest_of(self._context.backups, result["backup"])
        # An error of its own: the verification stands.
        self._troubles.attempt("weekly copy", lambda: keep_weekly(self._context.backups, manifest, result))
        return result

    def _collect(self) -> bool:
        ended = self._verifying.collect()
        if ended is None:
            return False
        _, result = ended
        bad, self._bad = self._bad, None
        if result is not None:
            self._last, self._last_good = result, result.get("good_at", result["at"])
            self._ordered_for = None
            return False
        settings = self._context.config.verify
        retry_s = min(_RETRY_S, settings.interval_s / _RETRIES_PER_INTERVAL) if settings else _RETRY_S
        self._next = time.monotonic() + retry_s
        self._last = bad or self._last
        return bad is not None and self._is_news(bad)

    def _is_news(self, bad: dict[str, Any]) -> bool:
        """Whether to order a dump: for each base that is bad, and once for a log that leads to no good end.

        What is wrong with the log still, behind the dump since, no dump mends; its sentence changes with
        every base.
        """
        fault = "" if bad["base_ok"] else str(bad["backup"])
        news, self._ordered_for = fault != self._ordered_for, fault
        return news


def _age_s(at: str) -> float:
    return abs((utc_now() - datetime.fromisoformat(at)).total_seconds())
