"""prices.yaml, assumptions.yaml and state exports: what is wrong in them is said with key, value and fix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from costs import assumptions, prices
from costs.errors import CostError
from costs.resources import from_state, load_list

GOOD: dict[str, Any] = {"usd": 1.0, "unit": "hour", "region": "r", "source": "S", "date": "2026-10-01"}
ESTIMATE: dict[str, Any] = {**GOOD, "estimate": True, "low": 0.5, "high": 2, "derivation": "half and double"}


def table(folder: Path, entry: object, sources: dict[str, str] | None = None) -> prices.PriceTable:
    document = {"sources": sources or {"S": "a source"}, "prices": {"a.b": entry}}
    text = yaml.safe_dump(document).replace("'2026-10-01'", "2026-10-01")
    file = folder / "prices.yaml"
    file.write_text(text)
    return prices.load(file)


def test_a_good_table_is_read(tmp_path: Path) -> None:
    price = table(tmp_path, ESTIMATE)["a.b"]
    assert (price.amount.low, price.amount.expected, price.amount.high) == (0.5, 1.0, 2.0)
    assert price.estimate


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (7, "not a mapping"),
        ({**GOOD, "typo": 1}, "unknown fields .*typo"),
        ({k: v for k, v in GOOD.items() if k != "date"}, "date.* missing"),
        ({**GOOD, "unit": "fortnight"}, "unit 'fortnight' is not one of"),
        ({**GOOD, "source": "Z"}, "source 'Z' is not described"),
        ({**GOOD, "date": "yesterday"}, "date 'yesterday' is not a date"),
        ({**GOOD, "usd": "1.0 USD"}, "usd '1.0 USD' is not a number"),
        ({**GOOD, "usd": True}, "usd True is not a number"),
        ({**GOOD, "usd": -1}, "-1 is not a number of USD >= 0"),
        ({**GOOD, "low": 0.5}, "given for a certain price"),
        ({**GOOD, "estimate": "maybe"}, "estimate 'maybe' is not true or false"),
        ({**GOOD, "estimate": True, "low": 0.5, "high": 2}, "needs derivation as well"),
        ({**ESTIMATE, "low": 3}, "low <= expected <= high"),
    ],
)
def test_a_bad_price_is_refused(tmp_path: Path, entry: object, says: str) -> None:
    with pytest.raises(CostError, match=says):
        table(tmp_path, entry)


def test_a_source_that_backs_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CostError, match=r"T.* back no price"):
        table(tmp_path, GOOD, {"S": "a source", "T": "another"})


def test_a_missing_price_names_its_kin() -> None:
    with pytest.raises(CostError, match=r"aws\.ec2\.t4g\.micro.*costs/prices\.yaml"):
        prices.load()["aws.ec2.t4g.2xlarge"]


def test_every_price_has_a_source_with_more_than_a_name() -> None:
    loaded = prices.load()
    assert all(len(text) > 20 for text in loaded.sources.values())
    assert all(price.region and price.amount.expected >= 0 for price in loaded.prices.values())


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("dump_sql_mb", 0, "dump_sql_mb: 0.0 must be above 0"),
        ("dump_sql_mb", "big", "dump_sql_mb: 'big' is neither a number nor"),
        ("dump_sql_mb", {"low": 1, "expected": 2, "high": 3}, "must be one number"),
        ("aws_free_egress_gb", {"low": 1}, "neither a number nor"),
        ("aws_free_egress_gb", {"low": 3, "expected": 2, "high": 1}, "low <= expected <= high"),
        ("drills_a_year", -1, "drills_a_year"),
        ("unheard_of", 1, "unknown .*unheard_of"),
    ],
)
def test_a_bad_assumption_is_refused(tmp_path: Path, key: str, value: object, says: str) -> None:
    document = yaml.safe_load(assumptions.FILE.read_text())
    file = tmp_path / "assumptions.yaml"
    file.write_text(yaml.safe_dump({**document, key: value}))
    with pytest.raises(CostError, match=says):
        assumptions.load(file)


def test_only_known_assumptions_can_be_changed() -> None:
    with pytest.raises(CostError, match=r"'dump_size': unknown; known: dump_sql_mb"):
        assumptions.load().but(dump_size=1)


def export(*resources: dict[str, object]) -> str:
    return json.dumps({"version": 3, "deployment": {"resources": list(resources)}})


def test_a_state_export_gives_its_cloud_resources() -> None:
    urn = "urn:pulumi:normal::petclinic-dr::pilotlight:aws:X$aws:ec2/eip:Eip::backup-ip"
    stack = from_state(
        export(
            {"urn": "urn:pulumi:normal::p::pulumi:pulumi:Stack::p-normal", "type": "pulumi:pulumi:Stack"},
            {"urn": urn, "type": "aws:ec2/eip:Eip", "custom": True, "inputs": {"domain": "vpc"}},
            {"urn": urn, "type": "aws:ec2/eip:Eip", "custom": True, "delete": True},
        )
    )
    assert [(r.type, r.name, r.inputs) for r in stack] == [
        ("aws:ec2/eip:Eip", "backup-ip", {"domain": "vpc"})
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"deployment": {}}', '{"deployment": null}'])
def test_something_else_is_no_state(text: str) -> None:
    with pytest.raises(CostError, match="pulumi stack export"):
        from_state(text)


@pytest.mark.parametrize("text", ["", "{}", '[{"name": "x"}]', "[1]"])
def test_a_damaged_list_names_the_remedy(tmp_path: Path, text: str) -> None:
    file = tmp_path / "normal.json"
    file.write_text(text)
    if text == "{}":
        assert load_list(file) == []
        return
    with pytest.raises(CostError, match=r"\./dr cost --write"):
        load_list(file)
