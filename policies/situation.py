"""What the stack is doing, by its own configuration and the components' own reader."""

from __future__ import annotations

import pulumi

from components.config_reader import Reader
from components.switches import Mode, Switches, read_switches
from policies.rule import Stack

PROJECT = "petclinic-dr"


def switches() -> Switches | None:
    """The operator's words; None where the engine hands no configuration over (``pulumi policy analyze``) or
    where they contradict each other, which the program itself refuses."""
    config = pulumi.Config(PROJECT)
    if config.get("mode") is None:
        return None
    reader = Reader(config.get)
    found = read_switches(reader)
    return None if reader.problems else found


def mode_of(stack: Stack) -> str | None:
    """The mode by configuration, else by the stack's output of that name; None when neither tells."""
    now = switches()
    if now is not None:
        return str(now.mode)
    return stack.outputs.text("mode") or None if stack.outputs is not None else None


def is_normal(stack: Stack) -> bool:
    """The quiet state that is paid for all month."""
    return mode_of(stack) == Mode.NORMAL


def retention_days(default: int) -> int:
    """The retention that the operator set; ``default`` where no configuration is handed over."""
    text = pulumi.Config(PROJECT).get("retentionDays") or ""
    return int(text) if text.isdigit() else default
