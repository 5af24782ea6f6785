"""What the tests of the engine and the providers share: a world without services behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.engine.cli import Engine
from sandbox.faults import Faults
from sandbox.providers import catalogue
from sandbox.providers.calls import cloud_calls, read_calls
from sandbox.providers.cloud import Cloud
from sandbox.providers.effects import Handler
from sandbox.providers.errors import CloudError
from sandbox.providers.provider import Provider
from sandbox.providers.server import PACKAGES, Servers, serve
from sandbox.store import Resource, Store
from sandbox.tools import Tools, find_or_bring

TINY = Path(__file__).with_name("tiny")
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="session")
def tools() -> Tools:
    return find_or_bring(print)


class Recorder(Handler):
    """Remembers what it is told, and refuses when the test wants it to."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.refusal: str | None = None

    def _note(self, event: str, resource: Resource) -> None:
        if self.refusal:
            raise CloudError(self.refusal)
        self.events.append((event, resource.id))

    def created(self, resource: Resource) -> dict[str, Any] | None:
        self._note("created", resource)
        return {"creationTime": "2026-11-23T00:00:00Z"}

    def updated(self, old: Resource, new: Resource) -> dict[str, Any] | None:
        self._note("updated", new)

    def deleted(self, resource: Resource) -> None:
        self._note("deleted", resource)


@dataclass
class World:
    """The providers' view of a world, with nothing running in it."""

    root: Path
    effects: dict[str, Handler] = field(default_factory=dict[str, Handler])

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.faults = Faults(self.root)
        self.load()

    def load(self) -> None:
        """Take the clouds' state from the disk, as a restarted sandbox does."""
        self.stores = {name: Store(self.root / "clouds" / f"{name}.json") for name in PACKAGES}

    def calls(self, provider: str, method: str = "") -> list[dict[str, Any]]:
        """Calls that reached the cloud's API so far."""
        found = cloud_calls(read_calls(self.root / "calls.jsonl"), provider)
        return [call for call in found if method in {"", call["method"]}]

    def provider(self, package: str) -> Provider:
        """A provider without the gRPC around it."""
        cloud = Cloud(self.stores[package], self.faults, self.root)
        provider = Provider(package, cloud, catalogue.load(), self.effects)
        provider.configure(
            {
                "subscriptionId": SUBSCRIPTION,
                "tenantId": "66666666-7777-8888-9999-000000000000",
                "region": "ap-northeast-2",
                "skipCredentialsValidation": "true",
                "skipRequestingAccountId": "true",
            }
        )
        return provider


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "a sandbox")


@dataclass
class Running:
    """A world whose providers serve, and an engine on the tiny program."""

    world: World
    tools: Tools
    servers: Servers = field(init=False)
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self._start()
        self.engine.select("dev")

    def _start(self) -> None:
        self.servers = serve(self.world)
        self.engine = Engine(self.world.root, self.tools, self.servers.ports, TINY)

    def restart(self) -> None:
        """Stop the providers and start them again on the same folder."""
        self.servers.stop()
        self.world.load()
        self._start()


@pytest.fixture
def running(world: World, tools: Tools) -> Iterator[Running]:
    running = Running(world, tools)
    yield running
    running.servers.stop()
