"""Rule: no rule by age ever meets the newest chain, or one that was put aside for good."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.limits import LIFECYCLE_FACTOR, RETENTION_DAYS, VERIFIED_PREFIX
from policies.rule import Rule
from policies.seen import Seen
from policies.situation import retention_days

AGES = (
    "daysAfterCreationGreaterThan",
    "daysAfterModificationGreaterThan",
    "daysAfterLastAccessTimeGreaterThan",
)
_MOVES = ("tierToArchive", "tierToCool", "tierToCold")


def problems(policy: Seen) -> Iterator[str]:
    """Every enabled rule of a management policy."""
    soonest = LIFECYCLE_FACTOR * retention_days(RETENTION_DAYS)
    for rule in policy.parts("policy.rules"):
        if rule.differs("enabled", None, True) or rule.unknown("enabled"):
            continue
        label = rule.text("name") or "a rule"
        prefixes = rule.get("definition.filters.prefixMatch")
        if prefixes is None or prefixes == []:
            yield f"{label} has no prefixMatch: it reaches every blob of the account"
        for prefix in rule.texts("definition.filters.prefixMatch"):
            if prefix.startswith(VERIFIED_PREFIX) or VERIFIED_PREFIX.startswith(prefix):
                yield f"{label} reaches {VERIFIED_PREFIX} by prefix {prefix!r}: verified chains stay for good"
        for age in AGES:
            days = rule.number(f"definition.actions.baseBlob.delete.{age}")
            if days is not None and days < soonest:
                yield f"{label} deletes after {days:g} days: at least {soonest} with this retention"
        for move in _MOVES:
            if rule.differs(f"definition.actions.baseBlob.{move}", None):
                yield f"{label} moves backups ({move}): a restore would wait for them, or pay twice"


RULE = Rule(
    name="lifecycle-spares-backups",
    what=f"Lifecycle rules spare `{VERIFIED_PREFIX}`, and delete at {LIFECYCLE_FACTOR} x retention or later.",
    why="When backups fail in silence the newest good chain grows old, and a rule by age would delete it.",
    types=frozenset({tokens.LIFECYCLE_POLICY}),
    problems=problems,
)
