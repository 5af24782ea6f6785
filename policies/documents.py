"""Policy documents of AWS (identity, resource and trust policies) as statements."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import cast

from policies.seen import UNKNOWN, Seen


def statements(resource: Seen, path: str) -> Iterator[Seen]:
    """The statements of the document at ``path`` that allow something; none where it is unknown or no JSON
    (which the cloud itself refuses)."""
    value = resource.get(path)
    if value is UNKNOWN or value is None:
        return
    if isinstance(value, str):
        try:
            value = cast("object", json.loads(value))
        except json.JSONDecodeError:
            return
    if not isinstance(value, Mapping):
        return
    document = resource.part(cast("Mapping[str, object]", value))
    found = document.get("Statement")
    every = [resource.part(cast("Mapping[str, object]", found))] if isinstance(found, Mapping) else []
    for statement in [*every, *document.parts("Statement")]:
        if statement.get("Effect") == "Allow":
            yield statement


def label(statement: Seen) -> str:
    """How a message names a statement."""
    return f"statement {statement.text('Sid') or '(without Sid)'}"


def everybody(statement: Seen) -> bool:
    """Whether its principal is the whole world."""
    principal = statement.get("Principal")
    if isinstance(principal, Mapping):
        return any(
            "*" in statement.texts(f"Principal.{kind}") for kind in cast("Mapping[str, object]", principal)
        )
    return principal == "*"
