"""Each documented rule of Route 53 as one row; the pages are named in sandbox/clouds/route53_rules.py."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sandbox.clouds.route53_rules import (
    Alias,
    Check,
    LoadBalancer,
    Record,
    RecordError,
    Zone,
    check_status,
    choose,
    load_balancer_healthy,
    resolve,
)

UP, DOWN = ((True,),), ((False,),)


def zone(
    records: list[Record],
    *,
    observed: dict[str, bool | None] | None = None,
    checks: list[Check] | None = None,
    alb: tuple[tuple[bool, ...], ...] = UP,
) -> Zone:
    known = checks if checks is not None else [Check(name) for name in ("a", "b")]
    return Zone(
        records,
        {check.id: check for check in known},
        observed or {},
        {"alb.example": LoadBalancer(("1.1.1.1",), alb)},
    )


def ask(it: Zone, dice: float = 0.0) -> tuple[str, ...]:
    answer = resolve("app.example", "A", it, lambda: dice)
    assert answer is not None
    return answer.values


PRIMARY = Record("app.example", "A", ("1.0.0.1",), 60, failover="PRIMARY", health_check="a")
SECONDARY = Record("app.example", "A", ("2.0.0.2",), 60, failover="SECONDARY", health_check="b")
BARE_SECONDARY = Record("app.example", "A", ("2.0.0.2",), 60, failover="SECONDARY")


@pytest.mark.parametrize(
    ("source", "secondary", "observed", "answer"),
    [
        ("choose: primary healthy: only the primary", SECONDARY, {"a": True, "b": True}, "1.0.0.1"),
        ("choose: primary healthy, secondary not", SECONDARY, {"a": True, "b": False}, "1.0.0.1"),
        ("choose: primary unhealthy, secondary healthy", SECONDARY, {"a": False, "b": True}, "2.0.0.2"),
        ("choose: both unhealthy: the primary", SECONDARY, {"a": False, "b": False}, "1.0.0.1"),
        ("choose: secondary without a check is always healthy", BARE_SECONDARY, {"a": False}, "2.0.0.2"),
        ("status: new checks are healthy until there is data", SECONDARY, {"a": None, "b": None}, "1.0.0.1"),
    ],
)
def test_failover(source: str, secondary: Record, observed: dict[str, bool | None], answer: str) -> None:
    assert ask(zone([PRIMARY, secondary], observed=observed)) == (answer,), source


def weighted(address: str, weight: int, check: str | None = None) -> Record:
    return Record(
        "app.example", "A", (address,), 60, weight=weight, set_identifier=address, health_check=check
    )


@pytest.mark.parametrize(
    ("source", "records", "observed", "dice", "answer"),
    [
        ("weighted: 1 of 256", [weighted("1", 1), weighted("2", 255)], {}, 0.5 / 256, "1"),
        ("weighted: 255 of 256", [weighted("1", 1), weighted("2", 255)], {}, 1.0 / 256, "2"),
        (
            "choose: unhealthy one is left out",
            [weighted("1", 255, "a"), weighted("2", 1)],
            {"a": False},
            0.0,
            "2",
        ),
        ("choose: zero weight is not considered first", [weighted("1", 0), weighted("2", 1)], {}, 0.0, "2"),
        (
            "choose: zero weight when all others are unhealthy",
            [weighted("1", 0), weighted("2", 9, "a")],
            {"a": False},
            0.99,
            "1",
        ),
        (
            "choose: an unhealthy zero weight is no way out: all count as healthy",
            [weighted("1", 0, "b"), weighted("2", 9, "a")],
            {"a": False, "b": False},
            0.0,
            "2",
        ),
        (
            "choose: none healthy: the weights decide",
            [weighted("1", 10, "a"), weighted("2", 90, "b")],
            {"a": False, "b": False},
            0.5,
            "2",
        ),
        ("API: all weights zero: equal shares (low)", [weighted("1", 0), weighted("2", 0)], {}, 0.49, "1"),
        ("API: all weights zero: equal shares (high)", [weighted("1", 0), weighted("2", 0)], {}, 0.5, "2"),
    ],
)
def test_weighted(
    source: str, records: list[Record], observed: dict[str, bool | None], dice: float, answer: str
) -> None:
    assert ask(zone(records, observed=observed), dice) == (answer,), source


@dataclass(frozen=True)
class Status:
    source: str
    check: Check
    observed: dict[str, bool | None]
    healthy: bool
    children: tuple[Check, ...] = ()


CHILDREN = (Check("x"), Check("y"))


@pytest.mark.parametrize(
    "row",
    [
        Status("status: healthy", Check("a"), {"a": True}, True),
        Status("status: unhealthy", Check("a"), {"a": False}, False),
        Status("status: new is healthy", Check("a"), {}, True),
        Status("status: new inverted is unhealthy", Check("a", inverted=True), {}, False),
        Status("values: inverted healthy", Check("a", inverted=True), {"a": True}, False),
        Status("values: inverted unhealthy", Check("a", inverted=True), {"a": False}, True),
        Status("values: disabled is healthy", Check("a", disabled=True), {"a": False}, True),
        Status(
            "values: disabled inverted is unhealthy",
            Check("a", inverted=True, disabled=True),
            {"a": False},
            False,
        ),
        Status(
            "values: 2 of 2",
            Check("c", children=("x", "y"), threshold=2),
            {"x": True, "y": True},
            True,
            CHILDREN,
        ),
        Status(
            "values: 1 of 2, 2 wanted",
            Check("c", children=("x", "y"), threshold=2),
            {"x": True, "y": False},
            False,
            CHILDREN,
        ),
        Status(
            "values: OR",
            Check("c", children=("x", "y"), threshold=1),
            {"x": False, "y": True},
            True,
            CHILDREN,
        ),
        Status(
            "values: threshold 0 is always healthy",
            Check("c", children=("x", "y"), threshold=0),
            {"x": False, "y": False},
            True,
            CHILDREN,
        ),
        Status(
            "values: threshold above the number of children is never healthy",
            Check("c", children=("x", "y"), threshold=3),
            {"x": True, "y": True},
            False,
            CHILDREN,
        ),
        Status(
            "values: inverted calculated",
            Check("c", inverted=True, children=("x", "y"), threshold=2),
            {"x": True, "y": False},
            True,
            CHILDREN,
        ),
        Status(
            "values: a disabled child counts as healthy",
            Check("c", children=("x", "y"), threshold=2),
            {"x": True, "y": False},
            True,
            (Check("x"), Check("y", disabled=True)),
        ),
        Status(
            "values: a disabled inverted child counts as unhealthy",
            Check("c", children=("x", "y"), threshold=2),
            {"x": True, "y": True},
            False,
            (Check("x"), Check("y", disabled=True, inverted=True)),
        ),
        Status(
            "status: an inverted child without data is unhealthy",
            Check("c", children=("x", "y"), threshold=2),
            {"x": True},
            False,
            (Check("x"), Check("y", inverted=True)),
        ),
    ],
    ids=lambda row: row.source,
)
def test_check_status(row: Status) -> None:
    checks = {check.id: check for check in [row.check, *row.children]}
    assert check_status(row.check, checks, row.observed) is row.healthy


@pytest.mark.parametrize(
    ("source", "groups", "healthy"),
    [
        ("alias: one healthy target is enough", ((True, False),), True),
        ("alias: a group with only unhealthy targets", ((True,), (False, False)), False),
        ("alias: a group without targets is unhealthy", ((True,), ()), False),
        ("alias: no group at all", (), False),
    ],
)
def test_load_balancer(source: str, groups: tuple[tuple[bool, ...], ...], healthy: bool) -> None:
    assert load_balancer_healthy(LoadBalancer((), groups)) is healthy, source


def tree(*, evaluate: bool = True, check: str | None = "a", leaf_check: str | None = None) -> list[Record]:
    """The program's shape: failover PRIMARY alias -> mix (weighted) -> load balancer."""
    return [
        Record(
            "app.example", "A", alias=Alias("mix.example", evaluate), failover="PRIMARY", health_check=check
        ),
        SECONDARY,
        Record("mix.example", "A", alias=Alias("alb.example", evaluate), weight=100, health_check=leaf_check),
    ]


@pytest.mark.parametrize(
    ("source", "records", "observed", "alb", "answer"),
    [
        ("alias: healthy all the way", tree(), {}, UP, "1.1.1.1"),
        ("alias: the load balancer's health reaches the top", tree(), {}, DOWN, "2.0.0.2"),
        ("complex: check and target must both hold", tree(), {"a": False}, UP, "2.0.0.2"),
        ("complex: evaluate target health off", tree(evaluate=False), {}, DOWN, "1.1.1.1"),
        (
            "choose: both unhealthy: primary, and below it all are healthy",
            tree(),
            {"b": False},
            DOWN,
            "1.1.1.1",
        ),
        (
            "choose: a branch is unhealthy when none of its records is healthy",
            tree(leaf_check="a", check=None),
            {"a": False},
            UP,
            "2.0.0.2",
        ),
    ],
)
def test_tree(
    source: str,
    records: list[Record],
    observed: dict[str, bool | None],
    alb: tuple[tuple[bool, ...], ...],
    answer: str,
) -> None:
    assert ask(zone(records, observed=observed, alb=alb)) == (answer,), source


def test_ttl_of_an_alias_is_its_targets() -> None:
    it = zone(
        [
            Record("app.example", "A", alias=Alias("end.example", False)),
            Record("end.example", "A", ("9",), 30),
        ]
    )
    answer = resolve("app.example", "A", it, lambda: 0.0)
    assert answer is not None and answer.ttl == 30
    through_alb = resolve("app.example", "A", zone(tree()), lambda: 0.0)
    assert through_alb is not None and through_alb.ttl == 60


def test_mixed_policies_and_dangling_references_are_refused() -> None:
    with pytest.raises(RecordError, match="one routing policy"):
        choose([PRIMARY, weighted("1", 1)], lambda record: True, 0.0)
    with pytest.raises(RecordError, match="does not exist"):
        ask(zone([Record("app.example", "A", alias=Alias("gone.example", True))]))
    with pytest.raises(RecordError, match="health check zz"):
        ask(zone([weighted("1", 1, "zz")]))
    nested = [Check("c", children=("d",), threshold=1), Check("d", children=("x",), threshold=1), Check("x")]
    with pytest.raises(RecordError, match="itself a calculated"):
        check_status(nested[0], {check.id: check for check in nested}, {})


def test_unknown_name_has_no_answer() -> None:
    assert resolve("nobody.example", "A", zone([]), lambda: 0.0) is None
