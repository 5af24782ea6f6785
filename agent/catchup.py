"""The archived log onto a database that holds a base: triggers off, replay, triggers on, and the proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.archive.reading import transactions
from agent.archive.run import Run
from agent.database import Login, Session
from agent.errors import RestoreError
from agent.gtid import GtidSet
from agent.manifest import Manifest
from agent.objects import count_objects
from agent.replay.plan import Plan, Replayed
from agent.replay.replay import replay
from agent.replay.triggers import attach, detach
from agent.storage import BlobStore

_FIGURES = ("rows_compacted", "rows_written", "rows_ordered", "ddl", "auto_increment", "skipped")


@dataclass(frozen=True)
class Start:
    """Where a replay begins.

    Attributes:
        before: what the database holds for certain. window: what else it may hold.
        exact: what it holds of the tables whose replay cannot be repeated.
        cascades_logged: see Manifest.
        events: (schema, name) of those that are enabled on the source.
    """

    before: GtidSet
    window: GtidSet
    exact: GtidSet
    cascades_logged: bool
    events: Sequence[tuple[str, str]]

    @classmethod
    def at(cls, manifest: Manifest, events: Sequence[tuple[str, str]]) -> Start:
        """On a database that holds what ``manifest`` describes, with ``events`` enabled on the source."""
        before = GtidSet.parse(manifest.gtid_before)
        exact = before if manifest.gtid_exact is None else GtidSet.parse(manifest.gtid_exact)
        window = GtidSet.parse(manifest.gtid_after) - before
        return cls(before, window, exact, manifest.cascades_logged, events)


def catch_up(
    account: Login,
    database: Session,
    store: BlobStore,
    run: Run,
    *,
    start: Start,
    wanted: GtidSet,
    schemas: Sequence[str],
    names: Mapping[str, str],
) -> Replayed:
    """Replay ``wanted``, which ``read_tail`` found good.

    Args:
        schemas: as this server spells them.
        names: see ``Plan``.

    Raises:
        LogError: something cannot be replayed; the database must be restored again.
        RestoreError: the replay did not reach the end, or lost a trigger.
    """
    triggers = detach(database, schemas)
    replayed = replay(
        account,
        transactions(store, run, after=start.before, to=wanted),
        Plan(
            schemas=tuple(schemas),
            names=names,
            skip_ordered_until=start.exact,
            window=start.window,
            cascades_logged=start.cascades_logged,
            triggers=triggers,
            events=tuple(start.events),
        ),
    )
    attach(database, replayed.triggers)
    missing = wanted - replayed.gtids
    if missing:
        raise RestoreError(f"the replay ended before {missing}, which the log holds; run the restore again")
    return replayed


def figures(replayed: Replayed) -> dict[str, object]:
    """The figures of a replay."""
    return {key: getattr(replayed, key) for key in _FIGURES}


def require_objects(
    database: Session, schemas: Sequence[str], expected: Mapping[str, int], replayed: Replayed | None
) -> dict[str, int]:
    """Count all objects in the server's dictionary.

    Args:
        expected: how many there were before the replay. After DDL in the log the dictionary itself says what
            the statements made, and only triggers, which were off, can be missing.

    Raises:
        RestoreError: some are missing, or there are more.
    """
    found = count_objects(database, schemas)
    # An event whose time is past is gone from the copy; the comparison with the backup has looked at events.
    wanted = {kind: expected.get(kind, 0) for kind in found if kind != "events"}
    if replayed is not None:
        triggers = {"triggers": len(replayed.triggers)}
        wanted = triggers if replayed.ddl else wanted | triggers
    for kind, count in wanted.items():
        if found[kind] != count:
            raise RestoreError(
                f"the database holds {found[kind]} {kind} instead of {count}; restore it again"
            )
    return found
