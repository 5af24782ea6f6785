"""Values between engine and provider, and the differences between them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sandbox.providers import wire
from sandbox.providers.differ import Change, changes, touches

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def without_nulls(value: Any) -> Any:
    """Null members of objects do not travel; those of lists do."""
    if isinstance(value, dict):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    return [without_nulls(member) for member in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_what_goes_out_comes_back(values: dict[str, Any]) -> None:
    assert wire.plain(wire.struct(values)) == without_nulls(values)


def test_secrets_are_marked() -> None:
    marked = wire.plain(wire.struct({"result": "x", "other": "y"}, secrets=("result",)))
    assert marked["other"] == "y"
    assert marked["result"]["value"] == "x"
    assert marked["result"][wire.SIGNATURE] == "1b47061264138c4ac30d75fd1eb44270"


def test_unknowns_are_found_anywhere() -> None:
    assert wire.has_unknown({"a": [{"b": wire.UNKNOWN}]})
    assert not wire.has_unknown({"a": [1, "x", None]})


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=5))
def test_equal_values_do_not_differ(values: dict[str, Any]) -> None:
    assert list(changes(values, without_nulls(values))) == []


def test_changes_name_their_path() -> None:
    old = {"sku": {"name": "a"}, "rules": [{"p": 1}, {"p": 2}], "gone": 1}
    new = {"sku": {"name": "b"}, "rules": [{"p": 1}, {"p": 3}, {"p": 4}], "new": 1}
    assert list(changes(old, new)) == [
        Change("gone", "delete"),
        Change("new", "add"),
        Change("rules[1].p", "update"),
        Change("rules[2]", "add"),
        Change("sku.name", "update"),
    ]


def test_assets_compare_by_hash() -> None:
    signature = "c44067f5952c0a294b673a41bacd8c17"
    old = {"source": {wire.SIGNATURE: signature, "hash": "1"}}
    same = {"source": {wire.SIGNATURE: signature, "hash": "1", "text": "contents"}}
    other = {"source": {wire.SIGNATURE: signature, "hash": "2", "text": "contents"}}
    assert list(changes(old, same)) == []
    assert list(changes(old, other)) == [Change("source", "update")]


def test_a_change_touches_paths_above_it() -> None:
    change = Change("network.rules[3].port", "update")
    assert touches(change, ("network",))
    assert touches(change, ("network.rules",))
    assert not touches(change, ("network.rules.name", "net"))
