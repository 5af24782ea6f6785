"""The pack on the real engine: both stacks previewed, an update stopped, a saved stack judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from policies import tokens
from sandbox.engine.cli import Engine, Result
from sandbox.providers.server import serve
from sandbox.tools import Tools
from tests.engine.conftest import World
from tests.engine.conftest import tools as tools  # noqa: PLC0414 - pytest finds fixtures by name

CLONE = Path(__file__).parents[2]
PACK = ("--policy-pack", str(CLONE / "policies"))
ACCEPTED = "✅ pilotlight@v"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "a sandbox")


@pytest.fixture
def engine(world: World, tools: Tools) -> Iterator[Engine]:
    servers = serve(world)
    engine = Engine(world.root, tools, servers.ports, CLONE)
    engine.select("normal")
    yield engine
    servers.stop()


def accepted(result: Result) -> None:
    """Not even advice: a rule that could not run is reported as advice."""
    assert ACCEPTED in result.out
    assert "[advisory]" not in result.out
    assert "can't run policy" not in result.out


def refused(result: Result, *says: str) -> None:
    assert result.code != 0
    for words in says:
        assert words in result.out


def secrets_of(engine: Engine) -> set[str]:
    """Every password that the stack generated, as the state has it."""
    exported = engine.run("stack", "export", "--show-secrets").out
    state = json.JSONDecoder().raw_decode(exported[exported.index("{") :])[0]
    return {
        json.loads(each["outputs"]["result"]["plaintext"])
        for each in state["deployment"]["resources"]
        if each["type"] == tokens.RANDOM_PASSWORD
    }


@pytest.mark.timeout(900)
def test_both_stacks_are_accepted_in_every_state(engine: Engine) -> None:
    accepted(engine.up(*PACK))
    accepted(engine.run("policy", "analyze", *PACK, "--stack", "normal"))
    engine.config_set("mode", "emergency")
    engine.config_set("enablePetclinic", "true")
    accepted(engine.preview(*PACK))
    engine.select("emergency")
    accepted(engine.preview(*PACK))


@pytest.mark.timeout(900)
def test_a_violation_stops_the_update_and_is_found_in_a_saved_stack(world: World, engine: Engine) -> None:
    engine.config_set("retentionDays", "3")
    engine.config_set("backupInstanceType", "t4g.medium")
    short, dear = "at least", "the limit is 30.00"
    refused(engine.preview(*PACK, check=False), "backups-immutable", short, "standby-cost-limit", dear)

    # without a preview, too: the rule about a resource speaks before that resource is made
    refused(engine.up(*PACK, "--skip-preview", check=False), "backups-immutable", short)
    assert not world.stores["azure-native"].find(tokens.IMMUTABILITY_POLICY)

    engine.up("--skip-preview")
    analyzed = engine.run("policy", "analyze", *PACK, "--stack", "normal", check=False)
    refused(analyzed, "backups-immutable", short, "standby-cost-limit", dear)
    passwords = secrets_of(engine)
    assert passwords
    assert not any(password in analyzed.out for password in passwords)
