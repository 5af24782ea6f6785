"""A point in time to restore to: a time with its zone, or a set of transactions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agent.archive.reading import Target
from agent.errors import ConfigError
from agent.gtid import GtidSet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_target(text: str) -> Target:
    """Read what ``--to`` was given: ISO 8601 with a zone, or a GTID set.

    Raises:
        ConfigError: it is neither, or a time without a zone.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return _parse_gtids(text)
    if moment.tzinfo is None:
        raise ConfigError(
            f"--to {text}: a time without a zone means another moment on every machine; write "
            f"{moment.isoformat()}+09:00 for Seoul's time, or {moment.isoformat()}Z for UTC"
        )
    return microseconds(moment)


def microseconds(moment: datetime) -> int:
    """Since 1970, of a time with a zone."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _parse_gtids(text: str) -> GtidSet:
    example = "2026-01-31T12:00:00+09:00, or a GTID set such as 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77"
    try:
        found = GtidSet.parse(text)
    except ValueError as error:
        raise ConfigError(f"--to {text!r} is no time and no GTID set ({error}); write {example}") from error
    if not found:
        raise ConfigError(f"--to is empty; write {example}")
    return found


def say_target(target: Target) -> str:
    """A target as it is shown."""
    return say_time(target) if isinstance(target, int) else str(target)


def say_time(microseconds: int) -> str:
    """Microseconds since 1970 as UTC, ISO 8601; empty for 0."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="microseconds") if microseconds else ""
