"""Rule: an alarm tells somebody, also when nothing is said any more."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.limits import BACKUPS_CONTAINER
from policies.rule import Rule, Stack
from policies.seen import Seen


def problems(alarm: Seen) -> Iterator[str]:
    """Actions are often unknown in a first preview; that there are some is not."""
    if alarm.type == tokens.METRIC_ALARM:
        if alarm.differs("treatMissingData", "breaching"):
            yield "treatMissingData is not breaching: a dead agent sends nothing, and nothing would be fine"
        if alarm.differs("actionsEnabled", None, True):
            yield "actionsEnabled is off"
        if alarm.get("alarmActions") in (None, []):
            yield "has no alarmActions: it turns red where nobody looks"
        return
    if alarm.differs("enabled", None, True):
        yield "is not enabled"
    groups = "actions" if alarm.type == tokens.METRIC_ALERT else "actions.actionGroups"
    if alarm.get(groups) in (None, []):
        yield "has no action group: it turns red where nobody looks"


def stack_problems(stack: Stack) -> Iterator[str]:
    """That there is an alarm at all, and one that AWS's end does not silence."""
    if not [c for c in stack.of(tokens.BLOB_CONTAINER) if c.text("containerName") == BACKUPS_CONTAINER]:
        return
    if not stack.of(tokens.LOG_ALERT):
        yield "no log alert in Azure watches the backups: when AWS goes, its own alarms go with it"


RULE = Rule(
    name="alarms-on-silence",
    what="Alarms are enabled, have actions, take missing data for a breach, and one for backups is in Azure.",
    why="Backups fail in silence: the usual way to find out is the restore that finds none.",
    types=frozenset({tokens.METRIC_ALARM, tokens.METRIC_ALERT, tokens.LOG_ALERT}),
    problems=problems,
    stack_problems=stack_problems,
)
