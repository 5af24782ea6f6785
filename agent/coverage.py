"""Through which time each epoch's archived log reaches, for the list of what could be restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice

from agent.across import continued
from agent.archive.log import survey
from agent.catalog import batches
from agent.catalog import survey as list_backups
from agent.epoch import Epoch
from agent.gtid import GtidSet
from agent.manifest import Manifest
from agent.signals import verified
from agent.storage import BlobStore

_NEWEST = 12  # of backups every five minutes an hour's: it takes seconds to replay so much log


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


def has_base(store: BlobStore, signals: BlobStore, epoch: int) -> bool:
    """Whether one of the newest backups is certain to serve all that is archived of ``epoch``.

    It says exactly what it holds of the tables that are replayed in order, nobody found it bad, and the log
    from it on is whole. With an older base a restore replays more; without one it loses minutes.

    Raises:
        StorageError: a container cannot be read.
    """
    log = survey(store, epoch)
    bad = {result.backup for result in verified(signals, epoch) if not result.base_ok}
    for manifest in islice(chain.from_iterable(batches(store, list_backups(store))), _NEWEST):
        if manifest.epoch == epoch and manifest.gtid_exact is not None and manifest.backup not in bad:
            run = log.run_for(GtidSet.parse(manifest.gtid_before))
            if not run.hole and not run.flaws:
                return True
    return False


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
