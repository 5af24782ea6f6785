"""May this database be loaded into? Decided from what it holds, before anything is touched."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from agent.config import Site
from agent.database import Session
from agent.epoch import Epoch
from agent.errors import GuardError
from agent.marker import Marker
from agent.objects import count_objects


class Target(Enum):
    """What the target database is."""

    EMPTY = "empty"
    UNFINISHED = "holds an unfinished restore"
    RESTORED = "was restored and verified, and may have served since"
    FOREIGN = "holds data that no restore of ours put there"


def inspect(database: Session, schemas: Sequence[str], marker: Marker | None) -> Target:
    """What the schemas of interest hold."""
    if marker is not None and marker.state == "loading":
        return Target.UNFINISHED
    if not any(count_objects(database, schemas).values()):
        return Target.EMPTY
    return Target.FOREIGN if marker is None else Target.RESTORED


def require_schemas(configured: Sequence[str], dumped: Sequence[str], backup: str) -> None:
    """Refuse a backup of other schemas: what it would replace was not looked at.

    Raises:
        GuardError: the sets differ, whatever their capitals.
    """
    here, there = ({schema.lower() for schema in schemas} for schemas in (configured, dumped))
    if here != there:
        raise GuardError(
            f"database.schemas is {sorted(here)}, and {backup} is of {sorted(there)}; nothing was touched. "
            "Name the same schemas"
        )


def holds_own(target: Target, marker: Marker | None) -> bool:
    """Whether the database may hold what no other one does: not a copy that never served, nor half of one."""
    if target is Target.RESTORED:
        return marker is not None and marker.served_epoch > 0
    return target is Target.FOREIGN


def require_other_writer(epoch: Epoch, site: Site) -> None:
    """Refuse to replace the database that is the writer's.

    Raises:
        GuardError: ``site`` is the writer.
    """
    if epoch.writer == site:
        raise GuardError(
            f"{site} is the writer of epoch {epoch.epoch}: no backup is newer than its database, "
            "which is not replaced"
        )


def require_replaceable(target: Target, *, take_over: bool, epoch: Epoch, site: Site) -> None:
    """Refuse to replace what must not be replaced.

    Raises:
        GuardError: the database has served or holds foreign data and no take-over was ordered; or a take-over
            was ordered for the database that is the writer and is not lost, which no backup is newer than.
    """
    if take_over:
        if target not in (Target.EMPTY, Target.UNFINISHED):
            require_other_writer(epoch, site)
    elif target in (Target.FOREIGN, Target.RESTORED):
        raise GuardError(
            f"the target database {target.value}; nothing was touched. To replace what it holds and begin "
            "a new epoch with this site as the writer, run: python -m agent restore --take-over"
        )


def require_current(marker: Marker, epoch: Epoch, site: Site) -> None:
    """Refuse to call a restored database ready when somebody else has written since.

    Raises:
        GuardError: another site became the writer after this database was restored or served.
    """
    if epoch.writer != site and epoch.epoch > max(marker.backup_epoch, marker.served_epoch):
        raise GuardError(
            f"the database holds {marker.backup} of epoch {marker.backup_epoch}, but {epoch.writer} has "
            f"written since (epoch {epoch.epoch}); to replace it run: python -m agent restore --take-over"
        )
