"""Which server parameters the standby database needs, in which order, and why. Pure.

Only what is needed: each is one call to Azure, one after the other, inside the time to serve. What Azure's
defaults give already is left out, unless a restore cannot do without it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """One setting. ``step`` tells the settings of one parameter apart."""

    name: str
    value: str
    step: str = ""

    @property
    def label(self) -> str:
        """Part of a resource's logical name."""
        return "-".join(part for part in (self.name.replace("_", "-"), self.step) if part)

    @property
    def passing(self) -> bool:
        """Another setting of the same parameter follows: what the server has later is none of ours."""
        return bool(self.step) and self.step != LAST_STEP


LAST_STEP = "on"
_GTID_STEPS = ("OFF_PERMISSIVE", "ON_PERMISSIVE", "ON")


def before_restore(time_zone: str) -> list[Parameter]:
    """What the restore itself meets.

    GTIDs come first: a change to ``ON`` is refused while a transaction without one is open, and a restore
    would be such a transaction for minutes. The mode moves one step at a time, after its precondition
    (https://dev.mysql.com/doc/refman/8.0/en/replication-mode-change-online-enable-gtids.html).

    Args:
        time_zone: offset like ``+09:00``; empty leaves Azure's own.
    """
    steps = [Parameter("gtid_mode", value, value.lower().replace("_", "-")) for value in _GTID_STEPS]
    zone = [Parameter("time_zone", time_zone)] if time_zone else []
    return [
        Parameter("enforce_gtid_consistency", "ON"),
        *steps,
        # 1 GB, the largest: one row of a dump may be larger than Azure's 16 MB, in hex it is twice its size.
        Parameter("max_allowed_packet", "1073741824"),
        # LOAD DATA from the agent's own session: rows at half the server's CPU time of INSERT statements.
        Parameter("local_infile", "ON"),
        # Triggers and functions are created by an account without SUPER (error 1419 otherwise).
        Parameter("log_bin_trust_function_creators", "ON"),
        *zone,
    ]


def beside_restore() -> list[Parameter]:
    """What the standby's own log archive meets later; set while the servers boot."""
    return [
        # Names of columns and whole rows in the log: without them a replay cannot find or name its rows.
        Parameter("binlog_row_metadata", "FULL"),
        Parameter("binlog_row_image", "FULL"),
        # Azure's 0 purges a log file as soon as nobody reads it; a restarted archiver must find its place.
        Parameter("binlog_expire_logs_seconds", "259200"),
    ]
