"""How often the service dumps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent import dumping
from agent.archiving import Archiving
from agent.config import Dump
from agent.context import Context
from agent.dumping import Dumping
from agent.epoch import Epoch
from agent.errors import BusyError
from agent.jobs import Troubles
from tests.agent.samples import UUID, manifest

EPOCH = Epoch(1, "aws", "", "")
DUMP = Dump(interval_s=300, stall_s=120, egress_gb_per_month=None, refresh_s=86_400)
BASE = manifest("backup_20260101T000000Z.sql.gz", gtid_before=f"{UUID}1:1-10", gtid_after=f"{UUID}1:1-10")


def dumping_service(
    troubles: Troubles, *, needs_dump: bool, begun: Callable[[int], bool] = lambda _: True
) -> Dumping:
    context = cast("Context", SimpleNamespace(config=SimpleNamespace(site="aws", dump=DUMP)))
    archiving = cast(
        "Archiving", SimpleNamespace(needs_dump=needs_dump, has_begun=begun, take_base=lambda _: None)
    )
    return Dumping(context, archiving, troubles, threading.Event())


def dumps_by(monkeypatch: pytest.MonkeyPatch, dump: Callable[[int], Any]) -> tuple[list[float], list[float]]:
    """A clock to set, and when dumps began by it; ``dump`` is given the number of each."""
    clock, dumps = [1000.0], list[float]()

    def dump_once(*_: Any) -> Any:
        dumps.append(clock[0])
        return dump(len(dumps))

    monkeypatch.setattr(dumping, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(dumping, "dump_once", dump_once)
    monkeypatch.setattr(Dumping, "_unchanged_base", lambda *_: None)
    return clock, dumps


@pytest.mark.parametrize(("needed", "most"), [(True, 3), (False, 2)])
def test_a_need_that_no_dump_ends_does_not_dump_without_pause(
    monkeypatch: pytest.MonkeyPatch, *, needed: bool, most: int
) -> None:
    """An application that writes by statement makes the log useless again behind every dump."""
    clock, dumps = dumps_by(monkeypatch, lambda _: BASE)
    service = dumping_service(Troubles(), needs_dump=needed)
    for _ in range(59):  # 590 s
        service.step(EPOCH)
        service.join(10)
        clock[0] += 10
    assert 2 <= len(dumps) <= most, dumps


@pytest.mark.parametrize(("begins_at", "dumps_at"), [(1000, 1000), (1004, 1004), (2000, 1010)])
def test_an_epochs_first_dump_waits_a_moment_for_its_log(
    monkeypatch: pytest.MonkeyPatch, begins_at: float, dumps_at: float
) -> None:
    """What is committed between the two would be in neither; without an archive the dumps go on."""
    clock, dumps = dumps_by(monkeypatch, lambda _: BASE)
    service = dumping_service(
        Troubles(), needs_dump=False, begun=lambda epoch: epoch == 1 and clock[0] >= begins_at
    )
    for second in range(15):
        service.step(EPOCH)
        assert service.awaits is (1000 + second < dumps_at), "the service looks again soon"
        service.join(10)
        clock[0] += 1
    assert dumps == [dumps_at]


def test_a_dump_by_somebody_else_is_no_trouble_and_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:

    def dump(number: int) -> Any:
        if number < 3:
            raise BusyError("another agent is dumping")
        return BASE

    clock, tries = dumps_by(monkeypatch, dump)
    troubles = Troubles()
    service = dumping_service(troubles, needs_dump=False)
    for _ in range(10):
        service.step(EPOCH)
        service.join(10)
        assert not troubles.now()
        clock[0] += 10
    assert tries == [1000, 1030, 1060], "a tenth of the interval later"
    assert service.base == BASE
