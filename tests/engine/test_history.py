"""What the real engine keeps of an ``up`` that failed: `cli.deployed` and ``./dr`` decide by it."""

from __future__ import annotations

import pytest

from cli import deployed
from cli.operate.pulumi import Pulumi
from cli.problem import Problem
from tests.engine.conftest import Recorder, Running

ACCOUNT = "azure-native:storage:StorageAccount"


def test_a_failed_update_keeps_the_old_outputs_and_its_own_switches(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, recorder = running.engine, Recorder()
    for name, value in engine.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("cli.operate.pulumi.PROJECT", "tiny")
    pulumi = Pulumi(engine.project, "dev", print)
    normal, emergency = deployed.Switches(), deployed.Switches(mode="emergency")
    deployed.check(pulumi, normal)  # never deployed

    engine.up("--skip-preview")
    before = pulumi.outputs()
    deployed.check(pulumi, normal)

    engine.config_set("mode", "emergency")
    engine.config_set("text", "second")
    engine.config_set("zone", "tiny.example")
    running.world.effects[ACCOUNT] = recorder
    recorder.refusal = "no room in this world"
    assert engine.up("--skip-preview", check=False).code != 0
    assert pulumi.outputs() == before, "so outputs tell nothing of it"
    assert [(run.result, run.switches) for run in pulumi.history()] == [
        ("failed", emergency),
        ("succeeded", normal),
    ]
    for committed in (normal, emergency):
        with pytest.raises(Problem, match="no 'pulumi up' has succeeded since"):
            deployed.check(pulumi, committed)

    recorder.refusal = None
    engine.up("--skip-preview")
    deployed.check(pulumi, emergency)
    with pytest.raises(Problem, match="commit 'petclinic-dr:mode: emergency'"):
        deployed.check(pulumi, normal)
