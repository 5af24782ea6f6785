"""The generator of settings combinations: nothing that can meet is left out."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.combinations import OPTIONS, SWITCHES, accepted, combinations
from tests.engine.pairs import Row, all_pairs

_TABLES = st.lists(st.integers(1, 3), min_size=1, max_size=4).map(
    lambda sizes: {f"p{number}": [str(value) for value in range(size)] for number, size in enumerate(sizes)}
)


def _pairs(rows: list[Row]) -> set[frozenset[tuple[str, str]]]:
    return {frozenset(pair) for row in rows for pair in itertools.combinations(row.items(), 2)}


@settings(deadline=None)
@given(_TABLES, _TABLES)
def test_every_pair_that_a_valid_row_can_hold_is_there(
    core: dict[str, list[str]], rest: dict[str, list[str]]
) -> None:
    rest = {f"r{key}": values for key, values in rest.items()}

    def valid(row: Row) -> bool:
        return row.get("p0") != "1" or row.get("p1", "0") == "0"

    every = [
        dict(zip([*core, *rest], values, strict=True))
        for values in itertools.product(*core.values(), *rest.values())
    ]
    rows = all_pairs(core, rest, valid)
    assert _pairs(rows) == _pairs([row for row in every if valid(row)])
    assert all(valid(row) for row in rows)


def test_the_engines_combinations_are_few_valid_and_hold_every_mode() -> None:
    rows = combinations()
    assert 6 <= len(rows) <= 12
    assert all(accepted({key: row[key] for key in SWITCHES}) for row in rows)
    for key, values in (SWITCHES | OPTIONS).items():
        assert {row[key] for row in rows} == set(values), key
