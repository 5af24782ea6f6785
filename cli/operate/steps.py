"""The steps that the operator's commands consist of, in words, and what each is expected to bring about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, IntEnum

from agent.epoch import Epoch
from agent.handover.order import Answer, Kind, Order, new_order
from agent.handover.order import Step as OrderStep
from cli.operate.facts import SWITCHES, Copy, Facts, switches_from


class Code(IntEnum):
    """Exit statuses of the operator's commands."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    DECIDE = 4
    TIMEOUT = 5


@dataclass(frozen=True)
class Set:
    """Change settings in the stack's file; None removes one."""

    changes: Mapping[str, str | None]


@dataclass(frozen=True)
class Up:
    """``pulumi up``."""


@dataclass(frozen=True)
class Give:
    """Let an order stand in the epoch."""

    kind: Kind
    step: OrderStep
    accept: str = ""


@dataclass(frozen=True)
class Withdraw:
    """Take the standing order back."""


@dataclass(frozen=True)
class Seal:
    """Write the epoch anew, unchanged in meaning, so that a take-over decided on before cannot succeed."""


@dataclass(frozen=True)
class DropHold:
    """Delete the hold blob, and nothing else."""


@dataclass(frozen=True)
class Look:
    """Ask AWS's origin for its health page."""


class Goal(Enum):
    """What a command may have to wait for."""

    RESTORED = "the standby's copy: restored and verified"
    READY = "AWS to be drained, and the standby's copy to be equal to it"
    AZURE_WRITES = "the standby to be the writer"
    REPLACED = "the standby's old database to be replaced by a copy of AWS's newest backups"
    FOLLOWING = "RDS to hold a copy of the standby's data and to follow it"
    PAGE = "the maintenance page at the gateway"
    AWS_WRITES = "AWS to be the writer again: drained, compared and taken over"
    REOPENED = "the writer to open again"
    AWS_ONLY = "DNS to answer AWS only, for twice the records' time to live"


@dataclass(frozen=True)
class Wait:
    """Look until ``goal`` is reached."""

    goal: Goal


@dataclass(frozen=True)
class Ask:
    """Only a person decides this: whether the standby serves with what its copy holds."""


@dataclass(frozen=True)
class Done:
    """Nothing is left to do."""

    text: str


@dataclass(frozen=True)
class Refuse:
    """The command cannot go on; ``text`` says why, and what would help."""

    text: str
    code: Code = Code.REFUSED


Step = Set | Up | Give | Withdraw | Seal | DropHold | Look | Wait | Ask | Done | Refuse


def words(step: Step) -> str:  # noqa: PLR0911 - one line a step
    """The step as an operator would say or type it."""
    match step:
        case Set(changes):
            return "; ".join(
                f"pulumi config rm {key}" if value is None else f"pulumi config set {key} {value}"
                for key, value in changes.items()
            )
        case Up():
            return "pulumi up"
        case Give(kind, order, accept):
            accepted = f", divergence {accept} accepted" if accept else ""
            return f"write the order {kind}/{order}{accepted} into control/epoch.json"
        case Withdraw():
            return "withdraw the order in control/epoch.json"
        case Seal():
            return "rewrite control/epoch.json, so that no take-over under way can succeed"
        case DropHold():
            return "pulumi destroy --target the hold switch, and nothing else"
        case Look():
            return "ask AWS's origin for its health page over TLS"
        case Wait(goal):
            return f"wait for {goal.value}"
        case Ask():
            return "show what the copy holds and what is lost; ask whether to open"
        case Done(text) | Refuse(text):
            return text


def expect(facts: Facts, step: Step) -> Facts:  # noqa: PLR0911 - one line a step
    """The facts after ``step`` went as it should; what a plan is drawn up from before anything is done."""
    match step:
        case Set(changes):
            present = {key: getattr(facts.config, name) for name, key in SWITCHES.items()}
            return replace(facts, config=switches_from({**present, **changes}))
        case Up():
            return _deployed(facts)
        case Give(kind, order, accept):
            return _ordered(facts, new_order(kind, order, accept))
        case Withdraw():
            order = facts.epoch.order if facts.epoch else None
            return _ordered(facts, new_order(order.kind, "withdrawn")) if order else facts
        case Seal():
            return replace(facts, sealed=True)
        case DropHold():
            return replace(facts, hold=False, deployed=None, ordered=facts.deployed or facts.ordered)
        case Look():
            return replace(facts, origin="")
        case Wait(goal):
            return _reached(facts, goal)
        case Ask():
            return replace(facts, agreed=True)
        case Done() | Refuse():
            return facts


def _deployed(facts: Facts) -> Facts:
    config = facts.config
    home = config.mode == "failback" and bool(config.cutover)
    return replace(
        facts,
        deployed=config,
        last_mode=config.mode,
        succeeded=config,
        ordered=config,
        database=config.mode != "normal" and config.scope == "full",
        hold=config.mode != "normal" and not home,
        copy=None if config.mode == "normal" else facts.copy,
    )


def _ordered(facts: Facts, order: Order) -> Facts:
    return facts if facts.epoch is None else replace(facts, epoch=replace(facts.epoch, order=order))


def _said(facts: Facts, site: str, state: str) -> Facts:
    epoch = facts.epoch
    order = epoch.order.id if epoch and epoch.order else ""
    answer = Answer(site, epoch.epoch if epoch else 1, order, state, "")  # pyright: ignore[reportArgumentType]
    return replace(facts, aws=answer) if site == "aws" else replace(facts, azure=answer)


def _taken_over(facts: Facts, site: str) -> Facts:
    if facts.epoch is None:
        return facts
    number = facts.epoch.epoch + 1
    new = Epoch(number, site, "", f"cutover-{number}")  # pyright: ignore[reportArgumentType]
    return replace(facts, epoch=new)


def _reached(facts: Facts, goal: Goal) -> Facts:  # noqa: PLR0911 - one line a goal
    match goal:
        case Goal.RESTORED:
            return replace(facts, copy=Copy(facts.epoch.epoch if facts.epoch else 1))
        case Goal.READY:
            return _said(_said(facts, "aws", "drained"), "azure", "ready")
        case Goal.REPLACED:
            return _said(facts, "azure", "ready")
        case Goal.AZURE_WRITES:
            return _taken_over(facts, "azure")
        case Goal.FOLLOWING:
            return _said(facts, "aws", "following")
        case Goal.AWS_WRITES:
            return _taken_over(facts, "aws")
        case Goal.REOPENED:
            return _said(facts, facts.epoch.writer if facts.epoch else "azure", "reopened")
        case Goal.PAGE:
            return replace(facts, page=True)
        case Goal.AWS_ONLY:
            return replace(facts, settled=True)
