"""The protocol with one rule broken each: what the exploration must notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from agent.config import Site
from agent.epoch import Epoch, Orders
from agent.gtid import GtidSet
from agent.handover.decide import Duty, duty, receive_refusal
from agent.handover.order import Answer
from agent.marker import Marker
from tests.model.explore import Bounds
from tests.model.rules import Rules
from tests.model.starts import following, home_again, just_taken_home, normal, opened, second_time
from tests.model.world import AWS, AZURE, World

Start = Callable[[Bounds], World]


@dataclass(frozen=True)
class Mutant:
    """One broken rule, and where it shows.

    Attributes:
        rules: what is different. start, bounds: of the exploration that must find it.
        finds: what must be said then; empty: a state from which no way leads on.
    """

    name: str
    rules: Rules
    start: Start
    bounds: Bounds
    finds: str

    def __str__(self) -> str:
        return self.name


def broken(**different: Any) -> Rules:
    """The protocol, but for this."""
    return replace(Rules(), **different)


def _reopens_though_ordered(
    site: Site, epoch: Epoch, program: Orders | None, own: Answer | None, marker: Marker | None
) -> Duty:
    """The source opens what it drained while the order stands."""
    right = duty(site, epoch, program, own, marker)
    closed = own is not None and own.epoch == epoch.epoch and own.state == "drained"
    return Duty.REOPEN if right is Duty.DRAIN and closed else right


def _copy_though_it_served(marker: Marker | None, epoch: Epoch) -> bool:
    return marker is not None and marker.state == "verified"


def _any_order(epoch: Epoch, source: Answer | None, reached: GtidSet) -> str:
    """What was drained for an earlier order counts too."""
    if source is not None and epoch.order is not None:
        source = replace(source, order=epoch.order.id)
    return receive_refusal(epoch, source, reached)


_DRAINING = Bounds(writes=(1, 2), ups=0, orders=2, faults=0)
_OPENED = Bounds(writes=(3, 2), ups=1, orders=2, faults=0)
_NORMAL = Bounds(writes=(2, 1), ups=2, orders=1, faults=1)
_FIRST = Bounds(writes=(1, 1), ups=1, orders=1, faults=0)
_FOLLOWING = Bounds(writes=(2, 2), ups=1, orders=3, faults=1)
_HOME = Bounds(writes=(2, 2), ups=2, orders=1, faults=1)

MUTANTS = (
    Mutant(
        "the target reads the ETag again before it writes",
        broken(conditional_writes=False),
        following,
        _DRAINING,
        "Azure accepts writes",
    ),
    Mutant(
        "an order is written over what came since it was decided on",
        broken(conditional_orders=False),
        following,
        _FOLLOWING,
        "accepts writes",
    ),
    Mutant(
        "the source reopens while it is to drain",
        broken(duty=_reopens_though_ordered),
        following,
        _DRAINING,
        "Azure accepts writes",
    ),
    Mutant(
        "a writer opens what was fenced before it knows its duty",
        broken(duty_before_release=False),
        following,
        _DRAINING,
        "Azure accepts writes",
    ),
    Mutant(
        "drained is said before nobody can write",
        broken(lock_before_draining_ends=False),
        following,
        _DRAINING,
        "Azure accepts writes",
    ),
    Mutant(
        "what was drained for an earlier order counts for this one",
        broken(receive_refusal=_any_order),
        following,
        _FOLLOWING,
        "Azure accepts writes",
    ),
    Mutant(
        "an order lives on in the next epoch",
        broken(clears_the_order=False),
        following,
        Bounds(writes=(1, 1), ups=4, orders=1, faults=1),
        "an order of an old epoch acted",
    ),
    Mutant(
        "a database is replaced without a dump of it",
        broken(keeps_what_is_replaced=False),
        opened,
        _OPENED,
        "without a dump",
    ),
    Mutant(
        "a divergence is overwritten that nobody accepted",
        broken(wants_acceptance=False),
        opened,
        _OPENED,
        "a divergence was overwritten",
    ),
    Mutant(
        "a target loads before the fence holds",
        broken(waits_for_the_fence=False),
        normal,
        _FIRST,
        "while the application could write",
    ),
    Mutant("AWS is not fenced", broken(must_close=lambda *_: False), opened, _OPENED, "AWS was closed"),
    Mutant(
        "a database that served counts as a copy, and is not compared",
        broken(is_copy=_copy_though_it_served, compares=False),
        second_time,
        Bounds(writes=(2, 1), ups=0, orders=1, faults=0),
        "other data",
    ),
    Mutant(
        "the standby opens unasked beside an order to drain the writer",
        broken(may_open_unasked=lambda _: True),
        normal,
        _NORMAL,
        "was being drained",
    ),
    Mutant(
        "a standby opens with the data of an old epoch",
        broken(refusal=lambda *_: "", follows_before_opening=False),
        home_again,
        _HOME,
        "other data",
    ),
    Mutant(
        "the standby's database is not protected",
        broken(protected=lambda _: False),
        opened,
        _OPENED,
        "last copy",
    ),
    Mutant(
        "no restore of an epoch that has no dump yet",
        broken(chains_cross_forks=False),
        following,
        Bounds(writes=(1, 1), ups=1, orders=1, faults=1),
        "",
    ),
)

# Found on the way, in what was built or decided on 25 November 2026; each is gone with the rule named.
COUNTEREXAMPLES = (
    Mutant(
        "a standby that opens without following first serves without what AWS archived since its restore",
        broken(follows_before_opening=False),
        normal,
        _NORMAL,
        "less than the vault held",
    ),
    Mutant(
        "a database that serves before its marker says so is taken for a copy later, its writes overwritten",
        broken(marks_before_opening=False),
        just_taken_home,
        _OPENED,
        "a divergence was overwritten",
    ),
    Mutant(
        "enablePetclinic off takes the protection away, and mode normal then deletes what was served",
        broken(stays_enabled=False),
        opened,
        _HOME,
        "last copy",
    ),
    Mutant(
        "two agents in AWS: one that was about to open the accounts does so after the other fenced them",
        broken(locks_the_site=False),
        normal,
        Bounds(writes=(1, 1), ups=1, orders=2, faults=0, sites=(AWS, AWS, AZURE)),
        "AWS was closed",
    ),
    Mutant(
        "two agents in Azure: one opens again what the other has drained since, after AWS took over",
        broken(locks_the_site=False),
        following,
        Bounds(writes=(1, 2), ups=0, orders=3, faults=0, sites=(AWS, AZURE, AZURE)),
        "Azure accepts writes",
    ),
)
