"""An archiver at work in this process, and what the vault holds of its work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agent.archive.log import survey, transactions
from agent.archive.service import Archiver
from agent.context import Context
from agent.epoch import Epoch
from agent.gtid import GtidSet
from sandbox.mysql import MySqlServer
from tests.agent.conftest import Site, World, wait_for

PATIENCE_S = 60
EMPTY = GtidSet({})


class Vault:
    """One site's archive, seen from outside."""

    def __init__(self, world: World, site: Site) -> None:
        self.world, self.site = world, site
        site.document["archive"] = {"flush_seconds": 0.1, "segment_bytes": 65_536, "pack_seconds": 3600}
        self.epoch: Epoch | None = Epoch(1, "aws", "", "")

    @property
    def server(self) -> MySqlServer:
        return self.site.server

    @property
    def context(self) -> Context:
        return self.site.context

    def settings(self, **values: Any) -> None:
        self.site.document["archive"] |= values

    @contextmanager
    def archiving(self, context: Context | None = None, *, ready: bool = True) -> Iterator[Archiver]:
        """An archiver at work; ``ready``: wait until it knows where it begins."""
        archiver = Archiver(context or self.context, lambda: self.epoch)
        stopping = threading.Event()
        thread = threading.Thread(target=archiver.run, args=(stopping,))
        thread.start()
        try:
            if ready:
                wait_for(lambda: archiver.status()["position"], PATIENCE_S)
            yield archiver
        finally:
            stopping.set()
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), "the archiver does not stop"

    def executed(self) -> GtidSet:
        return GtidSet.parse(str(self.server.execute("SELECT @@gtid_executed")[0][0]))

    def archived(self, epoch: int = 1) -> GtidSet:
        return survey(self.context.backups, epoch).gtids

    def caught_up(self, archiver: Archiver) -> None:
        """Wait until all that is committed now is archived."""
        wanted = self.executed()
        wait_for(lambda: wanted <= GtidSet.parse(archiver.status()["archived_gtid"]), PATIENCE_S)

    def segments(self, kind: str = "binlog") -> list[str]:
        return [name for name in self.world.names() if name.startswith(f"{kind}/")]

    def read(self, *, base: GtidSet, epoch: int = 1) -> list[str]:
        """GTIDs of the transactions that a restore from a base with this gtid_before would replay."""
        store = self.context.backups
        run = survey(store, epoch).run_for(base)
        assert run.hole == ""
        return [found.gtid for found in transactions(store, run, after=base) if list(found.events)]


@pytest.fixture
def vault(world: World) -> Vault:
    return Vault(world, world.aws)


Condition = Callable[[], object]
