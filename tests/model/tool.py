"""The walk's operator is the operator's tool: its own rules decide from what it would read in a state."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agent.handover.order import Answer, State
from cli.operate.facts import Chain, Copy, Facts
from cli.operate.facts import Switches as Words
from cli.operate.rules import failover
from cli.operate.rules_failback import cutover
from cli.operate.steps import Ask, Done, Give, Refuse, Set, Up, Wait, Withdraw, expect, words
from tests.model.agents import Step
from tests.model.operators import give, up, withdrawal
from tests.model.rules import Rules, has_own
from tests.model.way_forward import Ways, aws_is_of_use
from tests.model.world import AWS, AZURE, OWN, SITES, Conf, Ordered, World, answer_of, epoch_of, switches


class ToolWays(Ways):
    """As ``Ways``; the operator types ``./dr failover``, or, where AWS writes and lives, ``failback cutover``
    first."""

    def operate(self, world: World) -> tuple[str, World]:
        """What the tool does next; no words when it refuses, or waits for what nobody does."""
        facts = facts_of(world, self.rules)
        home = world.control.writer == AWS and world.control.epoch > 1 and aws_is_of_use(world)
        for command in (cutover, failover) if home else (failover,):
            said, after = self._run(command, facts, world)
            if said:
                return said, after
        return "", world

    def _run(self, command: Callable[[Facts], object], facts: Facts, world: World) -> tuple[str, World]:
        """To the first step that changes something outside."""
        for _ in range(5):
            step = command(facts)
            match step:
                case Set() | Ask():
                    facts = expect(facts, step)
                case Up():
                    return _first(words(step), up(world, _conf(facts.config), self.rules), world)
                case Give(kind, what, _):
                    order = Ordered(world.ids + 1, kind, what, 0, world.control.epoch)
                    return _first(words(step), give(world, order), world)
                case Withdraw():
                    back = withdrawal(world)
                    return _first(words(step), give(world, back) if back else iter(()), world)
                case Done() | Refuse() | Wait():
                    return "", world
                case _:
                    raise AssertionError(f"not expected of these commands: {step}")
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
    )


def _conf(config: Words) -> Conf:
    number = int(config.cutover.rpartition("-")[2]) if config.cutover else 0
    return Conf(config.mode, config.enabled, number, bool(config.release), config.maintenance)


def _answer(world: World, site: int, rules: Rules) -> Answer | None:
    """The source's answer stands in the state; the target's is what it would say now."""
    control, order = world.control, world.control.order
    targeted = order is not None and epoch_of(control).order is not None and control.writer != site
    if not targeted or order is None or order.step == "withdrawn":
        return answer_of(site, world.said[site])
    return Answer(SITES[site], control.epoch, str(order.id), _state(world, site, rules), "")


def _state(world: World, site: int, rules: Rules) -> State:
    base, order = world.base(site), world.control.order
    if base is None or order is None or base.accepts:
        return "waiting"
    if not rules.ask.is_copy(base.marker, world.control):
        beyond = base.content & OWN[site] & ~world.control.fork
        blocked = has_own(base.marker, base.content) and beyond and order.kind != "replace"
        return "divergence" if blocked and order.accept != beyond else "restoring"
    assert base.marker is not None
    source = world.said[world.control.writer]
    if order.kind == "replace":
        return "ready"
    refused = rules.ask.receive_refusal(world.control, source, base.marker.gtid)
    return "following" if refused else "ready"
