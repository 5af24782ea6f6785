"""Rule: the agents' role writes blobs and deletes none."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen


def problems(role: Seen) -> Iterator[str]:
    """Actions are paths; a star anywhere in one includes deletes that do not exist yet."""
    for permission in role.parts("permissions"):
        for kind in ("actions", "dataActions"):
            for action in permission.texts(kind):
                if "*" in action:
                    yield f"allows {action}: name single actions"
                elif action.lower().endswith(("/delete", "/deleteblobversion/action", "/purge/action")):
                    yield f"allows {action}: only the lifecycle rule deletes"


RULE = Rule(
    name="custom-roles-never-delete",
    what="Custom roles name single actions, and none that deletes.",
    why="A stolen agent must not be able to destroy what it backed up.",
    types=frozenset({tokens.ROLE_DEFINITION}),
    problems=problems,
)
