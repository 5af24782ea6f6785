"""For tests: a source whose log is archived while the test writes, and a copy's text by the plain tool."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from agent.archive.service import Archiver
from agent.epoch import read_epoch
from agent.gtid import GtidSet
from agent.signals import write_heartbeat
from sandbox.mysql import MySqlServer
from tests.agent.conftest import Site, World, wait_for
from tests.agent.test_round_trip import mysqldump, sections, without_definers

_PATIENCE_S = 60


class Archive:
    """A running archiver."""

    def __init__(self, site: Site, archiver: Archiver) -> None:
        self._site, self._archiver = site, archiver
        self._begun = GtidSet.parse(executed(site.server))

    def began(self) -> None:
        """Wait until it is decided where the archive begins; behind a hole that is the log's present end."""
        wait_for(lambda: self._archiver.status()["position"], _PATIENCE_S)

    def settle(self) -> str:
        """Wait until everything committed so far is archived; its GTID set."""
        committed = executed(self._site.server)
        wanted = GtidSet.parse(committed) - self._begun
        wait_for(lambda: wanted <= GtidSet.parse(self._archiver.status()["archived_gtid"]), _PATIENCE_S)
        return committed

    def beat(self) -> None:
        """Say in a heartbeat, as the agent's service does, that everything until now is archived."""
        now = datetime.fromisoformat(moment(self._site.server))
        wait_for(lambda: datetime.fromisoformat(self._through()) >= now, _PATIENCE_S)
        status = self._archiver.status()
        write_heartbeat(self._site.context.signals, self._site.context.config.site, {"archive": status})

    def _through(self) -> str:
        return str(self._archiver.status()["archived_through"] or "1970-01-01T00:00:00Z")


@contextmanager
def archiving(site: Site) -> Generator[Archive]:
    """The site's log is archived inside this block; segments are written at once."""
    site.document["archive"] = {"flush_seconds": 0.05}
    context, stopping = site.context, threading.Event()
    archiver = Archiver(context, lambda: read_epoch(context.control))
    thread = threading.Thread(target=archiver.run, args=(stopping,), name="archiver")
    thread.start()
    try:
        yield Archive(site, archiver)
    finally:
        stopping.set()
        thread.join()
        assert not archiver.status()["error"], archiver.status()


def executed(server: MySqlServer) -> str:
    return str(server.execute("SELECT @@GLOBAL.gtid_executed")[0][0]).replace("\n", "")


def moment(server: MySqlServer) -> str:
    """The server's clock, ISO 8601."""
    found = server.execute("SELECT UTC_TIMESTAMP(6)")[0][0]
    assert isinstance(found, datetime)
    return found.replace(tzinfo=UTC).isoformat(timespec="microseconds")


def content(world: World, server: MySqlServer) -> list[str]:
    """What a server holds, by mysqldump: without what a copy may change (counters, definers, capitals)."""
    text = re.sub(r" AUTO_INCREMENT=\d+", "", mysqldump(world.aws.tools, server))
    return sections(
        without_definers(text)
        .lower()
        .replace("on completion preserve enable", "on completion preserve disable")
    )
