"""IAM's answers, case by case."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.clouds.authorization import UndecidableError
from sandbox.clouds.aws_policies import allowed, statements_of
from sandbox.store import Resource


def statement(action: str | list[str], resource: str | list[str] = "*", **others: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **others}


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("s3:GetObject", "s3:GetObject", True),
        ("s3:getobject", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObject", True),
        ("*", "s3:GetObject", True),
        ("s3:GetObject", "s3:GetObjectAcl", False),
        ("s3:?etObject", "s3:GetObject", True),
    ],
)
def test_action_patterns(pattern: str, action: str, expected: bool) -> None:
    assert allowed([statement(pattern)], action, "*", {}) is expected


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("arn:aws:s3:::b/agent.zip", "arn:aws:s3:::b/agent.zip", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/agent.zip", True),
        ("arn:aws:s3:::b", "arn:aws:s3:::b/agent.zip", False),
        ("arn:aws:s3:::b/[a]gent.zip", "arn:aws:s3:::b/agent.zip", False),
        ("arn:aws:s3:::b/*", "*", False),  # an action on everything needs "*"
    ],
)
def test_resource_patterns(pattern: str, resource: str, expected: bool) -> None:
    assert (
        allowed([statement("s3:*", ["arn:aws:s3:::none", pattern])], "s3:GetObject", resource, {}) is expected
    )


def test_nothing_allows_and_deny_wins() -> None:
    assert not allowed([], "s3:GetObject", "*", {})
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    assert not allowed([deny, statement("*")], "s3:GetObject", "*", {})
    assert allowed([deny, statement("*")], "ec2:AssociateAddress", "*", {})


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        ({"StringEquals": {"k": "v"}}, {"k": "v"}, True),
        ({"StringEquals": {"k": ["u", "v"]}}, {"k": "v"}, True),
        ({"StringEquals": {"k": "v"}}, {"k": "V"}, False),
        ({"StringEquals": {"k": "v"}}, {}, False),
        ({"StringLike": {"k": "v*"}}, {"k": "vwx"}, True),
        ({"NumericLessThanEquals": {"k": "300"}}, {"k": 300}, True),
        ({"NumericLessThanEquals": {"k": 300}}, {"k": 301}, False),
        ({"ForAllValues:StringEquals": {"k": "v"}}, {"k": ["v", "v"]}, True),
        ({"ForAllValues:StringEquals": {"k": "v"}}, {"k": ["v", "w"]}, False),
        ({"ForAllValues:StringEquals": {"k": "v"}}, {}, True),  # IAM's own trap
        ({"StringEquals": {"k": "v"}, "NumericLessThanEquals": {"n": 1}}, {"k": "v", "n": 2}, False),
    ],
)
def test_conditions(condition: dict[str, Any], context: dict[str, Any], expected: bool) -> None:
    assert allowed([statement("a:b", Condition=condition)], "a:b", "*", context) is expected


@pytest.mark.parametrize(
    "unknown", [{"NotAction": "x"}, {"NotResource": "x"}, {"Condition": {"IpAddress": {"aws:SourceIp": "x"}}}]
)
def test_what_cannot_be_judged_is_said(unknown: dict[str, Any]) -> None:
    with pytest.raises(UndecidableError, match=r"sandbox/clouds/aws_policies\.py"):
        allowed([statement("a:b", **unknown)], "a:b", "*", {"aws:SourceIp": "203.0.113.7"})


def test_statements_are_those_of_the_role() -> None:
    def policy(role: str, action: str) -> Resource:
        return Resource("", role, "", {"role": role, "policy": json.dumps({"Statement": statement(action)})})

    found = statements_of(
        "arn:aws:iam::1:role/path/backup", [policy("backup", "a:b"), policy("other", "c:d")]
    )
    assert [one["Action"] for one in found] == ["a:b"]
