"""TEMPORARY: a thin fake of the divergence export, until the real one is merged."""

from __future__ import annotations

import threading

import pytest

import agent.handover.target
from agent.context import Context
from agent.database import session
from agent.epoch import Epoch
from agent.gtid import GtidSet
from agent.handover.order import Divergence


def _fake(context: Context, epoch: Epoch, stopping: threading.Event) -> Divergence | None:
    with session(context.login()) as database:
        beyond = GtidSet.parse(database.gtid_executed()) - GtidSet.parse(epoch.fork_gtid)
    if not beyond:
        return None
    digest = f"{epoch.epoch:016x}"
    name = f"quarantine_divergence_{epoch.epoch}_{digest}.sql.gz"
    context.backups.replace(name, b"")
    return Divergence(digest, "", 1, {}, name, "", "")


@pytest.fixture(autouse=True)
def export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent.handover.target, "export", _fake)
