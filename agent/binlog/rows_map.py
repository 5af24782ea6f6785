"""TABLE_MAP events: which table the rows that follow belong to, and how its columns are encoded.

Layout: libs/mysql/binlog/event/rows_event.h of the server's source ("Table_map_event"), and for the optional
metadata https://dev.mysql.com/doc/refman/8.4/en/replication-options-binary-log.html#sysvar_binlog_row_metadata.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from agent.errors import LogError


class FieldType(IntEnum):
    """Column types as the log numbers them (include/field_types.h)."""

    TINY = 1
    SHORT = 2
    LONG = 3
    FLOAT = 4
    DOUBLE = 5
    TIMESTAMP = 7
    LONGLONG = 8
    INT24 = 9
    DATE = 10
    TIME = 11
    DATETIME = 12
    YEAR = 13
    VARCHAR = 15
    BIT = 16
    TIMESTAMP2 = 17
    DATETIME2 = 18
    TIME2 = 19
    VECTOR = 242
    JSON = 245
    NEWDECIMAL = 246
    ENUM = 247
    SET = 248
    TINY_BLOB = 249
    MEDIUM_BLOB = 250
    LONG_BLOB = 251
    BLOB = 252
    VAR_STRING = 253
    STRING = 254
    GEOMETRY = 255


_SIGNEDNESS, _DEFAULT_CHARSET, _COLUMN_CHARSET, _COLUMN_NAME = 1, 2, 3, 4
_NUMERIC = frozenset(
    (
        FieldType.TINY,
        FieldType.SHORT,
        FieldType.INT24,
        FieldType.LONG,
        FieldType.LONGLONG,
        FieldType.NEWDECIMAL,
        FieldType.FLOAT,
        FieldType.DOUBLE,
    )
)
_CHARACTER = frozenset(
    (FieldType.STRING, FieldType.VAR_STRING, FieldType.VARCHAR, FieldType.BLOB, FieldType.VECTOR)
)
_NO_META = frozenset(
    (
        FieldType.TINY,
        FieldType.SHORT,
        FieldType.INT24,
        FieldType.LONG,
        FieldType.LONGLONG,
        FieldType.DATE,
        FieldType.YEAR,
    )
)
_ONE_BYTE_META = frozenset(
    (
        FieldType.FLOAT,
        FieldType.DOUBLE,
        FieldType.TIMESTAMP2,
        FieldType.DATETIME2,
        FieldType.TIME2,
        FieldType.BLOB,
        FieldType.JSON,
        FieldType.GEOMETRY,
        FieldType.VECTOR,
    )
)


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """One column as the log describes it.

    Attributes:
        type: with ENUM and SET already told from CHAR.
        length: FLOAT, DOUBLE, BLOB and its kin: bytes of the value or of its length; temporal types: digits
            of the fraction; strings: most bytes of a value; BIT: bits; ENUM, SET: bytes; DECIMAL: all digits.
        scale: of DECIMAL: digits after the point.
        charset: a collation's number; None for what is no text or where the log does not say.
        name: None with binlog_row_metadata=MINIMAL.
    """

    type: FieldType
    length: int
    scale: int
    charset: int | None
    name: str | None


@dataclass(frozen=True, slots=True)
class TableMap:
    """What a TABLE_MAP event says.

    Attributes:
        schema, table: as the source spells them.
        signedness: see ``agrees``; None where the log does not say.
    """

    id: int
    schema: str
    table: str
    columns: tuple[MappedColumn, ...]
    signedness: bytes | None

    def agrees(self, unsigned: Sequence[bool]) -> bool:
        """Whether the numeric columns are unsigned where ``unsigned`` says so.

        One bit for each numeric column, the first the highest. Servers differ in whether YEAR is one (9.7
        counts it, as unsigned), so either reading will do.
        """
        return self.signedness is None or any(
            self._bits(unsigned, numeric) == self.signedness
            for numeric in (_NUMERIC, _NUMERIC | {FieldType.YEAR})
        )

    def _bits(self, unsigned: Sequence[bool], numeric: frozenset[FieldType]) -> bytes:
        signs = [
            sign or column.type is FieldType.YEAR
            for sign, column in zip(unsigned, self.columns, strict=True)
            if column.type in numeric
        ]
        bits = "".join(map(str, map(int, signs)))
        size = (len(bits) + 7) // 8
        return int(bits.ljust(8 * size, "0") or "0", 2).to_bytes(size, "big")


def read_table_map(body: memoryview) -> TableMap:
    """The content of a TABLE_MAP event.

    Raises:
        LogError: a column type that this agent does not know.
    """
    data = bytes(body)
    schema_end = 9 + data[8]
    table_start = schema_end + 2
    table_end = table_start + data[schema_end + 1]
    schema, table = data[9:schema_end].decode(), data[table_start:table_end].decode()
    count, at = packed_integer(data, table_end + 1)
    types = data[at : at + count]
    meta_bytes, at = packed_integer(data, at + count)
    shapes, after = _shapes(types, data, at, f"{schema}.{table}")
    if after != at + meta_bytes:
        raise LogError(f"the log describes {schema}.{table} in a way that this agent does not understand")
    extra = _optional(data, after + (count + 7) // 8)
    charsets = _charsets(shapes, extra)
    names = _names(extra.get(_COLUMN_NAME), count)
    columns = tuple(
        MappedColumn(kind, length, scale, charsets[i], names[i])
        for i, (kind, length, scale) in enumerate(shapes)
    )
    return TableMap(int.from_bytes(data[:6], "little"), schema, table, columns, extra.get(_SIGNEDNESS))


def packed_integer(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """A length-encoded integer and where it ends."""
    first = data[at]
    if first < 251:
        return first, at + 1
    size = {252: 2, 253: 3, 254: 8}[first]
    return int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size


_Shape = tuple[FieldType, int, int]


def _shapes(types: bytes, data: bytes, at: int, where: str) -> tuple[list[_Shape], int]:
    shapes: list[_Shape] = []
    for number in types:
        try:
            kind = FieldType(number)
        except ValueError:
            raise LogError(f"{where} has a column of type {number}, which this agent does not know") from None
        length = scale = 0
        if kind in _ONE_BYTE_META:
            length, at = data[at], at + 1
        elif kind is FieldType.VARCHAR:
            length, at = int.from_bytes(data[at : at + 2], "little"), at + 2
        elif kind is FieldType.BIT:
            length, at = data[at] + 8 * data[at + 1], at + 2
        elif kind is FieldType.NEWDECIMAL:
            length, scale, at = data[at], data[at + 1], at + 2
        elif kind is FieldType.STRING:
            kind, length = _string(data[at], data[at + 1])
            at += 2
        elif kind not in _NO_META:
            raise LogError(
                f"{where} has a column in the old format {kind.name}, which servers since 5.6 do not write; "
                "rebuild the table on the source (ALTER TABLE ... FORCE) and take a new dump"
            )
        shapes.append((kind, length, scale))
    return shapes, at


def _string(first: int, second: int) -> tuple[FieldType, int]:
    """CHAR, BINARY, ENUM and SET share a number; two bits of the length hide, inverted, in the type."""
    if first & 0x30 != 0x30:
        return FieldType(first | 0x30), second | ((first & 0x30) ^ 0x30) << 4
    return FieldType(first), second


def _optional(data: bytes, at: int) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    while at < len(data):
        kind = data[at]
        length, start = packed_integer(data, at + 1)
        at = start + length
        fields[kind] = data[start:at]
    return fields


def _charsets(shapes: list[_Shape], extra: dict[int, bytes]) -> list[int | None]:
    text = [i for i, (kind, _, _) in enumerate(shapes) if kind in _CHARACTER]
    found: list[int | None] = [None] * len(shapes)
    if _COLUMN_CHARSET in extra:
        for i, charset in zip(text, _integers(extra[_COLUMN_CHARSET]), strict=True):
            found[i] = charset
    elif _DEFAULT_CHARSET in extra:
        default, *exceptions = _integers(extra[_DEFAULT_CHARSET])
        for i in text:
            found[i] = default
        for position, charset in zip(exceptions[::2], exceptions[1::2], strict=True):
            found[text[position]] = charset
    return found


def _integers(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        number, at = packed_integer(data, at)
        yield number


def _names(field: bytes | None, count: int) -> list[str | None]:
    if field is None:
        return [None] * count
    names: list[str | None] = []
    at = 0
    while at < len(field):
        length, start = packed_integer(field, at)
        at = start + length
        names.append(field[start:at].decode())
    return names
