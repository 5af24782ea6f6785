"""What an operator may want in a state, and what is typed for it."""

from __future__ import annotations

from functools import partial

from cli.operate import rules, rules_failback
from cli.operate.facts import Facts
from cli.operate.rules import Rule, after_cutover
from cli.operate.steps import Refuse
from tests.model.tool import Intent
from tests.model.way_forward import aws_is_of_use, serves
from tests.model.world import AWS, AZURE, World


def _serving(world: World, _: Facts) -> tuple[Rule, ...]:
    home = world.control.writer == AWS and world.control.epoch > 1 and aws_is_of_use(world)
    return (rules_failback.cutover, rules.failover) if home else (rules.failover,)


def _way_home(world: World, facts: Facts) -> tuple[Rule, ...]:
    """Each is typed as soon as it is not refused any more; a divergence is looked at and accepted."""
    if world.control.writer == AWS:
        weight = partial(rules_failback.weight, per_cent=100)
        return rules_failback.finish, weight, rules_failback.cutover
    if world.infra.mode == "normal":  # typed by hand; both commands name this one
        return (rules.failover,)
    said = facts.answer("aws")
    accept = said.divergence.digest if said is not None and said.divergence is not None else ""
    step = rules_failback.cutover(facts)
    named = isinstance(step, Refuse) and "./dr failback abort" in step.text
    back = (rules_failback.abort,) if named else ()
    return rules_failback.cutover, partial(rules_failback.sync, accept=accept), *back


def _staying(world: World, _: Facts) -> tuple[Rule, ...]:
    return (rules.failover,) if world.infra.mode == "normal" else (rules_failback.abort,)


def _order_stands(world: World) -> bool:
    return world.control.order is not None and world.control.order.step != "withdrawn"


def _normal(world: World) -> bool:
    """AWS serves alone, and nothing of the standby or of an order is left."""
    quiet = world.rolling is None and world.infra.mode == "normal" and world.azure is None
    return quiet and world.control.writer == AWS and not _order_stands(world) and serves(world)


def _stays(world: World) -> bool:
    azure = world.control.writer == AZURE and world.infra.mode == "emergency"
    return azure and not _order_stands(world) and serves(world)


SERVE = Intent("serve", lambda _, __: True, _serving, serves)
CALL_OFF = Intent(
    "call the emergency off before the opening",
    lambda world, facts: (
        world.control.writer == AWS
        and aws_is_of_use(world)
        and world.link  # whom AWS's agent has drained only AWS's agent opens again
        and not after_cutover(facts)
    ),
    lambda _, __: (rules.abort,),
    # Where the opening was ordered, the standby may be quicker than the command: then it stays open.
    lambda world: _normal(world) or world.control.writer == AZURE,
)
GO_HOME = Intent(
    "sync, cutover, weight 100, finish",
    lambda world, facts: (
        aws_is_of_use(world) and world.link and (world.control.writer == AZURE or after_cutover(facts))
    ),
    _way_home,
    _normal,
)
STAY = Intent(
    "give the failback up before the cutover",
    lambda world, _: world.control.writer == AZURE,
    _staying,
    # Where the cutover was ordered, AWS may be quicker than the command.
    lambda world: _stays(world) or world.control.writer == AWS,
)
INTENTS = (SERVE, CALL_OFF, GO_HOME, STAY)
