"""Where users end up: DNS by Route 53's rules, checks that look late, caches, what stands at each address.

The tree is that of ``components/aws/failover_dns.py``; who answers is decided by ``route53_rules``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from cli.operate.rules import NORMAL
from components.config_reader import Reader
from components.switches import Switches, read_switches
from sandbox.clouds.route53_rules import Alias, Check, LoadBalancer, Record, Zone, resolve

AWS_ADDRESS, AZURE_ADDRESS = "aws", "azure"
_DICE = (0.0, 0.999)


class Words(NamedTuple):
    """What an operator set."""

    mode: str
    enable: bool = False
    weight: int = 0
    cutover: bool = False
    force: bool = False


class Traffic(NamedTuple):
    """One state.

    Attributes:
        records: the settings that AWS's records were last deployed with. azure: those of Azure's side.
        hold: the blob stands. gateway: it answers. origin: AWS's application answers.
        seen: what the checks last saw of origin, hold and gateway.
        caches: addresses that some client still holds.
    """

    records: Words
    azure: Words
    hold: bool
    gateway: bool
    origin: bool
    seen: tuple[bool, bool, bool]
    caches: frozenset[str]

    @property
    def found(self) -> frozenset[str]:
        """All addresses that some client may go to now."""
        return self.caches | answers(self.records, self.seen)

    @property
    def settled(self) -> bool:
        """The checks know what is, and nothing is half deployed."""
        same = self.records == self.azure or switches(self.azure).frozen_aws
        return same and self.seen == (self.origin, self.hold, self.gateway)


@cache
def switches(words: Words) -> Switches:
    """The program's own reading; the settings must be such that it takes them."""
    found = switches_or_none(words)
    assert found is not None, words
    return found


@cache
def switches_or_none(words: Words) -> Switches | None:
    """As above, or None where the program refuses them."""
    settings = {
        "mode": words.mode,
        "purpose": "production",
        "emergencyScope": "full",
        "enablePetclinic": str(words.enable).lower(),
        "maintenance": "false",
        "forceFailover": str(words.force).lower(),
        "awsWeight": str(words.weight),
        "cutover": "cutover-1" if words.cutover else "",
    }
    reader = Reader(settings.get)
    found = read_switches(reader)
    return None if reader.problems else found


@cache
def all_words() -> tuple[Words, ...]:
    """All settings that the program takes."""
    found = (
        Words(mode, enable, weight, cutover, force)
        for mode in ("normal", "emergency", "failback")
        for enable in (False, True)
        for weight in (0, 50, 100)
        for cutover in (False, True)
        for force in (False, True)
    )
    return tuple(words for words in found if switches_or_none(words) is not None)


@cache
def answers(records: Words, seen: tuple[bool, bool, bool]) -> frozenset[str]:
    """What a client may be answered that asks now."""
    now = switches(records)
    origin, hold, gateway = seen
    weight = now.aws_weight if now.aws_serves else 100
    checks = (
        Check("origin"),
        Check("hold-off", inverted=True),
        Check("gateway-silent", inverted=True),
        Check("primary", children=("origin", "hold-off"), threshold=3 if now.force_failover else 2),
        Check("secondary", inverted=True, children=("gateway-silent", "hold-off"), threshold=2),
    )
    tree = (
        _record("mix", "aws", alias="alb", check="origin", weight=weight),
        _record("mix", "azure", check="secondary", weight=100 - weight),
        Record(
            "tree",
            "A",
            alias=Alias("mix", True),
            failover="PRIMARY",
            set_identifier="p",
            health_check="primary",
        ),
        Record(
            "tree",
            "A",
            (AZURE_ADDRESS,),
            60,
            failover="SECONDARY",
            set_identifier="s",
            health_check="secondary",
        ),
    )
    zone = Zone(
        records=tree,
        checks={check.id: check for check in checks},
        observed={"origin": origin, "hold-off": hold, "gateway-silent": gateway},
        load_balancers={"alb": LoadBalancer((AWS_ADDRESS,), ((origin,),))},
    )
    found: set[str] = set()
    for dice in _DICE:
        answer = resolve("tree", "A", zone, lambda dice=dice: dice)
        assert answer is not None
        found.update(answer.values)
    return frozenset(found)


def _record(name: str, which: str, *, check: str, weight: int, alias: str = "") -> Record:
    return Record(
        name,
        "A",
        values=() if alias else (which,),
        ttl=None if alias else 60,
        alias=Alias(alias, False) if alias else None,
        weight=weight,
        set_identifier=which,
        health_check=check,
    )


def reached(world: Traffic, address: str) -> str:
    """What a client finds at an address."""
    now = switches(world.azure)
    if address == AWS_ADDRESS or (world.gateway and now.aws_serves):
        return "PetClinic in AWS" if world.origin else "an error"
    if not world.gateway:
        return "nothing"
    return "PetClinic in Azure" if now.open else "the maintenance page"


def after(world: Traffic, *, patient: bool) -> Iterator[tuple[str, Traffic]]:
    """All that may happen next.

    Args:
        patient: who goes back to normal waits until DNS answers AWS only and no cache holds Azure's address,
            and takes forceFailover back, as the operator's tool does; and nothing else happens in the minute
            and a half in which the check of the gateway has not seen yet that it is gone.
    """
    blind = patient and world.seen[2] and not world.gateway
    for words in all_words():
        if words != world.azure and not blind and not (patient and _too_early(world, words)):
            yield f"pulumi up: {words}", _deployed(world, words)
    if world.records != world.azure and not switches(world.azure).frozen_aws:
        yield "pulumi up goes on in AWS", world._replace(records=world.azure)
    if world.hold:
        yield "the hold alone is dropped", world._replace(hold=False)
    if not blind:
        yield "AWS's origin fails or comes back", world._replace(origin=not world.origin)
    truth = (world.origin, world.hold, world.gateway)
    for index, what in enumerate(("origin", "hold", "gateway")):
        seen = (*world.seen[:index], truth[index], *world.seen[index + 1 :])
        yield f"the check of the {what} looks", world._replace(seen=(seen[0], seen[1], seen[2]))
    now = answers(world.records, world.seen)
    yield "a client asks DNS", world._replace(caches=world.caches | now)
    yield "the caches run out", world._replace(caches=now)


def _deployed(world: Traffic, words: Words) -> Traffic:
    """Azure's half of a ``pulumi up``; AWS's comes later, or not at all while it is frozen."""
    now = switches(words)
    return world._replace(azure=words, hold=now.holds_traffic, gateway=now.gateway_runs)


def _too_early(world: Traffic, words: Words) -> bool:
    if switches(words).gateway_runs or not world.gateway:
        return False
    only_aws = world.found == frozenset({AWS_ADDRESS})
    return words.force != NORMAL["force"] or world.hold or not only_aws or not world.settled


def normal() -> Traffic:
    """AWS serves, and nothing listens in Azure."""
    words = Words("normal")
    return Traffic(words, words, False, False, True, (True, False, False), frozenset({AWS_ADDRESS}))


@dataclass
class Seen:
    """All states from ``normal`` on; ``depth`` of the last one."""

    before: dict[Traffic, tuple[Traffic | None, str]] = field(
        default_factory=dict[Traffic, "tuple[Traffic | None, str]"]
    )
    depth: int = 0

    @classmethod
    def explored(cls, *, patient: bool) -> Seen:
        """To closure."""
        found = cls({normal(): (None, "")})
        edge = [normal()]
        while edge:
            further: list[Traffic] = []
            for world in edge:
                for what, then in after(world, patient=patient):
                    if then not in found.before:
                        found.before[then] = (world, what)
                        further.append(then)
            found.depth += bool(further)
            edge = further
        return found
