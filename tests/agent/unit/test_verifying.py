"""When a bad verification orders a dump."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent import verifying
from agent.context import Context
from agent.epoch import Epoch
from agent.jobs import Troubles
from agent.verifying import Verifying
from tests.agent.samples import manifest

EPOCH = Epoch(1, "aws", "", "")


def result(backup: str, error: str, *, base_ok: bool) -> dict[str, Any]:
    return {
        "at": "2026-01-01T00:00:00+00:00",
        "backup": backup,
        "mode": "full",
        "gtid": "",
        "seconds": 1.0,
        "next_backup": "",
        "ok": not error,
        "base_ok": base_ok,
        "error": error,
    }


def orders(monkeypatch: pytest.MonkeyPatch, results: list[dict[str, Any]]) -> list[bool]:
    """After which of these results, one behind the other, a dump is ordered."""
    clock = [1000.0]
    monkeypatch.setattr(verifying, "time", SimpleNamespace(monotonic=lambda: clock[0], time=lambda: clock[0]))
    waiting = iter(results)
    replaced: dict[str, Any] = {
        "verify_chain": lambda *_: next(waiting),
        "verified": lambda *_: [],
        "manifest_of": lambda *_: manifest("backup_1.sql.gz"),
        "keep_weekly": lambda *_: None,
    }
    for name, function in replaced.items():
        monkeypatch.setattr(verifying, name, function)
    verify = SimpleNamespace(mode="full", interval_s=3600.0)
    config = SimpleNamespace(site="aws", verify=verify)
    context = cast("Context", SimpleNamespace(config=config, signals=None, backups=None))
    service = Verifying(context, Troubles(), threading.Event())
    base = manifest("backup_1.sql.gz")
    ordered: list[bool] = []
    for _ in results:
        assert service.step(EPOCH, base) is False
        service.join(10)
        ordered.append(service.step(None, base))
        clock[0] += 4000
    return ordered


def test_a_dump_that_did_not_mend_the_log_is_not_ordered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    hole = "the archived log of epoch 1 does not lead to {}".format
    found = orders(
        monkeypatch,
        [
            result("backup_1.sql.gz", hole("backup_1.sql.gz"), base_ok=True),
            result("backup_2.sql.gz", hole("backup_2.sql.gz"), base_ok=True),
            result("backup_3.sql.gz", hole("backup_3.sql.gz"), base_ok=True),
            result("backup_4.sql.gz", "", base_ok=True),
            result("backup_4.sql.gz", hole("backup_4.sql.gz"), base_ok=True),
        ],
    )
    assert found == [True, False, False, False, True]


def test_every_bad_base_orders_a_dump(monkeypatch: pytest.MonkeyPatch) -> None:
    error = "the backup's data is not what its manifest says (SHA-256)"
    found = orders(
        monkeypatch,
        [
            result("backup_1.sql.gz", error, base_ok=False),
            result("backup_1.sql.gz", error, base_ok=False),
            result("backup_2.sql.gz", error, base_ok=False),
        ],
    )
    assert found == [True, False, True]
