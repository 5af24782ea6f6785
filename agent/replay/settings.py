"""A QUERY event's status variables: the session's settings that its statement must run with again.

Layout: libs/mysql/binlog/event/statement_events.h of the server's source ("Query_event", Q_*_CODE).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_NO_FOREIGN_KEY_CHECKS, _RELAXED_UNIQUE_CHECKS, _AUTO_IS_NULL = 1 << 26, 1 << 27, 1 << 14
_ANSI_QUOTES, _NO_BACKSLASH_ESCAPES = 1 << 2, 1 << 20
# Bits that 8.0 took away; the server refuses them (error 3899).
_KNOWN_MODES = ((1 << 33) - 1) & ~(1 << 4) & ~(((1 << 18) - 1) & ~((1 << 8) - 1)) & ~(1 << 28)
_TOO_MANY = 254
# Length of the value after the code; the others carry their own.
_FIXED = {
    0: 4,
    1: 8,
    3: 4,
    4: 6,
    7: 2,
    8: 2,
    9: 8,
    10: 4,
    13: 3,
    14: 8,
    15: 12,
    16: 1,
    17: 8,
    18: 2,
    19: 1,
    20: 1,
}

_TEXTS = frozenset((2, 5, 6))  # catalog, time zone, catalog
_NAMES = {
    3: ("auto_increment_increment", "auto_increment_offset"),
    4: ("character_set_client", "collation_connection", "collation_server"),
    7: ("lc_time_names",),
    16: ("explicit_defaults_for_timestamp",),
    18: ("default_collation_for_utf8mb4",),
}


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
    """Decode a QUERY event's settings. ``time``: seconds since 1970 from the event's header."""
    variables: dict[str, str] = {}
    schemas: tuple[str, ...] | None = None
    mode = microseconds = 0
    for code, value in _fields(status):
        match code:
            case 1:
                mode = _number(value)
                variables["sql_mode"] = str(mode & _KNOWN_MODES)
            case 12:
                schemas = tuple(name.decode() for name in value.split(b"\0")[:-1]) if value else None
            case 13:
                microseconds = _number(value)
            case _:
                variables.update(_variables(code, value))
    variables["timestamp"] = f"{time}.{microseconds:06d}"
    return Settings(variables, schemas, bool(mode & _ANSI_QUOTES), not mode & _NO_BACKSLASH_ESCAPES)


def _fields(status: bytes) -> Iterator[tuple[int, bytes]]:
    """(code, value) of each setting; names of schemas each end with a zero, and too many of them are none."""
    at = 0
    while at < len(status):
        code, start = status[at], at + 1
        if code in _TEXTS:
            start, at = start + 1, start + 1 + status[start]
            yield code, status[start:at]
            at += code == 2  # that one, of old servers, has a zero behind it
        elif code == 11:  # the invoker: user and host
            host = start + 1 + status[start]
            at = host + 1 + status[host]
        elif code == 12:
            at = start + 1
            for _ in range(0 if status[start] == _TOO_MANY else status[start]):
                at = status.index(0, at) + 1
            yield code, status[start + 1 : at]
        elif code in _FIXED:
            at = start + _FIXED[code]
            yield code, status[start:at]
        else:  # of a later version; the server, too, skips it and what follows: codes come in growing order
            return


def _variables(code: int, value: bytes) -> dict[str, str]:
    """The session variables that one setting stands for."""
    match code:
        case 0:
            flags = _number(value)
            return {
                "foreign_key_checks": str(int(not flags & _NO_FOREIGN_KEY_CHECKS)),
                "unique_checks": str(int(not flags & _RELAXED_UNIQUE_CHECKS)),
                "sql_auto_is_null": str(int(bool(flags & _AUTO_IS_NULL))),
            }
        case 5:
            return {"time_zone": _text(value.decode())} if value else {}
        case 3 | 4 | 7 | 16 | 18:
            names = _NAMES[code]
            size = len(value) // len(names)
            return {name: str(_number(value[i * size : (i + 1) * size])) for i, name in enumerate(names)}
        case _:
            return {}


def _number(value: bytes) -> int:
    return int.from_bytes(value, "little")


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
