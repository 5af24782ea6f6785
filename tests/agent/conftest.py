"""Real parts for the agent's tests: an RDS-like server, an Azure-like one, and a Blob endpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from agent.config import parse
from agent.context import Context
from sandbox.azurite import Azurite
from sandbox.mysql import MySqlServer
from sandbox.network import Network
from sandbox.tools import Tools, find_or_bring

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "pa'ss \"w#rd\\%s"  # every character that an option file, a shell or a format string may trip over
SCHEMA = "petclinic"
NO_HEARTBEAT_S = 86_400.0  # RDS writes a transaction of its own now and then; these tests count them
KINDS = ("backups", "signals", "control", "orders")
# Azurite's documented development key: it opens nothing but the emulator.
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass
class Finished:
    """What one run of the agent said."""

    code: int
    document: Any
    said: str


class Started(subprocess.Popen[str]):
    """A running agent; leaving its block ends it, so that a failed assertion does not wait for it."""

    def __exit__(self, *error: Any) -> None:
        if self.poll() is None:
            self.kill()
        super().__exit__(*error)


class Site:
    """The agent of one site as an operator has it: a configuration file and the command line."""

    def __init__(
        self,
        folder: Path,
        site: str,
        *,
        server: MySqlServer,
        storage: dict[str, str],
        orders: dict[str, str] | None,
        tools: Tools,
    ) -> None:
        folder.mkdir(parents=True)
        self.folder, self.server, self.tools = folder, server, tools
        self.environment_file = folder / "run" / "petclinic.env"
        self._config = folder / "agent.json"
        self.document: dict[str, Any] = {
            "site": site,
            "database": {
                "host": server.address,
                "port": server.port,
                "schemas": [SCHEMA],
                "user": "admin",
                "password": {"file": str(self.secret("password", PASSWORD))},
                "tls": "required",
                "ca_file": None,
            },
            "storage": storage,
            "orders": orders,
            "identity": {
                "kind": "account_key",
                "account": "devstoreaccount1",
                "key_file": str(self.secret("key", AZURITE_KEY)),
            },
            "dump": {"interval_seconds": 2},
            "application": None,
            "state_dir": str(folder / "state"),
        }
        if site == "azure":
            self.document["application"] = {
                "user": "petclinic",
                "password": {"file": str(self.secret("application", "app'lication$\"pass"))},
                "environment_file": str(self.environment_file),
            }

    def secret(self, name: str, text: str) -> Path:
        """A file of mode 0600."""
        file = self.folder / f"secret-{name}"
        file.touch(mode=0o600)
        file.write_text(text)
        return file

    @property
    def context(self) -> Context:
        return Context.of(parse(self.document, "the test's configuration"))

    def command(self, *arguments: str) -> list[str]:
        self._config.write_text(json.dumps(self.document))
        command, *rest = arguments
        return [sys.executable, "-m", "agent", command, "--config", str(self._config), "--json", *rest]

    def environment(self, path: str | None = None) -> dict[str, str]:
        return {**os.environ, "PATH": path or f"{self.tools.bin}:{os.environ['PATH']}"}

    def start(self, *arguments: str, path: str | None = None) -> Started:
        return Started(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment(path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, path: str | None = None, timeout_s: float = 120) -> Finished:
        process = self.start(*arguments, path=path)
        out, said = process.communicate(timeout=timeout_s)
        return Finished(process.returncode, json.loads(out) if out.strip() else None, said)

    def works(self, *arguments: str) -> Any:
        """Run a command that must succeed; its JSON document."""
        finished = self.run(*arguments)
        assert finished.code == 0, finished.said
        return finished.document


def stand_in(site: Site, program: str, script: str) -> str:
    """A PATH whose ``program`` is a shell script; ``$real`` in it is the real one. --version stays real."""
    folder = site.folder / f"bin-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    file = folder / program
    real = site.tools.bin / program
    file.write_text(f'#!/bin/sh\nreal="{real}"\n[ "$1" = --version ] && exec "$real" --version\n{script}\n')
    file.chmod(0o755)
    return f"{folder}:{site.tools.bin}:{os.environ['PATH']}"


def wait_for(condition: Callable[[], object], patience_s: float) -> None:
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@dataclass
class World:
    """Two sites and the containers between them."""

    aws: Site
    azure: Site
    blobs: BlobServiceClient
    containers: dict[str, str]

    def container(self, kind: str) -> Any:
        return self.blobs.get_container_client(self.containers[kind])

    def names(self, kind: str = "backups") -> list[str]:
        return sorted(blob.name for blob in self.container(kind).list_blobs())

    def epoch(self, epoch: int, writer: str, cutover: str = "of the test") -> dict[str, Any]:
        document = {"epoch": epoch, "writer": writer, "fork_gtid": "", "cutover": cutover}
        self.container("control").upload_blob("epoch.json", json.dumps(document), overwrite=True)
        return document

    def order(self, *, open: bool) -> None:
        document = {"mode": "emergency", "open": open, "maintenance": False, "awsWeight": 0}
        self.container("orders").upload_blob("orders.json", json.dumps(document), overwrite=True)

    def read(self, kind: str, name: str) -> dict[str, Any]:
        return json.loads(self.container(kind).download_blob(name).readall())


@pytest.fixture(scope="session")
def tools() -> Tools:
    return find_or_bring(print)


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    network = Network(tmp_path_factory.mktemp("network"))
    yield network
    network.close()


@pytest.fixture(scope="session")
def azurite(tools: Tools, network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    emulator = Azurite(
        tools=tools, folder=tmp_path_factory.mktemp("azurite"), address=network.address("blob.test")
    )
    emulator.start()
    yield emulator
    emulator.stop()


def _server(tools: Tools, network: Network, folder: Path, flavor: Any) -> Iterator[MySqlServer]:
    name = f"{flavor}.test"
    server = MySqlServer(
        tools=tools,
        folder=folder,
        address=network.address(name),
        flavor=flavor,
        name=name,
        heartbeat_s=NO_HEARTBEAT_S,
    )
    server.start()
    server.create_admin("admin", PASSWORD)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rds(tools: Tools, network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MySqlServer]:
    for server in _server(tools, network, tmp_path_factory.mktemp("rds"), "rds"):
        # In a parameter group, as RDS documents for databases with triggers and functions (error 1419).
        server.set_global("log_bin_trust_function_creators", "ON")
        yield server


@pytest.fixture(scope="session")
def flexible(
    tools: Tools, network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MySqlServer]:
    for server in _server(tools, network, tmp_path_factory.mktemp("flexible"), "azure"):
        # As the Pulumi program sets it. The RDS-like server keeps MySQL's own OFF: both ways are walked.
        server.set_global("local_infile", "ON")
        yield server


@pytest.fixture(scope="session")
def other(tools: Tools, network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MySqlServer]:
    """A second RDS-like server."""
    folder = tmp_path_factory.mktemp("other")
    server = MySqlServer(
        tools=tools,
        folder=folder,
        address=network.address("other.test"),
        flavor="rds",
        name="other.test",
        heartbeat_s=NO_HEARTBEAT_S,
    )
    server.start()
    server.create_admin("admin", PASSWORD)
    server.set_global("log_bin_trust_function_creators", "ON")
    yield server
    server.stop()


def clear(server: MySqlServer) -> None:
    for schema in (SCHEMA, "pilotlight"):
        server.execute(f"DROP DATABASE IF EXISTS {schema}")
    for user in ("petclinic", "backup", "shop"):
        server.execute("DROP USER IF EXISTS %s@%s", (user, "%"))


@pytest.fixture
def world(
    rds: MySqlServer, flexible: MySqlServer, azurite: Azurite, tools: Tools, tmp_path: Path
) -> Iterator[World]:
    """Empty servers, empty containers."""
    run = uuid.uuid4().hex[:12]
    names = {kind: f"{kind}-{run}" for kind in KINDS}
    orders = {"endpoint": azurite.endpoint, "container": names["orders"]}
    storage = {"endpoint": azurite.endpoint, **{kind: names[kind] for kind in KINDS if kind != "orders"}}
    credential = {"account_name": "devstoreaccount1", "account_key": AZURITE_KEY}
    with BlobServiceClient(azurite.endpoint, credential) as blobs:
        for kind in KINDS:
            blobs.create_container(names[kind])
        for server in (rds, flexible):
            clear(server)
        yield World(
            Site(tmp_path / "aws site", "aws", server=rds, storage=storage, orders=None, tools=tools),
            Site(
                tmp_path / "azure site", "azure", server=flexible, storage=storage, orders=orders, tools=tools
            ),
            blobs,
            names,
        )


def clinic(server: MySqlServer, owners: int = 3) -> None:
    """A small clinic: two tables, one foreign key, ``owners`` rows each."""
    server.execute(f"CREATE DATABASE {SCHEMA}")
    server.execute(f"CREATE TABLE {SCHEMA}.owners (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(2000))")
    server.execute(
        f"CREATE TABLE {SCHEMA}.pets (id INT AUTO_INCREMENT PRIMARY KEY, owner_id INT,"
        f" FOREIGN KEY (owner_id) REFERENCES {SCHEMA}.owners (id))"
    )
    add_owners(server, owners)


def add_owners(server: MySqlServer, count: int, padding: int = 1) -> None:
    """Rows that do not compress: ``padding`` random bytes each, at most 900, as text of twice the length."""
    with server.root() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION cte_max_recursion_depth = 10000000")
        cursor.execute(f"USE {SCHEMA}")
        cursor.execute(
            "INSERT INTO owners (name) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n"
            " WHERE i < %s) SELECT CONCAT('owner ', i, ' ', HEX(RANDOM_BYTES(%s))) FROM n",
            (count, padding),
        )


def count(server: MySqlServer, table: str = "owners") -> int:
    return int(str(server.execute(f"SELECT COUNT(*) FROM {SCHEMA}.{table}")[0][0]))
