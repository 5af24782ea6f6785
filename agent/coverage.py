"""Through which time each epoch's archived log reaches, for the list of what could be restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.across import continued
from agent.archive.log import survey
from agent.epoch import Epoch
from agent.gtid import GtidSet
from agent.manifest import Manifest
from agent.storage import BlobStore


@dataclass(frozen=True)
class Coverage:
    """The log that continues the newest backup of an epoch.

    Attributes:
        backup: the newest one of the epoch.
        blobs: packs and segments that a restore from it reads.
        transactions: which they add to it, as a GTID set.
        through: commit time of the last of them, UTC, ISO 8601; None when there is none.
        hole: why a restore cannot go further, although the archive does; empty when it can.
        flaws: transactions that cannot be replayed.
    """

    epoch: int
    backup: str
    blobs: int
    transactions: str
    through: str | None
    hole: str
    flaws: tuple[str, ...]

    def __str__(self) -> str:
        if not self.blobs:
            text = f"epoch {self.epoch}: no log continues {self.backup}"
        else:
            count = GtidSet.parse(self.transactions).count()
            text = f"epoch {self.epoch}: the log continues {self.backup} with {count} transactions"
            text += f" to {self.through}" if self.through else ""
        return "; ".join([text, *filter(None, [self.hole, *self.flaws])])


def coverage(store: BlobStore, backups: Sequence[Manifest]) -> list[Coverage]:
    """The coverage of each epoch among ``backups``, which are sorted newest first.

    Raises:
        StorageError: the container cannot be read.
    """
    newest: dict[int, Manifest] = {}
    for manifest in backups:
        newest.setdefault(manifest.epoch, manifest)
    return [_of(store, manifest) for manifest in newest.values()]


def across_fork(store: BlobStore, epoch: Epoch, backups: Sequence[Manifest]) -> str:
    """How far the present epoch can be restored while it has no backup, as a sentence; empty where it has
    one, or no log that begins at its fork."""
    if not backups or backups[0].epoch != epoch.epoch - 1:
        return ""
    gtids = continued(store, epoch)
    if not gtids:
        return ""
    return (
        f"epoch {epoch.epoch}: no backup yet; its log holds {gtids.count()} transactions from its fork on, "
        f"which continue epoch {epoch.epoch - 1}"
    )


def _of(store: BlobStore, manifest: Manifest) -> Coverage:
    run = survey(store, manifest.epoch).run_for(GtidSet.parse(manifest.gtid_before))
    moment = datetime.fromtimestamp(run.through_us / 1e6, UTC) if run.through_us else None
    return Coverage(
        epoch=manifest.epoch,
        backup=manifest.backup,
        blobs=len(run.pieces),
        transactions=str(run.gtids),
        through=moment.isoformat(timespec="milliseconds") if moment else None,
        hole=run.hole,
        flaws=run.flaws,
    )
