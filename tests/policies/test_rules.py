"""Each rule on compliant resources, on every way to break them, and on values that a preview cannot know."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from policies.rule import Rule
from policies.rules import RULES
from tests.policies.case import HIDDEN, Break, Case, broken, configure, told, unknowns

FOLDER = Path(__file__).parent / "cases"


def _cases(rule: Rule) -> list[Case]:
    name = rule.name.replace("-", "_")
    if not (FOLDER / f"{name}.py").exists():
        return []
    return importlib.import_module(f"tests.policies.cases.{name}").CASES


CASES = [pytest.param(case, id=f"{rule.name}-{n}") for rule in RULES for n, case in enumerate(_cases(rule))]
BREAKS = [
    pytest.param(case, change, id=f"{rule.name}-{n}-{change.says}")
    for rule in RULES
    for n, case in enumerate(_cases(rule))
    for change in case.breaks
]
BY_RESOURCE = [rule for rule in RULES if rule.problems is not None]


@pytest.fixture(autouse=True)
def no_configuration_left_over() -> Iterator[None]:
    yield
    configure(None)


@pytest.mark.parametrize("case", CASES)
def test_a_compliant_resource_passes(case: Case) -> None:
    configure(case.config)
    assert told(case.rule, case.good) == []


@pytest.mark.parametrize(("case", "change"), BREAKS)
def test_each_way_to_break_it_is_told_once_and_without_secrets(case: Case, change: Break) -> None:
    configure({**case.config, **change.config})
    (message,) = told(case.rule, broken(case.good, change))
    assert change.says in message
    assert HIDDEN not in message


@pytest.mark.parametrize("case", CASES)
def test_what_a_preview_cannot_know_is_left_to_the_update(case: Case) -> None:
    """Through the SDK's own view of unknown values: neither a complaint, nor the exception that would turn
    the rule into advice."""
    configure(case.config)
    for path, thing in unknowns(case.good):
        assert told(case.rule, thing) == [], path


@pytest.mark.parametrize("case", CASES)
def test_without_a_configuration_no_rule_fails(case: Case) -> None:
    """``pulumi policy analyze`` hands none over."""
    configure(None)
    assert told(case.rule, case.good) == []


@pytest.mark.parametrize("rule", BY_RESOURCE, ids=lambda rule: rule.name)
def test_every_message_of_a_rule_has_its_mutation(rule: Rule) -> None:
    """Every `yield` of the rule's module is caused by one mutation at least."""
    assert rule.problems is not None
    lines = _yields(inspect.getmodule(rule.problems))
    seen: set[int] = set()
    for case in _cases(rule):
        for change in case.breaks:
            configure({**case.config, **change.config})
            seen |= _lines_of(rule, case, change, lines)
    assert lines - seen == set(), f"lines {sorted(lines - seen)} of {rule.name} are caused by no mutation"


def _yields(module: object) -> set[int]:
    """Line numbers of the `yield` statements that a resource rule can reach."""
    tree = ast.parse(inspect.getsource(module))  # pyright: ignore[reportArgumentType]
    return {
        node.lineno
        for function in tree.body
        if isinstance(function, ast.FunctionDef) and function.name != "stack_problems"
        for node in ast.walk(function)
        if isinstance(node, ast.Yield)
    }


def _lines_of(rule: Rule, case: Case, change: Break, lines: set[int]) -> set[int]:
    file = inspect.getsourcefile(rule.problems)  # pyright: ignore[reportArgumentType]
    ran: set[int] = set()

    def trace(frame: object, event: str, _arg: object) -> object:
        code = frame.f_code  # pyright: ignore
        if code.co_filename != file:
            return None
        if event == "line":
            ran.add(frame.f_lineno)  # pyright: ignore
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # pyright: ignore
    try:
        told(rule, broken(case.good, change))
    finally:
        sys.settrace(before)
    return ran & lines
