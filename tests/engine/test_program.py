"""This project's own program on the real engine, in all its modes; nothing runs behind the resources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.engine.cli import Engine
from sandbox.providers.server import serve
from sandbox.tools import Tools
from tests.engine.conftest import World

CLONE = Path(__file__).parents[2]
GATEWAY = "azure-native:network:ApplicationGateway"
SERVER = "azure-native:dbformysql:Server"


@pytest.fixture
def engine(world: World, tools: Tools) -> Iterator[Engine]:
    servers = serve(world)
    engine = Engine(world.root, tools, servers.ports, CLONE)
    engine.select("normal")
    yield engine
    servers.stop()


def ids(world: World, provider: str) -> set[str]:
    return {each.id for each in world.stores[provider].all()}


@pytest.mark.timeout(1800)
def test_modes(world: World, engine: Engine) -> None:
    engine.up("--policy-pack", str(CLONE / "policies"))
    engine.up("--skip-preview", "--expect-no-changes")
    normal = {name: ids(world, name) for name in ("aws", "azure-native")}

    # the disaster: AWS refuses everything, and what the program would now ask of it has drifted
    world.faults.set(aws_down=True)
    engine.config_set("mode", "emergency")
    engine.config_set("backupInstanceType", "t4g.large")
    seen = len(world.calls("aws"))
    emergency = engine.up()
    assert "error" not in emergency.out
    assert world.calls("aws")[seen:] == []
    assert ids(world, "aws") == normal["aws"]
    assert ids(world, "azure-native") > normal["azure-native"]
    assert world.stores["azure-native"].find(GATEWAY) and world.stores["azure-native"].find(SERVER)
    engine.up("--skip-preview", "--expect-no-changes")
    outputs = engine.outputs()
    assert outputs["mode"] == "emergency"
    assert outputs["database_host"].endswith(".mysql.database.azure.com")

    # before the opening an emergency may be called off
    world.faults.clear("aws_down")
    engine.run("config", "rm", "backupInstanceType")
    engine.config_set("mode", "normal")
    engine.up("--skip-preview")
    assert ids(world, "azure-native") == normal["azure-native"]

    # after it the database is protected: the engine refuses already in the preview
    world.faults.set(aws_down=True)
    engine.config_set("mode", "emergency")
    engine.config_set("enablePetclinic", "true")
    engine.up("--skip-preview")
    server = world.stores["azure-native"].find(SERVER)[0]
    world.faults.clear("aws_down")
    engine.config_set("mode", "normal")
    refused = engine.run("preview", check=False)
    assert refused.code != 0
    assert engine.up("--skip-preview", check=False).code != 0
    assert world.stores["azure-native"].get(SERVER, server.id) == server


def adopt(world: World, engine: Engine) -> None:
    """Import every Azure resource that exists and that the state does not know, as an operator would."""
    resources = json.loads(engine.run("stack", "export").out)["deployment"]["resources"]
    known = {each["urn"] for each in resources}
    provider = next(each["urn"] for each in resources if each["type"] == "pulumi:providers:azure-native")
    for orphan in world.stores["azure-native"].all():
        if orphan.urn in known:
            continue
        *_, types, name = orphan.urn.split("::")
        parent = next(urn for urn in known if urn.split("::")[2] == types.rsplit("$", 1)[0])
        engine.run(
            *("import", orphan.type, name, orphan.id),
            *("--parent", f"parent={parent}", "--provider", f"azure={provider}"),
            *("--protect=false", "--generate-code=false", "--yes", "--skip-preview"),
        )


@pytest.mark.timeout(1800)
def test_an_emergency_killed_half_way(world: World, engine: Engine) -> None:
    engine.up("--skip-preview")
    engine.config_set("mode", "emergency")
    world.faults.set(aws_down=True, kill_after={"type": SERVER, "call": "Create"})
    assert engine.up("--skip-preview", check=False).code == -9
    engine.run("cancel", "--yes", "normal")

    # Azure has the server, and perhaps what was made beside it; the state does not
    assert "cannot create already existing resource" in engine.up("--skip-preview", check=False).out
    adopt(world, engine)
    seen = len(world.calls("aws"))
    engine.up("--skip-preview")
    assert world.calls("aws")[seen:] == []
    assert len(world.stores["azure-native"].find(SERVER)) == 1
