"""GTID sets are sets: judged against Python's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.gtid import GtidSet

UUID = "3e11fa47-71ca-11e1-9e33-c80aa942956"
Transactions = frozenset[tuple[str, int]]
transactions = st.frozensets(
    st.tuples(st.sampled_from([f"{UUID}1", f"{UUID}2", f"{UUID}2:tag"]), st.integers(1, 12)), max_size=20
)


def made(of: Transactions) -> GtidSet:
    return GtidSet.parse(",".join(f"{source}:{number}" for source, number in sorted(of)))


def members(of: GtidSet) -> Transactions:
    return frozenset((s, n) for s, parts in of.intervals.items() for a, b in parts for n in range(a, b + 1))


@given(transactions, transactions)
def test_it_computes_as_sets_do(a: Transactions, b: Transactions) -> None:
    assert members(made(a)) == a
    assert members(made(a) | made(b)) == a | b
    assert members(made(a) - made(b)) == a - b
    assert (made(a) <= made(b)) == (a <= b)
    assert GtidSet.parse(str(made(a))) == made(a)
    assert made(a).count() == len(a)


def test_mysqls_notation_is_read_and_written() -> None:
    text = f"{UUID}1:1-3:5:4:9-11,\n {UUID}2:7:tag:1-2".upper()
    assert str(GtidSet.parse(text)) == f"{UUID}1:1-5:9-11,{UUID}2:7:tag:1-2"
    assert not GtidSet.parse("")


@pytest.mark.parametrize("text", ["x", f"{UUID}1", f"{UUID}1:0", f"{UUID}1:5-3", f"{UUID}1:a-b", f"{UUID}1:"])
def test_what_is_no_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        GtidSet.parse(text)
