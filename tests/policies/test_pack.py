"""The pack as a whole: its rules, their tests, their tokens and the page that lists them."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
from pulumi_policy import EnforcementLevel

from costs.resources import REFERENCE, load_list
from policies import table, tokens
from policies.rules import RULES, required_tags

ROOT = Path(__file__).resolve().parents[2]
TOKENS = {name: token for name, token in vars(tokens).items() if name.isupper()}
OF_CLASSES = {token for token in TOKENS.values() if not token.startswith("pulumi:")}
ADVICE = {"backup-survives-a-zone", "standby-cost-promise"}
STACK_RULES_ONLY = {"no-secret-in-outputs", "standby-cost-limit", "standby-cost-promise"}


@pytest.mark.parametrize("token", sorted(OF_CLASSES))
def test_every_token_is_one_of_the_sdks(token: str) -> None:
    """A rule for a misspelt type never fires and never fails."""
    assert _class(token).pulumi_type == token


def _class(token: str) -> Any:
    package, module, name = token.split(":")
    place = "" if module.startswith("index/") else f".{module.split('/')[0]}"
    return getattr(importlib.import_module(f"pulumi_{package.replace('-', '_')}{place}"), name)


def test_every_token_is_spoken_of() -> None:
    text = "".join(file.read_text() for file in (ROOT / "policies").rglob("*.py") if file.name != "tokens.py")
    unused = {name for name in TOKENS if f"tokens.{name}" not in text and name != "STACK"}
    assert not unused, "remove them from policies/tokens.py"


def test_one_rule_is_one_module_under_its_own_name() -> None:
    modules = {file.stem for file in (ROOT / "policies" / "rules").glob("*.py")} - {"__init__"}
    assert {rule.name.replace("-", "_") for rule in RULES} == modules
    policies = [policy.name for rule in RULES for policy in rule.policies()]
    assert len(policies) == len(set(policies))


def test_every_taggable_type_of_the_program_must_be_tagged() -> None:
    """By the SDK's own signatures: a new type that takes tags is not forgotten."""
    present = {
        resource.type
        for mode in ("normal", "emergency")
        for resource in load_list(REFERENCE / f"{mode}.json")
        if resource.type.startswith("azure-native:")
    }
    taggable = {
        token
        for token in present
        if "tags" in inspect.signature(_class(token)._internal_init).parameters  # pyright: ignore
    }
    assert taggable <= required_tags.TAGGED
    assert not (required_tags.TAGGED & present) - taggable


def test_every_rule_has_cases() -> None:
    cases = {file.stem for file in (ROOT / "tests" / "policies" / "cases").glob("*.py")}
    assert {rule.name.replace("-", "_") for rule in RULES if rule.name not in STACK_RULES_ONLY} == cases


def test_a_rule_is_mandatory_unless_it_says_why_not() -> None:
    """The SDK's own default is advice, which stops nothing."""
    for rule in RULES:
        for policy in rule.policies():
            assert policy.enforcement_level is rule.level
    assert {rule.name for rule in RULES if rule.level is not EnforcementLevel.MANDATORY} == ADVICE
    assert all("advice" in rule.why.lower() for rule in RULES if rule.name in ADVICE)


def test_the_page_of_all_rules_is_current() -> None:
    committed = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    assert committed == table.page(), "out of date: run `python -m policies.table`"
