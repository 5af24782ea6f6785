"""What the operator's commands say while they wait, and what a copy holds, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agent.handover.order import Answer
from cli.operate.facts import Facts
from cli.operate.read import Failure, Sight
from cli.operate.steps import Goal


def age(moment: object) -> str:
    """How long ago an ISO 8601 time was, for people; empty for no time."""
    try:
        then = datetime.fromisoformat(str(moment))
    except ValueError:
        return ""
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return span((datetime.now(UTC) - then).total_seconds())


def span(seconds: float) -> str:
    """A duration in its largest two units."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    if whole < 172_800:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} days"


def waiting(goal: Goal, sight: Sight) -> str:
    """One line on how far that is which is waited for, and what is wrong with whoever is waited for."""
    facts = sight.facts
    if "epoch" in facts.unreadable:
        return f"cannot look: {facts.unreadable['epoch']}"
    sites = _asked(goal, facts)
    parts = [_said(facts, site, goal) for site in sites] or [_seen(goal, facts)]
    if goal in (Goal.RESTORED, Goal.REPLACED) and sight.failed is not None:
        parts.append(failure_words(sight.failed))
    parts += [trouble for site in sites if (trouble := _trouble(goal, sight, site))]
    return "; ".join(parts)


def _asked(goal: Goal, facts: Facts) -> tuple[str, ...]:
    """The sites whose agents have to do something for ``goal``."""
    match goal:
        case Goal.RESTORED | Goal.REPLACED | Goal.AZURE_WRITES:
            return ("azure",)
        case Goal.FOLLOWING:
            return ("aws",)
        case Goal.READY:
            return ("aws", "azure")
        case Goal.AWS_WRITES:
            return ("azure", "aws")
        case Goal.REOPENED:
            return (facts.epoch.writer if facts.epoch else "azure",)
        case Goal.PAGE | Goal.AWS_ONLY:
            return ()


def _seen(goal: Goal, facts: Facts) -> str:
    """What users see, where no agent has anything to do with it."""
    if goal is Goal.PAGE:
        return f"the gateway at {facts.reserved} does not show the page yet"
    return f"DNS answers {', '.join(facts.addresses or ()) or facts.unreadable.get('dns', 'nothing')}"


def _said(facts: Facts, site: str, goal: Goal) -> str:
    said = facts.answer(site)
    return f"{site}: {answer_words(said)}" if said else f"{site}: nothing said yet; waiting for {goal.value}"


def answer_words(said: Answer) -> str:
    """An answer in one line."""
    behind = f", {said.behind} transactions behind" if said.behind else ""
    took = f", {span(sum(said.seconds.values()))} of work" if said.seconds else ""
    text = f": {said.sentence}" if said.sentence else ""
    return f"{said.state}{text}{behind}{took}"


def failure_words(failed: Failure) -> str:
    """The standby's failed restore in one line."""
    return f"its last restore failed {age(failed.finished)} ago: {failed.error}"


def _trouble(goal: Goal, sight: Sight, site: str) -> str:
    """Why ``site`` may never do what is waited for: its agent is silent, or says what it cannot do."""
    who, unreadable = _AGENTS[site], sight.facts.unreadable.get(f"heartbeat-{site}")
    if unreadable:
        return f"the heartbeat of {who} cannot be read: {unreadable}"
    look, beat = _HINTS.get((goal, site), "see that its machine runs"), sight.heartbeats.get(site, {})
    at, since = _moment(beat.get("at")), _moment(sight.places.standby_since)
    if at is None:
        return f"{who} was never heard of: {look}"
    if site == "azure" and since is not None and at < since:  # of a standby before this one
        return f"{who} was not heard of since its database was made {age(since)} ago: {look}"
    errors = ", ".join(f"{what}: {text}" for what, text in (beat.get("errors") or {}).items())
    silent_s = (datetime.now(UTC) - at).total_seconds()
    silence = f"is silent for {span(silent_s)}: {look}" if silent_s >= _patience_s(beat) else ""
    said = "; it said last " if silence else "says "
    return f"{who} {silence}{f'{said}{errors}' if errors else ''}" if silence or errors else ""


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _patience_s(beat: Mapping[str, Any]) -> float:
    """As long as a dump takes to come round, an agent may be silent."""
    return max(60.0, float(beat.get("interval_seconds") or 300))


_AGENTS = {"aws": "AWS's agent", "azure": "Azure's agent"}
_GONE = "if AWS is gone, Ctrl-C and "
_HINTS = {
    (Goal.READY, "aws"): f"{_GONE}./dr failover",
    (Goal.REOPENED, "aws"): f"{_GONE}./dr failover",
    (Goal.AWS_WRITES, "aws"): f"{_GONE}./dr failback abort",
    (Goal.FOLLOWING, "aws"): f"{_GONE}./dr failback abort",
}


def copy_lines(sight: Sight) -> list[str]:
    """What opening the standby means: what it holds, up to when, and what is lost."""
    facts, copy = sight.facts, sight.facts.copy
    if copy is None:
        said = facts.answer("azure")
        return [f"the standby says: {answer_words(said)}" if said else "no restore report is there"]
    lines = [
        f"the standby holds {copy.backup or 'a copy'} of epoch {copy.epoch} and the log behind it",
        f"verified: {copy.tables} tables compared; the restore took {span(copy.seconds)}",
        f"up to {copy.through or 'an unknown time'}" + (f", {age(copy.through)} ago" if copy.through else ""),
        f"lost: {copy.lost or 'not known'}",
    ]
    order = facts.epoch.order if facts.epoch else None
    if order is not None and order.kind == "planned" and not order.withdrawn:
        lines.append("planned: the standby opens only when it is equal to AWS; nothing is lost")
    return lines
