"""What nobody decides: users write, archives advance, clouds and links fail and come back."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.agents import Step
from tests.model.rules import Rules
from tests.model.world import AWS, AZURE, SITES, WRITES, Base, World


def surrounding_steps(world: World, limit: tuple[int, int], rules: Rules) -> Iterator[Step]:
    """All that may happen next.

    Args:
        limit: how many writes AWS and Azure acknowledge at most.
    """
    for site in (AWS, AZURE):
        yield from _writes(world, site, limit[site])
        yield from archives(world, site, rules)
    if world.faults:
        yield from _fails(world._replace(faults=world.faults - 1))
    if not world.aws_up:
        yield "AWS is back", world._replace(aws_up=True), ""
    elif not world.link:
        yield "AWS reaches the control blob again", world._replace(link=True), ""


def _writes(world: World, site: int, limit: int) -> Iterator[Step]:
    """A user's write. Whoever has the other cloud's address in a cache may still go there, so that DNS
    decides nothing here: what a database accepts, somebody writes."""
    base, count = world.base(site), world.written[site]
    if base is None or not base.accepts or count >= limit or (site == AWS and not world.aws_up):
        return
    more = base._replace(content=base.content | 1 << (site * WRITES + count))
    written = (count + 1, world.written[AZURE]) if site == AWS else (world.written[AWS], count + 1)
    yield f"a write in {SITES[site]}", world.with_base(site, more)._replace(written=written), ""


def archives(world: World, site: int, rules: Rules) -> Iterator[Step]:
    """The log reaches the vault under the last epoch that this site wrote: an agent that is not the writer
    any more archives the rest of its log too."""
    base = world.base(site)
    if base is None or (site == AWS and not (world.aws_up and world.link)):
        return
    epoch = world.control.epoch if world.control.writer == site else world.control.epoch - 1
    if epoch < 1:
        return
    own = base.marker is None or (
        base.marker.verified and (base.marker.served >= epoch or world.control.writer == site)
    )
    chain = max(world.chain(epoch), 0)
    if own and (base.content & ~chain or world.chain(epoch) < 0):
        chains = (*world.chains[: epoch - 1], chain | base.content, *world.chains[epoch:])
        yield f"{SITES[site]} archives to its end", world._replace(chains=chains), ""


def _fails(world: World) -> Iterator[Step]:
    minds = tuple(None if i in _aws(world) else mind for i, mind in enumerate(world.minds))
    if world.aws_up:
        yield "AWS is gone", world._replace(aws_up=False, minds=minds), ""
        if world.link:
            yield "AWS cannot reach the control blob", world._replace(link=False), ""
    else:
        elsewhere = world.vault | world.kept | (world.azure.content if world.azure else 0)
        lost = world.lost | world.aws.content & ~elsewhere
        empty = Base(0, closed=False, granted=True, marker=None)
        yield "AWS's database is destroyed", world._replace(aws=empty, lost=lost, fenced=0), ""


def _aws(world: World) -> range:
    """The processes of AWS stand before the last one, which is Azure's."""
    return range(len(world.minds) - 1)
