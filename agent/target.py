"""Whether the target server can take a backup: found out before the load, not at its last statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from agent.database import Session
from agent.errors import RestoreError
from agent.grants import Grants
from agent.manifest import Manifest

TRUST_THEM = "set log_bin_trust_function_creators to ON (on RDS: in the parameter group)"


def folds_names(database: Session) -> bool:
    """Whether the server folds table names to lower case (always so on Azure)."""
    return int(database.value("SELECT @@lower_case_table_names")) != 0


def require_fit(database: Session, manifest: Manifest) -> list[str]:
    """Check the server against the backup; returns warnings.

    Raises:
        RestoreError: the load would fail or lose something; the sentence says what to change.
    """
    _require_packet(database, manifest)
    _require_creators(database, manifest)
    _require_time_zones(database, manifest)
    if folds_names(database):
        _require_distinct_names(manifest)
    version = str(database.value("SELECT VERSION()"))
    if _release(version) < _release(manifest.server_version):
        return [f"the backup is of MySQL {manifest.server_version}, this server is the older {version}"]
    return []


def _require_packet(database: Session, manifest: Manifest) -> None:
    limit = int(database.value("SELECT @@max_allowed_packet"))
    if limit <= manifest.longest_statement:
        raise RestoreError(
            f"max_allowed_packet of the server is {limit} bytes and the backup's longest statement has "
            f"{manifest.longest_statement}; set the server parameter max_allowed_packet to 1073741824"
        )


def _require_creators(database: Session, manifest: Manifest) -> None:
    """Error 1419: with the binary log on, triggers and functions need SUPER or this parameter."""
    kinds = creators(manifest.objects)
    if kinds and trusts_no_creators(database):
        raise RestoreError(
            f"the backup holds {kinds}, which this server lets only SUPER create (error 1419); {TRUST_THEM}"
        )


def creators(objects: Mapping[str, int]) -> str:
    """Which of ``objects`` change data by themselves, in words; empty: none."""
    return " and ".join(kind for kind in ("triggers", "functions") if objects.get(kind))


def trusts_no_creators(database: Session) -> bool:
    """Whether this server lets only SUPER make triggers and functions."""
    trusted = database.variable("log_bin_trust_function_creators") == "ON"
    needs_super = database.variable("log_bin") == "ON" and not trusted
    return needs_super and not Grants.of(database).has_globally("SUPER")


def _require_time_zones(database: Session, manifest: Manifest) -> None:
    for zone in manifest.time_zones:
        known = database.value("SELECT CONVERT_TZ('2000-01-01 00:00:00', '+00:00', %s)", [zone])
        if known is None:
            raise RestoreError(
                f"an event of the backup runs in time zone {zone!r}, which this server does not know; "
                "load the time zone tables (on Azure: CALL mysql.az_load_timezone();)"
            )


def _require_distinct_names(manifest: Manifest) -> None:
    for schema, tables in manifest.tables.items():
        names = Counter(name.lower() for name in (*tables, *manifest.views.get(schema, ())))
        for folded, count in names.items():
            if count > 1:
                raise RestoreError(
                    f"{schema} holds {count} tables that differ only in capitals ({folded}); this server "
                    "folds names to lower case and would keep one of them; rename them on the source"
                )


def _release(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
