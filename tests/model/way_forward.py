"""From every state there is a way to one site that serves all that was archived.

The way is shown by walking it: agents run on, started anew where they hung, the vault takes what there is to
archive, and an operator does what is advised below. AWS is never repaired for it: what is gone stays gone,
and who cannot reach the control blob does not reach it later.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.model.agents import agent_steps
from tests.model.explore import Bounds
from tests.model.operators import give, roll, up, withdrawal
from tests.model.properties import broken
from tests.model.rules import Rules
from tests.model.surroundings import archives
from tests.model.world import AWS, AZURE, Conf, Ordered, World, switches

_LONGEST = 80


@dataclass
class Ways:
    """Walks from states; remembers which states lead on."""

    bounds: Bounds
    rules: Rules
    _good: set[World] = field(default_factory=set[World])

    def stuck(self, world: World) -> list[str]:
        """The steps that lead nowhere; empty when they lead to a site that serves."""
        world = self.begun(world)
        walked: dict[World, None] = {}
        said: list[str] = []
        for _ in range(_LONGEST):
            if world in self._good or self.arrived(world):
                self._good.update(walked)
                return []
            walked[world] = None
            what, world = self.next(world, walked)
            said.append(what)
            if wrong := broken(world):
                return [*said, wrong]
            if not what:
                return [*said, "nothing helps"]
        return [*said, f"after {_LONGEST} steps nobody serves"]

    def begun(self, world: World) -> World:
        """Where the walk from ``world`` begins: the budgets of the exploration tell nothing apart here."""
        return world._replace(ups=1, orders=1, faults=0)

    def arrived(self, world: World) -> bool:
        """Whether this is where the way should lead."""
        return serves(world)

    def next(self, world: World, walked: dict[World, None]) -> tuple[str, World]:
        """One step on the way, to a state not seen on it; no words when there is none."""
        world = world._replace(minds=tuple(m if m and m.take else None for m in world.minds))
        if world.rolling is not None:
            what, after, _ = roll(world, self.rules)
            return what, after
        for what, after, _ in agent_steps(world, self.bounds.sites, self.rules):
            if "killed" not in what and after not in walked:
                return what, after
        for site in (AWS, AZURE):
            for what, after, _ in archives(world, site, self.rules):
                return what, after
        return self.operate(world)

    def operate(self, world: World) -> tuple[str, World]:
        """What is advised to an operator; no words when that is nothing."""
        order = advised_order(world, self.rules)
        if order is not None:
            for what, after, _ in give(world, order):
                return what, after
        conf = advised_settings(world)
        if conf != world.infra:
            for what, after, _ in up(world, conf, self.rules):
                return what, after
        return "", world


def serves(world: World) -> bool:
    """One site serves its users with all that was archived of its epoch, and the program sends them there."""
    control, now = world.control, switches(world.infra)
    base = world.base(control.writer)
    if base is None or not base.accepts or world.chain(control.epoch) & ~base.content:
        return False
    if world.rolling is not None or (
        control.order is not None and control.order.step in ("cutover", "drain")
    ):
        return False
    if control.writer == AZURE:
        return now.open and now.holds_traffic
    return world.aws_up and (now.aws_serves or not now.gateway_runs)


def aws_is_of_use(world: World) -> bool:
    """It serves, or would if its agent is told to."""
    return world.aws_up and (world.link or world.aws.accepts)


def advised_order(world: World, rules: Rules) -> Ordered | None:
    """What the runbook would have the operator order now."""
    order = world.control.order
    if order is not None and order.step in ("cutover", "drain", "sync"):
        return withdrawal(world)
    if world.control.writer == AZURE or aws_is_of_use(world) or world.azure is None:
        return None
    marker = world.azure.marker
    old = marker is not None and marker.verified and rules.ask.refusal(world.control, marker)
    if old and (order is None or order.kind != "replace" or order.step == "withdrawn"):
        return Ordered(world.ids + 1, "replace", "replace", 0, world.control.epoch)
    return None


def advised_settings(world: World) -> Conf:
    """What the runbook would have the operator set now."""
    epoch, now = world.control.epoch, world.infra
    if world.control.writer == AZURE:
        staying = now.mode == "failback" and not now.cutover
        return now if staying else Conf("emergency", enable=True)
    if not aws_is_of_use(world):
        return Conf("emergency", enable=True)
    if now.mode == "normal" or (epoch == 1 and not now.enable):
        return Conf("normal", enable=now.enable)
    if epoch == 1:
        return Conf("emergency", enable=True)
    if not now.enable:
        return Conf("normal", enable=False)
    return Conf("failback", enable=True, cutover=epoch)
