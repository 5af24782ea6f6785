"""Options of the campaign: ``./dr test faults --rounds 300 --seed mine``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.stage import Stage, stage


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption(
        "--rounds",
        type=int,
        metavar="N",
        help="rounds of random faults (default: 12 that together have every fault)",
    )
    group.addoption("--seed", metavar="S", help="where the seeds begin; of one round: that round alone")


@pytest.fixture(scope="session")
def kept_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("faults")) as kept:
        yield kept
