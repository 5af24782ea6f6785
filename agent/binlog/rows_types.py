"""Column values of row events, as SQL literals.

No value becomes a Python number, date or text on its way: those know no zero dates, no signed zero, no
65-digit decimals. Each literal means the same under every character set and sql_mode of the session, as long
as the session's time zone is +00:00 and its sql_mode has no NO_ZERO_DATE. Formats:
mysys/my_time.cc, strings/decimal.cc, and ``Field::pack`` in sql/field.cc of the server's source.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime

from agent.binlog import jsonb
from agent.binlog.rows_map import FieldType, MappedColumn
from agent.binlog.rows_values import datetime_text, decimal, decimal_bytes, floating
from agent.errors import LogError

Read = Callable[[bytes, int], tuple[bytes, int]]
"""(an event's body, where the value starts) -> (its literal, where it ends)."""

NULL = b"NULL"
_EMPTY = b"''"
_ZERO_TIMESTAMP = "0000-00-00 00:00:00"
_INTEGERS = {
    FieldType.TINY: 1,
    FieldType.SHORT: 2,
    FieldType.INT24: 3,
    FieldType.LONG: 4,
    FieldType.LONGLONG: 8,
}
_STRINGS = frozenset((FieldType.STRING, FieldType.VARCHAR, FieldType.VAR_STRING))
# utf8mb3's introducer is deprecated and would warn; the bytes mean the same in utf8mb4.
_INTRODUCER = {"utf8mb3": "utf8mb4"}


def reader(column: MappedColumn, *, unsigned: bool, charset: str | None) -> Read:
    """How to read a column's values.

    Args:
        unsigned: whether an integer is.
        charset: of text; None for what is no text.

    Raises:
        LogError: a type that this agent does not know.
    """
    kind = column.type
    if kind in _INTEGERS:
        return _integer(_INTEGERS[kind], unsigned)
    if kind in _TEMPORAL:
        return _TEMPORAL[kind](column.length)
    if kind in _STRINGS:
        pad = column.length if kind is FieldType.STRING and charset in (None, "binary") else 0
        return _text(1 if column.length < 256 else 2, charset, pad)
    if kind not in _OTHERS:
        raise LogError(f"the log holds values of type {kind.name}, which this agent cannot read")
    return _OTHERS[kind](column, charset)


def _integer(size: int, unsigned: bool) -> Read:
    formats = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"} if unsigned else {1: "<b", 2: "<h", 4: "<i", 8: "<q"}
    if size in formats:
        unpack = struct.Struct(formats[size]).unpack_from
        return lambda data, at: (b"%d" % unpack(data, at), at + size)
    return lambda data, at: (
        b"%d" % int.from_bytes(data[at : at + size], "little", signed=not unsigned),
        at + size,
    )


def _floating(layout: struct.Struct) -> Read:
    def read(data: bytes, at: int) -> tuple[bytes, int]:
        # A FLOAT's value is written with a DOUBLE's digits: rounding it back gives the same bits.
        return floating(layout.unpack_from(data, at)[0]), at + layout.size

    return read


def _decimal(precision: int, scale: int) -> Read:
    size = decimal_bytes(precision, scale)
    return lambda data, at: (decimal(data[at : at + size], precision, scale), at + size)


def _bits(size: int) -> Read:
    return lambda data, at: (b"%d" % int.from_bytes(data[at : at + size], "big"), at + size)


def _text(length_bytes: int, charset: str | None, pad: int) -> Read:
    prefix = "0x" if charset in (None, "binary") else f"_{_INTRODUCER.get(charset, charset)} 0x"

    def read(data: bytes, at: int) -> tuple[bytes, int]:
        start = at + length_bytes
        end = start + int.from_bytes(data[at:start], "little")
        value = data[start:end]
        if pad:  # the log leaves out the zeros at the end of a BINARY
            value = value.ljust(pad, b"\0")
        return (prefix + value.hex()).encode() if value else _EMPTY, end

    return read


def _json(length_bytes: int) -> Read:
    def read(data: bytes, at: int) -> tuple[bytes, int]:
        start = at + length_bytes
        end = start + int.from_bytes(data[at:start], "little")
        return jsonb.expression(data[start:end]), end

    return read


def _year(_digits: int) -> Read:
    return lambda data, at: (b"%d" % (1900 + data[at] if data[at] else 0), at + 1)


def _date(_digits: int) -> Read:
    def read(data: bytes, at: int) -> tuple[bytes, int]:
        packed = int.from_bytes(data[at : at + 3], "little")
        return b"'%04d-%02d-%02d'" % (packed >> 9, packed >> 5 & 15, packed & 31), at + 3

    return read


def _fraction(value: int, digits: int) -> str:
    """Digits after the point; the log keeps an even number of them."""
    return f".{value:0{(digits + 1) // 2 * 2}d}"[: digits + 1] if digits else ""


def _time(digits: int) -> Read:
    extra = (digits + 1) // 2
    size, shift = 3 + extra, 8 * extra

    def read(data: bytes, at: int) -> tuple[bytes, int]:
        packed = int.from_bytes(data[at : at + size], "big") - (1 << size * 8 - 1)
        sign = "-" if packed < 0 else ""
        whole, fraction = abs(packed) >> shift, abs(packed) & (1 << shift) - 1
        text = f"{whole >> 12 & 1023:02d}:{whole >> 6 & 63:02d}:{whole & 63:02d}{_fraction(fraction, digits)}"
        return f"'{sign}{text}'".encode(), at + size

    return read


def _datetime(digits: int) -> Read:
    extra = (digits + 1) // 2
    size, shift = 5 + extra, 8 * extra

    def read(data: bytes, at: int) -> tuple[bytes, int]:
        packed = int.from_bytes(data[at : at + size], "big") - (1 << size * 8 - 1)
        text = datetime_text(packed >> shift) + _fraction(packed & (1 << shift) - 1, digits)
        return f"'{text}'".encode(), at + size

    return read


def _timestamp(digits: int) -> Read:
    size = 4 + (digits + 1) // 2

    def read(data: bytes, at: int) -> tuple[bytes, int]:
        seconds = int.from_bytes(data[at : at + 4], "big")
        moment = datetime.fromtimestamp(seconds, UTC)
        text = f"{moment:%Y-%m-%d %H:%M:%S}" if seconds else _ZERO_TIMESTAMP
        fraction = _fraction(int.from_bytes(data[at + 4 : at + size], "big"), digits)
        return f"'{text}{fraction}'".encode(), at + size

    return read


_TEMPORAL: dict[FieldType, Callable[[int], Read]] = {
    FieldType.YEAR: _year,
    FieldType.DATE: _date,
    FieldType.TIME2: _time,
    FieldType.DATETIME2: _datetime,
    FieldType.TIMESTAMP2: _timestamp,
}
_OTHERS: dict[FieldType, Callable[[MappedColumn, str | None], Read]] = {
    FieldType.FLOAT: lambda _column, _charset: _floating(struct.Struct("<f")),
    FieldType.DOUBLE: lambda _column, _charset: _floating(struct.Struct("<d")),
    FieldType.NEWDECIMAL: lambda column, _charset: _decimal(column.length, column.scale),
    FieldType.BIT: lambda column, _charset: _bits((column.length + 7) // 8),
    FieldType.ENUM: lambda column, _charset: _integer(column.length, True),
    # A SET compares as a signed number; its 64th member is the sign.
    FieldType.SET: lambda column, _charset: _integer(column.length, column.length < 8),
    FieldType.BLOB: lambda column, charset: _text(column.length, charset, 0),
    FieldType.GEOMETRY: lambda column, _charset: _text(column.length, None, 0),
    FieldType.VECTOR: lambda column, _charset: _text(column.length, None, 0),
    FieldType.JSON: lambda column, _charset: _json(column.length),
}
