"""An archiver at work in this process, and what the vault holds of its work."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from agent.archive.log import Log, survey, transactions
from agent.archive.service import Archiver, newest_base
from agent.context import Context
from agent.epoch import Epoch
from agent.gtid import GtidSet
from sandbox.mysql import MySqlServer
from sandbox.network import Network
from tests.agent.conftest import Site, World, wait_for

PATIENCE_S = 60
EMPTY = GtidSet({})


class Vault:
    """One site's archive, seen from outside."""

    def __init__(self, world: World, site: Site, network: Network) -> None:
        self.world, self.site, self.network = world, site, network
        site.document["archive"] = {"flush_seconds": 0.1, "segment_bytes": 65_536, "pack_seconds": 3600}
        self._endpoint = site.document["storage"]["endpoint"]
        self.epoch: Epoch | None = Epoch(1, "aws", "", "")

    @property
    def server(self) -> MySqlServer:
        return self.site.server

    @property
    def context(self) -> Context:
        return self.site.context

    def direct(self) -> Context:
        """The same site without a proxy before its Blob endpoint."""
        storage = self.site.document["storage"]
        with_proxy = storage["endpoint"]
        try:
            storage["endpoint"] = self._endpoint
            return self.site.context
        finally:
            storage["endpoint"] = with_proxy

    def settings(self, **values: Any) -> None:
        self.site.document["archive"] |= values

    @contextmanager
    def archiving(self, context: Context | None = None, *, ready: bool = True) -> Generator[Archiver]:
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
        return survey(self.direct().backups, epoch).gtids

    def caught_up(self, archiver: Archiver) -> None:
        """Wait until all that is committed now is archived."""
        wanted = self.executed()
        wait_for(lambda: wanted <= GtidSet.parse(archiver.status()["archived_gtid"]), PATIENCE_S)

    def followed(self) -> bool:
        """Whether anybody reads the server's log."""
        return any("Binlog Dump" in str(row[4]) for row in self.server.execute("SHOW PROCESSLIST"))

    def first_before(self) -> GtidSet:
        """What was committed before the archive's first byte."""
        return survey(self.direct().backups, 1).pieces[0].before

    def newest_base(self) -> GtidSet:
        """``gtid_before`` of the newest backup."""
        found = newest_base(self.direct().backups, 1)
        assert found is not None
        return found

    def purge(self) -> None:
        """Rotate, and drop every file but the newest."""
        self.server.execute("FLUSH BINARY LOGS")
        newest = self.server.execute("SHOW BINARY LOGS")[-1][0]
        self.server.execute("PURGE BINARY LOGS TO %s", (newest,))

    def log(self) -> Log:
        return survey(self.direct().backups, 1)

    def blob(self, name: str) -> bytes:
        return self.direct().backups.read(name)[0]

    def gtids(self, before: GtidSet) -> list[str]:
        """What the server committed beyond ``before``, in order: valid while nobody commits in parallel."""
        rest = self.executed() - before
        return [
            f"{source}:{n}"
            for source, parts in rest.intervals.items()
            for a, b in parts
            for n in range(a, b + 1)
        ]

    def segments(self, kind: str = "binlog") -> list[str]:
        return [name for name in self.world.names() if name.startswith(f"{kind}/")]

    def rows(self, *, base: GtidSet) -> list[int]:
        """How many events each replayed transaction has."""
        store = self.direct().backups
        run = survey(store, 1).run_for(base)
        return [len(list(found.events)) for found in transactions(store, run, after=base)]

    def read(self, *, base: GtidSet, epoch: int = 1) -> list[str]:
        """GTIDs of the transactions that a restore from a base with this gtid_before would replay."""
        store = self.direct().backups
        run = survey(store, epoch).run_for(base)
        assert run.hole == ""
        return [found.gtid for found in transactions(store, run, after=base) if list(found.events)]


@pytest.fixture
def vault(world: World, network: Network) -> Vault:
    return Vault(world, world.aws, network)
