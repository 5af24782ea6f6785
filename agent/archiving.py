"""The log archive inside the service: started when the server's log is fit for it, and kept running."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from agent.archive.service import Archiver
from agent.context import Context
from agent.database import session
from agent.epoch import Epoch
from agent.errors import DatabaseError
from agent.gtid import GtidSet
from agent.jobs import Troubles
from agent.log_settings import check_log
from agent.manifest import Manifest

_log = logging.getLogger(__name__)

_LOOK_S = 0.5  # how soon a new epoch is noticed


class Archiving:
    """Runs the archiver in a thread, if one is configured.

    Args:
        epoch: the present epoch, as far as it is known; None: unknown.
    """

    def __init__(
        self,
        context: Context,
        epoch: Callable[[], Epoch | None],
        troubles: Troubles,
        stopping: threading.Event,
    ) -> None:
        self._context, self._epoch, self._troubles, self._stopping = context, epoch, troubles, stopping
        self._retry_s = max(1.0, context.config.dump.interval_s / 10)
        self._archiver = Archiver(context, epoch) if context.config.archive is not None else None
        self._fit = False
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)

    def start(self) -> None:
        """Begin, unless no archive is configured."""
        if self._archiver is None:
            _log.warning('no "archive" is configured: %s', self.loss)
            return
        self._thread.start()

    def join(self, patience_s: float) -> None:
        """Wait until what was buffered is flushed and the thread has ended, up to ``patience_s``."""
        if self._thread.is_alive():
            self._thread.join(patience_s)
            if self._thread.is_alive():
                _log.warning("the archive did not end within %g s; it goes on from the vault", patience_s)

    def status(self) -> dict[str, Any]:
        """The archiver's; empty while the log is not being archived."""
        return self._archiver.status() if self._archiver is not None and self._fit else {}

    def has_begun(self, epoch: int) -> bool:
        """Whether the log of that epoch is being archived; True, too, where none is."""
        return self._archiver is None or self._archiver.has_begun(epoch)

    @property
    def needs_dump(self) -> bool:
        """Whether only a new dump can give the archived log a base again."""
        return self._archiver is not None and self._fit and self._archiver.needs_dump

    def take_base(self, manifest: Manifest) -> None:
        """Tell the archive at once of a backup that is complete; by itself it looks every few seconds."""
        if self._archiver is not None and manifest.gtid_before:
            self._archiver.take_base(manifest.epoch, GtidSet.parse(manifest.gtid_before))

    @property
    def loss(self) -> str:
        """What a disaster now can cost, as a sentence."""
        if self._archiver is not None and self._fit:
            return "what was committed after the archive's archived_through"
        interval = self._context.config.dump.interval_s
        return f"what was committed since the last dump: up to {interval:g} s and the time that a dump takes"

    def _run(self) -> None:
        assert self._archiver is not None  # noqa: S101 - else there is no thread
        archiver = self._archiver
        while not self._stopping.is_set():
            epoch = self._epoch()
            if epoch is None or epoch.writer != self._context.config.site:
                self._stopping.wait(_LOOK_S)
                continue
            self._fit = self._troubles.attempt("archive settings", self._require_settings)
            if self._fit:
                # It returns when we stop; anything else is a mistake of ours, after which it is begun again.
                self._troubles.attempt("archive", lambda: archiver.run(self._stopping))
            self._stopping.wait(self._retry_s)

    def _require_settings(self) -> None:
        with session(self._context.login()) as database:
            obstacles = [
                finding for finding in check_log(database, self._context.config) if finding.stops_archive
            ]
        if obstacles:
            steps = "; ".join(f"{f.subject} {f.problem}; {f.fix}" for f in obstacles)
            raise DatabaseError(f"the dumps go on, and the log is not archived: {steps}")
