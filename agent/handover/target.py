"""The site that gets a copy of the writer's database, follows it, and takes over when that is drained.

Each pass goes from what it finds: the epoch with its order, the marker in the database, what the source says
and what this site said before. So it can be killed anywhere, and the next pass goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from agent.across import choose
from agent.config import Site
from agent.context import Context
from agent.database import session
from agent.dump import quarantine
from agent.epoch import Epoch, Orders
from agent.errors import AgentError, BusyError, NoBackupError, NotWriterError
from agent.gtid import GtidSet
from agent.guard import Target as State
from agent.guard import holds_own, inspect
from agent.handover.closing import why_open
from agent.handover.decide import Duty, is_copy, receive_refusal
from agent.handover.divergence import export
from agent.handover.fingerprints import Fingerprints, differences
from agent.handover.order import Answer, Divergence, Order, read_answer
from agent.handover.order import State as Said
from agent.handover.takeover import keep_events, take_over
from agent.marker import Marker, read_marker, write_marker
from agent.rds import ensure_snapshot
from agent.report import Report
from agent.restore import follow, provide_missing, replace_by_order

_log = logging.getLogger(__name__)

_SHOWN = 10
# Of the time that the copy follows, which it does not do while it is hashed: a tenth at most.
_FOLLOWED_PER_HASHED = 9
_INTERVALS_PER_HASHING = 2
_DUTIES = (Duty.FOLLOW, Duty.RECEIVE, Duty.REPLACE)


class Target:
    """The target's part of every order.

    Args:
        stopping: set when the agent shall end; what can be given up is given up.
        say: told an answer before each phase that may take long.
    """

    def __init__(
        self, context: Context, stopping: threading.Event, *, say: Callable[[Answer], None] | None = None
    ) -> None:
        self._context, self._stopping, self._say = context, stopping, say
        self._site: Site = context.config.site
        self._fingerprints = Fingerprints(context, stopping)
        self._exported: tuple[tuple[int, str], Divergence | None] | None = None
        self._next_hashing = 0.0
        self._equal: tuple[str, str] | None = None  # order, and what the database had executed when compared

    def export_divergence(self, epoch: Epoch) -> Divergence | None:
        """Bring what only this database has into the vault, order or not, once nobody can write here.

        None: it has nothing of its own, the application still has access, or this site is the writer.

        Raises:
            DatabaseError, StorageError, LogError: it cannot be read or kept.
        """
        if epoch.writer == self._site or why_open(self._context, epoch):
            return None
        marker, state = self._look()
        return self._diverged(epoch) if holds_own(state, marker) else None

    def work(self, epoch: Epoch, duty: Duty, source: Answer | None, program: Orders | None) -> Answer | None:
        """One pass; what this site says now, or None where ``duty`` is not the target's.

        Args:
            epoch: as it was read when ``duty`` was decided; a take-over is conditional on its ETag.
            source: what the writer's site says.
            program: what the Pulumi program orders; None: unknown.

        Raises:
            AgentError: something failed; the next pass goes on from where this one was.
        """
        order = epoch.order
        if order is None or duty not in _DUTIES:
            return None
        told = self._basis(epoch, order)
        try:
            if why := why_open(self._context, epoch):
                return _saying(told, "waiting", why)
            if duty is Duty.REPLACE:
                return self._replace(epoch, told)
            return self._receive(epoch, order, told, source, program)
        except (BusyError, NoBackupError) as error:
            return _saying(told, "waiting", str(error))
        except NotWriterError as error:
            return _saying(told, "following", f"{error}; it is looked at again")

    def _basis(self, epoch: Epoch, order: Order) -> Answer:
        """What all answers of this pass have in common; what was found out in this epoch stays said."""
        earlier = read_answer(self._context.signals, self._site)
        if earlier is None or earlier.epoch != epoch.epoch:
            return Answer(self._site, epoch.epoch, order.id, "waiting", "")
        same = earlier.order == order.id
        return Answer(
            self._site,
            epoch.epoch,
            order.id,
            state=earlier.state if same else "waiting",
            sentence=earlier.sentence if same else "",
            gtid=earlier.gtid,
            behind=earlier.behind,
            divergence=earlier.divergence,
            snapshot=earlier.snapshot,
            seconds=earlier.seconds,
        )

    def _look(self) -> tuple[Marker | None, State]:
        with session(self._context.login()) as database:
            marker = read_marker(database)
            return marker, inspect(database, self._context.config.database.schemas, marker)

    # --- a copy ---

    def _replace(self, epoch: Epoch, told: Answer) -> Answer:
        """The copy of a standby that has served; in a disaster nobody is asked what may be overwritten."""
        marker, state = self._look()
        if not is_copy(marker, epoch):
            if holds_own(state, marker):
                told = self._with_divergence_if_possible(epoch, told)
            told = self._load(epoch, told)
        provide_missing(self._context, epoch)
        return _saying(
            told,
            "ready",
            f"the database is a copy of epoch {epoch.epoch}; it opens when the program orders it",
        )

    def _with_divergence_if_possible(self, epoch: Epoch, told: Answer) -> Answer:
        try:
            return replace(told, divergence=self._diverged(epoch))
        except AgentError as error:
            if self._stopping.is_set():
                raise
            _log.warning("the full dump alone keeps what only this database has: %s", error)
            return told

    def _receive(
        self, epoch: Epoch, order: Order, told: Answer, source: Answer | None, program: Orders | None
    ) -> Answer:
        if told.state == "differs":  # of this very order: only another one leads on
            return told
        marker, state = self._look()
        if not is_copy(marker, epoch):
            if holds_own(state, marker):
                told = self._with_snapshot(epoch, told)
                told = replace(told, divergence=self._diverged(epoch))
                if blocked := _blocked(order, told.divergence):
                    return _saying(told, "divergence", blocked)
            told = self._load(epoch, told)
        provide_missing(self._context, epoch)
        return self._follow(epoch, order, told, source, program)

    def _with_snapshot(self, epoch: Epoch, told: Answer) -> Answer:
        """Ask the service for a snapshot of what is replaced; once an epoch."""
        settings = self._context.config.rds_snapshot
        if settings is None or told.snapshot:
            return told
        told = self._tell(told, "snapshot", f"a snapshot of RDS instance {settings.instance} is made")
        with _timed(told, "snapshot") as seconds:
            name = ensure_snapshot(settings, epoch.epoch, self._stopping)
        return replace(told, snapshot=name, seconds=seconds)

    def _diverged(self, epoch: Epoch) -> Divergence | None:
        """What only this database has; exported again only when it has committed something since."""
        with session(self._context.login()) as database:
            key = (epoch.epoch, database.gtid_executed())
        if self._exported is None or self._exported[0] != key or not key[1]:
            self._exported = key, export(self._context, epoch, self._stopping)
        return self._exported[1]

    def _load(self, epoch: Epoch, told: Answer) -> Answer:
        without = "" if told.snapshot or self._site != "aws" else "; no snapshot was made: none is configured"
        told = self._tell(
            told,
            "restoring",
            f"the database is replaced by a copy of epoch {epoch.epoch}; if it holds data of its own, a dump "
            f"is kept{without}",
        )
        report = replace_by_order(self._context, epoch)
        return replace(_reached(told, report), seconds={**told.seconds, **report.seconds})

    # --- following, and the end of it ---

    def _follow(
        self, epoch: Epoch, order: Order, told: Answer, source: Answer | None, program: Orders | None
    ) -> Answer:
        end = _end(epoch, order, source)
        held = self._held(epoch)
        if end is None or not end <= held:
            told = self._catch_up(epoch, told, end, held)
            held = self._held(epoch)
        if end is None and not told.behind:
            told = self._hash_ahead(epoch, order, told)
        if not order.drains:
            return _saying(told, "following", _behind(told, epoch))
        if source is not None and _about(source, epoch, order) and source.state in ("draining", "drained"):
            keep_events(self._context, source)
        if why := receive_refusal(epoch, source, held):
            return _saying(told, "following", why)
        assert source is not None  # noqa: S101 - or it would have been refused
        return self._finish(epoch, order, told, source, program)

    def _catch_up(self, epoch: Epoch, told: Answer, end: GtidSet | None, held: GtidSet) -> Answer:
        """Replay what was archived since; load anew where only a newer backup gets past a hole in the log."""
        try:
            with _timed(told, "follow") as seconds:
                report = follow(self._context, end, epoch=epoch)
            told, ends = replace(_reached(told, report), seconds=seconds), str(report.log["end"])
        except NoBackupError as error:
            ends = str(error)
            if not self._reaches_further(epoch, held):
                raise
        if ends and self._reaches_further(epoch, self._held(epoch)):
            _log.warning("the copy is loaded anew, because the log cannot be followed: %s", ends)
            told = self._load(epoch, told)
        return told

    def _hash_ahead(self, epoch: Epoch, order: Order, told: Answer) -> Answer:
        """Bring the fingerprints up to now, so that few tables are left to hash while the page is up.

        Once it may be up already, only if there are none yet: the source hashes its own meanwhile.
        """
        began = time.monotonic()
        if began < self._next_hashing or (order.drains and self._fingerprints.at):
            return told
        pause = self._context.config.dump.interval_s * _INTERVALS_PER_HASHING
        self._next_hashing = began + pause  # also if it fails
        told = self._tell(told, "following", f"{_behind(told, epoch)}; its tables are hashed ahead")
        with _timed(told, "hash ahead") as seconds:
            self._fingerprints.at_present()
        ended = time.monotonic()
        self._next_hashing = ended + max(pause, (ended - began) * _FOLLOWED_PER_HASHED)
        return replace(told, seconds=seconds)

    def _reaches_further(self, epoch: Epoch, held: GtidSet) -> bool:
        context = self._context
        choice = choose(context.restore_from, context.signals, epoch, to=None, backup=None)
        return bool(choice.reached - held)

    def _held(self, epoch: Epoch) -> GtidSet:
        """What the copy holds for certain; nothing, if it is no copy."""
        marker, _ = self._look()
        return GtidSet.parse(marker.backup_gtid) if marker and is_copy(marker, epoch) else GtidSet({})

    def _finish(
        self, epoch: Epoch, order: Order, told: Answer, source: Answer, program: Orders | None
    ) -> Answer:
        """The copy holds all that the source drained to: compare, and take over."""
        told, different = self._compare(order, told, source)
        if different:
            return self._differs(epoch, order, told, different)
        if order.kind == "planned" and not (program and program.mode == "emergency" and program.open):
            return _saying(
                told, "ready", f"the copy equals what {order.source} drained to; it opens when ordered to"
            )
        # The comparison took its time, and a source in which somebody wrote drains again.
        again = read_answer(self._context.signals, order.source)
        if again != source and (why := receive_refusal(epoch, again, self._held(epoch))):
            return _saying(told, "following", why)
        with _timed(told, "take over") as seconds:
            new, missing = take_over(self._context, epoch, source)
        lost = f"; not here, so not enabled: events {', '.join(missing)}" if missing else ""
        return _saying(
            replace(told, seconds=seconds), "serving", f"{self._site} writes epoch {new.epoch}{lost}"
        )

    def _differs(self, epoch: Epoch, order: Order, told: Answer, different: list[str]) -> Answer:
        """Operator and users wait: it is told before the dump of it, which is tried until there is one."""
        more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        what = f"the copy is not what {order.source} drained to: {'; '.join(different[:_SHOWN])}{more}"
        told = self._tell(told, "following", f"{what}; a dump of it is being kept")
        try:
            kept = self._is_no_copy(epoch)
        except AgentError as error:
            if self._stopping.is_set():
                raise
            raise AgentError(f"{what}; it is not given up before a dump of it is kept: {error}") from error
        return _saying(
            told,
            "differs",
            f"{what}; nothing was opened, and what it holds is kept as {kept}; withdraw the order, and "
            f"{order.source} goes on",
        )

    def _is_no_copy(self, epoch: Epoch) -> str:
        """Somebody else wrote into it: the next order, or an opening in a disaster, loads it anew.

        A dump of it is kept first, because half a copy is replaced without another look; the blob's name.
        """
        kept = quarantine(self._context, epoch.epoch)
        with session(self._context.login()) as database:
            marker = read_marker(database)
            if marker is not None:
                write_marker(database, replace(marker, state="loading"))
        return kept

    def _compare(self, order: Order, told: Answer, source: Answer) -> tuple[Answer, list[str]]:
        """What differs, as sentences. Not compared again while nothing was committed here since.

        Hashed are the tables that this server's own log names since the last time, and not only those that
        the writer's does: the copy is to show that nobody else wrote into it either.
        """
        with session(self._context.login()) as database:
            key = (order.id, database.gtid_executed())
        if self._equal == key and key[1]:
            return told, []
        told = self._tell(told, "following", f"the copy is compared with what {order.source} drained to")
        with _timed(told, "compare") as seconds:
            tables, objects = self._fingerprints.at_present()
            different = differences(source, tables, objects)
        self._equal = None if different else key
        return replace(told, seconds=seconds), different

    def _tell(self, told: Answer, state: Said, sentence: str) -> Answer:
        told = _saying(told, state, sentence)
        if self._say is not None:
            self._say(told)
        return told


def _saying(told: Answer, state: Said, sentence: str) -> Answer:
    return replace(told, state=state, sentence=sentence)


@contextmanager
def _timed(told: Answer, phase: str) -> Generator[dict[str, float]]:
    """The phases' seconds, with that of the block once it ended well."""
    seconds, began = dict(told.seconds), time.monotonic()
    yield seconds
    seconds[phase] = round(time.monotonic() - began, 3)


def _blocked(order: Order, divergence: Divergence | None) -> str:
    """Why the database must not be replaced; empty when all that only it has may be overwritten."""
    if divergence is None or order.accept_divergence == divergence.digest:
        return ""
    rest = f", of which some cannot be rendered ({divergence.unreadable})" if divergence.unreadable else ""
    return (
        f"{divergence.transactions} transactions are in this database only{rest}; they are kept in "
        f"{divergence.blob}; read it, and accept that they are overwritten by their digest, "
        f"{divergence.digest}"
    )


def _about(source: Answer, epoch: Epoch, order: Order) -> bool:
    return (source.epoch, source.order) == (epoch.epoch, order.id)


def _end(epoch: Epoch, order: Order, source: Answer | None) -> GtidSet | None:
    """What the source drained to for this order; None as long as it did not."""
    if not order.drains or source is None or source.state != "drained" or not _about(source, epoch, order):
        return None
    return GtidSet.parse(source.gtid)


def _reached(told: Answer, report: Report) -> Answer:
    lost: Mapping[str, object] = report.lost
    return replace(
        told, gtid=report.reached.get("gtid", ""), behind=int(str(lost.get("transactions", 0) or 0))
    )


def _behind(told: Answer, epoch: Epoch) -> str:
    if told.behind:
        return f"the copy lacks {told.behind} of the archived transactions of epoch {epoch.epoch}"
    return f"the copy holds all that was archived of epoch {epoch.epoch}"
