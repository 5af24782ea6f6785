"""The archiver when something in it goes wrong that nobody thought of."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.archive.service import Archiver
from agent.context import Context
from agent.epoch import Epoch
from agent.errors import DatabaseError
from tests.agent.conftest import wait_for

PATIENCE_S = 30


class Store:
    """Cannot be listed, by a mistake of ours."""

    def __init__(self) -> None:
        self.asked = 0

    def entries(self, prefix: str) -> Iterator[Any]:
        self.asked += 1
        raise RuntimeError(prefix)


def archiver(store: Store, failure: Exception) -> Archiver:
    """One that cannot log in to the database."""

    def login() -> None:
        raise failure

    settings = SimpleNamespace(pack_s=0.02, flush_s=0.1, segment_bytes=65_536)
    config = SimpleNamespace(archive=settings, site="aws")
    context = cast("Context", SimpleNamespace(config=config, backups=store, login=login))
    return Archiver(context, lambda: Epoch(1, "aws", "", ""))


def keepers() -> int:
    return sum(thread.name == "log-keeper" for thread in threading.enumerate())


def test_an_archiver_that_dies_takes_its_helper_along() -> None:
    """The service begins again every half minute: each helper left behind would list the vault for ever."""
    before = keepers()
    with pytest.raises(RuntimeError):
        archiver(Store(), RuntimeError("a mistake")).run(threading.Event())
    assert keepers() == before


def test_the_helper_survives_a_mistake() -> None:
    """It alone notices that a needed dump was made; without it dumps would follow one another for ever."""
    store, stopping = Store(), threading.Event()
    work = threading.Thread(target=archiver(store, DatabaseError("away")).run, args=(stopping,), daemon=True)
    work.start()
    try:
        wait_for(lambda: store.asked >= 2, PATIENCE_S)
    finally:
        stopping.set()
        work.join()
