"""All-pairs: few combinations in which every two values of every two parameters meet."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence

Row = dict[str, str]
_Pair = frozenset[tuple[str, str]]
_ATTEMPTS = 12
"""Greedy choices depend on the order of what they choose from; of so many orders the shortest answer wins."""


def all_pairs(
    core: Mapping[str, Sequence[str]],
    rest: Mapping[str, Sequence[str]],
    valid: Callable[[Row], bool],
) -> list[Row]:
    """Rows that cover every pair which a valid row can hold; the same ones on every run.

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
    wanted: set[_Pair] = set()
    for row in cores:
        wanted |= _pairs(row)
        wanted |= {frozenset({one, (key, v)}) for one in row.items() for key in rest for v in rest[key]}
    for one, other in itertools.combinations(rest, 2):
        wanted |= {frozenset({(one, a), (other, b)}) for a in rest[one] for b in rest[other]}
    shuffled = random.Random(0)  # fixed: a test's name must mean the same tomorrow
    attempts = [
        _greedy(shuffled.sample(cores, len(cores)), shuffled.sample(list(rest), len(rest)), rest, wanted)
        for _ in range(_ATTEMPTS)
    ]
    keys = [*core, *rest]
    return [{key: row[key] for key in keys} for row in min(attempts, key=len)]


def _greedy(
    cores: list[Row], order: list[str], rest: Mapping[str, Sequence[str]], wanted: set[_Pair]
) -> list[Row]:
    missing, rows = set(wanted), list[Row]()
    while missing:
        forced = dict(min(missing, key=sorted))  # every row covers this one at least
        fitting = [row for row in cores if all(row.get(key, value) == value for key, value in forced.items())]
        candidates = [_filled(row | forced, order, rest, missing) for row in fitting]
        best = max(candidates, key=lambda row: len(_pairs(row) & missing))
        missing -= _pairs(best)
        rows.append(best)
    return rows


def _filled(row: Row, order: list[str], rest: Mapping[str, Sequence[str]], missing: set[_Pair]) -> Row:
    for key in order:
        if key not in row:
            tried = [row | {key: value} for value in rest[key]]
            row = max(tried, key=lambda filled: len(_pairs(filled) & missing))
    return row


def _pairs(row: Row) -> set[_Pair]:
    return {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}
