"""What a seed means: which faults come when, how the round ends, and what is restored."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

from tests.faults.mishap import Mishap, random_mishap
from tests.faults.proxy import Trouble, random_trouble

FAULTS = (
    "kill agent",
    "kill mysqldump",
    "kill mysql",
    "restart blobs",
    "cut network",
    "trouble",
    "second agent",
    "full disk",
    "wrong clock",
    "rotate",
    "purge",
    "fail over",
    "stall mysql",
    "kill log readers",
    "dump",
)
_WEIGHTS = (4, 3, 2, 2, 2, 8, 2, 2, 1, 2, 1, 1, 1, 2, 4)
_AMONG = 200  # plans that the rounds of a short campaign are chosen from


@dataclass(frozen=True)
class Plan:
    """One round.

    Attributes:
        based: the steps are counted from the first complete backup on; else from the beginning.
        steps: of the load, all sessions together; ``faults`` come when so many are done.
        service: the agent runs as a service with dumps of its own; else the archiver alone, dumps by command.
        ending: ``quiet``: faults end and everything must arrive. ``disaster``: all is killed as it stands.
        to: how far the restore goes: to the archived end, or to a moment of the round by time or by GTID.
        older: to that moment from any backup that serves it, by name, and not from the best one.
        mishap: what happens to the restore, which is then run again.
        restore_troubles: of the Blob endpoint meanwhile.
        verified: after a quiet end the newest chain is verified, which must not find it bad.
    """

    seed: str
    based: bool
    steps: int
    faults: tuple[tuple[int, str], ...]
    troubles: tuple[Trouble, ...]
    service: bool
    ending: Literal["quiet", "disaster"]
    to: Literal["end", "time", "gtid"]
    older: bool
    mishap: Mishap | None
    restore_troubles: tuple[Trouble, ...]
    verified: bool

    def __str__(self) -> str:
        faults = ", ".join(f"{name} after {step}" for step, name in self.faults)
        way = "service" if self.service else "archiver"
        restore = f"restore to {self.to}" + (f", {self.mishap}" if self.mishap else "")
        return f"seed {self.seed}: {way}, {faults or 'no fault'}, {self.ending} end, {restore}"


def plan_of(seed: str) -> Plan:
    """The plan that a seed leads to."""
    random = Random(seed)
    steps = random.randint(120, 350)
    names = random.choices(FAULTS, _WEIGHTS, k=random.choice((0, 1, 2, 2, 3, 4)))
    faults = sorted((random.randint(10, steps), name) for name in names)
    return Plan(
        seed=seed,
        based=random.random() < 0.9,
        steps=steps,
        faults=tuple(faults),
        troubles=tuple(random_trouble(random) for _ in range(random.choice((0, 0, 1, 2, 4)))),
        service=random.random() < 0.5,
        ending=random.choice(("quiet", "disaster")),
        to=random.choice(("end", "end", "time", "gtid")),
        older=random.random() < 0.25,
        mishap=random_mishap(random) if random.random() < 0.6 else None,
        restore_troubles=tuple(random_trouble(random) for _ in range(random.choice((0, 0, 1, 2)))),
        verified=random.random() < 0.25,
    )


def covering(seed: str, rounds: int) -> list[str]:
    """The seeds of so many rounds of ``seed`` in which every fault is ``told``, and each way of one comes.

    Each is the one that adds most to those before it, the first among equals. A campaign that is too short
    for chance would leave out some faults for ever, because its seed never changes.
    """
    among = [plan_of(f"{seed}-{number}") for number in range(_AMONG)]
    chosen: list[Plan] = []
    seen: set[str] = set()
    for _ in range(rounds):
        best = max(among, key=lambda plan: len(_kinds(plan) - seen))
        among.remove(best)
        chosen.append(best)
        seen |= _kinds(best)
    return [plan.seed for plan in chosen]


def told(plan: Plan) -> set[str]:
    """The faults after which something must be restored: a moment in a hole may rightly be out of reach."""
    return {name for _, name in plan.faults} if plan.based and plan.to == "end" else set()


def _kinds(plan: Plan) -> set[str]:
    ways = {f"service {plan.service}", f"{plan.ending} end", f"to {plan.to}", f"older {plan.older}"}
    return ways | told(plan) | ({f"restore: {plan.mishap.what}"} if plan.mishap else set())
