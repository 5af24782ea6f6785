"""What a server's log must be like for seconds of loss instead of a dump interval; each lack with its fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agent.config import Config
from agent.database import Session
from agent.errors import DatabaseError
from agent.grants import Grants, own_account

Service = Literal["rds", "azure", "plain"]
_LEAST_RETENTION_H = 24
_GTID_STEPS = "first enforce_gtid_consistency to ON, then gtid_mode to OFF_PERMISSIVE, ON_PERMISSIVE and ON"


@dataclass(frozen=True)
class Finding:
    """``error``: data would be lost or a restore would fail. ``warning``: works, with the drawback named.

    Attributes:
        stops_archive: the log cannot be archived as long as it stands.
    """

    level: Literal["error", "warning"]
    subject: str
    problem: str
    fix: str
    stops_archive: bool = False


@dataclass(frozen=True)
class _Setting:
    """A server variable and the one value that will do.

    Attributes:
        optional: a server that has no such variable is fine.
        level: ``error`` where the server goes on and what is archived would silently lack something.
        why: completes "is VALUE: ...".
    """

    name: str
    wanted: str
    level: Literal["error", "warning"]
    stops: bool
    why: str
    optional: bool = False


_UP_TO = "the log cannot be archived, so up to {interval:g} s of writes can be lost"
_SETTINGS = (
    _Setting("log_bin", "ON", "warning", True, _UP_TO),
    _Setting("gtid_mode", "ON", "warning", True, _UP_TO),
    _Setting("binlog_format", "ROW", "warning", True, _UP_TO, optional=True),
    _Setting("binlog_row_image", "FULL", "warning", True, _UP_TO),
    _Setting(
        "binlog_row_metadata",
        "FULL",
        "warning",
        False,
        "the log has no names of columns, so a replay has to rely on their order alone",
        optional=True,
    ),
    _Setting(
        "binlog_transaction_compression",
        "OFF",
        "error",
        True,
        f"compressed transactions cannot be replayed; {_UP_TO}",
        optional=True,
    ),
    _Setting(
        "binlog_row_value_options",
        "",
        "error",
        True,
        f"JSON cannot be replayed; {_UP_TO}",
        optional=True,
    ),
    _Setting(
        "sync_binlog",
        "1",
        "error",
        False,
        "when the server crashes its log may lack transactions that the database holds, and nothing shows it",
    ),
    _Setting(
        "innodb_flush_log_at_trx_commit",
        "1",
        "warning",
        False,
        "when the server crashes the database may lack transactions that the archive holds",
    ),
)


def service(database: Session, config: Config) -> Service:
    """What kind of service the server is, which decides how its settings are changed."""
    if str(database.value("SELECT @@basedir")).startswith("/rdsdbbin") or database.value(
        "SELECT 1 FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = 'rds_heartbeat2'"
    ):
        return "rds"
    azure = config.site == "azure" or config.database.host.endswith(".mysql.database.azure.com")
    return "azure" if azure else "plain"


def check_log(database: Session, config: Config) -> Iterator[Finding]:
    """What stands between this server and seconds of loss."""
    interval = config.dump.interval_s
    kind = service(database, config)
    for setting in _SETTINGS:
        value = database.variable(setting.name)
        if value == setting.wanted or (value is None and setting.optional):
            continue
        if setting.level == "error" and config.archive is None:
            continue  # it concerns an archive that is not wanted
        why = setting.why.format(interval=interval)
        fix = _fix(kind, setting.name, setting.wanted)
        yield Finding(setting.level, setting.name, f"is {value or 'empty'}: {why}", fix, setting.stops)
    if config.archive is None:
        return
    account = own_account(database)
    grants = Grants.of(database)
    for privilege in ("REPLICATION SLAVE", "REPLICATION CLIENT"):
        if not grants.has_globally(privilege):
            problem = f"no {privilege}: {_UP_TO.format(interval=interval)}"
            yield Finding("warning", "grants", problem, f"GRANT {privilege} ON *.* TO {account}", True)
    yield from _retention(database, kind)


def _fix(kind: Service, name: str, wanted: str) -> str:
    shown = wanted or "an empty value"
    if name == "log_bin":
        return {
            "rds": "set the instance's backup retention to at least a day: RDS writes the log only then",
            "azure": "it is always on there; look which server database.host names",
            "plain": "start mysqld with --log-bin and --server-id",
        }[kind]
    steps = f" ({_GTID_STEPS})" if name == "gtid_mode" else ""
    match kind:
        case "rds":
            return f"set {name} to {shown} in the instance's DB parameter group{steps}"
        case "azure":
            return f"set the server parameter {name} to {shown}{steps}"
        case _:
            value = wanted if wanted.isalnum() else f"'{wanted}'"
            return _GTID_STEPS if steps else f"SET PERSIST {name} = {value}"


def _retention(database: Session, kind: Service) -> Iterator[Finding]:
    hours = _rds_hours(database) if kind == "rds" else None
    fix = f"CALL mysql.rds_set_configuration('binlog retention hours', {_LEAST_RETENTION_H})"
    subject = "binlog retention hours"
    if hours is None:
        subject = "binlog_expire_logs_seconds"
        seconds = int(database.variable(subject) or 0)
        # 0 means for ever, except on Azure: there, until no replica needs it.
        if (seconds == 0 and kind != "azure") or database.variable("binlog_expire_logs_auto_purge") == "OFF":
            return
        hours = seconds / 3600
        fix = _fix("plain" if kind == "rds" else kind, subject, str(_LEAST_RETENTION_H * 3600))
    if hours < _LEAST_RETENTION_H:
        problem = (
            f"the server keeps its log for {hours:g} h: when nothing is archived for longer, only the next "
            "dump has what was written meanwhile, and no point in time within it can be restored"
        )
        yield Finding("warning", subject, problem, fix)


def _rds_hours(database: Session) -> float | None:
    """RDS's own setting; 0 where it is NULL, its default: the log goes as soon as RDS needs it no more."""
    try:
        rows = database.rows("CALL mysql.rds_show_configuration")
    except DatabaseError:
        return None  # no such procedure: something that only looks like RDS
    for name, value, *_ in rows:
        if name == "binlog retention hours":
            return float(value or 0)
    return 0.0
