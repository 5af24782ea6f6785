"""Random databases, random changes, DDL included: the replayed copy equals the source."""

from __future__ import annotations

import pytest

from sandbox.mysql import MySqlServer
from tests.agent.conftest import clear
from tests.agent.replay.conftest import Pair, assert_equal, reference
from tests.agent.workload import Workload

_FROM_NOTHING = (1, 2, 12)
_ONTO_A_BASE = (31, 32)


def _fill(pair: Pair, seed: int, count: int, *, exotic: bool = True) -> Workload:
    print(f"Workload({seed}, exotic={exotic})")  # shown by pytest when the test fails
    workload = Workload(seed, exotic=exotic)
    pair.run(*workload.setup())
    pair.run(*_transactions(workload, count))
    return workload


def _transactions(workload: Workload, count: int) -> list[str | list[str]]:
    found: list[str | list[str]] = []
    for _ in range(count):
        statements = workload.transaction()
        alone = not statements or statements[0].split()[0] in (
            "CREATE",
            "ALTER",
            "DROP",
            "TRUNCATE",
            "RENAME",
        )
        found += statements if alone else [statements]
    return found


@pytest.mark.parametrize("seed", _FROM_NOTHING)
def test_a_schema_made_and_changed_in_the_log_is_equal_on_the_copy(pair: Pair, seed: int) -> None:
    _fill(pair, seed, 60)
    result = pair.replay()
    assert result.transactions > 30
    pair.assert_equal()


@pytest.mark.parametrize("seed", _ONTO_A_BASE)
def test_changes_after_a_dump_are_equal_on_the_loaded_copy(pair: Pair, seed: int) -> None:
    workload = _fill(pair, seed, 20, exotic=False)
    base = pair.load()
    pair.run(*_transactions(workload, 40))
    pair.replay(base)
    pair.assert_equal()


def test_the_same_log_back_from_azure_with_minimal_metadata(back: Pair) -> None:
    _fill(back, 51, 40)
    back.replay()
    back.assert_equal()


def test_mysqlbinlog_makes_the_same_of_the_log(pair: Pair, other: MySqlServer) -> None:
    """The comparison's own reference: not what the source holds now, but what its log says."""
    clear(other)
    _fill(pair, 2, 60)
    pair.replay()
    reference(pair, other)
    assert_equal(pair.tools, other, pair.copy)
