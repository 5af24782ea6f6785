"""What the operator ordered and what each site says of it. Documents only; nothing here acts.

The order stands inside ``control/epoch.json``, beside the epoch that it is for. So one conditional write
decides everything: whoever takes over does it with the ETag of a document in which the order stood, and an
order that was withdrawn or changed has another ETag. A new epoch has no order, so no old one acts later.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, cast

from agent.config import Site
from agent.errors import StorageError
from agent.fields import Fields
from agent.storage import BlobMissingError, BlobStore

Kind = Literal["failback", "planned", "replace"]
Step = Literal["sync", "cutover", "drain", "replace", "withdrawn"]
State = Literal[
    "draining", "drained", "reopened",  # of the source
    "waiting", "snapshot", "divergence", "restoring", "following", "differs", "ready", "serving",  # target
]  # fmt: skip
STEPS: Mapping[Kind, tuple[Step, ...]] = {
    "failback": ("sync", "cutover"),
    "planned": ("drain",),
    "replace": ("replace",),
}
_SITES: Mapping[Kind, tuple[Site, Site]] = {  # source, target
    "failback": ("azure", "aws"),
    "planned": ("aws", "azure"),
    "replace": ("aws", "azure"),
}
_STATES = (
    *("draining", "drained", "reopened"),
    *("waiting", "snapshot", "divergence", "restoring", "following", "differs", "ready", "serving"),
)


@dataclass(frozen=True)
class Order:
    """One order.

    Attributes:
        id: fresh with every write, so that an answer can be told from one to an earlier step.
        kind: ``failback``: AWS takes over from the standby. ``planned``: the standby takes over from AWS
            while both live. ``replace``: the standby's database has served in an earlier epoch and is
            replaced by a copy of the present one, because the writer is gone (a second disaster); nobody
            drains.
        step: ``sync``: the target holds a copy and follows. ``cutover``, ``drain``: the source drains too,
            and the target takes over (if planned, once the Pulumi program says that it may open).
        accept_divergence: digest of the exported transactions that the target's database has and the writer's
            lacks, and that may be overwritten; empty: none may.
        ordered: when, ISO 8601.
    """

    id: str
    kind: Kind
    step: Step
    accept_divergence: str = ""
    ordered: str = ""

    @property
    def source(self) -> Site:
        """The writer, from which the other site takes over."""
        return _SITES[self.kind][0]

    @property
    def target(self) -> Site:
        """The site that gets a copy, and takes over."""
        return _SITES[self.kind][1]

    @property
    def withdrawn(self) -> bool:
        """Nothing of it is wanted any more."""
        return self.step == "withdrawn"

    @property
    def drains(self) -> bool:
        """The source lets nobody write and archives its log to the end."""
        return self.step in ("cutover", "drain")


def new_order(kind: Kind, step: Step, accept_divergence: str = "") -> Order:
    """An order with a fresh id, ordered now."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Order(uuid.uuid4().hex, kind, step, accept_divergence, now)


def order_from(f: Fields) -> Order:
    """The order that stands in the control blob.

    Raises:
        StorageError: a key is wrong.
    """
    kind = cast(Kind, f.one_of("kind", tuple(STEPS)))
    return Order(
        id=f.text("id", uuid.uuid4().hex),
        kind=kind,
        step=cast(Step, f.one_of("step", (*STEPS[kind], "withdrawn"))),
        accept_divergence=f.text("accept_divergence", "", default=""),
        ordered=f.text("ordered", "", default=""),
    )


@dataclass(frozen=True)
class Fingerprint:
    """What tells whether two tables hold the same rows; see ``agent.dumpscan.TableRows``."""

    ordered: bool
    rows_sha256: str
    bytes: int


@dataclass(frozen=True)
class Divergence:
    """Transactions that a database has and the present epoch lacks, kept in the vault for people.

    Attributes:
        digest: names exactly this export; an order accepts it by this word.
        gtid: which transactions. transactions: how many. statements: how many changes in them, by table.
        blob: readable SQL, gzip, in the container of the backups.
        first, last: commit times of the first and last one, ISO 8601.
        unreadable: why some of them could not be rendered (the server's log is purged); empty: all were.
    """

    digest: str
    gtid: str
    transactions: int
    statements: Mapping[str, int]
    blob: str
    first: str
    last: str
    unreadable: str = ""


@dataclass(frozen=True)
class Answer:
    """What a site says of the present order.

    Attributes:
        epoch, order: what it is about (``Order.id``).
        sentence: the state in words, with what is waited for and what would help.
        gtid: source, drained: all that its database holds. Target: what its copy holds for certain.
        behind: target: archived transactions that the copy lacks.
        events: source: (schema, event) that ran and were switched off; the new writer switches them on.
        tables: fingerprints by ``schema.table`` in lower case, of the state ``gtid``. objects: how many of
            each kind.
        seconds: target: how long each phase took.
    """

    site: Site
    epoch: int
    order: str
    state: State
    sentence: str
    at: str = ""
    gtid: str = ""
    behind: int = 0
    events: tuple[tuple[str, str], ...] = ()
    tables: Mapping[str, Fingerprint] = field(default_factory=dict[str, Fingerprint])
    objects: Mapping[str, int] = field(default_factory=dict[str, int])
    divergence: Divergence | None = None
    snapshot: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])


def write_answer(signals: BlobStore, answer: Answer) -> None:
    """Say it; replaces what this site said before."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    document = {**asdict(answer), "at": now}
    signals.replace(_blob(answer.site), json.dumps(document, indent=1).encode())


def read_answer(signals: BlobStore, site: Site) -> Answer | None:
    """What ``site`` last said of an order; None when it never did.

    Raises:
        StorageError: it cannot be read, or is no such document. Who cannot read it must not act on a guess.
    """
    name = _blob(site)
    try:
        data, _ = signals.read(name)
    except BlobMissingError:
        return None
    try:
        document: object = json.loads(data)
    except ValueError as error:
        raise StorageError(f"{name} is not JSON: {error}") from error
    f = Fields(document, "", name, StorageError)
    return Answer(
        site=site,
        epoch=f.integer("epoch", least=1, most=2**53),
        order=f.text("order", "", default=""),
        state=cast(State, f.one_of("state", _STATES)),
        sentence=f.text("sentence", "", default=""),
        at=f.text("at", "2026-01-01T00:00:00.000+00:00"),
        gtid=f.text("gtid", "", default=""),
        behind=f.integer("behind", least=0, most=2**53),
        events=_events(document),
        tables=f.mapping("tables", _fingerprint),
        objects=f.mapping("objects", lambda g, key: g.integer(key, least=0, most=2**53)),
        divergence=_divergence(f.fields("divergence")) if f.has("divergence") else None,
        snapshot=f.text("snapshot", "", default=""),
        seconds=f.mapping("seconds", lambda g, key: g.number(key, least=0, most=1e9)),
    )


def _blob(site: Site) -> str:
    return f"order-{site}.json"


def _events(document: object) -> tuple[tuple[str, str], ...]:
    found = cast("dict[str, Any]", document).get("events") or []
    return tuple((str(schema), str(event)) for schema, event in found)


def _fingerprint(f: Fields, key: str) -> Fingerprint:
    g = f.fields(key)
    return Fingerprint(
        ordered=g.boolean("ordered"),
        rows_sha256=g.text("rows_sha256", "0" * 64),
        bytes=g.integer("bytes", least=0, most=2**62),
    )


def _divergence(f: Fields) -> Divergence:
    return Divergence(
        digest=f.text("digest", "0123456789abcdef"),
        gtid=f.text("gtid", "", default=""),
        transactions=f.integer("transactions", least=0, most=2**53),
        statements=f.mapping("statements", lambda g, key: g.integer(key, least=0, most=2**53)),
        blob=f.text("blob", "", default=""),
        first=f.text("first", "", default=""),
        last=f.text("last", "", default=""),
        unreadable=f.text("unreadable", "", default=""),
    )
