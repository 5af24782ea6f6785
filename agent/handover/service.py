"""A site's part in a handover, inside the agent's service: reads what is ordered, works, answers.

While no order stands it reads nothing beyond what the service reads anyway. All that takes long is done in
one thread, one pass after another, so that the loop never waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from agent.config import Site
from agent.context import Context
from agent.database import PASSING_READ_S, session
from agent.epoch import Epoch, Orders, read_orders
from agent.errors import AgentError
from agent.gtid import GtidSet
from agent.handover.decide import Duty, duty, is_closed, must_drain
from agent.handover.order import Answer, Divergence, Order, read_answer, write_answer
from agent.handover.source import Source
from agent.handover.target import Target
from agent.jobs import Job, Troubles
from agent.marker import read_marker

_log = logging.getLogger(__name__)
_OTHER: dict[Site, Site] = {"aws": "azure", "azure": "aws"}
_OF_TARGET = (Duty.FOLLOW, Duty.RECEIVE, Duty.REPLACE)
# Users wait, so a pass follows a pass. Everything else has time, and each pass lists the archived log.
_URGENT = (Duty.DRAIN, Duty.WITHDRAW, Duty.REOPEN, Duty.RECEIVE)
_PASSES_PER_INTERVAL = 10
_INTERVALS_PER_PREPARATION = 2


class Handover:
    """One site's part.

    Args:
        archived: what the vault holds of the present epoch while this site writes it.
        troubles: failures go there; the work is repeated.
    """

    def __init__(self, context: Context, archived: Callable[[], GtidSet], troubles: Troubles) -> None:
        self._context, self._troubles = context, troubles
        self._site: Site = context.config.site
        self._interval_s = context.config.dump.interval_s
        self._give_up = threading.Event()
        self._job: Job[None] = Job("handover work", troubles)
        self._working = Duty.NONE
        self._source = Source(context, archived, self._say, self._give_up)
        self._target = Target(context, self._give_up, say=self._say)
        self._own: Answer | None = None
        self._own_of: tuple[int, str] | None = None  # epoch and order at which it was read; None: never
        self._said_at = 0.0
        self._duty: Duty | None = None
        self._epoch: Epoch | None = None
        self._next = self._next_preparation = 0.0
        self._looked_for_divergence = 0
        self._divergence: Divergence | None = None

    def step(self, epoch: Epoch | None, *, closed: bool) -> None:
        """Decide anew, and begin a pass that is due.

        Args:
            epoch: as it was read just now; None: it cannot be read, and everything stays as it is.
            closed: nobody of the application is in this database, which is not the writer's.

        Raises:
            StorageError, DatabaseError, CredentialError: what the decision needs cannot be read.
        """
        self._job.collect()
        self._duty, self._epoch = None, epoch
        if epoch is None:
            return
        order = epoch.order
        own = self._known(epoch)
        program = self._program() if order is not None and not order.withdrawn else None
        marker = None
        if order is not None and order.kind == "replace" and order.target == self._site:
            with session(self._context.login(), read_timeout_s=PASSING_READ_S) as database:
                marker = read_marker(database)
        todo = self._duty = duty(self._site, epoch, program, own, marker)
        self._end_what_is_moot(epoch, todo)
        now = time.monotonic()
        if self._job.busy or (now < self._next and todo not in _URGENT):
            return
        work = self._work(epoch, todo, own, program, closed=closed)
        if work is not None:
            self._next = now + self._interval_s / _PASSES_PER_INTERVAL
            self._working = todo
            self._give_up.clear()
            self._job.begin(work)

    def join(self, patience_s: float) -> None:
        """Give up what is under way; the next process goes on with it."""
        self._give_up.set()
        self._job.join(patience_s)

    @property
    def draining(self) -> bool:
        """Whether this site writes, is wanted drained, and has said what must be opened again."""
        return self._duty is Duty.DRAIN and self._epoch is not None and is_closed(self._own, self._epoch)

    @property
    def may_release(self) -> bool:
        """Whether a writer's accounts may be opened: its duty is known, and nothing of it is in the way."""
        return self._duty is Duty.NONE

    def state(self) -> dict[str, Any] | None:
        """For the heartbeat; None while nothing is to be said."""
        own = self._own if self._epoch and self._own and self._own.epoch == self._epoch.epoch else None
        order = self._epoch.order if self._epoch else None
        if own is None and order is None and self._divergence is None:
            return None
        return {
            "order": None if order is None else asdict(order),
            "duty": None if self._duty is None else self._duty.name.lower(),
            "working": self._job.running,
            "said": None if own is None else {"state": own.state, "sentence": own.sentence},
            "divergence": None if self._divergence is None else asdict(self._divergence),
        }

    def _known(self, epoch: Epoch) -> Answer | None:
        """What this site last said: read once, and again with every other order, in case another agent of
        this site was at work meanwhile."""
        seen = (epoch.epoch, epoch.order.id if epoch.order else "")
        if self._own_of is None or (self._own_of != seen and not self._job.busy):
            self._own = read_answer(self._context.signals, self._site)
            self._own_of = seen
        return self._own

    def _program(self) -> Orders | None:
        """What the Pulumi program orders; None while that is not known, which stops no handover."""
        found: list[Orders] = []
        self._troubles.attempt(
            "orders of the program", lambda: found.append(read_orders(self._context.orders))
        )
        return found[0] if found else None

    def _end_what_is_moot(self, epoch: Epoch, todo: Duty) -> None:
        """Give up a pass under way for an order that does not stand any more. Not that of a target which has
        taken over: it is opening its database."""
        drained = self._working is Duty.DRAIN and todo is not Duty.DRAIN
        copied = self._working in _OF_TARGET and todo not in _OF_TARGET and epoch.writer != self._site
        if self._job.running and (drained or copied) and not self._give_up.is_set():
            _log.warning("the order was changed: what is under way for it is given up")
            self._give_up.set()

    def _work(
        self, epoch: Epoch, todo: Duty, own: Answer | None, program: Orders | None, *, closed: bool
    ) -> Callable[[], None] | None:
        """The pass that is due; None: nothing is."""
        order, source, target = epoch.order, self._source, self._target
        if todo is Duty.REOPEN and own is not None:
            return lambda: self._say_news(source.reopen(epoch, own))
        if order is None or todo is Duty.NONE:
            return self._in_the_background(epoch, order, closed=closed)
        if todo is Duty.DRAIN:
            return lambda: self._drain(epoch, order, own)
        if todo is Duty.WITHDRAW:
            return lambda: source.withdraw(epoch, order)
        return lambda: self._say_news(
            target.work(epoch, todo, read_answer(self._context.signals, _OTHER[self._site]), program)
        )

    def _drain(self, epoch: Epoch, order: Order, own: Answer | None) -> None:
        try:
            answer = self._source.drain(epoch, order, own)
        except AgentError as error:  # users wait: whoever waits with them reads the answer
            said = self._own
            if said is not None and said.order == order.id and said.state == "draining":
                self._say_news(replace(said, sentence=f"this failed and is tried again: {error}"))
            raise
        self._say_news(answer)

    def _in_the_background(
        self, epoch: Epoch, order: Order | None, *, closed: bool
    ) -> Callable[[], None] | None:
        """What need not be done now, and makes a later order shorter or safer."""
        prepares = order is not None and order.step == "sync" and order.source == epoch.writer == self._site
        if prepares and time.monotonic() >= self._next_preparation:
            self._next_preparation = time.monotonic() + self._interval_s * _INTERVALS_PER_PREPARATION
            return self._source.prepare
        if closed and epoch.writer != self._site and self._looked_for_divergence != epoch.epoch:
            return lambda: self._look_for_divergence(epoch)
        return None

    def _look_for_divergence(self, epoch: Epoch) -> None:
        self._divergence = self._target.export_divergence(epoch)
        self._looked_for_divergence = epoch.epoch

    def _say_news(self, answer: Answer | None) -> None:
        """Say it if it is another one, or if it is time that somebody sees we are alive."""
        if answer is None:
            return
        old = time.monotonic() - self._said_at > self._interval_s / _PASSES_PER_INTERVAL
        if old or self._own is None or replace(answer, at="") != replace(self._own, at=""):
            self._say(answer)

    def _say(self, answer: Answer) -> None:
        write_answer(self._context.signals, answer)
        self._own, self._said_at = answer, time.monotonic()
        _log.info("the order is answered with %s: %s", answer.state, answer.sentence)


def starts_no_dump(site: Site, epoch: Epoch | None) -> bool:
    """Whether no dump begins: a whole log is enough for a target that follows to the end."""
    return epoch is not None and must_drain(site, epoch)
