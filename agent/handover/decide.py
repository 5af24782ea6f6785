"""Who does what, and who may take over: pure decisions, for the service and for the model that explores them.

The safety argument rests on one blob. A source opens again only after it read an epoch in which no order
wants it drained; a target takes over only by a write conditional on the ETag of an epoch in which such an
order stood and the source had answered that very order with "drained". Both cannot happen: the order's end
changes the ETag.
"""

from __future__ import annotations

from enum import Enum

from agent.config import Site
from agent.epoch import Epoch, Orders
from agent.gtid import GtidSet
from agent.handover.order import Answer
from agent.marker import Marker

_CLOSED = ("draining", "drained")


class Duty(Enum):
    """What a site has to do about the present order."""

    NONE = "nothing"
    DRAIN = "let nobody write, archive the log to its end, say so"
    WITHDRAW = "take the order back, because the operator has gone back to mode emergency"
    REOPEN = "open again what was drained"
    FOLLOW = "hold a copy and follow the writer"
    RECEIVE = "follow a source that drains, compare, and take over"
    REPLACE = "replace a database that has served by a copy of the present epoch"


def duty(site: Site, epoch: Epoch, program: Orders | None, own: Answer | None, marker: Marker | None) -> Duty:
    """The duty of ``site``.

    Args:
        program: what the Pulumi program ordered; None: unknown, or nobody orders anything here.
        own: what this site last answered, whatever order it was.
        marker: of this site's database.
    """
    order = epoch.order
    if epoch.writer == site:
        if order is not None and must_drain(site, epoch):
            emergency = program is not None and program.mode == "emergency"
            return Duty.WITHDRAW if order.kind == "failback" and emergency else Duty.DRAIN
        if is_closed(own, epoch):
            return Duty.REOPEN
        return Duty.NONE
    if order is None or order.withdrawn or order.target != site:
        return Duty.NONE
    if order.kind == "replace":
        said = own is not None and (own.epoch, own.order, own.state) == (epoch.epoch, order.id, "ready")
        return Duty.NONE if said and is_copy(marker, epoch) else Duty.REPLACE
    return Duty.RECEIVE if order.drains else Duty.FOLLOW


def must_drain(site: Site, epoch: Epoch) -> bool:
    """Whether ``site`` writes and an order wants it drained; no dump begins then, and nothing is opened."""
    order = epoch.order
    return epoch.writer == site and order is not None and order.source == site and order.drains


def is_closed(own: Answer | None, epoch: Epoch) -> bool:
    """Whether a site said in this epoch that it drains, and not yet that it opened again."""
    return own is not None and own.epoch == epoch.epoch and own.state in _CLOSED


def is_copy(marker: Marker | None, epoch: Epoch) -> bool:
    """Whether the database was restored from the present epoch, proved, and has not served since."""
    return (
        marker is not None
        and marker.state == "verified"
        and marker.backup_epoch >= epoch.epoch
        and marker.served_epoch == 0
    )


def receive_refusal(epoch: Epoch, source: Answer | None, reached: GtidSet) -> str:
    """Why the target of a draining order may not take over yet; empty when it may.

    Args:
        source: the writer's answer. reached: what the copy holds for certain.
    """
    order = epoch.order
    if order is None or not order.drains:
        return "no order wants the writer drained"
    if source is None or source.epoch != epoch.epoch or source.order != order.id or source.state != "drained":
        return f"{order.source} has not said yet that it is drained"
    missing = GtidSet.parse(source.gtid) - reached
    if missing:
        return (
            f"the copy lacks {missing.count()} transactions that {order.source} committed before it drained"
        )
    return ""


def may_open_unasked(epoch: Epoch) -> bool:
    """Whether a standby that the program ordered to open may take over without the writer's part in it.

    Not while an order wants the writer drained: then it takes over by that order, with nothing lost. Whoever
    wants to open all the same, because the writer is gone, withdraws the order first.
    """
    order = epoch.order
    return order is None or order.kind != "planned" or not order.drains
