"""A chain across a change of the writer, while the present epoch has no backup of its own.

The new writer's server began with exactly what it had restored: the old epoch's history up to the fork
(``Epoch.fork_gtid``). It numbers its own transactions, among them those of its load; ``Epoch.began_gtid``
says which it had committed at that moment, and its archived log begins there. So the old epoch's base, its
log up to exactly the fork, and the new epoch's log make one history.
"""

from __future__ import annotations

from dataclasses import replace

from agent import chain
from agent.archive.log import survey as survey_log
from agent.archive.reading import Target
from agent.catalog import newest_first, survey
from agent.chain import Choice, Leg, forked
from agent.epoch import Epoch
from agent.errors import NoBackupError
from agent.gtid import GtidSet
from agent.moment import say_time
from agent.storage import BlobStore
from agent.tail import read_tail


def choose(
    store: BlobStore, signals: BlobStore, epoch: Epoch, *, to: Target | None, backup: str | None
) -> Choice:
    """The chain to restore; see ``agent.chain.choose``, and across a fork where nothing else serves.

    A point in time is not looked for across a fork: it can be had with the base named (``backup``) before the
    fork, and after the first backup of the present epoch behind it.

    Raises:
        NoBackupError: there is none, or none serves the target; says what is possible.
        StorageError: a container cannot be read.
    """
    asked = to is not None or backup is not None
    found = None if asked or not epoch.began_gtid else _across(store, signals, epoch)
    return found or chain.choose(store, signals, epoch, to=to, backup=backup)


def continued(store: BlobStore, epoch: Epoch) -> GtidSet:
    """The archived transactions since the fork at which ``epoch`` began; none where its log does not begin
    there."""
    began = GtidSet.parse(epoch.began_gtid)
    return survey_log(store, epoch.epoch).run_for(began).gtids if began else began


def _across(store: BlobStore, signals: BlobStore, epoch: Epoch) -> Choice | None:
    """None where there is no such chain, or no need of one."""
    fork, began = GtidSet.parse(epoch.fork_gtid), GtidSet.parse(epoch.began_gtid)
    listing = survey(store)
    newest = newest_first(store, listing, 1) if listing.complete else []
    # What an epoch before the one before began with is written nowhere any more.
    if not fork or not newest or newest[0].epoch != epoch.epoch - 1:
        return None
    log = survey_log(store, epoch.epoch)
    run = log.run_for(began)
    silent = not log.pieces and not log.damaged  # its writer died before it archived anything
    if not run.gtids and not silent:
        return None
    try:
        before = chain.choose(store, signals, replace(epoch, epoch=epoch.epoch - 1), to=fork, backup=None)
    except NoBackupError:
        return None
    if before.reached != fork:  # the log's order is not the fork's: it would hold more, or less
        return None
    manifest = forked(before.manifest, epoch.epoch, began, before.tail.names)
    tail = read_tail(store, run, manifest, None)
    if not tail.transactions and not silent:
        return None
    behind = (
        f"and {tail.transactions} transactions of the log of epoch {epoch.epoch} behind it, to "
        f"{say_time(tail.through_us)}"
        if tail.transactions
        else f"and nothing behind it, for nothing of epoch {epoch.epoch} was archived"
    )
    why = (
        f"epoch {epoch.epoch} has no backup yet: this one of epoch {before.manifest.epoch}, "
        f"{before.tail.transactions} transactions of log to the fork, {behind}"
    )
    first, *others = before.considered
    return replace(
        before,
        run=run,
        tail=tail,
        log=log,
        considered=({**first, "why": why}, *others),
        before_fork=Leg(before.manifest, before.run, before.tail),
        at_fork=manifest,
    )
