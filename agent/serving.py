"""Whether this site's database serves: opened when that is ordered, closed while another site writes."""

from __future__ import annotations

from agent.config import Site
from agent.context import Context
from agent.database import session
from agent.epoch import Epoch, read_orders
from agent.fence import close, must_close, release
from agent.handover.decide import may_open_unasked, must_drain
from agent.handover.service import Handover
from agent.marker import read_marker
from agent.opening import become_writer, finish_opening, wants_to_open


class Serving:
    """One site's database."""

    def __init__(self, context: Context, handover: Handover) -> None:
        self._context, self._handover = context, handover
        self._site: Site = context.config.site
        self._opened_epoch = self._released_epoch = self._closed_epoch = 0

    def is_closed(self, epoch: Epoch | None) -> bool:
        """Whether in this epoch the application was seen to be out of a database that is not the writer's."""
        return epoch is not None and epoch.writer != self._site and self._closed_epoch == epoch.epoch

    def open(self, epoch: Epoch) -> Epoch:
        """Become the writer when the operator ordered it, and complete what an interruption left undone; the
        epoch afterwards.

        Orders that cannot be read, or cannot be followed, stop neither a writer's backups nor the fence.

        Raises:
            GuardError: the database holds no verified copy of the present epoch.
            NotWriterError, StorageError, DatabaseError, CredentialError: it cannot be opened now.
        """
        if epoch.writer == self._site:
            if self._opened_epoch != epoch.epoch and not must_drain(self._site, epoch):
                self._finish(epoch)
            return epoch
        if self._site != "azure" or not may_open_unasked(epoch):
            return epoch
        if not wants_to_open(read_orders(self._context.orders), epoch, self._site):
            return epoch
        with session(self._context.login()) as database:
            marker = read_marker(database)
            new = become_writer(database, self._context.control, epoch, self._context.config, marker)
        self._opened_epoch = new.epoch
        return new

    def _finish(self, epoch: Epoch) -> None:
        """Once an epoch: complete an opening that was interrupted after the epoch had been written."""
        with session(self._context.login()) as database:
            marker = read_marker(database)
            if marker is not None and marker.state == "verified" and marker.served_epoch < epoch.epoch:
                finish_opening(database, epoch, self._context.config, marker)
        self._opened_epoch = epoch.epoch

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
        with session(self._context.login()) as database:
            if must_close(self._site, epoch, read_marker(database)):
                ended = close(database, users, epoch)
                self._closed_epoch = self._closed_epoch if ended else epoch.epoch

    def _fence_writer(self, epoch: Epoch, users: tuple[str, ...]) -> None:
        if self._handover.draining:
            self._released_epoch = 0
            with session(self._context.login()) as database:
                close(database, users, epoch)
        elif self._handover.may_release and self._released_epoch != epoch.epoch:
            with session(self._context.login()) as database:
                release(database, users)
            self._released_epoch = epoch.epoch
