"""The seed's figures as written there, and the reconciliation: nothing left out, nothing counted twice."""

from __future__ import annotations

import pytest

from costs import assumptions, prices, seed
from costs.ranges import total
from costs.resources import REFERENCE, load_list
from costs.scenarios import scenarios

PRICES = prices.load()
S = scenarios(
    load_list(REFERENCE / "normal.json"), load_list(REFERENCE / "emergency.json"), assumptions.load(), PRICES
)


def test_the_seed_sums_are_its_own() -> None:
    assert sum(seed.OVERVIEW.values()) == 30
    assert sum(seed.ANALYSIS.values()) == 217
    assert sum(seed.EMERGENCY.values()) == pytest.approx(3.30)
    assert seed.PLAN_A_MONTHLY - 217 == 138


def test_the_way_from_30_to_217_is_complete() -> None:
    assert 30 + sum(difference for _, difference, _ in seed.between_the_sums()) == 217


def test_our_items_beside_the_seeds_are_the_whole_monthly_sum() -> None:
    ours = total(c.ours for c in seed.normal_claims(S, PRICES) if c.item not in seed.PRODUCTION)
    assert ours.expected == pytest.approx(S.normal.monthly.expected)
    assert ours.high == pytest.approx(S.normal.monthly.high)


def test_our_four_hours_are_in_the_four_items_and_the_rest_is_small() -> None:
    ours = total(c.ours for c in seed.emergency_claims(S)).expected
    whole = S.emergency_of(seed.EMERGENCY_HOURS).expected
    assert ours <= whole
    assert whole - ours < 0.10, "a new kind of cost: give it a line in costs/seed.py"


def test_vpc_endpoints_of_the_seed_are_the_price_of_another_region() -> None:
    other = PRICES["aws.vpc.interface-endpoint.us-east-1"].amount.expected
    assert round(3 * other * 730) == seed.ANALYSIS["VPC endpoints"]
