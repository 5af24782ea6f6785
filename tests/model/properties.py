"""What must hold in every state."""

from __future__ import annotations

from tests.model.world import AWS, AZURE, OWN, World


def broken(world: World) -> str:
    """The first property that does not hold; empty when all do."""
    return _one_writer(world) or _nothing_lost_on_purpose(world) or _nothing_lost(world)


def _one_writer(world: World) -> str:
    """At no time do two databases take the application's writes, except AWS's in the window in which its
    agent has not looked since Azure opened unasked."""
    control = world.control
    azure = world.azure is not None and world.azure.accepts
    if control.writer == AWS and azure:
        return "Azure accepts writes, and AWS is the writer"
    if control.writer == AZURE and world.aws_up and world.aws.accepts:
        if control.taken != "unasked":
            return "AWS accepts writes after it was drained"
        if world.fenced >= control.epoch:
            return "AWS was closed in this epoch and accepts writes again"
    return ""


def _nothing_lost_on_purpose(world: World) -> str:
    """What took over by an order lacks nothing that the source acknowledged."""
    control = world.control
    if control.taken != "order":
        return ""
    source = world.base(1 - control.writer)
    if source is None or (source.marker is not None and not source.marker.served):
        return ""
    if source.content & OWN[1 - control.writer] & ~control.fork:
        return "the drained source holds writes that the new writer lacks"
    return ""


def _nothing_lost(world: World) -> str:
    """Every acknowledged write is in a database, in the vault, or was lost with AWS's database in a disaster
    before it was archived, which is the loss that is stated."""
    azure = world.azure.content if world.azure is not None else 0
    held = world.aws.content | azure | world.vault | world.kept | world.lost
    if world.acknowledged & ~held:
        return "an acknowledged write is nowhere any more"
    return ""
