"""A QUERY event's status variables: the session's settings that its statement must run with again.

Layout: libs/mysql/binlog/event/statement_events.h of the server's source ("Query_event", Q_*_CODE).
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.errors import LogError

_NO_FOREIGN_KEY_CHECKS, _RELAXED_UNIQUE_CHECKS, _AUTO_IS_NULL = 1 << 26, 1 << 27, 1 << 14
_ANSI_QUOTES, _NO_BACKSLASH_ESCAPES = 1 << 2, 1 << 20
# Bits that 8.0 took away; the server refuses them (error 3899).
_KNOWN_MODES = ((1 << 33) - 1) & ~(1 << 4) & ~(((1 << 18) - 1) & ~((1 << 8) - 1)) & ~(1 << 28)
_TOO_MANY = 254
# Length of the value after the code; the others carry their own.
_FIXED = {0: 4, 1: 8, 3: 4, 4: 6, 7: 2, 8: 2, 9: 8, 10: 4, 13: 3, 14: 8, 15: 12, 16: 1, 17: 8, 18: 2, 19: 1, 20: 1}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a statement ran with.

    Attributes:
        variables: session variable -> value as SQL.
        schemas: those that the statement changed; None where the log does not say.
    """

    variables: dict[str, str]
    schemas: tuple[str, ...] | None
    ansi_quotes: bool
    backslash: bool


def read_settings(status: bytes, time: int) -> Settings:
    """Decode a QUERY event's settings. ``time``: seconds since 1970 from the event's header.

    Raises:
        LogError: a setting of a later server version, whose length nobody here knows.
    """
    found: dict[str, str] = {}
    schemas: tuple[str, ...] | None = None
    mode = microseconds = at = 0

    def number(start: int, size: int) -> int:
        return int.from_bytes(status[start : start + size], "little")

    while at < len(status):
        code, at = status[at], at + 1
        if code in (2, 5, 6):  # catalog; time zone; catalog
            value = status[at + 1 : at + 1 + status[at]].decode()
            if code == 5 and value:
                found["time_zone"] = _text(value)
            at += 1 + status[at] + (code == 2)
            continue
        if code == 11:  # invoker: user and host
            at += 1 + status[at]
            at += 1 + status[at]
            continue
        if code == 12:
            count, at = status[at], at + 1
            names: list[str] = []
            for _ in range(0 if count == _TOO_MANY else count):
                end = status.index(0, at)
                names.append(status[at:end].decode())
                at = end + 1
            schemas = None if count == _TOO_MANY else tuple(names)
            continue
        if code not in _FIXED:
            raise LogError(f"a statement of the log has the unknown setting {code}; use a newer agent")
        match code:
            case 0:
                flags = number(at, 4)
                found["foreign_key_checks"] = str(int(not flags & _NO_FOREIGN_KEY_CHECKS))
                found["unique_checks"] = str(int(not flags & _RELAXED_UNIQUE_CHECKS))
                found["sql_auto_is_null"] = str(int(bool(flags & _AUTO_IS_NULL)))
            case 1:
                mode = number(at, 8)
                found["sql_mode"] = str(mode & _KNOWN_MODES)
            case 3:
                found["auto_increment_increment"] = str(number(at, 2))
                found["auto_increment_offset"] = str(number(at + 2, 2))
            case 4:
                found["character_set_client"] = str(number(at, 2))
                found["collation_connection"] = str(number(at + 2, 2))
                found["collation_server"] = str(number(at + 4, 2))
            case 7:
                found["lc_time_names"] = str(number(at, 2))
            case 13:
                microseconds = number(at, 3)
            case 16:
                found["explicit_defaults_for_timestamp"] = str(status[at])
            case 18:
                found["default_collation_for_utf8mb4"] = str(number(at, 2))
            case _:
                pass
        at += _FIXED[code]
    found["timestamp"] = f"{time}.{microseconds:06d}"
    return Settings(found, schemas, bool(mode & _ANSI_QUOTES), not mode & _NO_BACKSLASH_ESCAPES)


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
