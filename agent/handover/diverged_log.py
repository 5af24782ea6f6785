"""The transactions of a server's own log that it committed beyond the fork, read from the server itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from agent.archive.start import LogFile, newest_within
from agent.binlog.boundaries import Boundaries
from agent.binlog.events import MAGIC, Event, Gtid, Type, read_gtid
from agent.binlog.stream import LogStream
from agent.binlog.transactions import Transaction
from agent.database import Login, Session
from agent.errors import LogError
from agent.gtid import GtidSet


class CutError(LogError):
    """The server died while it wrote this transaction, which it therefore never committed."""


class StoppedError(LogError):
    """The agent was told to stop; nothing of the export is kept, and it can be repeated."""


@dataclass(frozen=True)
class Diverged:
    """What a database committed beyond the fork.

    Attributes:
        all: every such transaction, the server's own among them.
        file: where its log begins to hold them; empty when it holds none.
        purged: those that no log file holds any more.
    """

    all: GtidSet
    file: str
    purged: GtidSet

    @property
    def readable(self) -> GtidSet:
        """Those that the log still holds."""
        return self.all - self.purged


def look(database: Session, fork: GtidSet, previous_gtids: Callable[[str], GtidSet]) -> Diverged:
    """Find out what there is.

    Args:
        previous_gtids: what was committed before a log file began; see ``agent.archive.start``.

    Raises:
        DatabaseError: the server does not answer.
    """
    beyond = GtidSet.parse(database.gtid_executed()) - fork
    gone = GtidSet.parse(str(database.value("SELECT @@GLOBAL.gtid_purged") or ""))
    if database.variable("log_bin") != "ON":
        return Diverged(beyond, "", beyond)
    purged = beyond - (beyond - gone)
    files = [LogFile(str(row[0]), int(row[1])) for row in database.rows("SHOW BINARY LOGS")]
    # From the newest file before which nothing lies that is wanted; the sets only grow from file to file.
    first = newest_within(files, fork | gone, previous_gtids) or files[0].name
    return Diverged(beyond, first if beyond - purged else "", purged)


def committed(account: Login, file: str, wanted: GtidSet, stopping: threading.Event) -> Iterator[Transaction]:
    """Those of ``wanted`` that the log holds, in commit order.

    The events of a transaction raise ``CutError`` where the log ends in it.

    Raises:
        DatabaseError: the server went away, or purged a file meanwhile; begin again.
        StoppedError: ``stopping`` was set.
        LogError: the log is damaged.
    """
    missing = wanted.count()
    if not missing:
        return
    with closing(LogStream(account, file, len(MAGIC))) as stream:
        reader = _Reader(stream, stopping)
        for head in reader.heads():
            if head.gtid not in wanted:
                reader.skip()
                continue
            yield Transaction(head.gtid, head.committed_us, reader.rest())
            reader.skip()
            missing -= 1
            if not missing:
                return


class _Reader:
    """Follows the stream to the log's present end."""

    def __init__(self, stream: LogStream, stopping: threading.Event) -> None:
        self._boundaries = Boundaries()
        self._events = self._read(stream, stopping)

    def _read(self, stream: LogStream, stopping: threading.Event) -> Iterator[tuple[Event, bool]]:
        """Events of the files, and whether a file begins with it."""
        for placed in stream:
            if stopping.is_set():
                raise StoppedError(
                    "the export of the diverged transactions ended because the agent was told to stop; "
                    "the next start begins it anew"
                )
            if placed.is_heartbeat:  # nothing beyond
                return
            if placed.start != placed.end:
                yield placed.event, placed.event.type == Type.FORMAT_DESCRIPTION

    def heads(self) -> Iterator[Gtid]:
        """The head of each transaction; ``rest`` or ``skip`` must have read the one before."""
        for event, begins in self._events:
            if begins and self._boundaries.is_inside:
                self._boundaries = Boundaries()
            if self._boundaries.place(event) == "begin":
                yield read_gtid(event)

    def rest(self) -> Iterator[Event]:
        """What follows the head, the commit included."""
        while self._boundaries.is_inside:
            event, begins = next(self._events, (None, True))
            if event is None or begins:
                self._boundaries = Boundaries()
                raise CutError("the server's log ends inside a transaction")
            self._boundaries.place(event)
            yield event

    def skip(self) -> None:
        """Read to the transaction's end."""
        try:
            for _ in self.rest():
                pass
        except CutError:
            pass
