"""The program's longer ways on the real engine, in one world: a drill, the whole circle with a second
disaster on the way, and a takeover when production's state is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.engine.cli import Engine
from sandbox.providers.server import serve
from sandbox.tools import Tools
from tests.engine.conftest import World

CLONE = Path(__file__).parents[2]
SERVER = "azure-native:dbformysql:Server"
BLOB = "azure-native:storage:Blob"
POLICIES = ("--policy-pack", str(CLONE / "policies"))


@dataclass
class Stage:
    """A world in which production is up, and an engine on it."""

    world: World
    engine: Engine

    def up(self, *args: str, **config: str) -> None:
        """Sets ``config`` and runs ``pulumi up``."""
        for key, value in config.items():
            self.engine.config_set(key, value)
        self.engine.up("--skip-preview", *args)

    def inputs(self) -> dict[str, str]:
        """Every resource of both clouds with its inputs."""
        return {
            each.id: json.dumps(each.inputs, sort_keys=True)
            for cloud in ("aws", "azure-native")
            for each in self.world.stores[cloud].all()
        }

    def aws_ids(self) -> set[str]:
        return {each.id for each in self.world.stores["aws"].all()}

    def holds(self) -> bool:
        """Whether the hold blob is there."""
        found = self.world.stores["azure-native"].find(BLOB)
        return any(each.inputs["blobName"] == "hold" for each in found)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Iterator[Stage]:
    world = World(tmp_path_factory.mktemp("paths") / "a sandbox")
    servers = serve(world)
    stage = Stage(world, Engine(world.root, tools, servers.ports, CLONE))
    stage.engine.select("normal")
    stage.up()
    yield stage
    servers.stop()


@pytest.mark.timeout(1800)
def test_a_drill_and_its_end_leave_production_as_it_was(stage: Stage) -> None:
    before, calls = stage.inputs(), len(stage.world.calls("aws"))
    stage.engine.select("emergency")
    stage.up(*POLICIES)
    assert stage.engine.outputs()["database_host"].endswith(".mysql.database.azure.com")
    assert not stage.holds()
    assert stage.inputs().items() > before.items()
    stage.engine.run("destroy", "--yes", "--skip-preview")
    after = stage.inputs()
    left = after.keys() - before.keys()
    # Passwords of a database that is gone: only the vault's own endpoint could delete them.
    assert {identifier.rpartition("/")[2] for identifier in left} == {
        "application-password-drill1",
        "database-admin-password-drill1",
    }
    assert {identifier: value for identifier, value in after.items() if identifier not in left} == before
    assert stage.world.calls("aws")[calls:] == []


@pytest.mark.timeout(1800)
def test_the_circle_with_a_second_disaster_on_the_way(stage: Stage) -> None:
    stage.engine.select("normal")
    before, aws = stage.inputs(), stage.aws_ids()
    stage.world.faults.set(aws_down=True)
    stage.up(*POLICIES, mode="emergency", enablePetclinic="true")
    assert stage.holds()

    stage.world.faults.clear("aws_down")
    stage.up(mode="failback")
    assert stage.holds()
    stage.up(cutover="cutover-1")
    assert not stage.holds()

    stage.world.faults.set(aws_down=True)
    calls = len(stage.world.calls("aws"))
    stage.engine.run("config", "rm", "cutover")
    stage.up(mode="emergency")
    assert stage.world.calls("aws")[calls:] == []
    assert stage.aws_ids() == aws
    assert stage.holds()

    stage.world.faults.clear("aws_down")
    stage.up(mode="failback", cutover="cutover-2", awsWeight="100", releaseDatabase="cutover-2")
    for key in ("releaseDatabase", "awsWeight", "cutover", "enablePetclinic"):
        stage.engine.run("config", "rm", key)
    stage.up(*POLICIES, mode="normal")
    assert stage.inputs() == before


@pytest.mark.timeout(1800)
def test_a_takeover_when_productions_state_is_lost(stage: Stage) -> None:
    address = stage.engine.outputs()["gateway_ip"]
    stage.world.faults.set(aws_down=True)
    calls = len(stage.world.calls("aws"))
    stage.engine.select("emergency")
    stage.up(*POLICIES, purpose="takeover", occasion="take1", enablePetclinic="true")
    assert stage.engine.outputs()["gateway_ip"] == address
    assert stage.holds()
    assert stage.world.stores["azure-native"].find(SERVER)
    assert stage.world.calls("aws")[calls:] == []
