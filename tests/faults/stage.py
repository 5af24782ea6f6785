"""What all rounds share, because starting it takes longer than a round: servers, Blob endpoint, proxy."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import pymysql
from azure.storage.blob import BlobServiceClient, ContainerClient

from sandbox.azurite import Azurite
from sandbox.ca import write_private
from sandbox.mysql import MySqlServer, running
from sandbox.mysql_flavors import Flavor
from sandbox.network import Network
from sandbox.tools import Tools, find_or_bring
from tests.faults.agents import AgentProcess, Machine, start
from tests.faults.oracle import Oracle
from tests.faults.proxy import Proxy
from tests.faults.statements import SCHEMA, SET_UP

PASSWORD = "pa'ss w%rd"
_DROPPED = (SCHEMA, "not_backed_up", "pilotlight")


class Stage:
    """Servers for many rounds. ``begin`` makes everything new for one of them.

    Attributes:
        source, target, oracle: see the module; the target is like Azure's Flexible Server.
    """

    def __init__(self, folder: Path, tools: Tools, stack: ExitStack) -> None:
        self.tools, self._root = tools, folder
        network = Network(folder)
        stack.callback(network.close)

        def server(name: str, flavor: Flavor) -> MySqlServer:
            made = MySqlServer(
                tools=tools, folder=folder / name, address=network.address(name), flavor=flavor, name=name
            )
            stack.enter_context(running(made))
            made.create_admin("admin", PASSWORD)
            made.set_global("log_bin_trust_function_creators", "ON")
            made.set_global("event_scheduler", "OFF")
            return made

        self.source, self.target = server("source", "plain"), server("target", "azure")
        self.oracle = Oracle(self.source, server("oracle", "plain"), tools, folder / "kept logs")
        self.blobs = Azurite(tools=tools, folder=folder / "blobs", address=network.address("blobs"))
        self.blobs.start()
        stack.callback(self.blobs.stop)
        address = network.address("proxy")
        self.proxy = Proxy(address, (self.blobs.address, self.blobs.port), self.blobs.account)
        stack.callback(self.proxy.close)
        self._path = f"{tools.bin}:{os.environ['PATH']}"
        self._client = BlobServiceClient(f"{self.blobs.endpoint}?{self.blobs.sas}")
        stack.callback(self._client.close)
        self._round, self._started = "", 0
        self.folder = folder

    def begin(self, seed: str) -> None:
        """Empty servers, new containers, no faults, the schema and its first rows."""
        self._round, self._started = uuid.uuid4().hex[:10], 0
        self.folder = self._root / f"round-{seed.replace('/', '-')}-{self._round}"
        self.folder.mkdir()
        self.proxy.set()
        self.proxy.log.clear()
        self.proxy.cut(off=False)
        for kind in ("backups", "signals", "control"):
            self._client.create_container(f"{kind}-{self._round}")
        for server in (self.source, self.target, self.oracle.server):
            server.start()
            for schema in _DROPPED:
                server.execute(f"DROP DATABASE IF EXISTS {schema}")
            server.execute("DROP TABLE IF EXISTS mysql.rds_heartbeat2")
        self.oracle.forget_files()
        self.source.execute("RESET BINARY LOGS AND GTIDS")
        with self.source.root() as connection, connection.cursor() as cursor:
            for statement in SET_UP:
                cursor.execute(statement)

    def container(self, kind: str) -> ContainerClient:
        """One of the round's containers, reached without the proxy."""
        return self._client.get_container_client(f"{kind}-{self._round}")

    def agent(
        self,
        site: str,
        *words: str,
        state: str = "",
        clock: Synchronized[float] | None = None,
        file_bytes: int | None = None,
    ) -> AgentProcess:
        """Start a command of a site's agent.

        Args:
            state: another state folder than the site's own, as another machine has.
        """
        self._started += 1
        folder = self.folder / f"{self._started:03d}-{site}-{words[0]}"
        machine = Machine(self._path, clock, file_bytes)
        return start(folder, self._config(site, state or site), words, machine)

    def _config(self, site: str, state: str) -> Path:
        server = self.source if site == "aws" else self.target
        password, file = self.folder / "password", self.folder / f"{state}.json"
        write_private(password, PASSWORD.encode())
        containers = {kind: f"{kind}-{self._round}" for kind in ("backups", "signals", "control")}
        document: dict[str, Any] = {
            "site": site,
            "database": {
                "host": server.address,
                "port": server.port,
                "schemas": [SCHEMA],
                "user": "admin",
                "password": {"file": str(password)},
            },
            "storage": {"endpoint": self.proxy.endpoint, **containers},
            "identity": {"kind": "emulator"},
            "dump": {"interval_seconds": 2, "stall_seconds": 20},
            "archive": {"flush_seconds": 0.1, "segment_bytes": 65_536, "pack_seconds": 2},
            "state_dir": str(self.folder / f"state-{state}"),
        }
        file.write_text(json.dumps(document, indent=1))
        return file

    def executed(self) -> str:
        """All that the source has committed."""
        return str(self.source.execute("SELECT @@GLOBAL.gtid_executed")[0][0]).replace("\n", "")

    @property
    def source_pid(self) -> int:
        """The source's process."""
        return _pid(self.source)

    @property
    def target_pid(self) -> int:
        """The target's process."""
        return _pid(self.target)

    def fail_over(self) -> None:
        """The source goes on as another server with the same data, as after an RDS failover."""
        self.source.kill()
        (self.source.folder / "data" / "auto.cnf").unlink()
        self.source.start()

    def kill_log_readers(self) -> None:
        """End every connection that streams the binary log."""
        # Not information_schema.PROCESSLIST: it fails while a statement with a 4-byte character runs.
        for number, _, _, _, command, *_ in self.source.execute("SHOW PROCESSLIST"):
            if str(command).startswith("Binlog Dump"):
                try:
                    self.source.execute(f"KILL {number}")
                except pymysql.err.MySQLError:  # it ended by itself
                    continue


def _pid(server: MySqlServer) -> int:
    return int((server.folder / "data" / "mysqld.pid").read_text())


@contextmanager
def stage(folder: Path) -> Generator[Stage]:
    """A stage whose servers end with the block."""
    with ExitStack() as stack:
        yield Stage(folder, find_or_bring(print), stack)
