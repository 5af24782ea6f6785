"""Transactions that only this database has, rendered for people before the database is replaced."""

from __future__ import annotations

import threading

from agent.context import Context
from agent.epoch import Epoch
from agent.handover.order import Divergence


def export(context: Context, epoch: Epoch, stopping: threading.Event) -> Divergence | None:
    """Keep what this database committed beyond the fork; None when nothing is left that matters."""
    raise NotImplementedError
