"""A world for the operator's commands: a fake stack, a real Blob endpoint, agents that keep the protocol."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient

from agent.config import Site
from agent.epoch import Epoch, Orders, give_order, read_epoch, take_over
from agent.gtid import GtidSet
from agent.handover.decide import Duty, duty, may_open_unasked, receive_refusal
from agent.handover.order import Answer, Divergence, State, new_order, read_answer, write_answer
from agent.marker import Marker
from agent.opening import wants_to_open
from agent.signals import (
    Verification,
    write_heartbeat,
    write_restore_failure,
    write_restore_report,
    write_verification,
)
from agent.storage import BlobChangedError, BlobEntry, BlobMissingError, BlobStore
from cli.__main__ import main
from cli.operate import blobs, web
from cli.operate.facts import Switches, switches_from
from cli.operate.pulumi import Pulumi
from sandbox.azurite import Azurite
from sandbox.network import Network
from sandbox.tools import find_or_bring
from tests.agent.conftest import AZURITE_KEY
from tests.operate import fake_pulumi

ROOT = Path(__file__).resolve().parents[2]
RESERVED, ALB = "198.51.100.10", "203.0.113.7"
SETTINGS = {
    "publicName": "petclinic.example.com",
    "zoneName": "example.com",
    "zoneId": "Z0123456789ABCDEFGHIJ",
    "albDnsName": "alb.example",
    "mode": "normal",
}
FIRST_DIGEST = "0123456789abcdef"


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    network = Network(tmp_path_factory.mktemp("network"))
    emulator = Azurite(
        tools=find_or_bring(print),
        folder=tmp_path_factory.mktemp("azurite"),
        address=network.address("blob.test"),
    )
    emulator.start()
    yield emulator
    emulator.stop()
    network.close()


class MemoryStore:
    """The few calls that these commands make, for tests that repeat a command dozens of times."""

    def __init__(self) -> None:
        self.blobs: dict[str, tuple[bytes, str]] = {}

    def read(self, name: str) -> tuple[bytes, str]:
        if name not in self.blobs:
            raise BlobMissingError(name)
        return self.blobs[name]

    def replace(self, name: str, data: bytes) -> None:
        self.blobs[name] = (data, uuid.uuid4().hex)

    def put(self, name: str, data: bytes, *, etag: str | None) -> str:
        if self.blobs.get(name, (b"", None))[1] != etag:
            raise BlobChangedError(name)
        self.replace(name, data)
        return self.blobs[name][1]

    def create(self, name: str, data: bytes, metadata: object = None) -> None:
        del metadata
        self.replace(name, data)

    def entries(self, prefix: str) -> Iterator[BlobEntry]:
        names = [name for name in list(self.blobs) if name.startswith(prefix)]
        return iter([BlobEntry(name, 0, {}) for name in names])


@dataclass
class Scene:
    """Everything that a command meets.

    Attributes:
        aws_lives: its agent works and its origin answers.
        diverged: RDS has transactions of its own.
        restores: the standby's restore succeeds. dumps: the writer's agent names a dump of the epoch.
        served: the last epoch in which the standby's database was the writer.
    """

    folder: Path
    endpoint: Azurite | None
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:10])
    aws_lives: bool = True
    diverged: bool = False
    differs: bool = False
    restores: bool = True
    dumps: bool = True
    served: int = 0
    copied: int = 0
    proved: int = 0
    _stores: dict[str, BlobStore | MemoryStore] = field(default_factory=dict[str, BlobStore | MemoryStore])

    # ------------------------------------------------------------------------------------------- looking

    def store(self, container: str) -> Any:
        if container not in self._stores:
            self._stores[container] = self._open(container)
        return self._stores[container]

    def _open(self, container: str) -> BlobStore | MemoryStore:
        if self.endpoint is None:
            return MemoryStore()
        name = f"{container}-{self.run_id}"
        key = AzureNamedKeyCredential("devstoreaccount1", AZURITE_KEY)
        return BlobStore(self.endpoint.endpoint, name, key, retries=0)

    @property
    def stack(self) -> dict[str, Any]:
        return fake_pulumi.Stack(self.folder).now

    def set(self, **values: Any) -> None:
        stack = fake_pulumi.Stack(self.folder)
        stack.now |= values
        stack.save()

    @property
    def config(self) -> Switches:
        return switches_from(self.stack["config"])

    @property
    def deployed(self) -> Switches | None:
        for entry in self.stack["history"]:
            if entry["kind"] == "update" and entry["result"] == "succeeded":
                return switches_from(
                    {k.removeprefix("petclinic-dr:"): v["value"] for k, v in entry["config"].items()}
                )
        return None

    @property
    def hold(self) -> bool:
        return "hold-switch-blob" in self.stack["cloud"]

    @property
    def epoch(self) -> Epoch:
        return read_epoch(self.store("control"))

    @property
    def changes(self) -> list[list[str]]:
        """The pulumi commands so far that change something."""
        kinds = ("up", "destroy", "import", "cancel")
        return [
            c
            for c in self.stack["calls"]
            if c[0] in kinds or c[:2] in (["config", "rm"], ["config", "set-all"])
        ]

    def state(self) -> dict[str, Any]:
        """What has to be the same however often a command was interrupted."""
        return {
            "config": self.config,
            "deployed": self.deployed,
            "writer": self.epoch.writer,
            "cloud": sorted(self.stack["cloud"]),
            "hold": self.hold,
        }

    def run(self, *words: str) -> int:
        try:
            return main([*words, "--cwd", str(self.folder)])
        except SystemExit as ended:  # argparse
            return int(str(ended.code))

    def keep(self) -> dict[str, Any]:
        """All that changes, to be put back; the signals stay, as they do in the vault."""
        own = ("aws_lives", "diverged", "differs", "restores", "served", "copied", "proved")
        return {
            "stack": self.stack,
            "epoch": self.epoch if self.epoch.etag else None,
            "self": {name: getattr(self, name) for name in own},
        }

    def put_back(self, kept: dict[str, Any]) -> None:
        self.set(**kept["stack"])
        for name, value in kept["self"].items():
            setattr(self, name, value)
        control = self.store("control")
        assert isinstance(control, MemoryStore)
        control.blobs.clear()
        if kept["epoch"] is not None:
            document = asdict(kept["epoch"])
            del document["etag"]
            control.replace("epoch.json", json.dumps(document).encode())

    # -------------------------------------------------------------------------------------------- agents

    def step(self) -> None:
        """One poll of both agents."""
        self._azure()
        if self.aws_lives:
            self._aws()

    def _orders(self) -> Orders:
        now = self.deployed or Switches()
        opened = now.mode != "normal" and now.enabled and not now.maintenance
        return Orders(now.mode, opened, now.maintenance)

    def _answer(self, site: Site, state: State, **more: Any) -> None:
        epoch = self.epoch
        said = read_answer(self.store("signals"), site)
        order = epoch.order.id if epoch.order else ""
        if said is None or (said.order, said.state, said.epoch) != (order, state, epoch.epoch):
            write_answer(
                self.store("signals"), Answer(site, epoch.epoch, order, state, f"is {state}", **more)
            )

    def _restored(self, epoch: int) -> None:
        now = datetime.now(UTC).isoformat()
        if not self.restores:
            failed = {"site": "azure", "error": "the disk is full", "started": now, "finished": now}
            write_restore_failure(self.store("signals"), failed)
            return
        report = {
            "site": "azure",
            "loaded": True,
            "error": "",
            "epoch": epoch,
            "tables_verified": 7,
            "backup": {"backup": "backup_20260101T000000Z.sql.gz"},
            "reached": {"time": "2026-01-01T00:00:10+00:00"},
            "lost": {"transactions": 0, "sentence": "nothing that was archived is missing"},
            "seconds": {"load": 3.0},
            "started": now,
            "finished": now,
        }
        write_restore_report(self.store("signals"), report)
        self.copied, self.served = epoch, 0

    def _azure(self) -> None:
        if "standby-database-server" not in self.stack["resources"]:
            self.copied = self.served = 0
            return
        epoch, control, orders = self.epoch, self.store("control"), self._orders()
        if epoch.writer == "azure":
            self._heartbeat("azure", epoch)
        if epoch.writer == "aws" and not self.copied and not self.served:
            self._restored(epoch.epoch)
        marker = Marker("verified", "b", self.copied, "", self.served, (), {}) if self.copied else None
        own = read_answer(self.store("signals"), "azure")
        match duty("azure", epoch, orders, own, marker):
            case Duty.DRAIN:
                self._answer("azure", "drained")
            case Duty.WITHDRAW:
                assert epoch.order
                give_order(control, epoch, new_order(epoch.order.kind, "withdrawn"))
            case Duty.REOPEN:
                self._answer("azure", "reopened")
            case Duty.RECEIVE:
                said = read_answer(self.store("signals"), "aws")
                if not receive_refusal(epoch, said, GtidSet.parse("")):
                    self._answer("azure", "ready")
                    if orders.open:
                        self._serve(epoch)
                return
            case Duty.REPLACE:
                self._restored(epoch.epoch)
                self._answer("azure", "ready")
            case _:
                pass
        holds = self.copied >= epoch.epoch and not self.served
        if wants_to_open(orders, epoch, "azure") and may_open_unasked(epoch) and holds:
            self._serve(self.epoch)

    def _serve(self, epoch: Epoch) -> None:
        self.served = take_over(self.store("control"), epoch, "azure").epoch

    def _aws(self) -> None:
        epoch, control = self.epoch, self.store("control")
        own = read_answer(self.store("signals"), "aws")
        if epoch.writer == "aws":
            self._heartbeat("aws", epoch)
        match duty("aws", epoch, None, own, None):
            case Duty.DRAIN:
                self._answer("aws", "drained")
            case Duty.REOPEN:
                self._answer("aws", "reopened")
            case Duty.FOLLOW | Duty.RECEIVE if self._blocked(epoch):
                found = Divergence(
                    FIRST_DIGEST, "", 2, {"petclinic.owners": 3}, "quarantine_d.sql.gz", "", ""
                )
                self._answer("aws", "divergence", divergence=found)
            case Duty.FOLLOW:
                self._answer("aws", "following")
            case Duty.RECEIVE if self.differs:
                self._answer("aws", "differs")
            case Duty.RECEIVE:
                said = read_answer(self.store("signals"), "azure")
                if not receive_refusal(epoch, said, GtidSet.parse("")):
                    take_over(control, epoch, "aws")
            case _:
                pass

    def _blocked(self, epoch: Epoch) -> bool:
        return self.diverged and epoch.order is not None and epoch.order.accept_divergence != FIRST_DIGEST

    def _heartbeat(self, site: Site, epoch: Epoch) -> None:
        now, signals = datetime.now(UTC).isoformat(), self.store("signals")
        backup = {"backup": "backup_20260101T000000Z.sql.gz", "epoch": epoch.epoch, "finished": now}
        archive = {"archived_through": now, "error": "", "hole": ""}
        beat = {"epoch": epoch.epoch, "interval_seconds": 300, "last_backup": backup if self.dumps else None}
        write_heartbeat(signals, site, {**beat, "fresh_at": now, "archive": archive, "errors": {}})
        if self.proved < epoch.epoch:
            self.proved = epoch.epoch
            proof = Verification(
                at=now,
                site=site,
                epoch=epoch.epoch,
                backup=str(backup["backup"]),
                mode="full",
                tables=("petclinic.owners",),
                gtid="",
                next_backup="",
                seconds=1.0,
                ok=True,
                error="",
                base_ok=True,
                notes=("all",),
            )
            write_verification(signals, proof)

    # --------------------------------------------------------------------------------------------- world

    def addresses(self, _name: str) -> tuple[str, ...]:
        return (RESERVED,) if self.hold or not self.aws_lives else (ALB,)

    def page(self, host: str, path: str, *, at: str = "") -> web.Page:
        if path == "/hold":
            return web.Page(200 if self.hold else 404, "")
        if at == RESERVED:
            now = self.deployed or Switches()
            return web.Page(503, web.PAGE_WORDS if not now.enabled or now.maintenance else "PetClinic")
        if not self.aws_lives:
            raise web.NoAnswer(f"https://{host}{path}: no route")
        return web.Page(200, "up")


@pytest.fixture
def scene(endpoint: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A deployed stack in mode normal; the fake pulumi is called without a process."""
    scene = Scene(_project(tmp_path), endpoint)
    key = AzureNamedKeyCredential("devstoreaccount1", AZURITE_KEY)
    with BlobServiceClient(endpoint.endpoint, key) as made:
        for kind in ("control", "signals", "mysql-backups"):
            made.create_container(f"{kind}-{scene.run_id}")
    _connect(scene, monkeypatch)
    return scene


@pytest.fixture
def quick_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The same without a Blob endpoint."""
    scene = Scene(_project(tmp_path), None)
    _connect(scene, monkeypatch)
    return scene


def _project(root: Path) -> Path:
    folder = root / "a project"
    folder.mkdir()
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    fake_pulumi.new(folder, dict(SETTINGS))
    assert fake_pulumi.call(folder, ["up", "--yes", "--skip-preview"])[0] == 0
    return folder


def _connect(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.set(calls=[])
    monkeypatch.setenv("DR_PACE", "10000")
    monkeypatch.setattr(blobs, "store", lambda _endpoint, container: scene.store(container))
    monkeypatch.setattr(web, "addresses", scene.addresses)
    monkeypatch.setattr(web, "get", scene.page)
    monkeypatch.setattr("cli.operate.act.sleep", lambda _seconds: scene.step())
    in_process(monkeypatch)


def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands call the fake directly: a process each would make hundreds."""

    def read(pulumi: Pulumi, *words: str, named: bool = True, timeout_s: float | None = None) -> str:
        del named, timeout_s
        code, out = fake_pulumi.call(pulumi.folder, list(words))
        assert code == 0, (words, out)
        return out

    def change(pulumi: Pulumi, *words: str) -> tuple[int, str]:
        try:
            return fake_pulumi.call(pulumi.folder, list(words))
        except fake_pulumi.Died:
            return -9, "the engine was killed"

    monkeypatch.setattr(Pulumi, "read", read)
    monkeypatch.setattr(Pulumi, "change", change)
