"""What an agent does between two looks at the control blob, one effect at a time.

A process reads the epoch, decides, and acts; between any two of these others act and it may die. Reading and
acting at once is the ordinary case. The others are the states in which a process still goes by an epoch
(``Mind``) that has changed since: when the blob changes, every other process may have read it just before.
A process that dies is one that takes no further step, and one that starts again reads anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.handover.decide import Duty
from tests.model.rules import Rules, has_own, may_load_at_boot
from tests.model.world import AWS, AZURE, OWN, SITES, Control, Copied, Mind, Said, World

Step = tuple[str, World, str]  # what happens, the world after it, and what it broke by that (or "")
_TARGETS = (Duty.FOLLOW, Duty.RECEIVE, Duty.REPLACE)
_CLOSED = ("draining", "drained")


def agent_steps(world: World, sites: tuple[int, ...], rules: Rules) -> Iterator[Step]:
    """All that any agent may do next."""
    for process, site in enumerate(sites):
        if world.base(site) is None or (site == AWS and not world.aws_up):
            continue
        mind = world.minds[process]
        if mind is not None and mind.take:
            yield from _take(world, process, site, mind, rules)
        elif mind is not None:
            alone = _alone(world, process, sites) if rules.locks_the_site else world
            for what, after, broken in _acts(alone, process, site, mind.seen, rules):
                yield f"{what}, going by an older read", after, broken
        if site == AZURE or world.link:
            anew = world._replace(minds=_with(world.minds, process, None))
            alone = _alone(anew, process, sites) if rules.locks_the_site else anew
            yield from _acts(alone, process, site, world.control, rules)


def _alone(world: World, process: int, sites: tuple[int, ...]) -> World:
    """Only one process of a site reads and acts at a time: its twins read again when it is their turn."""
    if len(sites) == len(set(sites)):
        return world
    minds = enumerate(world.minds)
    return world._replace(
        minds=tuple(m if i == process or sites[i] != sites[process] else None for i, m in minds)
    )


def changed(world: World, control: Control, by: int | None) -> Iterator[World]:
    """The control blob is written; each other process may have read it just before or go by an older read."""
    found = [world._replace(control=control)]
    if by is not None:
        found = [each._replace(minds=_with(each.minds, by, None)) for each in found]
    for process, mind in enumerate(world.minds):
        if process == by:
            continue
        read = Mind(world.control)
        kept = [read] if mind is None else [mind, read]
        found = [each._replace(minds=_with(each.minds, process, k)) for each in found for k in kept]
    yield from found


def _with(minds: tuple[Mind | None, ...], process: int, mind: Mind | None) -> tuple[Mind | None, ...]:
    return (*minds[:process], mind, *minds[process + 1 :])


def _acts(world: World, process: int, site: int, seen: Control, rules: Rules) -> Iterator[Step]:
    base = world.base(site)
    assert base is not None
    own = world.said[site]
    duty = rules.ask.duty(site, seen, world.blobs, own, base.marker)
    if site == AZURE and may_load_at_boot(base.marker, base.content, seen, site) and duty not in _TARGETS:
        yield from _load(world, site, seen, 0)
        return
    if seen.writer == site:
        yield from _writer(world, process, site, seen=seen, duty=duty, rules=rules)
        return
    if rules.ask.must_close(site, seen, base.marker) and not base.closed:
        closed = world.with_base(site, base._replace(closed=True))
        if site == AWS:
            closed = closed._replace(fenced=max(closed.fenced, seen.epoch))
        yield f"{SITES[site]} is closed by the fence", closed, ""
    elif site == AWS and world.fenced < seen.epoch:
        yield "aws has looked at the epoch", world._replace(fenced=seen.epoch), ""
    if site == AZURE:
        yield from _open_unasked(world, process, seen, rules)
    if site == AZURE or world.link:
        if not base.accepts and _own_beyond(world, site, seen) & ~world.exported:
            more = _own_beyond(world, site, seen)
            kept = world._replace(exported=more, kept=world.kept | more)
            yield f"{SITES[site]} exports what only it has", kept, ""
        if duty in _TARGETS:
            yield from _target(world, process, site, seen=seen, duty=duty, rules=rules)


# --- the writer ---


def _writer(
    world: World, process: int, site: int, *, seen: Control, duty: Duty, rules: Rules
) -> Iterator[Step]:
    base, who = world.base(site), SITES[site]
    assert base is not None
    if base.closed and not rules.duty_before_release and duty is Duty.DRAIN:
        yield f"{who} opens its accounts", world.with_base(site, base._replace(closed=False)), ""
    reachable = site == AZURE or world.link
    if duty is Duty.DRAIN and reachable:
        yield from _drain(world, site, seen, rules)
    elif duty is Duty.WITHDRAW and seen == world.control and seen.order is not None:
        order = seen.order._replace(id=-seen.order.id, step="withdrawn")
        for after in changed(world, seen._replace(order=order), process):
            yield f"{who} withdraws the order", after, ""
    elif duty is Duty.REOPEN:
        if base.closed:
            yield f"{who} opens what it had drained", world.with_base(site, base._replace(closed=False)), ""
        elif reachable:
            said = world.said[site]
            assert said is not None
            yield f"{who} says reopened", _say(world, site, said._replace(state="reopened")), ""
    elif duty is Duty.NONE:
        yield from _finish(world, site, seen, rules)


def _drain(world: World, site: int, seen: Control, rules: Rules) -> Iterator[Step]:
    base, said, order, who = world.base(site), world.said[site], seen.order, SITES[site]
    assert base is not None and order is not None
    if said is None or (said.epoch, said.order) != (seen.epoch, order.id) or said.state not in _CLOSED:
        late = "an order of an old epoch acted" if order.given != seen.epoch else ""
        yield f"{who} says draining", _say(world, site, Said(seen.epoch, order.id, "draining", 0)), late
        return
    if not base.closed:
        yield f"{who} is closed to drain it", world.with_base(site, base._replace(closed=True)), ""
        if rules.lock_before_draining_ends:
            return
    archived = not base.content & ~world.chain(seen.epoch)
    if said.state == "draining" and (archived or not rules.archive_before_drained):
        drained = Said(seen.epoch, order.id, "drained", base.content)
        yield f"{who} says drained", _say(world, site, drained), ""


def _finish(world: World, site: int, seen: Control, rules: Rules) -> Iterator[Step]:
    """The rest of an opening. Without ``marks_before_opening`` in no order: each part may fail for long."""
    base, who = world.base(site), SITES[site]
    assert base is not None
    marker = base.marker
    behind = marker is not None and marker.verified and marker.served < seen.epoch
    if behind:
        assert marker is not None
        served = base._replace(marker=marker._replace(served=seen.epoch))
        yield f"{who} notes in its database that it serves", world.with_base(site, served), ""
    if not (behind and rules.marks_before_opening) and (base.closed or not base.granted):
        usable = marker is None or marker.verified
        if usable:
            opened = base._replace(closed=False, granted=True)
            yield f"{who} lets the application write", world.with_base(site, opened), ""


def _say(world: World, site: int, said: Said) -> World:
    aws, azure = world.said
    return world._replace(said=(said, azure) if site == AWS else (aws, said))


# --- becoming the writer ---


def _open_unasked(world: World, process: int, seen: Control, rules: Rules) -> Iterator[Step]:
    base = world.azure
    assert base is not None
    if not (rules.ask.wants_to_open(world.blobs, seen) and rules.ask.may_open_unasked(seen)):
        return
    if rules.ask.refusal(seen, base.marker) or base.marker is None:
        return
    missing = max(world.chain(seen.epoch), 0) & ~base.content
    if missing and rules.follows_before_opening:
        yield from _follow(world, AZURE, seen, base.marker)
        return
    broken = "opened with less than the vault held" if missing else ""
    mind = Mind(seen, "unasked", base.marker.gtid)
    decided = world._replace(minds=_with(world.minds, process, mind))
    yield "azure decides to open", decided, broken


def _take(world: World, process: int, site: int, mind: Mind, rules: Rules) -> Iterator[Step]:
    """The conditional write; a failed one leaves nothing behind."""
    seen, now, who = mind.seen, world.control, SITES[site]
    if site == AWS and not (world.link and _may_write_control(world)):
        return
    same = seen == now
    if not rules.conditional_writes:
        same = (seen.epoch, seen.writer) == (now.epoch, now.writer)
    if not same:
        yield f"{who} finds the epoch changed", world._replace(minds=_with(world.minds, process, None)), ""
        return
    left = None if rules.clears_the_order else seen.order
    new = Control(seen.epoch + 1, site, mind.fork, mind.take, left)
    wrong = _wrong_to_take(world, site, mind)
    chain = mind.fork if rules.chains_cross_forks else -1
    world = world._replace(chains=(*world.chains, chain))
    for after in changed(world, new, process):
        yield f"{who} takes over: epoch {new.epoch}", after, wrong


def _wrong_to_take(world: World, site: int, mind: Mind) -> str:
    base, source, order = world.base(site), world.base(1 - site), mind.seen.order
    assert base is not None
    if base.content != mind.fork:
        return "took over with other data than it says"
    beside = mind.take == "unasked" and order is not None and order.step == "drain"
    if beside and source is not None and source.content & OWN[1 - site] & ~mind.fork:
        return "opened without what the writer was being drained of"
    return ""


def _may_write_control(world: World) -> bool:
    """The role that lets the AWS side write the epoch exists in mode failback only."""
    return world.infra.mode == "failback"


# --- getting a copy ---


def _own_beyond(world: World, site: int, seen: Control) -> int:
    base = world.base(site)
    if base is None or not has_own(base.marker, base.content):
        return 0
    return base.content & OWN[site] & ~seen.fork


def _target(
    world: World, process: int, site: int, *, seen: Control, duty: Duty, rules: Rules
) -> Iterator[Step]:
    base, order, who = world.base(site), seen.order, SITES[site]
    assert base is not None and order is not None
    if base.accepts and rules.waits_for_the_fence:
        return
    if not rules.ask.is_copy(base.marker, seen):
        yield from _replace(world, site, seen, duty, rules)
        return
    assert base.marker is not None
    if duty is Duty.REPLACE:  # all that is left to do is to say so
        return
    if base.marker.gtid != world.chain(seen.epoch):
        yield from _follow(world, site, seen, base.marker)
    source, held = world.said[seen.writer], base.marker.gtid
    if duty is not Duty.RECEIVE or rules.ask.receive_refusal(seen, source, held):
        return
    if rules.compares and (source is None or source.gtid != base.content):  # the fingerprints differ
        return
    if order.kind == "planned" and not rules.ask.wants_to_open(world.blobs, seen):
        return
    mind = Mind(seen, "order", held)
    decided = world._replace(minds=_with(world.minds, process, mind))
    yield f"{who} finds that it holds all that was drained", decided, ""


def _replace(world: World, site: int, seen: Control, duty: Duty, rules: Rules) -> Iterator[Step]:
    base, order, who = world.base(site), seen.order, SITES[site]
    assert base is not None and order is not None
    beyond = _own_beyond(world, site, seen)
    if duty is not Duty.REPLACE and rules.wants_acceptance and beyond and order.accept != beyond:
        return
    loading = base.marker is not None and not base.marker.verified
    if rules.keeps_what_is_replaced and not loading and base.content & ~world.kept:
        kept = world._replace(kept=world.kept | base.content)
        yield f"{who} keeps a dump of what is replaced", kept, ""
        return
    yield from _load(world, site, seen, 0 if duty is Duty.REPLACE else order.accept)


def _load(world: World, site: int, seen: Control, accepted: int) -> Iterator[Step]:
    """Clear and load, with a moment between in which the copy is half there."""
    base, who = world.base(site), SITES[site]
    assert base is not None
    chain = world.chain(seen.epoch)
    if chain < 0:
        return  # no base of this epoch: nothing can be restored
    if base.marker is None or base.marker.verified:
        begun = base._replace(content=0, marker=Copied(False, seen.epoch, 0, 0))
        yield (
            f"{who} begins to load epoch {seen.epoch}",
            world.with_base(site, begun),
            _overwritten(world, site, seen, accepted),
        )
        return
    done = base._replace(content=chain, marker=Copied(True, seen.epoch, chain, 0))
    yield f"{who} has loaded epoch {seen.epoch}", world.with_base(site, done), ""


def _overwritten(world: World, site: int, seen: Control, accepted: int) -> str:
    """What is wrong with replacing this database now."""
    base, order = world.base(site), seen.order
    assert base is not None
    if base.accepts:
        return "replaced while the application could write into it"
    if base.content & ~world.kept:
        return "replaced without a dump of it"
    diverged = base.content & OWN[site] & ~seen.fork
    if order is not None and order.kind != "replace" and diverged & ~accepted:
        return "a divergence was overwritten that nobody accepted"
    return ""


def _follow(world: World, site: int, seen: Control, marker: Copied) -> Iterator[Step]:
    base, who, chain = world.base(site), SITES[site], world.chain(seen.epoch)
    assert base is not None
    if chain < 0:
        return
    more = base._replace(content=base.content | chain, marker=marker._replace(gtid=chain))
    yield f"{who} replays what was archived since", world.with_base(site, more), ""
    torn = base._replace(content=0, marker=marker._replace(verified=False))
    yield f"{who} is killed while it replays", world.with_base(site, torn), ""
