"""Becoming the writer: the epoch first, then what only a writer's database may do."""

from __future__ import annotations

import logging
from dataclasses import replace

from agent.application import let_write
from agent.config import Config, Site
from agent.database import Session
from agent.epoch import Epoch, Orders, next_epoch, renew, take_over
from agent.errors import DatabaseError, GuardError
from agent.handover.auto_increment import raise_auto_increment
from agent.handover.events import switch_on
from agent.marker import Marker, write_marker
from agent.storage import BlobStore

_log = logging.getLogger(__name__)


def opens_by_order(config: Config) -> bool:
    """Whether this site's database serves only when the operator orders it, whoever the writer is."""
    return config.site == "azure" and config.orders is not None


def is_ordered(orders: Orders, site: Site) -> bool:
    """Whether the operator ordered this site to serve."""
    return site == "azure" and orders.mode == "emergency" and orders.open


def wants_to_open(orders: Orders, epoch: Epoch, site: Site) -> bool:
    """Whether the operator ordered this site to serve and it is not the writer yet."""
    return is_ordered(orders, site) and epoch.writer != site


def must_open(config: Config, epoch: Epoch, marker: Marker) -> bool:
    """Whether a copy serves unasked and does not yet: its site is the writer, and lost its server."""
    return epoch.writer == config.site and not opens_by_order(config) and marker.served_epoch < epoch.epoch


def refusal(seen: Epoch, marker: Marker | None) -> str:
    """Why this database cannot take over from the epoch that was ``seen``; empty when it can."""
    if marker is not None and marker.state == "verified" and marker.backup_epoch >= seen.epoch:
        return ""
    held = f"a {marker.state} copy of epoch {marker.backup_epoch}" if marker else "no verified copy"
    return (
        f"this database holds {held}, and {seen.writer} wrote epoch {seen.epoch}; it cannot take over "
        "before a restore of that epoch (python -m agent restore; if it served before, with --take-over)"
    )


def has_begun(epoch: Epoch, marker: Marker) -> bool:
    """Whether a copy's opening in ``epoch`` was begun and not ended: its ids are raised before all else."""
    return not marker.served_epoch and marker.raised_epoch == epoch.epoch


def is_unopened(config: Config, epoch: Epoch, marker: Marker | None) -> bool:
    """Whether the writer's database is a copy, restored in place of a lost one, that waits for the order."""
    waits = marker is not None and not marker.served_epoch and not has_begun(epoch, marker)
    return waits and epoch.writer == config.site and opens_by_order(config)


def become_writer(
    database: Session,
    control: BlobStore,
    seen: Epoch,
    config: Config,
    marker: Marker | None,
    *,
    named: bool = False,
) -> Epoch:
    """Begin the next epoch with this site as the writer, which it may be already, and open the database.

    A site may take over only from the epoch whose backup it holds. So a standby that was overtaken by a
    failback cannot take the traffic back with old data, whatever orders still lie around. The writer itself
    may: its database is lost, and its copy is what could be had.

    Args:
        named: an operator named the backup, and accepted with it the loss of what was written since.

    Raises:
        GuardError: the database was not restored and verified from a backup of the present epoch.
        NotWriterError: somebody else took over meanwhile.
    """
    accepted = marker is not None and marker.state == "verified" and (named or seen.writer == config.site)
    if marker is None or (refusal(seen, marker) and not accepted):
        raise GuardError(refusal(seen, marker))
    # Nobody but the agent wrote since the copy was proved: the new epoch's log goes on from here, and the
    # raised ids are in it.
    began = database.gtid_executed()
    marker = _raise_ids(database, config, marker, next_epoch(seen, marker.backup_epoch))
    if seen.writer == config.site:
        epoch = renew(control, seen, marker.backup_epoch)
    else:
        epoch = take_over(
            control,
            seen,
            config.site,
            fork_gtid=marker.backup_gtid,
            began_gtid=began,
            backup_epoch=marker.backup_epoch,
        )
    _log.info("epoch %d begins: %s is the writer, from %s on", epoch.epoch, config.site, marker.backup)
    finish_opening(database, epoch, config, marker)
    return epoch


def finish_opening(database: Session, epoch: Epoch, config: Config, marker: Marker) -> None:
    """Let the application write and switch on the events that ran on the source; may be repeated after an
    interruption.

    That it serves is written first: a database in which users wrote must never pass for a copy, which a later
    disaster would replace without asking.
    """
    marker = _raise_ids(database, config, marker, epoch.epoch)
    marker = replace(marker, served_epoch=epoch.epoch)
    write_marker(database, marker)
    if config.application is not None:
        let_write(database, config.application.user, config.database.schemas)
    refused = switch_on(database, marker.enabled_events)
    write_marker(database, replace(marker, enabled_events=tuple(refused)))
    for (schema, event), why in refused.items():
        raise DatabaseError(f"the database serves, but its event {schema}.{event} cannot be enabled: {why}")


def _raise_ids(database: Session, config: Config, marker: Marker, epoch: int) -> Marker:
    """Before anybody writes in ``epoch``, and once for it: the old writer may have given out ids that no
    archived log shows."""
    if marker.raised_epoch != epoch:
        raise_auto_increment(database, config.database.schemas)
        marker = replace(marker, raised_epoch=epoch)
        write_marker(database, marker)
    return marker
