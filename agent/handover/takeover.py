"""The last step of a handover: this site becomes the writer, if the order still stands."""

from __future__ import annotations

from dataclasses import replace

from agent.context import Context
from agent.database import Session, placeholders, session
from agent.epoch import Epoch
from agent.errors import GuardError
from agent.fence import alone, release
from agent.gtid import GtidSet
from agent.handover.order import Answer
from agent.marker import read_marker, write_marker
from agent.opening import become_writer
from agent.report import Report, now
from agent.restoring import Run

_EVENTS = "SELECT EVENT_SCHEMA, EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA IN ({})"


def keep_events(context: Context, source: Answer) -> None:
    """Have the marker name the events that ran on the source before it switched them off to drain.

    The log says only that they are off. Whoever opens this database, by the order or because the source is
    gone, switches on those of the marker.

    Raises:
        DatabaseError: the database cannot be reached.
    """
    with session(context.login()) as database:
        marker = read_marker(database)
        if marker is None or marker.state != "verified":
            return
        events, _ = spelled(database, context.config.database.schemas, source.events)
        if set(events) != set(marker.enabled_events):
            write_marker(database, replace(marker, enabled_events=events))


def take_over(context: Context, epoch: Epoch, source: Answer) -> tuple[Epoch, list[str]]:
    """Become the writer of the next epoch, and open the database.

    The events to enable are in the marker first. So an agent that finds the epoch written, and this not
    finished, completes it with what the source said.

    Args:
        epoch: the very one in which the order stood when the source's answer was found good.
        source: drained for that order, and equal to the copy.

    Returns:
        The new epoch, and the source's events that this server does not have: their time was past.

    Raises:
        NotWriterError: the epoch or its order changed meanwhile; nothing was opened.
        GuardError: the database is not the copy that was compared.
    """
    config = context.config
    report = Report(config.site, config.database.host, now())
    with Run.opened(context, report, patience_s=0, epoch=epoch) as run:
        marker = read_marker(run.database)
        if marker is None or not GtidSet.parse(source.gtid) <= GtidSet.parse(marker.backup_gtid):
            raise GuardError("the copy was replaced while it was compared; it is looked at again")
        events, missing = spelled(run.database, run.schemas, source.events)
        marker = replace(marker, enabled_events=events)
        write_marker(run.database, marker)
        new = become_writer(run.database, context.control, epoch, config, marker)
        with alone(run.database, context.control, new):
            release(run.database, config.database.application_users)
        return new, missing


def spelled(
    database: Session, schemas: tuple[str, ...], events: tuple[tuple[str, str], ...]
) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """``events`` as this server spells them, and those that it does not have, as ``schema.event``."""
    found = database.rows(_EVENTS.format(placeholders(schemas)), schemas)
    here = {(str(schema).lower(), str(event).lower()): (str(schema), str(event)) for schema, event in found}
    keys = {(schema.lower(), event.lower()): f"{schema}.{event}" for schema, event in events}
    return tuple(here[key] for key in keys if key in here), [
        name for key, name in keys.items() if key not in here
    ]
