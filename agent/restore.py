"""From a backup and its log to a database that may serve: choose, guard, load, verify, replay, provide.

It can be killed at any moment and run again: a marker in the database says ``loading`` from before the first
change until the copy was proved, and a database so marked is cleared and loaded anew.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from agent.across import choose
from agent.application import let_write, provide
from agent.archive.reading import Target
from agent.catchup import require_objects
from agent.chain import Choice, behind
from agent.context import Context
from agent.epoch import Epoch, read_epoch
from agent.errors import (
    AgentError,
    BusyError,
    CredentialError,
    DatabaseError,
    GuardError,
    NotWriterError,
    RestoreError,
)
from agent.gtid import GtidSet
from agent.guard import Target as State
from agent.guard import holds_own, require_current, require_other_writer, require_replaceable
from agent.locks import exclusive
from agent.loss import loss_of
from agent.manifest import as_report
from agent.marker import Marker, read_kept_report, read_marker, write_marker
from agent.moment import say_target, say_time
from agent.objects import count_objects
from agent.opening import has_begun, must_open
from agent.report import Report, now, write_report
from agent.restoring import Run, respelt
from agent.signals import mend_restore_failure, write_restore_failure, write_restore_report
from agent.target import folds_names

_log = logging.getLogger(__name__)
# A new Flexible Server may answer late: its name spreads and it restarts once after it was created.
_DATABASE_PATIENCE_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a restore is asked for.

    Attributes:
        take_over: replace a database that has served, and begin a new epoch with this site as the writer.
        backup: restore this one instead of choosing; alone, unless ``to`` is given too.
        to: a point in time (``agent.moment.parse_target``); None for all that was archived.
        dry_run: change nothing and say what would be done.
        report_file: where to write the report, besides the signals container.
    """

    take_over: bool = False
    backup: str | None = None
    to: Target | None = None
    dry_run: bool = False
    report_file: Path | None = None


def restore(context: Context, options: Options) -> Report:
    """Make the database a verified copy of what the source last archived, or held at a point in time.

    Raises:
        GuardError: the database must not be touched.
        NoBackupError, RestoreError, VerificationError and the rest of ``agent.errors``.
    """
    config = context.config
    report = Report(config.site, config.database.host, now())
    report.take_over, report.dry_run = options.take_over, options.dry_run
    report.to, report.named = "" if options.to is None else say_target(options.to), options.backup or ""
    with _reporting(context, report, options.report_file):
        if options.dry_run:
            _forecast(context, report, options)
        else:
            with exclusive(config.state_dir, "restore"):
                _restore(context, report, options)
    return report


def _restore(context: Context, report: Report, options: Options) -> None:
    with Run.opened(context, report, patience_s=_DATABASE_PATIENCE_S) as run:
        marker, state = run.look()
        done = _is_done(run, marker, state, options)
        if done:
            _log.info("the database was restored and verified before; nothing is loaded again")
            if marker is not None and marker.pinned and not (report.to or report.named):
                own = run.epoch.writer == run.site  # nobody else's log goes on behind it
                how = "restore it to a later TIME (--to)" if own else "python -m agent replay"
                report.warnings.append(
                    "it stands where an earlier --to or --backup put it, and opens so; to bring it to the "
                    f"end of what was archived: {how}"
                )
        else:
            choice = _choose(context, run.epoch, report, options)
            run.require_fit(choice)
            if report.take_over and (run.epoch.writer != run.site or state is State.RESTORED):
                run.keep_what_is_replaced(state)
            run.require_same_epoch()  # whatever became of an order: nobody restores by it here
            marker = run.replace(choice)
        if marker is not None:
            _serve(run, marker)
        _provide(run)
        if not done:
            run.keep_report()  # again: now it says that this site took over
        earlier = read_kept_report(run.database) if done else None
        if earlier is not None:  # that run may have ended before it wrote it, and operators wait for it
            write_restore_report(context.signals, earlier)


def _serve(run: Run, marker: Marker) -> None:
    """Begin an epoch with the copy, or let it serve the present one, where either is wanted."""
    if run.report.take_over and not has_begun(run.epoch, marker):
        run.take_over(marker)
    elif run.report.take_over or must_open(run.context.config, run.epoch, marker):
        run.open(marker)


def replace_by_order(context: Context, epoch: Epoch) -> Report:
    """Replace whatever this site's database holds by a copy of ``epoch``'s chain; nobody takes over by it.

    A dump of what is replaced is kept, unless it is a copy that never served, or half of one. Interrupted
    anywhere, it may be run again.

    Args:
        epoch: as it was read when the order in it was decided on.

    Raises:
        GuardError: this site is the writer.
        NotWriterError: the epoch changed, or the order was withdrawn, before anything was replaced.
        NoBackupError, RestoreError, VerificationError and the rest of ``agent.errors``.
    """
    config = context.config
    report = Report(config.site, config.database.host, now())
    with _reporting(context, report, None), exclusive(config.state_dir, "restore"):
        require_other_writer(epoch, config.site)
        with Run.opened(context, report, patience_s=_DATABASE_PATIENCE_S, epoch=epoch) as run:
            marker, state = run.look()
            choice = _choose(context, epoch, report, Options())
            run.require_fit(choice)
            if holds_own(state, marker):
                run.keep_what_is_replaced(state)
            run.require_still_wanted()
            run.replace(choice)
            _provide(run)
            run.keep_report()
    return report


def provide_missing(context: Context, epoch: Epoch) -> None:
    """Give the application its account and environment file where a restore had proved the copy and ended
    before it did that. Whoever finds such a copy loads nothing, and PetClinic would wait for ever.

    Raises:
        BusyError: a restore is under way.
        CredentialError, DatabaseError, AgentError: see ``provide``.
    """
    config = context.config
    if config.application is None or config.application.environment_file.exists():
        return
    report = Report(config.site, config.database.host, now())
    with Run.opened(context, report, patience_s=0, epoch=epoch) as run:
        marker = read_marker(run.database)
        if marker is not None and marker.state == "verified":
            _provide(run)


def _provide(run: Run) -> None:
    application = run.context.config.application
    if application is None:
        return
    with run.report.phase("application"):
        provide(run.database, run.context.config, application)
        marker = read_marker(run.database)
        if marker is not None and marker.served_epoch >= run.epoch.epoch:  # the account may be new here
            let_write(run.database, application.user, run.schemas)


@contextmanager
def _reporting(context: Context, report: Report, file: Path | None, *, kept: bool = True) -> Generator[None]:
    try:
        yield
    except AgentError as error:
        report.error = str(error)
        # Of failures only the last one: a unit that is repeated would fill the container with them.
        if kept and not report.dry_run and not isinstance(error, BusyError | NotWriterError):
            report.finished = now()
            with suppress(AgentError):  # the restore's own failure is what must be told
                write_restore_failure(context.signals, vars(report))
        raise
    finally:
        report.finished = now()
        if file is not None:
            write_report(file, report)
    if report.loaded and kept:
        _log.info("the report is %s", write_restore_report(context.signals, vars(report)))
    if kept and not report.dry_run:
        with suppress(AgentError):  # it was told once already
            mend_restore_failure(context.signals, context.config.site)


def _forecast(context: Context, report: Report, options: Options) -> None:
    """Say what a restore would do; the database need not exist yet."""
    epoch = read_epoch(context.control)
    report.epoch = epoch.epoch
    choice = _choose(context, epoch, report, options)
    try:
        with Run.opened(context, report, patience_s=0) as run:
            if _is_done(run, *run.look(), options):
                report.guard = "it was restored and verified before, and nothing would be loaded again"
            else:
                run.require_fit(choice)
    except (BusyError, CredentialError, DatabaseError, GuardError, RestoreError) as error:
        report.guard = str(error)


def _is_done(run: Run, marker: Marker | None, state: State, options: Options) -> bool:
    """Whether what is asked for is there already, as after a reboot; else the database may be replaced.

    Raises:
        GuardError: it may not; or another site has written since it was restored.
    """
    if marker is not None and state is State.RESTORED:
        asked = (run.report.to, run.report.named)
        before = read_kept_report(run.database) or {}
        unchanged = before.get("reached", {}).get("gtid") == marker.backup_gtid  # no replay came after it
        same = asked == ("", "") or (unchanged and asked == (before.get("to"), before.get("named")))
        if options.take_over:
            if run.epoch.writer == run.site and not marker.served_epoch:
                return same  # an earlier run loaded it, and could not begin the epoch
        elif same:
            require_current(marker, run.epoch, run.site)
            return True
        elif not holds_own(state, marker):  # another point of the same history, before anybody was let in
            if must_open(run.context.config, run.epoch, marker):
                require_other_writer(run.epoch, run.site)
            return False
    require_replaceable(state, take_over=options.take_over, epoch=run.epoch, site=run.site)
    return False


def _choose(context: Context, epoch: Epoch, report: Report, options: Options) -> Choice:
    with report.phase("choose"):
        choice = choose(context.restore_from, context.signals, epoch, to=options.to, backup=options.backup)
    _tell(context, report, choice)
    return choice


def _tell(context: Context, report: Report, choice: Choice) -> None:
    """What is restored and why, how far it carries, and what is lost with it."""
    manifest, tail = choice.manifest, choice.tail
    report.choice = list(choice.considered)
    report.warnings += choice.warnings
    report.backup = as_report(manifest)
    report.backup |= {"raw_bytes": manifest.raw_bytes, "verification": choice.verification}
    through = say_time(tail.through_us)
    report.log = {"transactions": tail.transactions, "bytes": tail.bytes, "through": through, "end": tail.end}
    report.reached = {
        "gtid": str(choice.reached),
        "time": through or manifest.snapshot_at,
        "epoch": choice.last.epoch,
    }
    report.lost = loss_of(context.signals, choice, choice.reached)
    _log.info(
        "%s with %d transactions of log: %s",
        *(manifest.backup, tail.transactions, choice.considered[0]["why"]),
    )


def follow(context: Context, to: Target | None = None, *, epoch: Epoch | None = None) -> Report:
    """Replay what was archived since onto a database that was restored and does not serve.

    Killed half-way, the database counts as not restored: tables without a key cannot be replayed onto twice,
    and a reload is certain. The next ``restore`` does it.

    Args:
        to: up to where; None for all that was archived.
        epoch: as it was read when the order in it was decided on; every few seconds then, and no report of it
            is kept. None: it is read now.

    Raises:
        GuardError: this database is not such a copy, or serves.
        NoBackupError: the log does not reach ``to``.
        LogError, RestoreError: the replay failed; the database must be restored again.
    """
    config = context.config
    report = Report(config.site, config.database.host, now(), to="" if to is None else say_target(to))
    with _reporting(context, report, None, kept=epoch is None), exclusive(config.state_dir, "restore"):
        _follow(context, report, to, epoch)
    return report


def _follow(context: Context, report: Report, to: Target | None, epoch: Epoch | None) -> None:
    with Run.opened(context, report, patience_s=_DATABASE_PATIENCE_S, epoch=epoch) as run:
        marker, state = run.look()
        if (
            marker is None
            or state is not State.RESTORED
            or marker.served_epoch
            or run.epoch.writer == run.site
        ):
            raise GuardError(
                f"only a restored database that never served can follow the log; this one {state.value}, "
                f"and {run.epoch.writer} writes epoch {run.epoch.epoch}; run: python -m agent restore"
            )
        if run.epoch.epoch > marker.backup_epoch:
            raise GuardError(
                f"the database holds a copy of epoch {marker.backup_epoch}, which epoch {run.epoch.epoch} "
                "does not continue; run: python -m agent restore --take-over"
            )
        known = GtidSet.parse(marker.backup_gtid)
        with report.phase("choose"):
            choice = behind(
                context.restore_from, context.signals, marker.backup, marker.backup_epoch, known, to=to
            )
        _tell(context, report, choice)
        pinned = bool(report.to) and epoch is None  # a handover goes on from where it ends
        if not choice.tail.transactions:
            if epoch is None and marker.pinned != pinned:
                write_marker(run.database, replace(marker, pinned=pinned))
            return
        counted = count_objects(run.database, run.schemas)
        write_marker(run.database, replace(marker, state="loading", pinned=marker.pinned and epoch is None))
        folds = folds_names(run.database)
        names = respelt(choice.manifest, folds=folds)
        replayed = run.catch_up(choice.legs[-1], marker.enabled_events, names)
        report.objects = require_objects(run.database, run.schemas, counted, replayed)
        report.loaded = True
        write_marker(
            run.database,
            replace(
                marker,
                backup_gtid=str(choice.reached),
                enabled_events=replayed.events,
                raised_epoch=0,  # the writer may have given out more ids than that since
                pinned=pinned,
                original_names={**marker.original_names, **choice.tail.names} if folds else {},
            ),
        )
