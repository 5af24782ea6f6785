"""Each rule against a compliant resource and against the ways to break it."""

from __future__ import annotations

import base64
import importlib
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi_policy import (
    EnforcementLevel,
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    StackValidationArgs,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.rules import RULES, durable_protected, no_secret_in_user_data, standby_only_in_emergency
from policies.rules.no_secret_in_user_data import LAUNCH_TEMPLATE, VIRTUAL_MACHINE

TOKENS = sorted(
    durable_protected.DURABLE_TYPES
    | standby_only_in_emergency.EMERGENCY_TYPES
    | {LAUNCH_TEMPLATE, VIRTUAL_MACHINE}
)


def _options(*, protect: bool = True) -> PolicyResourceOptions:
    return PolicyResourceOptions(protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [], None)


def _resource(
    type_: str, props: dict[str, Any] | None = None, *, protect: bool = True
) -> ResourceValidationArgs:
    return ResourceValidationArgs(
        resource_type=type_,
        props=unknown_checking_proxy(props or {}),
        urn=f"urn:pulumi:normal::petclinic-dr::{type_}::name",
        name="name",
        opts=_options(protect=protect),
        provider=None,
    )


def _reports(rule: Any, args: Any) -> list[str]:
    found: list[str] = []
    rule.check(args, lambda message, _urn: found.append(message))
    return found


@pytest.mark.parametrize("token", TOKENS)
def test_every_token_is_one_of_the_sdks(token: str) -> None:
    """A rule for a misspelt type never fires and never fails."""
    package, module, name = token.split(":")
    python = importlib.import_module(f"pulumi_{package.replace('-', '_')}.{module.split('/')[0]}")
    assert getattr(python, name).pulumi_type == token


def test_the_pack_has_one_rule_from_each_module() -> None:
    assert [rule.name for rule in RULES] == [
        "durable-protected",
        "no-secret-in-user-data",
        "standby-only-in-emergency",
    ]
    assert all(rule.enforcement_level in (None, EnforcementLevel.MANDATORY) for rule in RULES)


@pytest.mark.parametrize("token", sorted(durable_protected.DURABLE_TYPES))
def test_durable_resources_must_be_protected(token: str) -> None:
    assert _reports(durable_protected, _resource(token)) == []
    (message,) = _reports(durable_protected, _resource(token, protect=False))
    assert "name is durable but not protected" in message


def test_other_resources_need_no_protection() -> None:
    assert _reports(durable_protected, _resource("azure-native:compute:VirtualMachine", protect=False)) == []


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _machine(text: str) -> ResourceValidationArgs:
    profile = {"customData": _encoded(text), "adminPassword": "console-password-1"}
    return _resource(VIRTUAL_MACHINE, {"osProfile": profile})


def _template(text: str) -> ResourceValidationArgs:
    return _resource(LAUNCH_TEMPLATE, {"userData": _encoded(text)})


@pytest.mark.parametrize(
    "text",
    [
        '#cloud-config\n{"password": {"azure_secret": "https://v/secrets/database-admin-password"}}',
        '#cloud-config\n{"password": {"aws_secret": "arn:aws:secretsmanager:x:1:secret:y"}}',
        "",
    ],
)
def test_names_of_secrets_are_welcome(text: str) -> None:
    assert _reports(no_secret_in_user_data, _machine(text)) == []
    assert _reports(no_secret_in_user_data, _template(text)) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"password": "hunter2"}', "a literal password"),
        ("MYSQL_PASSWORD=hunter2", "a literal password"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ("DefaultEndpointsProtocol=https;AccountKey=abc", "a storage key"),
        ("https://x.blob.core.windows.net/c?sv=1&sig=abc", "a storage key"),
        ("AKIAIOSFODNN7EXAMPLE", "an AWS access key"),
    ],
)
def test_secrets_are_found_and_not_quoted(text: str, what: str) -> None:
    for args in (_machine(text), _template(text)):
        (message,) = _reports(no_secret_in_user_data, args)
        assert what in message
        assert "hunter2" not in message


def test_the_console_password_may_not_be_in_the_user_data() -> None:
    (message,) = _reports(no_secret_in_user_data, _machine("echo console-password-1"))
    assert "console password" in message
    assert "console-password-1" not in message


@pytest.mark.parametrize(
    "args",
    [
        _resource(LAUNCH_TEMPLATE, {"userData": UNKNOWN_STRING_VALUE}),
        _resource(VIRTUAL_MACHINE, {"osProfile": {"customData": UNKNOWN_STRING_VALUE}}),
    ],
)
def test_unknown_user_data_is_left_to_the_update(args: ResourceValidationArgs) -> None:
    assert _reports(no_secret_in_user_data, args) == []


@pytest.fixture(params=["normal", "emergency", "failback"])
def mode(request: pytest.FixtureRequest) -> Iterator[str]:
    pulumi.runtime.set_config("petclinic-dr:mode", request.param)
    yield request.param
    pulumi.runtime.set_all_config({})


def _stack(*types: str) -> StackValidationArgs:
    resources = [
        PolicyResource(type_, {}, f"urn::{type_}", type_, _options(), None, None, [], {}) for type_ in types
    ]
    return StackValidationArgs(resources)


def test_the_standby_runs_in_an_emergency_only(mode: str) -> None:
    types = sorted(standby_only_in_emergency.EMERGENCY_TYPES)
    stack = _stack("azure-native:storage:StorageAccount", *types)
    found = _reports(standby_only_in_emergency, stack)
    assert len(found) == (len(types) if mode == "normal" else 0)


def test_an_unknown_mode_makes_the_rule_not_applicable(monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi.runtime.set_all_config({})
    stack = _stack("azure-native:dbformysql:Server")
    reasons: list[str | None] = []
    monkeypatch.setattr(stack, "not_applicable", reasons.append)
    assert _reports(standby_only_in_emergency, stack) == []
    assert reasons == ["the stack's mode is not known to this run"]
