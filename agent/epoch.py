"""Who writes: the epoch with the order that stands in it, and the Pulumi program's orders to running servers.

``control/epoch.json`` names the one site whose database takes writes and whose backups count. It changes only
by a write conditional on the ETag that was read, so that two sites that both want it cannot both get it.
``orders.json`` is written by the Pulumi program, in a container of its own.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, replace
from typing import cast

from agent.config import Site
from agent.errors import NotWriterError, StorageError
from agent.fields import Fields
from agent.gtid import GtidSet
from agent.handover.order import Order, order_from
from agent.storage import BlobChangedError, BlobMissingError, BlobStore

EPOCH_BLOB = "epoch.json"
ORDERS_BLOB = "orders.json"
_SITES = ("aws", "azure")


@dataclass(frozen=True)
class Epoch:
    """One period with one writer.

    Attributes:
        epoch: 1 for the first; every change of the writer adds one, and every loss of its server.
        fork_gtid: what the new writer's database held of the old writer's history when it took over. What the
            old writer committed beyond it was lost to the new one.
        cutover: a fresh id of this change; empty for the first epoch.
        order: what the operator wants to happen to this epoch; gone with it.
        etag: of the blob that was read; None when there was none, which means the first epoch.
        began_gtid: what the new writer's own server had committed when it held exactly ``fork_gtid``. Its
            archived log continues the old writer's from there on; empty: unknown.
    """

    epoch: int
    writer: Site
    fork_gtid: str
    cutover: str
    order: Order | None = None
    etag: str | None = None
    began_gtid: str = ""

    def require_writer(self, site: Site) -> None:
        """Refuse to go on unless ``site`` is the writer.

        Raises:
            NotWriterError: it is not.
        """
        if self.writer != site:
            raise NotWriterError(
                f"epoch {self.epoch} names {self.writer} as the writer; {site} does not dump"
            )


@dataclass(frozen=True)
class Orders:
    """What the operator wants of the Azure side. The defaults hold where no orders were given."""

    mode: str = "normal"
    open: bool = False
    maintenance: bool = False


def read_epoch(control: BlobStore) -> Epoch:
    """The present epoch; the first one, written by AWS, when none was ever written.

    Raises:
        StorageError: it cannot be read. Who cannot read the epoch must not act on a guess.
    """
    try:
        data, etag = control.read(EPOCH_BLOB)
    except BlobMissingError:
        return Epoch(1, "aws", "", "")
    f = Fields(_json(data, EPOCH_BLOB), "", EPOCH_BLOB, StorageError)
    for key in ("fork_gtid", "began_gtid"):
        try:
            GtidSet.parse(f.text(key, "", default=""))
        except ValueError as error:
            raise f.fail(key, str(error)) from error
    return Epoch(
        epoch=f.integer("epoch", least=1, most=2**53),
        writer=cast(Site, f.one_of("writer", _SITES)),
        fork_gtid=f.text("fork_gtid", "", default=""),
        cutover=f.text("cutover", "", default=""),
        order=order_from(f.fields("order")) if f.has("order") else None,
        etag=etag,
        began_gtid=f.text("began_gtid", "", default=""),
    )


def next_epoch(seen: Epoch, backup_epoch: int) -> int:
    """The number of the epoch that follows; see ``take_over``."""
    return max(seen.epoch, backup_epoch) + 1


def take_over(
    control: BlobStore,
    seen: Epoch,
    site: Site,
    *,
    fork_gtid: str = "",
    began_gtid: str = "",
    backup_epoch: int = 0,
) -> Epoch:
    """Make ``site`` the writer of the next epoch, if the epoch is still the one that was ``seen``.

    Args:
        fork_gtid, began_gtid: see ``Epoch``.
        backup_epoch: of the backup that the site was restored from. Above the epoch that was seen in a drill,
            which has its own control container and production's backups; the new epoch is above both.

    Raises:
        NotWriterError: it changed meanwhile.
        StorageError: it cannot be written.
    """
    number = next_epoch(seen, backup_epoch)
    new = Epoch(number, site, fork_gtid, uuid.uuid4().hex, began_gtid=began_gtid)
    try:
        return _write(control, new, seen)
    except BlobChangedError as error:
        current = read_epoch(control)
        if current.cutover == new.cutover:  # written by this very call, but its answer was lost
            return current
        raise NotWriterError(
            f"somebody else began epoch {current.epoch} with {current.writer} as the writer "
            f"while {site} was taking over from epoch {seen.epoch}; nothing was changed"
        ) from error


def renew(control: BlobStore, seen: Epoch, backup_epoch: int) -> Epoch:
    """Let the writer begin the next epoch in a new server: the lost one's log does not go on in it.

    The writer stays, so what the other site has beyond its fork is told by the old ``fork_gtid`` still; and
    the next dump begins the chain, because the log of before ends where nobody can say exactly.

    Args:
        backup_epoch: see ``take_over``.

    Raises:
        NotWriterError: the epoch or its order changed meanwhile.
        StorageError: it cannot be written.
    """
    new = replace(seen, epoch=next_epoch(seen, backup_epoch), order=None, began_gtid="")
    try:
        return _write(control, new, seen)
    except BlobChangedError as error:
        current = read_epoch(control)
        if current == replace(new, etag=current.etag):  # written by this very call, but its answer was lost
            return current
        raise _changed(seen, current) from error


def give_order(control: BlobStore, seen: Epoch, order: Order | None) -> Epoch:
    """Let ``order`` stand in the epoch that was ``seen``, if nothing changed since; None takes it away.

    Raises:
        NotWriterError: the epoch or its order changed meanwhile; read it again and decide anew.
        StorageError: it cannot be written.
    """
    new = replace(seen, order=order)
    try:
        return _write(control, new, seen)
    except BlobChangedError as error:
        current = read_epoch(control)
        if current == replace(new, etag=current.etag) and order is not None:
            return current  # written by this very call, but its answer was lost: the order's id is fresh
        raise _changed(seen, current) from error


def _changed(seen: Epoch, current: Epoch) -> NotWriterError:
    return NotWriterError(
        f"somebody changed epoch {seen.epoch} or its order meanwhile (now epoch {current.epoch}, writer "
        f"{current.writer}); nothing was changed; look again and repeat"
    )


def _write(control: BlobStore, new: Epoch, seen: Epoch) -> Epoch:
    document = asdict(new)
    del document["etag"]
    etag = control.put(EPOCH_BLOB, json.dumps(document, indent=1).encode(), etag=seen.etag)
    return replace(new, etag=etag)


def read_orders(orders: BlobStore | None) -> Orders:
    """The operator's orders; keys that this agent does not know are for others.

    None were given where there is no such blob, as for a moment whenever they change.
    """
    if orders is None:
        return Orders()
    try:
        data, _ = orders.read(ORDERS_BLOB)
    except BlobMissingError:
        return Orders()
    f = Fields(_json(data, ORDERS_BLOB), "", ORDERS_BLOB, StorageError)
    return Orders(
        mode=f.text("mode", "emergency"),
        open=f.boolean("open", default=False),
        maintenance=f.boolean("maintenance", default=False),
    )


def _json(data: bytes, where: str) -> object:
    try:
        return cast(object, json.loads(data))
    except ValueError as error:
        raise StorageError(f"the control blob {where} is not JSON: {error}; write it again") from error
