"""Rule: a database that has served users cannot be deleted by a word in the configuration."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen
from policies.situation import switches


def problems(resource: Seen) -> Iterator[str]:
    """From the opening on, until failback releases it."""
    now = switches()
    if now is not None and now.database_protected and not resource.protected:
        yield "has served users and is not protected: pass protect=switches.database_protected"


RULE = Rule(
    name="serving-database-protected",
    what="From the opening on the standby database is protected, until failback releases it.",
    why="It then holds the only copy of what users wrote; setting the mode back would delete it.",
    types=frozenset({tokens.DATABASE_SERVER, tokens.DATABASE}),
    problems=problems,
)
