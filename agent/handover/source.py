"""The writer's part: let nobody write, archive the log to its end, say what the tables are; or open again.

Each pass begins from what is found, so that it can be killed at any point and run again. Nothing is closed
before the answer says so, with the list of what must be switched on again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from agent import fence
from agent.config import Database, Site
from agent.context import Context
from agent.database import Session, session
from agent.epoch import Epoch, give_order
from agent.gtid import GtidSet
from agent.handover.decide import is_closed
from agent.handover.events import enabled, switch, switch_on
from agent.handover.fingerprints import Fingerprints
from agent.handover.order import Answer, Order, new_order

_log = logging.getLogger(__name__)
# How long a pass waits for sessions to end and for the archive, before it says what it waits for.
_PATIENCE_S = 10.0
_LOOK_S = 0.1
# Prepared XA transactions are among them, with thread 0. A dump's own transaction modifies nothing.
_WRITING = (
    "SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX"
    " WHERE trx_rows_modified > 0 AND trx_mysql_thread_id <> CONNECTION_ID() ORDER BY trx_started"
)
# A worker of the event scheduler says Connect, as nobody does who is logged in, and names the event's schema
# (seen on MySQL 9.7.4); so does what applies another server's log.
_SESSIONS, _DATABASE, _COMMAND = "SHOW PROCESSLIST", 3, 4

_NOBODY = (
    "nobody is locked out, because database.application_users names no account; name those of the "
    "application in the agent's configuration, or withdraw the order"
)


class Source:
    """For one thread at a time.

    Args:
        archived: what the vault holds of the present epoch: its newest base, and the log.
        say: writes an answer; it is durable when this returns.
        stopping: gives up what takes long.
    """

    def __init__(
        self,
        context: Context,
        archived: Callable[[], GtidSet],
        say: Callable[[Answer], None],
        stopping: threading.Event,
    ) -> None:
        self._context, self._archived, self._say, self._stopping = context, archived, say, stopping
        self._site: Site = context.config.site
        self._users = context.config.database.application_users
        self._fingerprints = Fingerprints(context, stopping)
        self._harmless = GtidSet({})

    def prepare(self) -> None:
        """Bring the fingerprints up to what is archived, while everybody writes.

        Raises:
            DatabaseError, DumpError, StorageError, CredentialError: it cannot be done now.
        """
        self._fingerprints.at_end(self._archived())

    def withdraw(self, epoch: Epoch, order: Order) -> None:
        """Take the order back.

        Raises:
            NotWriterError: the epoch or its order changed meanwhile.
            StorageError: it cannot be written.
        """
        give_order(self._context.control, epoch, new_order(order.kind, "withdrawn"))
        _log.warning("the order %s is withdrawn: the program is in mode emergency", order.id)

    def reopen(self, epoch: Epoch, own: Answer) -> Answer:
        """Open what was drained, as ``own`` remembers it; what to say of it.

        Raises:
            NotWriterError: the epoch changed meanwhile, or its order did.
            DatabaseError, StorageError, CredentialError: it cannot be opened now.
        """
        with session(self._context.login()) as database, fence.alone(database, self._context.control, epoch):
            fence.release(database, self._users)
            refused = switch_on(database, own.events)
        return Answer(
            self._site,
            own.epoch,
            own.order,
            "reopened",
            f"the order was withdrawn; {self._site} writes again" + _off(refused),
        )

    def drain(self, epoch: Epoch, order: Order, own: Answer | None) -> Answer:
        """One pass; what to say of it.

        Args:
            own: this site's last answer.

        Raises:
            DatabaseError, DumpError, StorageError, CredentialError: it cannot be done now; nothing opens.
        """
        if own is not None and self._still_holds(epoch, order, own):
            return own
        with session(self._context.login()) as database:
            answer = self._announce(database, epoch, order, own)
            waits = self._shut(database, epoch, answer)
            end = GtidSet.parse(database.gtid_executed())
        if not waits and not self._archive_holds(end):
            waits = self._lag(end)
        if waits:
            return replace(answer, sentence=waits)
        tables, objects = self._fingerprints.at_end(end)
        if moved := self._moved(epoch, end):
            return replace(answer, sentence=f"somebody still writes here ({moved}); find out who")
        return replace(
            answer,
            state="drained",
            sentence=f"nobody writes, and all of it is archived: {len(tables)} tables",
            gtid=str(end),
            tables=tables,
            objects=objects,
        )

    def _still_holds(self, epoch: Epoch, order: Order, own: Answer) -> bool:
        """Whether ``own`` says that this order was obeyed, and nobody wrote since."""
        if own.order != order.id or own.state != "drained" or not is_closed(own, epoch):
            return False
        moved = self._moved(epoch, GtidSet.parse(own.gtid))
        if moved:
            _log.warning("something was committed in the drained database (%s); it drains again", moved)
        return not moved

    def _announce(self, database: Session, epoch: Epoch, order: Order, own: Answer | None) -> Answer:
        """Say that the database drains, and which events must run again afterwards.

        Those of an earlier drain in this epoch that was never undone are disabled already.
        """
        known = own.events if own is not None and is_closed(own, epoch) else ()
        events = tuple(sorted({*known, *enabled(database, self._context.config.database.schemas)}))
        answer = Answer(
            self._site, epoch.epoch, order.id, "draining", "the application is locked out", events=events
        )
        same = own is not None and (own.epoch, own.order, own.state, own.events) == (
            *(epoch.epoch, order.id, "draining", events),
        )
        if not same:
            self._say(answer)
        return answer

    def _shut(self, database: Session, epoch: Epoch, answer: Answer) -> str:
        """Let nobody write and wait until nobody does; what is waited for, or empty.

        A session that got in before its account was locked is ended by one of the looks.
        """
        if not self._users:
            return _NOBODY
        with fence.alone(database, self._context.control, epoch):
            fence.close(database, self._users, epoch)
        switch(database, answer.events, on=False)

        def is_quiet() -> bool:
            fence.close(database, self._users, epoch)
            return not _busy(database, self._context.config.database)

        return "" if self._wait(is_quiet) else _busy(database, self._context.config.database)

    def _archive_holds(self, end: GtidSet) -> bool:
        return self._wait(lambda: end <= self._archived())

    def _lag(self, end: GtidSet) -> str:
        if self._context.config.archive is None:
            return 'the log is not archived here, so nobody can follow to its end; add "archive" or withdraw'
        missing = (end - self._archived()).count()
        return f"the archive lacks {missing} transactions; see the heartbeat's archive and its errors"

    def _moved(self, epoch: Epoch, end: GtidSet) -> str:
        """What was changed beyond ``end``; empty: nothing.

        The server's own schemas do not count, into which both services write for themselves.
        """
        with session(self._context.login()) as database:
            now = GtidSet.parse(database.gtid_executed())
        known = end | self._harmless
        if now <= known:
            return ""
        if not self._archive_holds(now):
            return "what it was is not archived yet"
        moved = self._fingerprints.changed(epoch, known, now)
        if moved:
            names = sorted(".".join(table) for table in moved.tables)
            return moved.why_all or ", ".join(names) or "definitions"
        self._harmless = now
        return ""

    def _wait(self, condition: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + _PATIENCE_S
        while not condition():
            if time.monotonic() > deadline or self._stopping.wait(_LOOK_S):
                return False
        return True


def _off(refused: Mapping[tuple[str, str], str]) -> str:
    return "".join(f"; event {schema}.{event} stays off: {why}" for (schema, event), why in refused.items())


def _busy(database: Session, settings: Database) -> str:
    """Who may still write; empty: nobody."""
    if left := fence.sessions(database, settings.application_users):
        return f"{len(left)} sessions of the application have not ended yet"
    for (thread,) in database.rows(_WRITING):
        if thread:
            return f"session {thread} has a transaction open that changed rows; commit it or end the session"
        return "a prepared XA transaction is open; see XA RECOVER, and commit it or roll it back"
    schemas = {schema.lower() for schema in settings.schemas}
    for row in database.rows(_SESSIONS):
        if row[_COMMAND] == "Connect" and str(row[_DATABASE]).lower() in schemas:
            return f"an event of {row[_DATABASE]} is under way in session {row[0]}"
    return ""
