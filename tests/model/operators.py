"""What operators do, in any order: plain ``pulumi`` commands and orders in the control blob."""

from __future__ import annotations

from collections.abc import Iterator

from agent.handover.order import Kind
from agent.handover.order import Step as OrderStep
from tests.model.agents import Step, changed
from tests.model.rules import Rules
from tests.model.world import AWS, AZURE, Base, Conf, Ordered, World, read, switches

_OFFERED: dict[int, tuple[tuple[Kind, OrderStep], ...]] = {  # by the writer
    AZURE: (("failback", "sync"), ("failback", "cutover")),
    AWS: (("planned", "drain"), ("replace", "replace")),
}


def operator_steps(world: World, rules: Rules) -> Iterator[Step]:
    """All that any operator may do next, within the budgets."""
    if world.ups:
        for conf in configurations(world):
            if conf != (world.rolling or world.infra) and not (
                rules.stays_enabled and _switched_off(world, conf)
            ):
                yield from up(world._replace(ups=world.ups - 1), conf, rules)
    if world.rolling is not None:
        yield roll(world, rules)
    if world.orders:
        for order in _orders(world):
            yield from give(world._replace(orders=world.orders - 1), order)
        if not rules.conditional_orders:
            yield from _give_late(world._replace(orders=world.orders - 1))


def configurations(world: World) -> list[Conf]:
    """All settings that the program takes. A cutover's id is random: it can only be copied from the blob
    while AWS writes, or be left over in the configuration."""
    control = world.control
    ids = {0, world.infra.cutover, world.blobs.cutover}
    if control.writer == AWS and control.epoch > 1:
        ids.add(control.epoch)
    found = [
        Conf(mode, enable, cutover, release)
        for mode in ("normal", "emergency", "failback")
        for enable in (False, True)
        for cutover in sorted(ids)
        for release in (False, True)
        if cutover or not release
    ]
    return [conf for conf in found if read(conf)[0] is not None]


def up(world: World, conf: Conf, rules: Rules) -> Iterator[Step]:
    """``pulumi up``: the blobs first, the rest after them; it may be interrupted between.

    The engine refuses a deletion of what it protects before it deletes anything, and a provider that is not
    frozen must be reached.
    """
    if not switches(conf).frozen_aws and not world.aws_up:
        return
    if _deletes(world, conf) and rules.ask.protected(world.infra):
        return
    yield f"pulumi up: {_words(conf)}", world._replace(blobs=conf, rolling=conf), ""


def roll(world: World, rules: Rules) -> Step:
    """The rest of a ``pulumi up``."""
    conf = world.rolling
    assert conf is not None
    after, broken = world._replace(infra=conf, rolling=None), ""
    if _deletes(world, conf):
        assert world.azure is not None
        elsewhere = world.aws.content | world.vault | world.kept | world.lost
        if world.azure.content & ~elsewhere:
            broken = "the last copy of acknowledged data was deleted"
        after = after._replace(azure=None, minds=(*world.minds[:-1], None))
    elif switches(conf).servers_run and world.azure is None:
        after = after._replace(azure=Base(0, closed=False, granted=False, marker=None))
    return f"pulumi up goes on: {_words(conf)}", after, broken


def give(world: World, order: Ordered) -> Iterator[Step]:
    """An order, written on the ETag that was read: a write that came between makes it one of no effect."""
    for after in changed(world, world.control._replace(order=order), None):
        accepts = f", accepts {order.accept:b}" if order.accept else ""
        yield f"order {order.kind} {order.step}{accepts}", after._replace(ids=order.id), ""


def _give_late(world: World) -> Iterator[Step]:
    """What an order would do that is written over whatever came since the read."""
    for mind in world.minds:
        if mind is not None:
            order = Ordered(world.ids + 1, "failback", "sync", 0, mind.seen.epoch)
            for after in changed(world, mind.seen._replace(order=order), None):
                yield "an order is written over what came since", after._replace(ids=order.id), ""


def withdrawal(world: World) -> Ordered | None:
    """The order that takes the present one back."""
    order = world.control.order
    if order is None or order.step == "withdrawn":
        return None
    return order._replace(id=world.ids + 1, step="withdrawn")


def _orders(world: World) -> Iterator[Ordered]:
    for kind, step in _OFFERED[world.control.writer]:
        accepted = {0, world.exported} if kind == "failback" else {0}
        for accept in sorted(accepted):
            order = Ordered(world.ids + 1, kind, step, accept, world.control.epoch)
            now = world.control.order
            if now is None or (now.kind, now.step, now.accept) != (kind, step, accept):
                yield order
    taken_back = withdrawal(world)
    if taken_back is not None:
        yield taken_back


def _switched_off(world: World, conf: Conf) -> bool:
    before = world.rolling or world.infra
    return before.enable and not conf.enable and before.mode != "normal" and not before.release


def _deletes(world: World, conf: Conf) -> bool:
    return world.azure is not None and not switches(conf).servers_run


def _words(conf: Conf) -> str:
    words = [conf.mode, "open" if conf.enable else "closed"]
    words += [f"cutover {conf.cutover}"] if conf.cutover else []
    return ", ".join([*words, "released"] if conf.release else words)
