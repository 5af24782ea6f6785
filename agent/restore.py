"""From a backup to a database that may serve: choose, guard, load, verify, provide the application's account.

It can be killed at any moment and run again: a marker in the database says ``loading`` from before the first
change until the copy was compared, and a database so marked is cleared and loaded anew.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.application import let_write, provide
from agent.catalog import manifest_of, newest
from agent.clients import find
from agent.context import Context
from agent.database import Login, Session, session
from agent.dump import quarantine
from agent.epoch import Epoch, read_epoch
from agent.errors import AgentError, BusyError, NoBackupError
from agent.gtid import GtidSet
from agent.guard import Target, inspect, require_current, require_replaceable
from agent.load import clear, load
from agent.locks import exclusive
from agent.manifest import Manifest, as_report
from agent.marker import Marker, read_marker, write_marker
from agent.mysqldump import Limits
from agent.opening import become_writer
from agent.rewrite import Rewriter
from agent.signals import write_restore_report
from agent.target import folds_names, require_fit
from agent.verify import enabled_events, verify

_log = logging.getLogger(__name__)
# A new Flexible Server may answer late: its name spreads and it restarts once after it was created.
_DATABASE_PATIENCE_S = 300.0
_RESTORE_LOCK = "pilotlight-restore"


@dataclass
class Report:
    """What a restore did. ``seconds`` by phase, in order; ``loaded`` False: there was nothing to do."""

    site: str
    host: str
    started: str
    loaded: bool = False
    take_over: bool = False
    backup: dict[str, Any] = field(default_factory=dict)
    epoch: int = 0
    target: str = ""
    quarantine: str = ""
    diverged_gtid: str = ""
    objects: dict[str, int] = field(default_factory=dict)
    tables_verified: int = 0
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    error: str = ""
    finished: str = ""

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        """Time one phase."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 3)


def restore(context: Context, *, take_over: bool, backup: str | None, report_file: Path | None) -> Report:
    """Make the database a verified copy of the newest backup.

    Args:
        take_over: replace a database that has served, and begin a new epoch with this site as the writer.
        backup: a backup's name, to choose another than the newest.
        report_file: where to write the report, besides the signals container.

    Raises:
        GuardError: the database must not be touched.
        NoBackupError, RestoreError, VerificationError and the rest of ``agent.errors``.
    """
    config = context.config
    report = Report(config.site, config.database.host, _now(), take_over=take_over)
    try:
        with exclusive(config.state_dir, "restore"):
            _restore(context, report, take_over=take_over, backup=backup)
    except AgentError as error:
        report.error = str(error)
        raise
    finally:
        report.finished = _now()
        if report_file is not None:
            _write(report_file, report)
    # Only of restores that ended well: a unit that systemd repeats would fill the container with failures.
    if report.loaded:
        _log.info("the report is %s", write_restore_report(context.signals, vars(report)))
    return report


@dataclass(frozen=True)
class _Run:
    """What the steps of one restore share."""

    context: Context
    report: Report
    account: Login
    database: Session
    epoch: Epoch

    @classmethod
    @contextmanager
    def opened(cls, context: Context, report: Report) -> Generator[_Run]:
        account = context.login()
        with session(account, patience_s=_DATABASE_PATIENCE_S) as database:
            if database.value("SELECT GET_LOCK(%s, 0)", [_RESTORE_LOCK]) != 1:
                raise BusyError(f"another restore into {report.host} is running; wait for it")
            epoch = read_epoch(context.control)
            report.epoch = epoch.epoch
            yield cls(context, report, account, database, epoch)

    def choose(self, backup: str | None) -> Manifest:
        """The backup to restore: the one named, else the newest - never one that a newer epoch outdates."""
        if backup is not None:
            return manifest_of(self.context.restore_from, backup)
        manifest = newest(self.context.restore_from)
        if manifest.epoch < self.epoch.epoch:
            raise NoBackupError(
                f"the newest complete backup, {manifest.backup}, is of epoch {manifest.epoch}, and "
                f"{self.epoch.writer} has written since (epoch {self.epoch.epoch}); wait for its first "
                f"dump, or accept the loss by naming it: --backup {manifest.backup}"
            )
        _log.info(
            "%s is the newest of all complete backups: epoch %d, sequence %d, %d transactions",
            *(manifest.backup, manifest.epoch, manifest.sequence),
            GtidSet.parse(manifest.gtid_after).count(),
        )
        return manifest

    def replace(self, manifest: Manifest, target: Target) -> None:
        """Load ``manifest`` and prove it; with a take-over, become the writer."""
        config, report = self.context.config, self.report
        mysql, mysqldump = find("mysql"), find("mysqldump")
        report.backup = as_report(manifest)
        report.warnings += [*manifest.warnings, *require_fit(self.database, manifest)]
        if report.take_over:
            self._keep_what_is_replaced(target)
        folds = folds_names(self.database)
        names = {**manifest.original_names, **_own_names(manifest)}
        schemas = {schema.lower(): schema for schema in config.database.schemas}
        marker = Marker(
            state="loading",
            backup=manifest.backup,
            backup_epoch=manifest.epoch,
            backup_gtid=manifest.gtid_before,
            served_epoch=0,
            enabled_events=tuple(enabled_events(manifest)),
            original_names=names if folds else {},
        )
        with report.phase("clear"):
            write_marker(self.database, marker)
            clear(self.database, config.database.schemas)
        with report.phase("load"):
            rewrite = Rewriter({} if folds else names, schemas)
            load(mysql, self.account, self.context.restore_from, manifest, rewrite)
        with report.phase("verify"):
            report.warnings += verify(mysqldump, self.account, manifest, Limits(config.dump.stall_s))
        report.objects = dict(manifest.objects)
        report.tables_verified = manifest.objects.get("tables", 0)
        marker = replace(marker, state="verified")
        write_marker(self.database, marker)
        report.loaded = True
        if report.take_over:
            with report.phase("take over"):
                epoch = become_writer(self.database, self.context.control, self.epoch, config, marker)
                report.epoch = epoch.epoch

    def _keep_what_is_replaced(self, target: Target) -> None:
        """Name the transactions that only this server has, and keep a dump of it."""
        fork = GtidSet.parse(self.epoch.fork_gtid)
        if fork:
            self.report.diverged_gtid = str(GtidSet.parse(self.database.gtid_executed()) - fork)
        if target in (Target.FOREIGN, Target.RESTORED):
            with self.report.phase("quarantine"):
                self.report.quarantine = quarantine(self.context, self.epoch.epoch)


def _restore(context: Context, report: Report, *, take_over: bool, backup: str | None) -> None:
    config = context.config
    with _Run.opened(context, report) as run:
        marker = read_marker(run.database)
        target = inspect(run.database, config.database.schemas, marker)
        report.target = target.value
        if marker is not None and target is Target.RESTORED and not take_over and backup is None:
            # A reboot runs the restore again: the data stays, what the application needs is provided anew.
            require_current(marker, run.epoch, config.site)
            _log.info("%s was restored and verified before; nothing is loaded again", marker.backup)
        else:
            require_replaceable(target, take_over=take_over, epoch=run.epoch, site=config.site)
            run.replace(run.choose(backup), target)
        if config.application is not None:
            with report.phase("application"):
                provide(run.database, config, config.application)
                if report.take_over:  # the account may be new, and this site is the writer already
                    let_write(run.database, config.application.user, config.database.schemas)


def _own_names(manifest: Manifest) -> dict[str, str]:
    """Names with capitals in the backup itself, by their lower-case form."""
    names = [name for tables in manifest.tables.values() for name in tables]
    names += [name for views in manifest.views.values() for name in views]
    return {name.lower(): name for name in names if name != name.lower()}


def _write(file: Path, report: Report) -> None:
    try:
        file.write_text(json.dumps(vars(report), indent=1), encoding="utf-8")
    except OSError as error:
        raise AgentError(
            f"cannot write the report {file}: {error.strerror}; name another with --report"
        ) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
