"""The walk's operator is the operator's tool: its own rules decide from what it would read in a state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from agent.handover.order import Answer, Divergence, State
from cli.operate.facts import Chain, Copy, Facts
from cli.operate.facts import Switches as Words
from cli.operate.rules import Rule
from cli.operate.steps import (
    Ask,
    Done,
    DropHold,
    Give,
    Look,
    Refuse,
    Seal,
    Set,
    Up,
    Wait,
    Withdraw,
    expect,
    words,
)
from tests.model.agents import Step
from tests.model.operators import give, up, withdrawal
from tests.model.rules import Rules, has_own
from tests.model.way_forward import Ways, aws_is_of_use
from tests.model.world import (
    AWS,
    AZURE,
    OWN,
    SITES,
    Conf,
    Ordered,
    World,
    answer_of,
    epoch_of,
    orders_of,
    switches,
)


@dataclass(frozen=True)
class Intent:
    """What an operator wants, and the commands that are typed for it.

    Attributes:
        wanted: whether an operator may want it, by what the tool reads.
        commands: to be typed; the first of them that does something does it.
        arrived: whether that is reached.
    """

    name: str
    wanted: Callable[[World, Facts], bool]
    commands: Callable[[World, Facts], tuple[Rule, ...]]
    arrived: Callable[[World], bool]

    def __str__(self) -> str:
        return self.name


@dataclass
class ToolWays(Ways):
    """As ``Ways``; the operator types the commands of one intent.

    Attributes:
        died: the last ``pulumi up`` did all it had to and was killed before the stack's history knew, and
            somebody has typed ``enablePetclinic`` back. On such a walk ``ups`` is 0 until another one ends,
            and the tool is quicker than the agents, who would open.
    """

    intent: Intent = field(kw_only=True)
    died: bool = False

    def begun(self, world: World) -> World:
        """With or without a ``pulumi up`` that is known to have ended."""
        return super().begun(world)._replace(ups=0 if self.died else 1)

    def arrived(self, world: World) -> bool:
        """As the operator wants it."""
        return self.intent.arrived(world)

    def next(self, world: World, walked: dict[World, None]) -> tuple[str, World]:
        """As agents and surroundings go on by themselves, the operator comes last; but see ``died``."""
        said, after = ("", world) if world.ups else self.operate(world)
        return (said, after) if said else super().next(world, walked)

    def operate(self, world: World) -> tuple[str, World]:
        """What the tool does next; no words when it refuses, or waits for what nobody does."""
        facts = self._facts(world)
        for command in self.intent.commands(world, facts):
            said, after = self._run(command, facts, world)
            if said:
                return said, after
        return "", world

    def _facts(self, world: World) -> Facts:
        facts = facts_of(world, self.rules)
        if world.ups:
            return facts
        return replace(facts.with_config(enabled=False), deployed=None, succeeded=None, ordered=None)

    def _run(self, command: Rule, facts: Facts, world: World) -> tuple[str, World]:
        """To the first step that changes something outside; a seal counts only for the run that wrote it."""
        for _ in range(8):
            step = command(facts)
            match step:
                case Set() | Ask() | Look() | DropHold():  # the hold is no part of this model
                    facts = replace(expect(facts, step), deployed=facts.deployed)
                case Seal() if orders_of(world.blobs).open:
                    raise AssertionError(f"next users are led to AWS, and the standby opens: {facts}")
                case Seal():
                    order = Ordered(world.ids + 1, "planned", "withdrawn", 0, world.control.epoch)
                    _, world = _first(words(step), give(world, order), world)
                    facts = replace(self._facts(world), sealed=True)
                case Up():
                    known = world._replace(ups=1)
                    return _first(words(step), up(known, _conf(facts.config), self.rules), world)
                case Give(kind, what, accept):
                    order = Ordered(world.ids + 1, kind, what, int(accept or 0), world.control.epoch)
                    return _first(words(step), give(world, order), world)
                case Withdraw():
                    back = withdrawal(world)
                    return _first(words(step), give(world, back) if back else iter(()), world)
                case Done() | Refuse() | Wait():
                    return "", world
        raise AssertionError(f"the tool does not come to an end: {facts}")


def _first(said: str, steps: Iterator[Step], world: World) -> tuple[str, World]:
    for _, after, _ in steps:
        return said, after
    return "", world


def facts_of(world: World, rules: Rules) -> Facts:
    """What the tool reads in this state; the model has no weights, and its waits for DNS are over at once."""
    config, control = _words(world.infra), world.control
    marker = world.azure.marker if world.azure is not None else None
    return Facts(
        config=config,
        deployed=config,
        last_mode=config.mode,
        succeeded=config,
        ordered=config,
        database=world.azure is not None,
        epoch=epoch_of(control),
        aws=_answer(world, AWS, rules),
        azure=_answer(world, AZURE, rules),
        copy=Copy(marker.epoch) if marker is not None and marker.verified else None,
        home=Chain(control.epoch, control.epoch),
        standby=Chain(control.epoch),
        hold=switches(world.infra).holds_traffic,
        page=True,
        origin="" if aws_is_of_use(world) else "no answer",
        settled=True,
    )


def _words(conf: Conf) -> Words:
    cutover_id = f"cutover-{conf.cutover}" if conf.cutover else ""
    return Words(
        mode=conf.mode,
        enabled=conf.enable,
        maintenance=conf.maintenance,
        cutover=cutover_id,
        release=cutover_id if conf.release else "",
        weight=conf.weight,
    )


def _conf(config: Words) -> Conf:
    number = int(config.cutover.rpartition("-")[2]) if config.cutover else 0
    return Conf(config.mode, config.enabled, number, bool(config.release), config.maintenance, config.weight)


def _answer(world: World, site: int, rules: Rules) -> Answer | None:
    """The source's answer stands in the state; the target's is what it would say now."""
    control, order = world.control, world.control.order
    targeted = order is not None and epoch_of(control).order is not None and control.writer != site
    if not targeted or order is None or order.step == "withdrawn":
        return answer_of(site, world.said[site])
    state = _state(world, site, rules)
    found = Divergence(str(_beyond(world, site)), "", 1, {}, "", "", "") if state == "divergence" else None
    return Answer(SITES[site], control.epoch, str(order.id), state, "", divergence=found)


def _beyond(world: World, site: int) -> int:
    """What only this site's database holds."""
    base = world.base(site)
    return base.content & OWN[site] & ~world.control.fork if base is not None else 0


def _state(world: World, site: int, rules: Rules) -> State:
    base, order = world.base(site), world.control.order
    if base is None or order is None or base.accepts:
        return "waiting"
    if not rules.ask.is_copy(base.marker, world.control):
        beyond = _beyond(world, site)
        blocked = has_own(base.marker, base.content) and beyond and order.kind != "replace"
        return "divergence" if blocked and order.accept != beyond else "restoring"
    assert base.marker is not None
    source = world.said[world.control.writer]
    if order.kind == "replace":
        return "ready"
    refused = rules.ask.receive_refusal(world.control, source, base.marker.gtid)
    return "following" if refused else "ready"
