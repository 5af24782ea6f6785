"""IAM's answer to one question: do a role's policies, as deployed, allow this action on this resource? Pure.

Logic: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html (an explicit Deny
wins, no Allow means no). An action that touches several resources needs an Allow for each of them.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sandbox.clouds.authorization import UndecidableError
from sandbox.store import Resource

Context = Mapping[str, str | int | Sequence[str]]
"""Condition keys and their values in this request."""


def statements_of(role_arn: str, policies: Iterable[Resource]) -> list[dict[str, Any]]:
    """The statements of a role's inline policies (``aws:iam/rolePolicy:RolePolicy``).

    Attached managed policies grant nothing here: the program attaches only Session Manager's, whose actions
    the simulated endpoint does not offer.
    """
    name = role_arn.rsplit("/", 1)[-1]
    found: list[dict[str, Any]] = []
    for policy in policies:
        if policy.inputs.get("role") in (name, role_arn):
            found += _list(json.loads(policy.inputs["policy"])["Statement"])
    return found


def allowed(statements: Iterable[Mapping[str, Any]], action: str, resource: str, context: Context) -> bool:
    """Whether the statements allow ``action`` (``service:Name``) on ``resource`` (an ARN or ``*``).

    Raises:
        UndecidableError: a statement uses an element or a condition operator that is not simulated.
    """
    verdict = False
    for statement in statements:
        if unknown := sorted(statement.keys() & {"NotAction", "NotResource", "NotPrincipal"}):
            raise _undecidable(f"{unknown[0]} in a policy")
        applies = (
            any(_like(action.lower(), pattern.lower()) for pattern in _list(statement["Action"]))
            and any(pattern == "*" or _like(resource, pattern) for pattern in _list(statement["Resource"]))
            and _holds(statement.get("Condition") or {}, context)
        )
        if applies and statement["Effect"] == "Deny":
            return False
        verdict = verdict or applies
    return verdict


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda actual, wanted: str(actual) == str(wanted),
    "StringLike": lambda actual, wanted: _like(str(actual), str(wanted)),
    "NumericLessThanEquals": lambda actual, wanted: float(actual) <= float(wanted),
}


def _holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    for operator, keys in condition.items():
        plain = operator.removeprefix("ForAllValues:")
        if plain not in _OPERATORS:
            raise _undecidable(f"condition operator {operator}")
        for key, wanted in keys.items():
            actual = _list(context.get(key, []))
            if not actual and plain == operator:
                return False  # a missing key satisfies ForAllValues only
            if not all(any(_OPERATORS[plain](one, value) for value in _list(wanted)) for one in actual):
                return False
    return True


def _undecidable(what: str) -> UndecidableError:
    return UndecidableError(f"{what} cannot be judged: extend sandbox/clouds/aws_policies.py")


def _like(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))  # IAM knows * and ? only


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
