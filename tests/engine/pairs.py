"""All-pairs: few combinations in which every two values of every two parameters meet."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

Row = dict[str, str]
_Pair = frozenset[tuple[str, str]]


def all_pairs(
    core: Mapping[str, Sequence[str]],
    rest: Mapping[str, Sequence[str]],
    valid: Callable[[Row], bool],
) -> list[Row]:
    """Rows that cover every pair which a valid row can hold; greedy, and the same on every run.

    Args:
        core: parameters that constrain each other; all their combinations are tried.
        rest: parameters that go with anything.
        valid: whether a combination of the core may be.
    """
    cores = [
        row
        for values in itertools.product(*core.values())
        if valid(row := dict(zip(core, values, strict=True)))
    ]
    missing: set[_Pair] = set()
    for row in cores:
        missing |= _pairs(row)
        missing |= {frozenset({one, (key, v)}) for one in row.items() for key in rest for v in rest[key]}
    for one, other in itertools.combinations(rest, 2):
        missing |= {frozenset({(one, a), (other, b)}) for a in rest[one] for b in rest[other]}
    rows: list[Row] = []
    while missing:
        forced = dict(min(missing, key=sorted))  # every row covers this one at least
        fitting = [row for row in cores if all(row.get(key, value) == value for key, value in forced.items())]
        candidates = [_filled(row | forced, rest, missing) for row in fitting]
        best = max(candidates, key=lambda row: len(_pairs(row) & missing))
        missing -= _pairs(best)
        rows.append(best)
    return rows


def _filled(row: Row, rest: Mapping[str, Sequence[str]], missing: set[_Pair]) -> Row:
    for key, values in rest.items():
        if key not in row:
            tried = [row | {key: value} for value in values]
            row = max(tried, key=lambda filled: len(_pairs(filled) & missing))
    return row


def _pairs(row: Row) -> set[_Pair]:
    return {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}
