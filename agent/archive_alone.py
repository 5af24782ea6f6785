"""The log archive as a command of its own, without dumps and orders: ``python -m agent archive``."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from agent.archive.service import Archiver
from agent.config import Site
from agent.context import Context
from agent.database import PASSING_READ_S, session
from agent.epoch import Epoch, read_epoch
from agent.errors import ConfigError, CredentialError, DatabaseError, LogError, StorageError
from agent.gtid import GtidSet
from agent.log_settings import check_log
from agent.signals import write_heartbeat

_log = logging.getLogger(__name__)

# Like the service's: how often the epoch is read and the heartbeat written, for dumps every 300 s.
_POLL_S = 5.0
_HEARTBEAT_S = 30.0
_LOOK_S = 0.1


class _UnsuitableError(DatabaseError):
    """Waiting changes nothing: somebody must set the server's parameters."""


class KnownEpoch:
    """The present epoch, read again every few seconds; None when it could not be read for too long."""

    def __init__(self, context: Context) -> None:
        self._control = context.control
        self._patience_s = context.config.dump.interval_s
        self._lock = threading.Lock()
        self._epoch: Epoch | None = None
        self._read = self._tried = -1e9

    def __call__(self) -> Epoch | None:
        """See the class; never raises for a store that is away."""
        with self._lock:
            now = time.monotonic()
            if now - self._tried >= _POLL_S:
                self._tried = now
                try:
                    self._epoch, self._read = read_epoch(self._control), now
                except StorageError as error:
                    _log.error("epoch: %s", error)
            return self._epoch if now - self._read <= self._patience_s + _POLL_S else None


def archive(context: Context, stopping: threading.Event) -> None:
    """Archive until ``stopping``; whatever fails is logged and tried again.

    Raises:
        ConfigError: the configuration has no "archive".
        DatabaseError: the server's settings make an archive impossible; the sentence says which.
        LogError: the archiver ended by a mistake of this program.
        NotWriterError: another site writes.
    """
    archiver = _started_at_last(context, stopping)
    if archiver is None:
        return
    while not stopping.wait(_HEARTBEAT_S if archiver.status()["segments"] else _POLL_S):
        archiver.require_alive()
        try:
            write_heartbeat(context.signals, context.config.site, {"archive": archiver.status()})
        except StorageError as error:
            _log.error("heartbeat: %s", error)
    archiver.join()


def archive_once(context: Context, patience_s: float) -> dict[str, Any]:
    """Archive what the server has committed by now, and end.

    Returns:
        The archiver's status, and ``needs_dump``: no backup reaches this log yet.

    Raises:
        LogError: the archived log has a hole, or cannot be replayed: only a new dump helps. Or the server
            lacks what is archived: only a new epoch does.
        StorageError: the end was not reached within ``patience_s``; the sentence names the last failure.
        ConfigError, DatabaseError, NotWriterError: as ``archive``.
    """
    stopping = threading.Event()
    archiver = _started(context, stopping)
    try:
        with session(context.login()) as database:
            # By transactions and not by time: either clock may be wrong.
            committed = GtidSet.parse(database.gtid_executed())
            wanted = committed - GtidSet.parse(str(database.value("SELECT @@GLOBAL.gtid_purged") or ""))
        end = time.monotonic() + patience_s
        while not archiver.has_dealt_with(wanted):
            archiver.require_alive()
            archiver.require_way(context.config.site)
            if time.monotonic() > end:
                error = archiver.status()["error"] or "it is still writing"
                raise StorageError(
                    f"the log was not archived to its end within {patience_s:g} s: {error}; "
                    "run it again, it goes on where it ended"
                )
            time.sleep(_LOOK_S)
    finally:
        stopping.set()
        archiver.join()
    status = archiver.status()
    if status["hole"]:
        raise LogError(f"{status['hole']}; run: python -m agent dump")
    return status | {"needs_dump": archiver.needs_dump}


class _Running:
    """An archiver in its thread."""

    def __init__(self, context: Context, epoch: KnownEpoch, stopping: threading.Event) -> None:
        self._archiver, self._epoch = Archiver(context, epoch), epoch
        self.status, self.has_dealt_with = self._archiver.status, self._archiver.has_dealt_with
        self._thread = threading.Thread(
            target=self._archiver.run, args=(stopping,), name="archive", daemon=True
        )
        self._thread.start()

    @property
    def needs_dump(self) -> bool:
        """See ``Archiver.needs_dump``."""
        return self._archiver.needs_dump

    def require_alive(self) -> None:
        """Refuse to speak for an archiver that is gone.

        Raises:
            LogError: it ended by a mistake of this program.
        """
        if not self._thread.is_alive():
            raise LogError("the archiver ended by an error of this program, told above; run it again")

    def require_way(self, site: Site) -> None:
        """Refuse to wait for what cannot come.

        Raises:
            LogError: the server lacks what is archived.
            NotWriterError: another site writes by now.
        """
        if self._archiver.has_lost:
            raise LogError(self.status()["error"])
        epoch = self._epoch()
        if epoch is not None:
            epoch.require_writer(site)

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()


def _started_at_last(context: Context, stopping: threading.Event) -> _Running | None:
    """An archiver under way as soon as MySQL and the endpoint answer; None when told to stop before."""
    while not stopping.is_set():
        try:
            return _started(context, stopping)
        except _UnsuitableError:
            raise
        except (CredentialError, DatabaseError, StorageError) as error:
            _log.error("the archive cannot begin yet: %s", error)
            stopping.wait(_POLL_S)
    return None


def _started(context: Context, stopping: threading.Event) -> _Running:
    """An archiver under way, after the checks that the service makes too."""
    if context.config.archive is None:
        raise ConfigError('the configuration has no "archive"; add it, if only as {}')
    read_epoch(context.control).require_writer(context.config.site)
    with session(context.login(), read_timeout_s=PASSING_READ_S) as database:
        obstacles = [found for found in check_log(database, context.config) if found.stops_archive]
    if obstacles:
        steps = "; ".join(f"{found.subject} {found.problem}; {found.fix}" for found in obstacles)
        raise _UnsuitableError(f"the log cannot be archived: {steps}")
    return _Running(context, KnownEpoch(context), stopping)
