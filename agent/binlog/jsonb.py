"""MySQL's binary JSON, as an SQL expression that makes the same document again.

JSON text cannot say everything that the binary form holds: DECIMAL, dates, times, binary strings and small
unsigned integers become something else when it is parsed. A document with such a value is built with
JSON_ARRAY and JSON_OBJECT instead. Format: sql-common/json_binary.h of the server's source.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable

from agent.binlog.rows_map import FieldType
from agent.binlog.rows_values import datetime_text, decimal
from agent.database import OWN_SCHEMA
from agent.errors import LogError

_SMALL_OBJECT, _LARGE_OBJECT, _SMALL_ARRAY, _LARGE_ARRAY = 0, 1, 2, 3
_LITERAL, _INT16, _UINT16, _INT32, _UINT32, _INT64, _UINT64, _DOUBLE, _STRING = range(4, 13)
_OPAQUE = 15
_LITERALS = ("null", "true", "false")
_INLINE = frozenset((_LITERAL, _INT16, _UINT16))
_INLINE_LARGE = _INLINE | {_INT32, _UINT32}
_LONGER_THAN = {FieldType.MEDIUM_BLOB: 70_000, FieldType.LONG_BLOB: 20_000_000}
_MISSING = re.compile(OWN_SCHEMA + r"\.json_(\d+)_(\d+) does not exist")
_LARGEST_SIGNED = (1 << 63) - 1

_Node = str | bytes
"""JSON text, or an SQL expression where text would lose something."""


def expression(data: bytes) -> bytes:
    """An SQL expression for the document ``data``.

    Raises:
        LogError: it holds a type that this agent does not know.
    """
    if not data:  # a NOT NULL column that was never given a value reads as the literal null
        return _hexadecimal("null")
    node = _value(data, data[0], 1)
    if isinstance(node, str):
        return _hexadecimal(node)
    # CAST would refuse a binary string; a member of an array is taken as it is.
    return node if node.startswith(b"JSON_") else b"JSON_EXTRACT(JSON_ARRAY(%s),'$[0]')" % node


def _hexadecimal(text: str) -> bytes:
    return b"_utf8mb4 0x" + text.encode().hex().encode()


def _as_json(node: _Node) -> bytes:
    return node if isinstance(node, bytes) else b"CAST(%s AS JSON)" % _hexadecimal(node)


def _value(data: bytes, kind: int, at: int) -> _Node:
    """The value of type ``kind`` that starts at ``at``."""
    if kind <= _LARGE_ARRAY:
        large = kind in (_LARGE_OBJECT, _LARGE_ARRAY)
        # Offsets inside a container count from its start.
        return _container(data[at:], large, kind in (_SMALL_OBJECT, _LARGE_OBJECT))
    if kind in _SCALARS:
        return _SCALARS[kind](data, at)
    raise LogError(f"a JSON document holds a value of type {kind}, which this agent does not know")


def _unsigned(kind: int) -> Callable[[bytes, int], _Node]:
    layout = struct.Struct({_UINT16: "<H", _UINT32: "<I", _UINT64: "<Q"}[kind])

    def read(data: bytes, at: int) -> _Node:
        number: int = layout.unpack_from(data, at)[0]
        # Parsed text gives a signed number whenever it fits into one.
        return str(number) if number > _LARGEST_SIGNED else b"CAST(%d AS UNSIGNED)" % number

    return read


def _string(data: bytes, at: int) -> _Node:
    length, start = _variable_length(data, at)
    return json.dumps(data[start : start + length].decode(), ensure_ascii=False)


def _opaque(data: bytes, at: int) -> _Node:
    length, start = _variable_length(data, at + 1)
    kind, value = data[at], data[start : start + length]
    if kind == FieldType.NEWDECIMAL:
        return decimal(value[2:], value[0], value[1])
    if kind in (FieldType.DATE, FieldType.DATETIME, FieldType.TIMESTAMP, FieldType.TIME):
        return _temporal(kind, int.from_bytes(value, "little", signed=True))
    return _binary(kind, value)


def _container(data: bytes, large: bool, is_object: bool) -> _Node:
    size = 4 if large else 2

    def offset(at: int) -> int:
        return int.from_bytes(data[at : at + size], "little")

    count = offset(0)
    entries = 2 * size + (count * (size + 2) if is_object else 0)
    inline = _INLINE_LARGE if large else _INLINE
    values: list[_Node] = []
    for i in range(count):
        at = entries + i * (1 + size)
        kind = data[at]
        values.append(_value(data, kind, at + 1 if kind in inline else offset(at + 1)))
    if not is_object:
        if all(isinstance(value, str) for value in values):
            return "[" + ",".join(str(value) for value in values) + "]"
        return b"JSON_ARRAY(" + b",".join(map(_as_json, values)) + b")"
    keys: list[str] = []
    for i in range(count):
        at = 2 * size + i * (size + 2)
        start = offset(at)
        length = int.from_bytes(data[at + size : at + size + 2], "little")
        keys.append(data[start : start + length].decode())
    if all(isinstance(value, str) for value in values):
        pairs = (f"{json.dumps(k, ensure_ascii=False)}:{v!s}" for k, v in zip(keys, values, strict=True))
        return "{" + ",".join(pairs) + "}"
    members = (
        (_hexadecimal(k) if k else b"''") + b"," + _as_json(v) for k, v in zip(keys, values, strict=True)
    )
    return b"JSON_OBJECT(" + b",".join(members) + b")"


def _variable_length(data: bytes, at: int) -> tuple[int, int]:
    length = shift = 0
    while True:
        byte = data[at]
        at += 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return length, at


def _temporal(kind: int, packed: int) -> bytes:
    sign = "-" if packed < 0 else ""
    whole, fraction = abs(packed) >> 24, abs(packed) & 0xFFFFFF
    if kind == FieldType.TIME:
        clock = f"{whole >> 12 & 1023:02d}:{whole >> 6 & 63:02d}:{whole & 63:02d}"
        return f"TIME'{sign}{clock}.{fraction:06d}'".encode()
    text = datetime_text(whole)
    if kind == FieldType.DATE:
        return f"DATE'{text[:10]}'".encode()
    # A TIMESTAMP in a document is shown, compared and named like a DATETIME.
    return f"TIMESTAMP'{text}.{fraction:06d}'".encode()


def _binary(kind: int, data: bytes) -> bytes:
    """A binary string; a document remembers from what type of column it came, and shows it."""
    literal = b"0x" + data.hex().encode() if data else b"CAST('' AS BINARY)"
    if kind in (FieldType.VARCHAR, FieldType.VAR_STRING):
        return literal
    if kind in _LONGER_THAN:  # results of functions; the second operand, never computed, makes the type
        return b"COALESCE(%s,REPEAT(0x00,%d))" % (literal, _LONGER_THAN[FieldType(kind)])
    if kind in (FieldType.BLOB, FieldType.TINY_BLOB):
        return b"%s(%s)" % (_function(kind, 0), literal)
    if kind in (FieldType.STRING, FieldType.BIT):
        return b"%s(%s)" % (_function(kind, len(data)), literal)
    raise LogError(f"a JSON document holds a binary value of type {kind}, which this agent cannot write")


def _function(kind: int, size: int) -> bytes:
    return f"{OWN_SCHEMA}.json_{kind}_{size}".encode()


def function_definition(message: str) -> tuple[str, str] | None:
    """(name, statement that creates it) of the function that an expression needed, from the server's error.

    Only a stored function's result is of the types BLOB, BINARY and BIT without a table.
    """
    found = _MISSING.search(message)
    if found is None:
        return None
    size = int(found[2])
    returned = {FieldType.STRING: f"BINARY({size})", FieldType.BIT: f"BIT({size * 8})"}
    result = returned.get(FieldType(int(found[1])), "LONGBLOB")
    name = f"{OWN_SCHEMA}.json_{found[1]}_{found[2]}"
    return name, f"CREATE FUNCTION {name}(v LONGBLOB) RETURNS {result} DETERMINISTIC NO SQL RETURN v"


_SCALARS: dict[int, Callable[[bytes, int], _Node]] = {
    _LITERAL: lambda data, at: _LITERALS[data[at]],
    _INT16: lambda data, at: str(struct.unpack_from("<h", data, at)[0]),
    _INT32: lambda data, at: str(struct.unpack_from("<i", data, at)[0]),
    _INT64: lambda data, at: str(struct.unpack_from("<q", data, at)[0]),
    _UINT16: _unsigned(_UINT16),
    _UINT32: _unsigned(_UINT32),
    _UINT64: _unsigned(_UINT64),
    _DOUBLE: lambda data, at: repr(struct.unpack_from("<d", data, at)[0]),
    _STRING: _string,
    _OPAQUE: _opaque,
}
