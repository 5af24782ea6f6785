"""How the log's columns meet the target's: found by position, proved by type, sign, charset and name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.binlog.rows import Row
from agent.binlog.rows_map import FieldType, MappedColumn, TableMap
from agent.binlog.rows_types import NULL, Read, reader
from agent.database import quoted
from agent.errors import LogError
from agent.replay.schema import INVISIBLE_KEY, Column, Table

_TYPES: Mapping[FieldType, frozenset[str]] = {
    kind: frozenset(names.split())
    for kind, names in {
        FieldType.TINY: "tinyint",
        FieldType.SHORT: "smallint",
        FieldType.INT24: "mediumint",
        FieldType.LONG: "int",
        FieldType.LONGLONG: "bigint",
        FieldType.FLOAT: "float",
        FieldType.DOUBLE: "double",
        FieldType.NEWDECIMAL: "decimal",
        FieldType.YEAR: "year",
        FieldType.DATE: "date",
        FieldType.TIME2: "time",
        FieldType.DATETIME2: "datetime",
        FieldType.TIMESTAMP2: "timestamp",
        FieldType.BIT: "bit",
        FieldType.ENUM: "enum",
        FieldType.SET: "set",
        FieldType.STRING: "char binary",
        FieldType.VARCHAR: "varchar varbinary",
        FieldType.VAR_STRING: "varchar varbinary",
        FieldType.BLOB: "tinyblob blob mediumblob longblob tinytext text mediumtext longtext",
        FieldType.JSON: "json",
        FieldType.VECTOR: "vector",
        FieldType.GEOMETRY: "geometry point linestring polygon multipoint multilinestring multipolygon"
        " geomcollection geometrycollection",
    }.items()
}
_INTEGERS = frozenset(("tinyint", "smallint", "mediumint", "int", "bigint"))


@dataclass(frozen=True)
class Layout:
    """A table's rows in the log.

    Attributes:
        readers: one per column of the log.
        first: position in the log's row of the table's first column.
        written: positions in the log's row of the columns that the replay writes (the server computes
            generated ones).
        key: positions in the log's row of the primary key.
        enums: positions of ENUM columns.
        counter: position of the integer AUTO_INCREMENT column, or None.
        columns: position -> column.
    """

    table: Table
    readers: tuple[Read, ...]
    first: int
    written: tuple[int, ...]
    key: tuple[int, ...]
    enums: tuple[int, ...]
    counter: int | None
    columns: Mapping[int, Column]

    @property
    def label(self) -> str:
        """``schema.table``, for messages."""
        return f"{self.table.schema}.{self.table.name}"

    @property
    def quoted(self) -> bytes:
        """The table's name in a statement."""
        return f"{quoted(self.table.schema)}.{quoted(self.table.name)}".encode()

    def name(self, position: int) -> bytes:
        """A column's name in a statement."""
        return quoted(self.columns[position].name).encode()

    def enum_errors(self, row: Row) -> int:
        """How many ENUM values of ``row`` are the error value."""
        return sum(row[i] == b"0" for i in self.enums)


def lay_out(mapped: TableMap, table: Table, charset_of: Mapping[int, str]) -> Layout:
    """Match the log's description of a table with the target's.

    Args:
        charset_of: collation number -> character set.

    Raises:
        LogError: they do not fit; the target's table is not the one that the rows were written to.
    """
    first = len(mapped.columns) - len(table.columns)
    if first not in (0, 1) or (first and not _invisible(mapped.columns[0])):
        raise LogError(
            f"the log's rows of {mapped.schema}.{mapped.table} have {len(mapped.columns)} columns and the "
            f"target's table {len(table.columns)}; take a new dump"
        )
    columns = {i + first: column for i, column in enumerate(table.columns)}
    readers: list[Read] = []
    for i, column in enumerate(mapped.columns):
        own = columns.get(i)
        charset = charset_of.get(column.charset) if column.charset is not None else None
        if own is not None:
            _prove(mapped, column, own, charset)
            charset = charset or own.charset
        readers.append(reader(column, unsigned=own is None or own.unsigned, charset=charset))
    signs = [True] * first + [column.unsigned for column in table.columns]
    if not mapped.agrees(signs):
        where = f"{mapped.schema}.{mapped.table}"
        raise LogError(f"the log's numbers in {where} have other signs than the target's; take a new dump")
    counters = [i for i, c in columns.items() if c.auto_increment and c.type in _INTEGERS]
    return Layout(
        table=table,
        readers=tuple(readers),
        first=first,
        written=tuple(i for i, column in columns.items() if not column.generated),
        key=tuple(i + first for i in table.key),
        enums=tuple(i for i, column in columns.items() if column.type == "enum" and not column.generated),
        counter=counters[0] if counters else None,
        columns=columns,
    )


def _invisible(column: MappedColumn) -> bool:
    """Whether it can be the key that the source generated."""
    return column.type is FieldType.LONGLONG and column.name in (None, INVISIBLE_KEY)


def _prove(mapped: TableMap, column: MappedColumn, own: Column, charset: str | None) -> None:
    """Raise LogError unless the log's column is the target's."""
    same = own.type in _TYPES[column.type]
    same &= column.name is None or column.name.lower() == own.name.lower()
    same &= charset is None or charset == (own.charset or "binary")
    if not same:
        raise LogError(
            f"the log's column {column.name or '(unnamed)'} of {mapped.schema}.{mapped.table} is {column}, "
            f"and the target's is {own}; take a new dump"
        )


def matcher(layout: Layout) -> Callable[[Row], bytes]:
    """A condition that holds for rows exactly equal to a given one, not for those that only compare equal."""
    tests = [(i, layout.name(i), layout.columns[i]) for i in layout.written]
    return lambda row: b" AND ".join(_equals(name, column, row[i]) for i, name, column in tests)


def _equals(name: bytes, column: Column, literal: bytes) -> bytes:
    if literal == NULL:
        return name + b" IS NULL"
    plain = b"%s=%s" % (name, literal)
    match column.type:
        case "float" | "double" if literal.lstrip(b"-") == b"0.0e0":
            sign = b"=" if literal.startswith(b"-") else b"<>"
            return b"%s AND LEFT(CAST(%s AS CHAR),1)%s'-'" % (plain, name, sign)
        case "json":
            return b"CAST(CAST(%s AS CHAR) AS BINARY)=CAST(CAST(CAST(%s AS JSON) AS CHAR) AS BINARY)" % (
                name,
                literal,
            )
        case "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext":
            # A collation finds 'a' equal to 'A'; the plain comparison is for an index.
            return b"%s AND CAST(%s AS BINARY)=%s" % (plain, name, literal.split(b" ")[-1])
        case kind if kind == "vector" or kind in _TYPES[FieldType.GEOMETRY]:
            return b"CAST(%s AS BINARY)=%s" % (name, literal)
        case _:
            return plain
