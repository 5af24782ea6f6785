"""Rule: what is deleted in the vault can be had back."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.limits import SOFT_DELETE_DAYS
from policies.rule import Rule
from policies.seen import Seen


def problems(service: Seen) -> Iterator[str]:
    """Blobs and whole containers."""
    for kind in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
        days = service.number(f"{kind}.days") or 0
        if service.differs(f"{kind}.enabled", True):
            yield f"{kind} is not enabled"
        elif not service.unknown(f"{kind}.days") and days < SOFT_DELETE_DAYS:
            yield f"{kind} keeps {days:g} days: at least {SOFT_DELETE_DAYS}"


RULE = Rule(
    name="storage-soft-delete",
    what=f"Deleted blobs and containers can be had back for at least {SOFT_DELETE_DAYS} days.",
    why="Retention guards the backups only; the epoch and the heartbeats lie beside them.",
    types=frozenset({tokens.BLOB_SERVICE}),
    problems=problems,
)
