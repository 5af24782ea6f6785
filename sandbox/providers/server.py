"""The gRPC servers of all simulated providers and of the Python language host, in this process."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.engine.language_host import add_language_host
from sandbox.faults import Faults
from sandbox.providers import catalogue
from sandbox.providers.calls import CallLog
from sandbox.providers.cloud import Cloud
from sandbox.providers.effects import Effects
from sandbox.providers.provider import Provider
from sandbox.providers.servicer import Servicer
from sandbox.store import Store

PACKAGES = ("aws", "azure-native", "random")
_MAX_MESSAGE = 400 * 1024 * 1024  # the engine's own limit (sdk/go/common/util/rpcutil)
_OPTIONS = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE),
    ("grpc.max_send_message_length", _MAX_MESSAGE),
    ("grpc.so_reuseport", 0),
)


class World(Protocol):
    """The part of the simulated world that the providers need."""

    @property
    def root(self) -> Path:
        """The sandbox's folder."""
        ...

    @property
    def stores(self) -> Mapping[str, Store]:
        """One store for each of PACKAGES."""
        ...

    @property
    def faults(self) -> Faults:
        """The faults that are switched on."""
        ...

    @property
    def effects(self) -> Effects:
        """Handlers by type token."""
        ...


class Servers:
    """Running servers; stop them with ``stop``.

    Attributes:
        ports: the loopback port of each provider, and of the language host under ``python``.
    """

    def __init__(self, world: World) -> None:
        self.ports: dict[str, int] = {}
        self._servers: list[grpc.Server] = []
        log, models = CallLog(world.root / "calls.jsonl"), catalogue.load()
        for package in PACKAGES:
            cloud = Cloud(world.stores[package], world.faults, world.root / "project")
            server = self._server()
            provider_pb2_grpc.add_ResourceProviderServicer_to_server(
                Servicer(Provider(package, cloud, models, world.effects), log, _report), server
            )
            self._start(package, server)
        server = self._server()
        add_language_host(server)
        self._start("python", server)

    def _server(self) -> grpc.Server:
        return grpc.server(ThreadPoolExecutor(max_workers=32), options=_OPTIONS)

    def _start(self, name: str, server: grpc.Server) -> None:
        self.ports[name] = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self._servers.append(server)

    def stop(self) -> None:
        """Stop serving; calls under way end as the engine sees a crashed plugin."""
        for server in self._servers:
            server.stop(grace=None).wait()


def serve(clouds: World) -> Servers:
    """Start the providers of a simulated world."""
    return Servers(clouds)


def _report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
