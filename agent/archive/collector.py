"""From events to batches: each the content of one segment."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.archive.flaws import flaw_of, schemas_of
from agent.binlog.boundaries import Boundaries
from agent.binlog.events import MAGIC, Type, read_gtid
from agent.binlog.stream import Placed
from agent.errors import LogError
from agent.gtid import GtidSet


@dataclass
class Open:
    """A transaction whose end is not there yet."""

    gtid: str
    committed_us: int
    since: float
    schemas: set[str] = field(default_factory=set[str])
    unsure: bool = False
    flaw: str = ""


@dataclass
class Batch:
    """A piece of the log that becomes one segment; see ``Segment`` for what has the same name.

    Attributes:
        head: the FORMAT_DESCRIPTION that its events need.
        log: the events.
        touched: those of ``gtids`` that changed a dumped schema, or may have.
        since: when its first transaction's first byte came (``time.monotonic``); None while there is none.
    """

    file: str
    start: int
    end: int
    head: bytes
    log: bytearray = field(default_factory=bytearray)
    gtids: list[str] = field(default_factory=list[str])
    touched: list[str] = field(default_factory=list[str])
    open_gtid: str = ""
    open_us: int = 0
    first_us: int = 0
    last_us: int = 0
    schemas: set[str] = field(default_factory=set[str])
    flaw: str = ""
    since: float | None = None

    def payload(self) -> bytes:
        """A valid small binary log."""
        # At the start of a file its own head is among the events.
        return b"".join((MAGIC, b"" if self.start == len(MAGIC) else self.head, self.log))


class Collector:
    """Cuts a stream of events into batches: at transaction ends, and inside a transaction only when it
    outgrows ``limit`` bytes. A batch lies within one file.

    Args:
        dumped: schemas that are backed up; only in them is a statement that cannot be replayed a flaw.
        skip: transactions at the very start that are archived already; they are left out.
        resumed: the transaction inside which the stream begins; None at a transaction's start.
    """

    def __init__(
        self, *, limit: int, dumped: Iterable[str], skip: GtidSet, resumed: Open | None = None
    ) -> None:
        self._limit = limit
        self._dumped = frozenset(schema.lower() for schema in dumped)
        self._skip: GtidSet | None = skip
        self._skipped: list[str] = []
        self._leaving_out = False
        self._boundaries = Boundaries(inside=resumed is not None)
        self._open: Open | None = resumed
        self._lost = ""  # said by the server since the last transaction
        self._head = b""
        self._batch: Batch | None = None
        self._whole = 0  # bytes of the batch's log up to the last transaction's end
        self._whole_end = 0

    @property
    def skipped(self) -> list[str]:
        """The transactions left out at the start, complete once the first batch came."""
        return self._skipped

    @property
    def waits_since(self) -> float | None:
        """When the first byte of what could be taken came; None when nothing can be taken."""
        return self._batch.since if self._batch and self._whole and self._batch.gtids else None

    @property
    def waiting(self) -> int:
        """Bytes not taken yet."""
        return len(self._batch.log) if self._batch else 0

    def feed(self, placed: Placed) -> list[Batch]:
        """Take one event; batches that are full, or that the end of a file completes.

        Raises:
            LogError: the event cannot stand here.
        """
        event = placed.event
        done: list[Batch] = []
        if event.type == Type.FORMAT_DESCRIPTION:
            done += self._file_begins(placed)
        if placed.start == placed.end:
            return done
        where = self._boundaries.place(event)
        if where == "begin":
            self._begin(placed)
        elif self._open is not None:
            self._look(placed, self._open)
        elif event.type == Type.INCIDENT:
            self._lost = flaw_of(event, None)
        if self._leaving_out:
            if where == "end":
                self._leaving_out, self._open = False, None
            self._batch = None
            return done
        batch = self._batch = self._batch or Batch(placed.file, placed.start, placed.start, self._head)
        if batch.end != placed.start:
            raise LogError(f"{placed.file}:{placed.start} does not follow {batch.end}; read it again")
        batch.log += event.raw
        batch.end = placed.end
        if batch.since is None and self._open is not None:
            batch.since = self._open.since
        if where in ("end", "between"):
            self._close(batch, ended=where == "end")
        if len(batch.log) >= self._limit:
            done += self._cut(batch)
        return done

    def _file_begins(self, placed: Placed) -> list[Batch]:
        """What is left of the file before it; a rest without transactions (ROTATE, STOP) is not worth one."""
        self._head = placed.event.raw
        if placed.start == placed.end:  # made up by the server, for an entry in the middle of a file
            return []
        if self._boundaries.is_inside:
            # The server died while it wrote this transaction, which it therefore never committed.
            self._boundaries, self._open, self._leaving_out = Boundaries(), None, False
            left = self.take()
            self._batch = None
            return [left] if left else []
        left, self._batch, self._whole = self._batch, None, 0
        return [left] if left and left.gtids else []

    def _begin(self, placed: Placed) -> None:
        event = placed.event
        if event.type == Type.ANONYMOUS_GTID:
            raise LogError(
                f"the log has a transaction without a GTID at {placed.file}:{placed.start}; "
                "set gtid_mode to ON (RDS: gtid-mode and enforce_gtid_consistency in the parameter group)"
            )
        head = read_gtid(event)
        if self._skip is not None:
            if head.gtid in self._skip:
                self._leaving_out = True
                self._skipped.append(head.gtid)
            else:
                self._skip = None
        # Nothing names what was lost before it, so it is the first that must not be replayed.
        lost, self._lost = self._lost, ""
        self._open = Open(head.gtid, head.committed_us, time.monotonic(), unsure=bool(lost), flaw=lost)

    def _look(self, placed: Placed, inside: Open) -> None:
        names = schemas_of(placed.event, self._boundaries.query)
        if names is None:
            inside.unsure = True
        else:
            inside.schemas.update(names)
        inside.flaw = inside.flaw or flaw_of(placed.event, self._boundaries.query)

    def _close(self, batch: Batch, *, ended: bool) -> None:
        if ended and (done := self._open) is not None:
            batch.gtids.append(done.gtid)
            batch.first_us = batch.first_us or done.committed_us
            batch.last_us = max(batch.last_us, done.committed_us)
            self._settle(batch, done)
            if done.unsure or self._is_dumped(done.schemas):
                batch.touched.append(done.gtid)
            self._open = None
        self._whole, self._whole_end = len(batch.log), batch.end

    def _settle(self, batch: Batch, part: Open) -> None:
        batch.schemas |= part.schemas
        concerns = part.unsure or not part.schemas or self._is_dumped(part.schemas)
        if part.flaw and concerns:  # the last of several is kept, as in a pack
            batch.flaw = f"transaction {part.gtid}: {part.flaw}"

    def _is_dumped(self, schemas: set[str]) -> bool:
        return any(schema.lower() in self._dumped for schema in schemas)

    def take(self) -> Batch | None:
        """All whole transactions that wait; None when there are none."""
        batch = self._batch
        if batch is None or not batch.gtids:
            return None
        rest = None
        if len(batch.log) > self._whole:
            rest = Batch(batch.file, self._whole_end, batch.end, batch.head)
            rest.log += batch.log[self._whole :]
            rest.since = self._open.since if self._open else None
            del batch.log[self._whole :]
            batch.end = self._whole_end
        self._batch, self._whole = rest, 0
        return batch

    def _cut(self, batch: Batch) -> list[Batch]:
        """A full batch: up to the last transaction's end, or inside the one that fills it alone."""
        if whole := self.take():
            return [whole]
        inside = self._open
        if inside is None:
            return []
        batch.open_gtid, batch.open_us = inside.gtid, inside.committed_us
        self._settle(batch, inside)
        inside.since = time.monotonic()
        self._batch, self._whole = None, 0
        return [batch]
