"""Which transactions a snapshot holds, learned around its opening and without stopping the writers for long.

A transaction enters gtid_executed after it became visible. So a set that is read before the snapshot is
opened names nothing that the snapshot lacks, and one read after it, all that the snapshot holds: between the
two the replay begins early and repeats some. For tables whose replay cannot be repeated the two must be one:
they are locked for the moment in which mysqldump opens its snapshot. Under either lock it gets as far as the
first table's definition, which it writes out before it asks for a row (``fflush`` in its ``dump_table``).
https://dev.mysql.com/doc/refman/8.4/en/lock-tables.html
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from pymysql.constants import ER

from agent.database import Login, Session, quoted, session
from agent.errors import AgentError, DatabaseError
from agent.objects import Table

_log = logging.getLogger(__name__)
# Those who write a table overtake whoever waits for READ on it, so that the wait costs them nothing, unless a
# first table is locked already while a second is waited for; but while they overlap it is not granted. Nobody
# overtakes WRITE. But while it waits, also for a mere reader, the others wait behind it, and a transaction
# that it waits for is rolled back as a deadlock when it goes on to write. So WRITE is for a log that has no
# base without it, once a dump and not for long. A second is the least that the server can be told, for each
# table. https://dev.mysql.com/doc/refman/8.4/en/metadata-locking.html
_LOCK_WAIT_S = 1
_TRIES = 3
_PAUSE_S = 2.0
_WRITE_WAIT_S = 0.3
# The lock goes when the snapshot is seen to be open. When mysqldump takes longer to begin, or when we hang or
# are cut off, it goes after these many seconds all the same.
_LONGEST_HOLD_S = 2.0
_SERVER_LETS_GO_S = 10


class Bracket:
    """The sets around one snapshot, as GTID set texts; all empty, and ``exact`` None, without GTIDs.

    Attributes:
        before: everything committed before the snapshot was opened.
        exact: what the snapshot holds of the ordered tables; None where that is not known.
        after: contains all that the snapshot holds; known after ``opened``.
        end: contains all whose definitions the dump can hold; known after ``ended``. mysqldump reads each
            table's definition when it comes to the table, and not from the snapshot.
        reason: why ``exact`` is None, as a sentence.
    """

    def __init__(self, account: Login, database: Session) -> None:
        self._account, self._database = account, database
        self._ordered: Sequence[Table] = ()
        self._with_gtids = database.variable("gtid_mode") == "ON"
        self._hold: _Hold | None = None
        self.before = self._read()
        self.exact: str | None = None
        self.after = self.end = ""
        self.reason = "" if self._with_gtids else "the server runs without GTIDs"

    def _read(self) -> str:
        # Where GTIDs are off an old set may stand that no longer grows.
        return self._database.gtid_executed() if self._with_gtids else ""

    @contextmanager
    def opening(
        self, ordered: Sequence[Table], stopping: threading.Event, needed: Callable[[], bool]
    ) -> Generator[None]:
        """mysqldump is started inside this block; the ordered tables are held until ``opened``.

        Args:
            ordered: read after this object was made, so that DDL which changes them is not in ``before``.
            needed: whether the exact set is worth that a transaction of others may be rolled back; asked only
                when it cannot be had otherwise.
        """
        self._ordered = ordered
        with ExitStack() as stack:
            if self._with_gtids and self._ordered:
                try:
                    self._hold = self._held(stack, stopping, needed)
                except AgentError as error:
                    self.reason = f"the tables to be replayed in order could not be locked: {error}"
            yield

    def _held(self, stack: ExitStack, stopping: threading.Event, needed: Callable[[], bool]) -> _Hold:
        """The ordered tables under LOCK TABLES, until ``stack`` is left.

        Raises:
            AgentError: not granted within a few tries, or not allowed.
        """
        holder = stack.enter_context(self._session())
        if not self._read_locked(holder, stopping):
            if not needed():
                raise DatabaseError("others write them all the time")
            # Asking may have taken longer than the first session may idle.
            holder = stack.enter_context(self._session())
            self._write_lock(holder)
        hold = _Hold(holder, holder.gtid_executed())
        stack.callback(hold.release)
        return hold

    @contextmanager
    def _session(self) -> Generator[Session]:
        limits = f"lock_wait_timeout = {_LOCK_WAIT_S}, wait_timeout = {_SERVER_LETS_GO_S}"
        with session(self._account) as holder:
            holder.rows(f"SET SESSION {limits}")
            yield holder

    def _read_locked(self, holder: Session, stopping: threading.Event) -> bool:
        for left in reversed(range(_TRIES)):
            try:
                holder.rows(self._lock("READ"))
                return True
            except DatabaseError as error:
                cause = error.__cause__
                if cause is None or cause.args[:1] != (ER.LOCK_WAIT_TIMEOUT,):
                    raise
                if left and stopping.wait(_PAUSE_S):
                    raise
        return False

    def _write_lock(self, holder: Session) -> None:
        waiting = holder.value("SELECT CONNECTION_ID()")

        def give_up() -> None:
            with suppress(DatabaseError):  # then the server gives up, after its second
                self._database.rows(f"KILL QUERY {waiting}")

        enough = threading.Timer(_WRITE_WAIT_S, give_up)
        enough.start()
        try:
            holder.rows(self._lock("WRITE"))
        finally:
            enough.cancel()
            enough.join()
        _log.warning("%d tables are locked by LOCK TABLES ... WRITE for a moment", len(self._ordered))

    def _lock(self, kind: str) -> str:
        names = (f"{quoted(schema)}.{quoted(table)} {kind}" for schema, table in self._ordered)
        return "LOCK TABLES " + ", ".join(names)

    def opened(self) -> None:
        """The snapshot is open: let the others go on, and read what it can hold at most."""
        held = self._hold is not None and self._hold.release()
        self.after = self._read()
        if not self._with_gtids:
            return
        if self.before == self.after or not self._ordered:
            self.exact = self.before  # nobody wrote meanwhile, or nothing needs an exact set
        elif self._hold is not None and held:
            self.exact = self._hold.gtids
        elif not self.reason:
            self.reason = f"mysqldump took more than {_LONGEST_HOLD_S:g} s to open its snapshot"

    def ended(self) -> None:
        """mysqldump has read everything."""
        self.end = self._read()


class _Hold:
    """A session that holds the lock, and the set of what was committed under it."""

    def __init__(self, holder: Session, gtids: str) -> None:
        self.gtids = gtids
        self._holder = holder
        self._mutex = threading.Lock()
        self._held = True
        self._timer = threading.Timer(_LONGEST_HOLD_S, self.release)
        self._timer.daemon = True
        self._timer.start()

    def release(self) -> bool:
        """Unlock; whether the lock was held until now."""
        self._timer.cancel()
        with self._mutex:
            if not self._held:
                return False
            self._held = False
            try:
                self._holder.rows("UNLOCK TABLES")
            except DatabaseError:
                return False  # the session was gone, and the lock with it
            return True
