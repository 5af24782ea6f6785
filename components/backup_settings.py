"""How often the agents dump, archive and verify. Pure.

These are the parts of ``agent.json`` that an operator may turn; the agent's own loader checks them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from components.config_reader import Reader


class VerifyMode(StrEnum):
    """How much of a backup a verification restores."""

    AUTO = "auto"
    FULL = "full"
    SAMPLED = "sampled"
    OFF = "off"


@dataclass(frozen=True, kw_only=True)
class BackupSettings:
    """Times in seconds; zero turns a part off where its description says so."""

    dump_interval_seconds: int
    dump_refresh_seconds: int
    """A dump of data that did not change is made all the same after this time."""
    egress_gb_per_month: int
    """0: no budget."""
    archive_flush_seconds: int
    """0: no log archive; then a disaster loses up to one dump interval."""
    archive_segment_bytes: int
    archive_pack_seconds: int
    verify_interval_seconds: int
    verify_mode: VerifyMode
    verify_full_up_to_mb: int

    @property
    def archives(self) -> bool:
        """The binary log is archived."""
        return self.archive_flush_seconds > 0

    @property
    def verifies(self) -> bool:
        """Backups are restored and compared."""
        return self.verify_mode is not VerifyMode.OFF and self.verify_interval_seconds > 0


def read_backups(reader: Reader) -> BackupSettings:
    """The settings; problems are noted in ``reader``."""
    return BackupSettings(
        dump_interval_seconds=reader.integer("dumpIntervalSeconds", low=30, high=86_400, example=300),
        dump_refresh_seconds=reader.integer("dumpRefreshSeconds", low=300, high=604_800, example=86_400),
        egress_gb_per_month=reader.integer("dumpEgressGbPerMonth", low=0, high=100_000, example=90),
        archive_flush_seconds=reader.integer("archiveFlushSeconds", low=0, high=60, example=1),
        archive_segment_bytes=reader.integer(
            "archiveSegmentBytes", low=65_536, high=67_108_864, example=8_388_608
        ),
        archive_pack_seconds=reader.integer("archivePackSeconds", low=60, high=86_400, example=3600),
        verify_interval_seconds=reader.integer("verifyIntervalSeconds", low=0, high=604_800, example=21_600),
        verify_mode=reader.choice("verifyMode", VerifyMode),
        verify_full_up_to_mb=reader.integer("verifyFullUpToMb", low=1, high=1_000_000, example=2000),
    )
