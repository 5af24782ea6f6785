"""What the benchmarks share: servers of a useful size, the plain tools, time and memory."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobServiceClient

from benchmarks.data import SCHEMA
from sandbox.azurite import Azurite
from sandbox.ca import write_private
from sandbox.mysql import MySqlServer, running
from sandbox.mysql_flavors import Flavor
from sandbox.network import Network
from sandbox.tools import Tools, find_or_bring

CLONE = Path(__file__).resolve().parents[1]
USER, PASSWORD = "admin", "benchmark-of-this-machine"
# As a service of a useful size is set; sandbox servers are small because three run at once.
_SERVER = {
    "innodb_buffer_pool_size": str(2**30),
    "innodb_redo_log_capacity": str(2**30),
    "log_bin_trust_function_creators": "ON",
    "local_infile": "ON",
}
_SAMPLE_S = 0.05


@dataclass(frozen=True)
class Timing:
    """One run of a program.

    Attributes:
        seconds: wall clock.
        peak_mb: highest resident memory of the program itself, MiB; without what it started.
        output: its standard output.
    """

    seconds: float
    peak_mb: float
    output: str


class Bench:
    """A folder, a network and the tools for one benchmark; use ``bench()``."""

    def __init__(self, folder: Path, tools: Tools, stack: ExitStack) -> None:
        self.folder, self.tools, self._stack = folder, tools, stack
        self.network = Network(folder)
        stack.callback(self.network.close)

    def server(self, flavor: Flavor, name: str) -> MySqlServer:
        """A started MySQL server with 1 GiB of buffer pool and the account ``USER``."""
        server = MySqlServer(
            tools=self.tools,
            folder=self.folder / name,
            address=self.network.address(f"{name}.test"),
            flavor=flavor,
            name=f"{name}.test",
        )
        self._stack.enter_context(running(server))
        for parameter, value in _SERVER.items():
            server.set_global(parameter, value)
        server.create_admin(USER, PASSWORD)
        return server

    def pair(self) -> tuple[MySqlServer, MySqlServer]:
        """A source like RDS and an empty target like Azure's Flexible Server."""
        return self.server("rds", "source"), self.server("azure", "target")

    def blobs(self) -> Azurite:
        """A Blob endpoint (an emulator) with empty containers."""
        azurite = Azurite(
            tools=self.tools, folder=self.folder / "blobs", address=self.network.address("blob.test")
        )
        azurite.start()
        self._stack.callback(azurite.stop)
        with BlobServiceClient(f"{azurite.endpoint}?{azurite.sas}") as client:
            for container in ("backups", "signals", "control"):
                client.create_container(container)
        return azurite

    def config(
        self,
        server: MySqlServer,
        azurite: Azurite,
        *,
        site: str = "aws",
        endpoint: str | None = None,
        **parts: Mapping[str, Any],
    ) -> Path:
        """The agent's configuration file for ``server``; ``parts`` add or replace top-level keys.

        Args:
            endpoint: the Blob endpoint by another address (a proxy); the emulator's own by default.
        """
        folder = self.folder / f"agent-{server.name}"
        folder.mkdir(exist_ok=True)
        write_private(folder / "password", PASSWORD.encode())
        document = {
            "site": site,
            "database": {
                "host": server.address,
                "port": server.port,
                "schemas": [SCHEMA],
                "user": USER,
                "password": {"file": str(folder / "password")},
            },
            "storage": {"endpoint": endpoint or azurite.endpoint, "backups": "backups"},
            "identity": {"kind": "emulator"},
            "dump": {},
            "state_dir": str(folder / "state"),
            **parts,
        }
        file = folder / "agent.json"
        file.write_text(json.dumps(document, indent=1))
        return file

    def agent(self, config: Path, *words: str) -> Timing:
        """One command of the agent, from its start to its end.

        Raises:
            RuntimeError: it did not end with 0.
        """
        command, *rest = words
        return self.timed([sys.executable, "-m", "agent", command, "--config", str(config), *rest])

    def plain(self, server: MySqlServer, script: str) -> Timing:
        """A pipeline of the plain tools; ``$login`` in it is the option that names server and account.

        Raises:
            RuntimeError: a program of the pipeline failed.
        """
        options = self.folder / f"{server.name}.cnf"
        login = {"host": server.address, "port": server.port, "user": USER, "password": PASSWORD}
        lines = "".join(f"{key}={value}\n" for key, value in login.items())
        write_private(options, f"[client]\n{lines}".encode())
        return self.timed(
            ["bash", "-o", "pipefail", "-c", script], login=f"--defaults-file={options}", schema=SCHEMA
        )

    def timed(self, argv: Sequence[str], **environment: str) -> Timing:
        """Run a program to its end.

        Raises:
            RuntimeError: it did not end with 0; the message has its last words.
        """
        path = f"{self.tools.bin}:{os.environ['PATH']}"
        began = time.monotonic()
        with (
            subprocess.Popen(
                argv,
                cwd=CLONE,
                env={**os.environ, "PATH": path, "PYTHONPATH": str(CLONE), **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as process,
            _memory(process.pid) as memory,
        ):
            output, said = process.communicate()
        seconds = time.monotonic() - began
        if process.returncode:
            raise RuntimeError(f"{argv[0]} ended with status {process.returncode}: {said.strip()[-2000:]}")
        return Timing(seconds, memory.peak_mb, output)


class Memory:
    """The highest resident memory of one process so far (the kernel's VmHWM), MiB."""

    def __init__(self, pid: int) -> None:
        self._file = Path(f"/proc/{pid}/status")
        self.peak_mb = 0.0

    def look(self) -> None:
        """Take a sample; a process that is gone keeps its last one."""
        with contextlib.suppress(OSError):
            for line in self._file.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.peak_mb = max(self.peak_mb, int(line.split()[1]) / 1024)


@contextmanager
def _memory(pid: int) -> Generator[Memory]:
    memory, over = Memory(pid), threading.Event()

    def watch() -> None:
        while not over.wait(_SAMPLE_S):
            memory.look()

    watcher = threading.Thread(target=watch, name="memory", daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        over.set()
        watcher.join()


@contextmanager
def bench(name: str) -> Generator[Bench]:
    """A place to measure in; everything started there is ended and its folder removed."""
    tools = find_or_bring(say)
    folder = Path(tempfile.mkdtemp(prefix=f"pilotlight-{name}-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield Bench(folder, tools, stack)


def fastest(run: Callable[[], Timing], times: int = 2) -> Timing:
    """The fastest of some runs: the first one warms caches, and other work on the machine only adds."""
    return min((run() for _ in range(times)), key=lambda timing: timing.seconds)


def arguments(description: str, *, size_mb: float = 1000) -> argparse.Namespace:
    """A benchmark's own command line: ``size_mb``, and ``save`` to renew its file of results."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--size-mb", type=float, default=size_mb, metavar="N", help="default: %(default)g")
    parser.add_argument("--save", action="store_true", help="renew benchmarks/results")
    return parser.parse_args()


def say(sentence: str) -> None:
    """Progress, on standard error."""
    print(sentence, file=sys.stderr, flush=True)
