"""The committed lists are what the program registers, and the document is what the lists make."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

import agent.run
from cli import cost
from cli.cost_recorder import configuration
from costs import assumptions, catalogue
from costs.resources import REFERENCE, load_list

ROOT = Path(__file__).resolve().parents[2]
REMEDY = "out of date: run `./dr cost --write` and look at what changed"


@pytest.mark.parametrize("mode", cost.MODES)
def test_the_list_is_what_the_program_registers(mode: str) -> None:
    committed = (REFERENCE / f"{mode}.json").read_text()
    assert committed == cost.recorded(mode), f"costs/reference/{mode}.json is {REMEDY}"


def test_the_document_is_what_the_model_says() -> None:
    assert cost.DOCUMENT.read_text() == cost.fresh_document(), f"docs/COST_ANALYSIS.md is {REMEDY}"


def test_the_emergency_keeps_everything_of_normal() -> None:
    normal, emergency = (
        {(r.type, r.name) for r in load_list(REFERENCE / f"{mode}.json")} for mode in cost.MODES
    )
    assert normal < emergency


@pytest.mark.parametrize("mode", cost.MODES)
def test_the_lists_hold_only_inputs_that_decide_a_price(mode: str) -> None:
    for resource in load_list(REFERENCE / f"{mode}.json"):
        assert resource == catalogue.priced_inputs(resource)
    assert "password" not in json.dumps([dict(r.inputs) for r in load_list(REFERENCE / f"{mode}.json")])


def test_every_known_type_exists_in_the_sdk() -> None:
    """By the list of classes in each package's own text: importing all their modules takes ten seconds."""
    texts: dict[str, str] = {}
    for token in catalogue.CATALOGUE:
        provider = token.partition(":")[0]
        if provider == "pulumi":
            continue
        package = importlib.util.find_spec(f"pulumi_{provider.replace('-', '_')}")
        assert package is not None
        assert package.origin is not None
        text = texts.setdefault(provider, Path(package.origin).read_text())
        assert f'"{token}"' in text, token


def test_the_assumptions_follow_the_agent_and_the_settings() -> None:
    a = assumptions.load()
    assert a.heartbeats_per_interval == agent.run._HEARTBEATS_PER_INTERVAL
    assert a.polls_per_interval == agent.run._POLLS_PER_INTERVAL
    settings = configuration("normal")
    assert a.dump_interval_seconds == float(settings["petclinic-dr:dumpIntervalSeconds"])
    assert a.retention_days == float(settings["petclinic-dr:retentionDays"])
    assert a.dump_egress_gb_per_month == float(settings["petclinic-dr:dumpEgressGbPerMonth"])
    assert a.verify_interval_hours == float(settings["petclinic-dr:verifyIntervalSeconds"]) / 3600
    assert a.verify_full_up_to_mb == float(settings["petclinic-dr:verifyFullUpToMb"])
    assert bool(a.log_segments_per_day) == (settings["petclinic-dr:archiveFlushSeconds"] != "0")
    assert a.log_packs_per_day == 86_400 / float(settings["petclinic-dr:archivePackSeconds"])
    own = {
        alarm.text("metricName")
        for alarm in load_list(REFERENCE / "normal.json")
        if alarm.type == "aws:cloudwatch/metricAlarm:MetricAlarm"
        and not alarm.text("namespace").startswith("AWS/")
    }
    assert a.agent_metrics == len(own), f"the agent's metrics with an alarm: {sorted(own)}"
