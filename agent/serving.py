"""Whether this site's database serves: opened when that is ordered, closed while another site writes."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from agent.config import Site
from agent.context import Context
from agent.database import PASSING_READ_S, session
from agent.epoch import Epoch, read_orders
from agent.errors import AgentError, GuardError, NoBackupError
from agent.fence import alone, close, must_close, release
from agent.guard import Target as State
from agent.guard import inspect
from agent.handover.decide import is_closed, is_copy, may_open_unasked, must_drain
from agent.handover.events import stop_all
from agent.handover.order import read_answer
from agent.handover.service import Handover
from agent.handover.takeover import keep_events
from agent.jobs import Job, Troubles
from agent.marker import Marker, read_marker
from agent.opening import (
    become_writer,
    finish_opening,
    is_ordered,
    is_unopened,
    wants_to_open,
)
from agent.report import Report, now
from agent.restore import follow, provide_missing, replace_by_order
from agent.restoring import Run

_log = logging.getLogger(__name__)
_OPENING = "opening"


class Serving:
    """One site's database.

    Attributes:
        waits: it is the writer's, was restored, and nobody has ordered it to open yet: there is nothing to
            back up, and its log is not the lost database's.
    """

    def __init__(self, context: Context, handover: Handover) -> None:
        self._context, self._handover = context, handover
        self._site: Site = context.config.site
        self._troubles = Troubles()  # of its own: the service's are told by raising, at every look
        self._opening: Job[None] = Job(_OPENING, self._troubles)
        self._opened_epoch = self._released_epoch = self._closed_epoch = 0
        self._look_at = 0.0
        self.waits = False

    def is_closed(self, epoch: Epoch | None) -> bool:
        """Whether in this epoch the application was seen to be out of a database that is not the writer's."""
        return epoch is not None and epoch.writer != self._site and self._closed_epoch == epoch.epoch

    def open(self, epoch: Epoch) -> None:
        """Begin to become the writer when the operator ordered it, and complete what an interruption left
        undone. A copy in place of the writer's lost database begins an epoch, too: the archived log does not
        go on in another server.

        Orders that cannot be read, or cannot be followed, stop neither a writer's backups nor the fence.

        Raises:
            AgentError: the last attempt failed, or it cannot be looked at now.
        """
        self._opening.collect()
        if epoch.writer == self._site:
            if not must_drain(self._site, epoch):
                self._look(epoch)
        elif (
            self._site == "azure"
            and may_open_unasked(epoch)
            and wants_to_open(read_orders(self._context.orders), epoch, self._site)
        ):
            self._begin_opening(epoch)

    def _look(self, epoch: Epoch) -> None:
        """Once an epoch, and again now and then: a database may be lost while we live, and made anew."""
        if self._opened_epoch != epoch.epoch:
            self._finish(epoch)
        elif time.monotonic() >= self._look_at:
            with suppress(AgentError):  # its dumps tell that it is away
                self._finish(epoch)

    def _begin_opening(self, epoch: Epoch) -> None:
        if not self._opening.busy:
            self._opening.begin(lambda: self._become_writer(epoch))
        if why := self._troubles.now().get(_OPENING):
            raise AgentError(why)

    def _become_writer(self, epoch: Epoch) -> None:
        """Take over from a writer that has no part in it.

        What it archived since the copy was made comes first: it may have lived until a moment ago. Not onto a
        copy of a point in time that somebody asked for: what came later is what they do not want. An earlier
        replay that died half-way left no copy, so it is loaded anew.

        Raises:
            GuardError: the database holds no verified copy of the present epoch.
            BusyError, NotWriterError and others: it cannot be opened now.
        """
        with session(self._context.login()) as database:
            marker = read_marker(database)
        if marker is not None and marker.state == "loading" and marker.pinned:
            raise GuardError(
                "a restore of a point in time or of a named backup was ordered here and has not ended; "
                "repeat it, or restore all that was archived: python -m agent restore"
            )
        if marker is not None and marker.state == "loading":
            replace_by_order(self._context, epoch)
        elif (
            marker is not None and is_copy(marker, epoch) and not marker.pinned and epoch.writer != self._site
        ):
            try:
                follow(self._context)
            except NoBackupError as error:
                _log.warning("it opens with what it holds: %s", error)
        provide_missing(self._context, epoch)
        writer = read_answer(self._context.signals, epoch.writer)
        if is_closed(writer, epoch) and writer is not None:  # its log says that all events are off
            keep_events(self._context, writer)
        config = self._context.config
        report = Report(config.site, config.database.host, now())
        # A restore of another point in time may be under way, or about to be.
        with Run.opened(self._context, report, patience_s=0, epoch=epoch) as run:
            marker = read_marker(run.database)
            become_writer(run.database, self._context.control, epoch, config, marker)

    def join(self, patience_s: float) -> None:
        """Wait for an opening under way, up to ``patience_s``."""
        self._opening.join(patience_s)

    def _finish(self, epoch: Epoch) -> None:
        """Complete an opening that was interrupted after the epoch had been written.

        Not done while there is no database, or half of one: what is restored into it has yet to be opened.
        """
        config = self._context.config
        self._look_at = time.monotonic() + config.dump.interval_s
        with session(self._context.login(), read_timeout_s=PASSING_READ_S) as database:
            marker = read_marker(database)
            if inspect(database, config.database.schemas, marker) in (State.EMPTY, State.UNFINISHED):
                self.waits = False  # and what is wrong with it is told by its dumps and its archive
                self._opened_epoch = 0
                return
            waits = self.waits = is_unopened(config, epoch, marker)
            if marker is not None and not waits and _is_unfinished(marker, epoch):
                finish_opening(database, epoch, config, marker)
        if not waits:
            self._opened_epoch = epoch.epoch
            return
        self._opened_epoch = 0
        if is_ordered(read_orders(self._context.orders), self._site):
            self._begin_opening(epoch)

    def fence(self, epoch: Epoch) -> None:
        """Close this database to the application while another site writes, or while it drains; open what we
        closed.

        A writer looks once an epoch: nothing to do is the rule. It opens nothing before it knows that it has
        not been drained.

        Raises:
            DatabaseError, CredentialError: it can be neither closed nor opened now.
        """
        users = self._context.config.database.application_users
        if not users:
            return
        if epoch.writer == self._site:
            self._fence_writer(epoch, users)
            return
        schemas = self._context.config.database.schemas
        with session(self._context.login(), read_timeout_s=PASSING_READ_S) as database:
            if must_close(self._site, epoch, read_marker(database)):
                ended = close(database, users, epoch)
                self._closed_epoch = self._closed_epoch if ended else epoch.epoch
                # Events go on under a locked account. Nothing remembers them here: before this site writes
                # again its database is replaced, and the events that run then come with what replaces it.
                stop_all(database, schemas)

    def _fence_writer(self, epoch: Epoch, users: tuple[str, ...]) -> None:
        if self._handover.draining:
            self._released_epoch = 0
            with session(self._context.login(), read_timeout_s=PASSING_READ_S) as database:
                close(database, users, epoch)
        elif self._handover.may_release and self._released_epoch != epoch.epoch:
            with (
                session(self._context.login(), read_timeout_s=PASSING_READ_S) as database,
                alone(database, self._context.control, epoch),
            ):
                marker = read_marker(database)
                if marker is not None and marker.served_epoch < epoch.epoch:
                    return  # users must not write into what passes for a copy
                release(database, users)
            self._released_epoch = epoch.epoch


def _is_unfinished(marker: Marker, epoch: Epoch) -> bool:
    return marker.served_epoch < epoch.epoch or (
        marker.served_epoch == epoch.epoch and bool(marker.enabled_events)
    )
