"""Rule: no change of a word replaces a running server."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen
from policies.situation import switches

_IGNORED = "osProfile.customData"


def problems(server: Seen) -> Iterator[str]:
    """A saved stack does not tell what is ignored, so without configuration there is nothing to judge."""
    if switches() is not None and not {_IGNORED, "osProfile", "*"} & set(server.ignored):
        yield f"does not ignore changes of {_IGNORED}: a new agent would replace a server that serves users"


RULE = Rule(
    name="servers-keep-running",
    what="Changes of user data leave running servers alone; they learn from orders and control blobs.",
    why="Azure refuses to change it in place: the next `pulumi up` of an emergency would fail or replace.",
    types=frozenset({tokens.VIRTUAL_MACHINE}),
    problems=problems,
)
