"""Every two settings that can meet, on the real engine: previewed, made, idempotent, and back to normal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from sandbox.engine.cli import Engine
from sandbox.providers.server import serve
from sandbox.tools import Tools
from tests.engine.combinations import OPTIONS, SWITCHES, combinations
from tests.engine.conftest import World
from tests.engine.pairs import Row
from tests.program.recorder import NAME

CLONE = Path(__file__).parents[2]
ROWS = combinations()
PATIENCE_S = 1200.0
NORMAL = {key: values[0] for key, values in SWITCHES.items()}


@dataclass
class Stage:
    """One world for all rows, and an engine on it."""

    world: World
    engine: Engine

    def configure(self, row: Row) -> None:
        """Writes the stack's file, as an editor would; numbers, flags and lists as YAML has them."""
        file = self.engine.project / "Pulumi.normal.yaml"
        document = yaml.safe_load(file.read_text())
        for key, value in row.items():
            document["config"][f"{NAME}:{key}"] = _typed(value)
        file.write_text(yaml.safe_dump(document))

    def up(self, *args: str) -> None:
        """``pulumi up`` with patience for a busy machine."""
        self.engine.up(*args, timeout_s=PATIENCE_S)

    def ids(self, cloud: str) -> set[str]:
        return {each.id for each in self.world.stores[cloud].all()}


def _typed(value: str) -> object:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value  # plain text


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Iterator[Stage]:
    world = World(tmp_path_factory.mktemp("combinations") / "a sandbox")
    servers = serve(world)
    stage = Stage(world, Engine(world.root, tools, servers.ports, CLONE))
    stage.engine.select("normal")
    yield stage
    servers.stop()


def _described(row: Row) -> str:
    return "-".join(row[key] for key in SWITCHES)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("row", ROWS, ids=[f"{n}-{_described(row)}" for n, row in enumerate(ROWS)])
def test_settings_meet(stage: Stage, row: Row) -> None:
    options = {key: row[key] for key in OPTIONS}
    stage.configure(NORMAL | options | {"releaseDatabase": ""})
    stage.up("--skip-preview")
    azure, aws = stage.ids("azure-native"), stage.ids("aws")

    frozen = row["mode"] == "emergency"
    stage.world.faults.set(aws_down=frozen)
    stage.configure(row)
    calls = len(stage.world.calls("aws"))
    stage.up()  # with its preview
    stage.engine.run("preview", "--expect-no-changes", timeout_s=PATIENCE_S)
    assert stage.ids("aws") == aws
    if row["mode"] == "normal":
        assert stage.ids("azure-native") == azure
        return
    assert stage.ids("azure-native") > azure
    if frozen:
        assert stage.world.calls("aws")[calls:] == []

    stage.world.faults.clear("aws_down")
    if row["enablePetclinic"] == "true":
        # It has served: only a cutover that proved the data home lets the database go.
        released = {"mode": "failback", "cutover": "cutover-1", "releaseDatabase": "cutover-1"}
        stage.configure(row | released)
        stage.up("--skip-preview")
    stage.configure(NORMAL | options | {"releaseDatabase": ""})
    stage.up("--skip-preview")
    assert stage.ids("azure-native") == azure
    assert stage.ids("aws") == aws
