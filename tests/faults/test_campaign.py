"""Rounds of random load under random faults, each restored and compared with what the server's own log makes.

Without options those rounds are played in which together every kind of fault comes. ``--rounds N`` and
``--seed S`` (or FAULT_ROUNDS and FAULT_SEED) make a long campaign of it. Round n of seed S has the seed
``S-n``; a failure prints it, and ``--seed S-n`` plays that round again.
"""

from __future__ import annotations

import os
import re
import sys

import pytest

from tests.faults.mishap import MISHAPS
from tests.faults.plan import FAULTS, covering, plan_of, told
from tests.faults.round import Round, RoundError
from tests.faults.stage import Stage

_ROUNDS, _SEED = 12, "ci"


def seeds(config: pytest.Config) -> list[str]:
    """The seeds of the rounds to play."""
    seed = str(config.getoption("--seed", None) or os.environ.get("FAULT_SEED") or "")
    rounds = config.getoption("--rounds", None) or os.environ.get("FAULT_ROUNDS")
    if not seed and rounds is None:
        return covering(_SEED, _ROUNDS)
    if rounds is None and re.search(r"-\d+$", seed):
        return [seed]
    seed = seed or _SEED
    return [f"{seed}-{number}" for number in range(int(rounds or _ROUNDS))]


def test_the_short_campaign_has_every_kind_of_fault() -> None:
    plans = [plan_of(seed) for seed in covering(_SEED, _ROUNDS)]
    assert set().union(*map(told, plans)) == set(FAULTS)
    assert {plan.service for plan in plans} == {True, False}
    assert {plan.ending for plan in plans} == {"quiet", "disaster"}
    assert {plan.to for plan in plans} == {"end", "time", "gtid"}
    assert {plan.mishap.what for plan in plans if plan.mishap} == set(MISHAPS)


def test_nothing_acknowledged_is_lost_and_nothing_else_is_there(
    kept_stage: Stage, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    failures: list[str] = []
    for seed in seeds(request.config):
        plan = plan_of(seed)
        try:
            said = str(Round(kept_stage, plan).play())
        except (RoundError, AssertionError) as error:
            said = f"FAILED: {error}"
            failures.append(f"{plan}\n{error}\nagain: ./dr test faults --seed {seed}")
        with capfd.disabled():
            print(f"{plan}: {said}", file=sys.stderr, flush=True)
    assert not failures, "\n\n".join(failures)
