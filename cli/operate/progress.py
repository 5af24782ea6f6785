"""What the operator's commands say while they wait, and what a copy holds, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agent.handover.order import Answer
from cli.operate.facts import Facts
from cli.operate.read import Sight
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


def waiting(goal: Goal, sight: Sight) -> str:  # noqa: PLR0911 - one line a goal
    """One line on how far that is which is waited for."""
    facts = sight.facts
    match goal:
        case Goal.RESTORED | Goal.REPLACED:
            trouble = facts.copy.error if facts.copy else ""
            return (
                f"a restore failed, the agent tries again: {trouble}"
                if trouble
                else _said(facts, "azure", goal)
            )
        case Goal.READY:
            quiet = _quiet(sight.heartbeats.get("aws", {}))
            return f"{_said(facts, 'aws', goal)}; {_said(facts, 'azure', goal)}{quiet}"
        case Goal.FOLLOWING:
            return _said(facts, "aws", goal)
        case Goal.AWS_WRITES:
            return f"{_said(facts, 'azure', goal)}; {_said(facts, 'aws', goal)}"
        case Goal.AZURE_WRITES:
            return _said(facts, "azure", goal)
        case Goal.REOPENED:
            return _said(facts, facts.epoch.writer if facts.epoch else "azure", goal)
        case Goal.PAGE:
            return f"the gateway at {facts.reserved} does not show the page yet"
        case Goal.AWS_ONLY:
            return f"DNS answers {', '.join(facts.addresses or ()) or facts.unreadable.get('dns', 'nothing')}"


def _said(facts: Facts, site: str, goal: Goal) -> str:
    if "epoch" in facts.unreadable:
        return f"cannot look: {facts.unreadable['epoch']}"
    said = facts.answer(site)
    return f"{site}: {answer_words(said)}" if said else f"{site}: nothing said yet; waiting for {goal.value}"


def answer_words(said: Answer) -> str:
    """An answer in one line."""
    behind = f", {said.behind} transactions behind" if said.behind else ""
    took = f", {span(sum(said.seconds.values()))} of work" if said.seconds else ""
    text = f": {said.sentence}" if said.sentence else ""
    return f"{said.state}{text}{behind}{took}"


def _quiet(beat: Mapping[str, Any]) -> str:
    """A hint when AWS's agent has not been heard of for longer than a dump takes to come round."""
    try:
        silent = (datetime.now(UTC) - datetime.fromisoformat(str(beat.get("at")))).total_seconds()
        limit = max(60.0, float(beat.get("interval_seconds") or 300))
    except (ValueError, TypeError):
        return "; AWS's agent was never heard of"
    if silent < limit:
        return ""
    return f"; AWS's agent is silent for {span(silent)}: if AWS is gone, Ctrl-C and ./dr failover"


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
