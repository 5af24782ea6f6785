"""The real engine against the simulated providers, with a tiny program."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.engine.cli import EngineError
from tests.engine.conftest import Recorder, Running

ACCOUNT = "azure-native:storage:StorageAccount"
ZONE = "azure-native:privatedns:PrivateZone"


def test_life_of_a_stack(running: Running) -> None:
    engine, recorder = running.engine, Recorder()
    running.world.effects[ACCOUNT] = recorder
    engine.config_set("token", "not for the log", secret=True)

    first = engine.up()
    assert "the program says hello" in first.out
    assert "warning" not in first.out
    outputs = engine.outputs()
    assert re.fullmatch(r"203\.0\.113\.\d+", outputs["address"])
    assert re.fullmatch(r"eipalloc-[0-9a-f]{17}", outputs["allocation"])
    assert outputs["web"] == "https://tinysite.z12.web.core.windows.net/"
    assert len(outputs["password"]) == 20
    assert outputs["secret_text"] == "not for the log"
    state = engine.run("stack", "export").out
    assert outputs["password"] not in state and "not for the log" not in state

    engine.up("--expect-no-changes")
    # refresh reads back what the store has, so that nothing is left to change
    engine.run("refresh", "--yes", "--expect-no-changes")

    engine.config_set("text", "second")
    engine.config_set("drift", "some")
    changed = engine.up().out
    assert re.search(r"~\s+azure-native:storage:StorageAccount site updated", changed)
    assert re.search(r"~\s+aws:ec2:Eip address updated", changed)
    # a blob whose source changed is replaced, and the old one goes first
    assert re.search(
        r"-- azure-native:storage:Blob index.html deleted original.*created replacement", changed, re.DOTALL
    )
    assert engine.outputs()["address"] == outputs["address"]

    engine.run("destroy", "--yes")
    assert [event for event, _ in recorder.events] == ["created", "updated", "deleted"]
    assert all(not store.all() for store in running.world.stores.values())


def test_frozen_aws_needs_no_aws(running: Running) -> None:
    engine, world = running.engine, running.world
    engine.up("--skip-preview")
    before = engine.outputs()["address"]

    engine.config_set("drift", "while AWS is away")
    world.faults.set(aws_down=True)
    refused = engine.up("--skip-preview", check=False)
    assert refused.code != 0
    assert "connection refused" in refused.out

    engine.config_set("frozen", "true")
    engine.config_set("text", "emergency")
    seen = len(world.calls("aws"))
    result = engine.up()
    assert "site updated" in result.out
    assert world.calls("aws")[seen:] == []
    assert engine.outputs()["address"] == before


def test_killed_in_the_middle_and_run_again(running: Running) -> None:
    engine, world = running.engine, running.world
    engine.up("--skip-preview")
    engine.config_set("zone", "tiny.example")
    world.faults.set(kill_after={"type": ZONE, "call": "Create"})
    killed = engine.up("--skip-preview", check=False)
    assert killed.code == -9
    assert [zone.inputs["privateZoneName"] for zone in world.stores["azure-native"].find(ZONE)] == [
        "tiny.example"
    ]

    # the state's lock died with the engine; azure-native refuses to take over what the state does not know
    engine.run("cancel", "--yes", "dev")
    again = engine.up("--skip-preview", check=False)
    assert again.code != 0
    assert "cannot create already existing resource" in again.out

    # what the engine knows of it, and how an operator brings it home
    # (`refresh --import-pending-creates` of 3.259 drops the pending create without importing anything)
    zone = world.stores["azure-native"].find(ZONE)[0]
    engine.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    resources = json.loads(engine.run("stack", "export").out)["deployment"]["resources"]
    provider = next(each["urn"] for each in resources if each["urn"].endswith("::azure"))
    words = ["--provider", f"azure={provider}", "--protect=false", "--generate-code=false"]
    engine.run("import", ZONE, "zone", zone.id, *words, "--yes", "--skip-preview")
    engine.up("--skip-preview", "--expect-no-changes")


def test_clouds_outlive_the_providers(running: Running) -> None:
    engine = running.engine
    engine.up("--skip-preview")
    before = engine.outputs()
    running.restart()
    running.engine.up("--skip-preview", "--expect-no-changes")
    running.engine.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert running.engine.outputs() == before


def test_protected_resources_stay(running: Running) -> None:
    engine = running.engine
    engine.config_set("protect", "true")
    engine.up("--skip-preview")
    refused = engine.run("destroy", "--yes", check=False)
    assert refused.code != 0
    assert "protect" in refused.out
    assert running.world.stores["azure-native"].find(ACCOUNT)


def test_what_is_wrong_is_said_before_anything_is_made(running: Running) -> None:
    engine = running.engine
    engine.config_set("kind", "StorageV9")
    refused = engine.preview(check=False)
    assert refused.code != 0
    assert "kind must be one of Storage, StorageV2" in refused.out

    engine.config_set("kind", "StorageV2")
    engine.config_set("queue", "yes")
    unknown = engine.preview(check=False)
    assert unknown.code != 0
    assert "the sandbox does not simulate aws:sqs/queue:Queue: add a TypeModel" in unknown.out
    assert "sandbox/providers/aws_sqs.py" in unknown.out

    engine.run("config", "rm", "queue")
    engine.config_set("crash", "the program's own mistake")
    crashed = engine.preview(check=False)
    assert crashed.code != 0
    assert 'raise RuntimeError(config.require("crash"))' in crashed.out
    assert "the program's own mistake" in crashed.out
    assert "run_program" not in crashed.out
    with pytest.raises(EngineError, match="ended with status"):
        engine.preview()


def test_a_refusal_of_the_world_is_the_resource_s_error(running: Running) -> None:
    engine, recorder = running.engine, Recorder()
    running.world.effects[ACCOUNT] = recorder
    recorder.refusal = "no room in this world"
    refused = engine.up("--skip-preview", check=False)
    assert "no room in this world" in refused.out
    assert not running.world.stores["azure-native"].find(ACCOUNT)
    recorder.refusal = None
    engine.up("--skip-preview")


def test_two_commands_at_once(running: Running) -> None:
    engine = running.engine
    engine.select("other")
    for stack in ("dev", "other"):
        engine.config_set("text", f"text of {stack}", stack=stack)
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda stack: engine.preview(stack=stack), ("dev", "other")))
    assert all(result.out.count("the program says hello") > 0 for result in results)
