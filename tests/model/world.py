"""The world of the model: small values that stand for databases, blobs, processes and switches. No behaviour.

Data is a set of write tokens, a bit each: the first ``WRITES`` bits are transactions that AWS acknowledged,
the next ones those of Azure. A GTID set, a table's content and a chain in the vault are all such sets.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from agent.config import Site
from agent.epoch import Epoch, Orders
from agent.gtid import GtidSet
from agent.handover.order import Answer, Kind, Order, State, Step
from agent.marker import Marker
from components.config_reader import Reader
from components.switches import Switches, read_switches

WRITES = 3
AWS, AZURE = 0, 1
SITES: tuple[Site, Site] = ("aws", "azure")
OWN = ((1 << WRITES) - 1, ((1 << WRITES) - 1) << WRITES)
_UUIDS = ("a0000000-0000-0000-0000-000000000000", "b0000000-0000-0000-0000-000000000000")


class Ordered(NamedTuple):
    """The operator's order in the control blob.

    ``accept``: the divergence that may be overwritten. ``given``: in which epoch, which the tool cannot tell.
    """

    id: int
    kind: Kind
    step: Step
    accept: int
    given: int


class Control(NamedTuple):
    """``control/epoch.json``. Two of them are equal only if it is the same version of the blob.

    ``taken``: how the writer became it; the tool does not know that, the properties do.
    """

    epoch: int
    writer: int
    fork: int
    taken: str
    order: Ordered | None


class Said(NamedTuple):
    """A source's answer."""

    epoch: int
    order: int
    state: State
    gtid: int


class Copied(NamedTuple):
    """The marker inside a restored database."""

    verified: bool
    epoch: int
    gtid: int
    served: int


class Base(NamedTuple):
    """A database. ``closed``: the fence's lock is on. ``granted``: the application may write at all."""

    content: int
    closed: bool
    granted: bool
    marker: Copied | None

    @property
    def accepts(self) -> bool:
        """The application can write into it."""
        return self.granted and not self.closed


class Conf(NamedTuple):
    """What an operator set with ``pulumi config``. ``cutover``: of which epoch, 0 for none. ``weight``: only
    the operator's tool sets it here."""

    mode: str
    enable: bool
    cutover: int = 0
    release: bool = False
    maintenance: bool = False
    weight: int = 0


class Mind(NamedTuple):
    """What a process still goes by though the blob may have changed since.

    ``take``: it has decided to take over and is about to write; else it has only read.
    """

    seen: Control
    take: str = ""
    fork: int = 0


class World(NamedTuple):
    """One state. The last seven fields are bookkeeping of the model: budgets and history."""

    control: Control
    aws: Base
    azure: Base | None
    aws_up: bool
    link: bool
    chains: tuple[int, ...]
    kept: int
    exported: int
    said: tuple[Said | None, Said | None]
    blobs: Conf
    infra: Conf
    rolling: Conf | None
    minds: tuple[Mind | None, ...]
    written: tuple[int, int]
    lost: int
    fenced: int
    ups: int
    orders: int
    faults: int
    ids: int

    def base(self, site: int) -> Base | None:
        """The database of a site."""
        return self.aws if site == AWS else self.azure

    def with_base(self, site: int, base: Base) -> World:
        """The same world with another database there."""
        return self._replace(aws=base) if site == AWS else self._replace(azure=base)

    @property
    def vault(self) -> int:
        """All that any chain holds."""
        held = 0
        for chain in self.chains:
            held |= chain
        return held

    @property
    def acknowledged(self) -> int:
        """All that any user was told is saved."""
        return ((1 << self.written[AWS]) - 1) | (((1 << self.written[AZURE]) - 1) << WRITES)

    def chain(self, epoch: int) -> int:
        """What a restore of that epoch's chain would give."""
        return self.chains[epoch - 1]


@cache
def gtids(content: int) -> GtidSet:
    """The tokens as a GTID set."""
    found = [
        f"{_UUIDS[site]}:{number + 1}"
        for site in (AWS, AZURE)
        for number in range(WRITES)
        if content >> (site * WRITES + number) & 1
    ]
    return GtidSet.parse(",".join(found))


@cache
def epoch_of(control: Control) -> Epoch:
    """The document that the tool's own functions take."""
    o = control.order
    return Epoch(
        epoch=control.epoch,
        writer=SITES[control.writer],
        fork_gtid=str(gtids(control.fork)),
        cutover=f"cutover-{control.epoch}" if control.epoch > 1 else "",
        order=Order(str(o.id), o.kind, o.step, str(o.accept)) if o else None,
        etag="etag",
    )


@cache
def answer_of(site: int, said: Said | None) -> Answer | None:
    """As above."""
    if said is None:
        return None
    return Answer(SITES[site], said.epoch, str(said.order), said.state, "", gtid=str(gtids(said.gtid)))


@cache
def marker_of(copied: Copied | None) -> Marker | None:
    """As above."""
    if copied is None:
        return None
    state = "verified" if copied.verified else "loading"
    return Marker(state, "backup", copied.epoch, str(gtids(copied.gtid)), copied.served, (), {})


@cache
def read(conf: Conf) -> tuple[Switches | None, tuple[str, ...]]:
    """The program's own reading of the settings, and what it refuses about them."""
    cutover = f"cutover-{conf.cutover}" if conf.cutover else ""
    words = {
        "mode": conf.mode,
        "purpose": "production",
        "emergencyScope": "full",
        "enablePetclinic": str(conf.enable).lower(),
        "maintenance": str(conf.maintenance).lower(),
        "forceFailover": "false",
        "awsWeight": str(conf.weight),
        "cutover": cutover,
        "releaseDatabase": cutover if conf.release else "",
    }
    reader = Reader(words.get)
    found = read_switches(reader)
    return (None if reader.problems else found), tuple(reader.problems)


def switches(conf: Conf) -> Switches:
    """The switches of settings that the program takes."""
    found, problems = read(conf)
    assert found is not None, problems
    return found


@cache
def orders_of(conf: Conf) -> Orders:
    """What the agents on running servers read in ``orders.json``; nothing in mode normal."""
    now = switches(conf)
    return Orders(str(now.mode), now.open, now.maintenance) if now.gateway_runs else Orders()
