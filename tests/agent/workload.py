"""Random databases and random changes of them, from a seed: for the replay's tests and the fault campaign.

Only SQL text comes from here; the same seed gives the same text whatever the server answers. Statements may
fail on the server (a duplicate key, a foreign key): whoever runs them goes on.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

SCHEMA = "petclinic"
_Make = Callable[[random.Random], str]


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}" if data else "''"


def _integer(bits: int, signed: bool) -> _Make:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return lambda rng: str(rng.choice([low, high, 0, 1, rng.randint(low, high), rng.randint(0, 100)]))


def _float(rng: random.Random) -> str:
    return rng.choice(
        ["-0e0", "0e0", "16777216", "123456.789e0", "1.17549435e-38", "3.402823466e38", "1e-45"]
        + [f"{rng.uniform(-1e6, 1e6)!r}e0" for _ in range(3)]
    )


def _double(rng: random.Random) -> str:
    return rng.choice(
        ["-0e0", "0e0", "5e-324", "1.7976931348623157e308", "-2.2250738585072014e-308"]
        + [f"{rng.uniform(-1, 1) * 10 ** rng.randint(-300, 300):e}" for _ in range(3)]
    )


def _decimal(precision: int, scale: int) -> _Make:
    def make(rng: random.Random) -> str:
        digits = rng.choice([rng.randint(0, 10**precision - 1), 10**precision - 1, 0, rng.randint(0, 999)])
        text = str(digits).rjust(scale + 1, "0")
        whole, fraction = (text[:-scale], text[-scale:]) if scale else (text, "")
        return rng.choice(["", "-"]) + whole + (f".{fraction}" if fraction else "")

    return make


def _fraction(rng: random.Random, digits: int) -> str:
    return f".{rng.choice([0, rng.randrange(10**digits)]):0{digits}d}" if digits else ""


def _date(rng: random.Random) -> str:
    return rng.choice(
        [
            "0000-00-00",
            "9999-12-31",
            "1000-01-01",
            "2024-02-29",
            "2024-00-00",
            "2024-05-00",
            f"{rng.randint(1900, 2100)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        ]
    )


def _clock(rng: random.Random) -> str:
    return f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}"


def _datetime(digits: int) -> _Make:
    return lambda rng: f"'{_date(rng)} {_clock(rng)}{_fraction(rng, digits)}'"


def _timestamp(digits: int) -> _Make:
    def make(rng: random.Random) -> str:
        moment = f"{rng.randint(1971, 2037)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d} {_clock(rng)}"
        return f"'{rng.choice(['0000-00-00 00:00:00', moment + _fraction(rng, digits), moment])}'"

    return make


def _time(digits: int) -> _Make:
    def make(rng: random.Random) -> str:
        sign = rng.choice(["", "-"])
        hours = rng.choice([0, rng.randint(0, 837)])
        return f"'{sign}{hours}:{rng.randrange(60):02d}:{rng.randrange(60):02d}{_fraction(rng, digits)}'"

    return make


_WORDS = [
    "",
    "a",
    "A",
    "b ",
    "é",
    "ß",
    "日本語",
    "😀👩‍👩‍👧",
    "'; DROP TABLE x; --",
    "back\\slash",
    "tab\tnl\n",
    "%s {} `",
]


def _text(charset: str, longest: int) -> _Make:
    codec = {
        "utf8mb4": "utf-8",
        "utf8mb3": "utf-8",
        "latin1": "latin-1",
        "utf16": "utf-16-be",
        "ascii": "ascii",
    }
    codec |= {"ucs2": "utf-16-be", "gbk": "gbk", "utf32": "utf-32-be"}

    def make(rng: random.Random) -> str:
        text = rng.choice([*_WORDS, "x" * rng.randint(0, longest)]) * rng.choice([1, 1, 2])
        if charset in ("utf8mb3", "ucs2"):
            text = "".join(c for c in text if ord(c) < 0x10000)
        data = text[:longest].encode(codec[charset], "ignore")
        return f"_{charset} 0x{data.hex()}" if data else "''"

    return make


def _binary(longest: int) -> _Make:
    def make(rng: random.Random) -> str:
        data = rng.randbytes(rng.randint(0, longest)) + rng.choice([b"", b"\0", b" ", b"\0\0 "])
        return _hex(data[:longest])

    return make


def _enum(rng: random.Random) -> str:
    return rng.choice(["1", "2", "3", "'it''s'"])


def _set(members: int) -> _Make:
    return lambda rng: str(rng.choice([0, (1 << members) - 1, rng.getrandbits(members), 1 << members - 1]))


def _json_text(rng: random.Random, depth: int = 0) -> object:
    leaf = rng.choice(
        [
            None,
            True,
            False,
            0,
            -1,
            2**63 - 1,
            -(2**63),
            2**64 - 1,
            70000,
            1.5,
            -0.0,
            1e22,
            5e-324,
            "",
            '日本 😀 "\\',
            rng.uniform(-1000000000.0, 1000000000.0),
            rng.randint(-(2**40), 2**40),
            "x" * rng.choice([3, 130, 300]),
        ]
    )
    if depth > 2 or rng.random() < 0.4:
        return leaf
    count = rng.choice([0, 1, 3, 40])
    if rng.random() < 0.5:
        return [_json_text(rng, depth + 1) for _ in range(count)]
    return {f"k{rng.choice(['', 'é', '😀'])}{i}": _json_text(rng, depth + 1) for i in range(count)}


def _json(rng: random.Random) -> str:
    plain = f"CAST(_utf8mb4 {_hex(json.dumps(_json_text(rng), ensure_ascii=False).encode())} AS JSON)"
    opaque = rng.choice(
        [
            "1.50",
            "-0.000001",
            "CAST(7 AS UNSIGNED)",
            "TIME'-10:00:00.5'",
            "DATE'2024-02-29'",
            "TRUE",
            "x'00FF'",
            "TIMESTAMP'2024-01-01 00:00:00.123456'",
            "9" * 65,
            "''",
            "1e0",
        ]
    )
    return rng.choice(
        [
            plain,
            plain,
            f"JSON_ARRAY({opaque}, {plain})",
            f"JSON_OBJECT('a', {opaque}, '', JSON_ARRAY({opaque}))",
            f"JSON_EXTRACT(JSON_ARRAY({opaque}), '$[0]')",
        ]
    )


def _point(rng: random.Random) -> str:
    return f"ST_GeomFromText('POINT({rng.randint(-80, 80)} {rng.randint(-80, 80)})', 4326)"


def _geometry(rng: random.Random) -> str:
    return rng.choice(
        ["ST_GeomFromText('LINESTRING(0 0,1 1.5)')", "ST_GeomFromText('GEOMETRYCOLLECTION()', 3857)"]
    )


_COLUMNS: list[tuple[str, _Make]] = [
    *(
        (f"{name}{sign}", _integer(bits, not sign))
        for name, bits in (("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64))
        for sign in ("", " UNSIGNED")
    ),
    ("FLOAT", _float),
    ("DOUBLE", _double),
    ("DECIMAL(65,30)", _decimal(65, 30)),
    ("DECIMAL(10,0)", _decimal(10, 0)),
    ("DECIMAL(9,9)", _decimal(9, 9)),
    ("DECIMAL(20,3)", _decimal(20, 3)),
    ("YEAR", lambda rng: str(rng.choice([0, 1901, 2155, 2024]))),
    ("DATE", lambda rng: f"'{_date(rng)}'"),
    *((f"DATETIME({n})", _datetime(n)) for n in (0, 1, 4, 6)),
    *((f"TIMESTAMP({n}) NULL", _timestamp(n)) for n in (0, 3, 6)),
    *((f"TIME({n})", _time(n)) for n in (0, 2, 5, 6)),
    ("BIT(1)", _integer(1, False)),
    ("BIT(13)", _integer(13, False)),
    ("BIT(64)", _integer(64, False)),
    ("CHAR(12) CHARACTER SET utf8mb4", _text("utf8mb4", 12)),
    ("CHAR(200) CHARACTER SET utf8mb4", _text("utf8mb4", 200)),
    ("VARCHAR(300) CHARACTER SET utf8mb4", _text("utf8mb4", 300)),
    ("VARCHAR(40) CHARACTER SET latin1", _text("latin1", 40)),
    ("VARCHAR(40) CHARACTER SET utf16", _text("utf16", 40)),
    ("CHAR(40) CHARACTER SET utf32", _text("utf32", 40)),
    ("VARCHAR(40) CHARACTER SET gbk", _text("gbk", 40)),
    ("VARCHAR(40) CHARACTER SET utf8mb3", _text("utf8mb3", 40)),
    ("VARCHAR(40) CHARACTER SET ucs2", _text("ucs2", 40)),
    ("TINYTEXT", _text("utf8mb4", 60)),
    ("MEDIUMTEXT CHARACTER SET latin1", _text("latin1", 5000)),
    ("BINARY(9)", _binary(9)),
    ("BINARY(255)", _binary(255)),
    ("VARBINARY(300)", _binary(300)),
    ("BLOB", _binary(3000)),
    ("TINYBLOB", _binary(200)),
    ("ENUM('a','b','it''s')", _enum),
    ("SET('x','y','z')", _set(3)),
    ("SET(" + ",".join(f"'m{i}'" for i in range(64)) + ")", _set(64)),
    ("JSON", _json),
    ("POINT SRID 4326", _point),
    ("GEOMETRY", _geometry),
    ("VECTOR(3)", lambda rng: _hex(rng.randbytes(12).replace(b"\x7f", b"\x3f").replace(b"\xff", b"\x3f"))),
]
_KEY_COLUMNS = [
    ("INT", _integer(6, False)),
    ("BIGINT UNSIGNED", _integer(64, False)),
    ("VARCHAR(20) CHARACTER SET utf8mb4", _text("utf8mb4", 20)),
    ("VARCHAR(20) CHARACTER SET latin1", _text("latin1", 20)),
    ("VARBINARY(20)", _binary(4)),
    ("BINARY(3)", _binary(3)),
    ("DATE", lambda rng: f"'{_date(rng)}'"),
    ("DATETIME(3)", _datetime(3)),
    ("TIME(6)", _time(6)),
    ("DECIMAL(12,4)", _decimal(12, 4)),
    ("ENUM('a','b','it''s')", _enum),
    ("BIT(13)", _integer(13, False)),
    ("YEAR", lambda rng: str(rng.choice([0, 1901, 2155, rng.randint(1990, 2030)]))),
    ("SET(" + ",".join(f"'m{i}'" for i in range(64)) + ")", _set(64)),
    ("DOUBLE", _double),
]


@dataclass
class _Table:
    name: str
    columns: list[tuple[str, str, _Make]]
    """Name, definition, values; without those that the server computes."""
    key: list[str]
    parent: str | None = None
    extra: list[str] = field(default_factory=list[str])


class Workload:
    """Random SQL for one schema.

    Args:
        seed: the same one gives the same statements.
        exotic: types and values that mysqldump cannot carry (FLOAT, the ENUM error value, -0) as well.
        tables: how many to begin with.
        ddl: change definitions, too.
    """

    def __init__(
        self, seed: int, *, schema: str = SCHEMA, exotic: bool = True, tables: int = 6, ddl: bool = True
    ) -> None:
        self.rng = random.Random(seed)
        self.schema, self._exotic, self._ddl = schema, exotic, ddl
        self._tables: dict[str, _Table] = {}
        self._made = 0
        self._wanted = tables

    def setup(self) -> list[str]:
        """Statements that make the schema."""
        statements = [f"CREATE DATABASE {self.schema} CHARACTER SET utf8mb4", f"USE {self.schema}"]
        for _ in range(self._wanted):
            statements += self._create()
        return [*statements, *self._family()]

    def _family(self) -> list[str]:
        """Tables that cascade, one of them without a key, and a trigger."""
        number = ("BIGINT", _integer(10, False))
        self._tables["parent"] = _Table(
            "parent", [("id", *_auto()), ("label", "VARCHAR(30)", _text("utf8mb4", 30))], ["id"]
        )
        self._tables["child"] = _Table(
            "child",
            [("id", *_auto()), ("parent_id", *number), ("n", "INT", _integer(8, False))],
            ["id"],
            "parent",
        )
        self._tables["leaf"] = _Table(
            "leaf", [("child_id", *number), ("n", "INT", _integer(4, False))], [], "child"
        )
        return [
            f"CREATE TABLE {self.schema}.parent (id BIGINT AUTO_INCREMENT PRIMARY KEY, label VARCHAR(30) UNIQUE)",
            (
                f"CREATE TABLE {self.schema}.child (id BIGINT AUTO_INCREMENT PRIMARY KEY, parent_id BIGINT, n INT,"
                f" FOREIGN KEY (parent_id) REFERENCES {self.schema}.parent (id) ON DELETE CASCADE ON UPDATE CASCADE)"
            ),
            (
                f"CREATE TABLE {self.schema}.leaf (child_id BIGINT, n INT,"
                f" FOREIGN KEY (child_id) REFERENCES {self.schema}.child (id) ON DELETE SET NULL ON UPDATE CASCADE)"
            ),
            f"CREATE TABLE {self.schema}.journal (id BIGINT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(100))",
            (
                f"CREATE TRIGGER {self.schema}.watch AFTER INSERT ON {self.schema}.parent FOR EACH ROW"
                f" INSERT INTO {self.schema}.journal (what) VALUES (CONCAT('new ', COALESCE(NEW.label, '-')))"
            ),
        ]

    def _create(self) -> list[str]:
        rng = self.rng
        self._made += 1
        name = rng.choice(
            [f"t{self._made}", f"odd `name {self._made}", f"표{self._made}", f"select {self._made}"]
        )
        kind = rng.choice(["auto", "auto", "key", "key", "pair", "none", "unique"])
        columns: list[tuple[str, str, _Make]] = []
        extra: list[str] = []
        key: list[str] = []
        if kind == "auto":
            columns.append(("id", *_auto()))
            key = ["id"]
        elif kind in ("key", "pair"):
            picks = rng.sample(_KEY_COLUMNS, 1 if kind == "key" else 2)
            columns += [
                (f"k{i}", f"{definition} NOT NULL", make) for i, (definition, make) in enumerate(picks)
            ]
            key = [column[0] for column in columns]
        pool = [c for c in _COLUMNS if self._exotic or c[0] not in ("FLOAT", "DOUBLE", "JSON")]
        count = rng.choice([1, 4, 8, 20, 70])
        for i in range(count):
            definition, make = rng.choice(pool)
            columns.append((rng.choice([f"c{i}", f"c {i}`", f"열{i}"]), definition, make))
        if kind == "unique":
            columns.append(("u", "INT", _integer(6, False)))
            extra.append("UNIQUE (u)")
        rng.shuffle(columns)
        if any(definition == "INT" for _, definition, _ in columns):
            source = next(c for c, definition, _ in columns if definition == "INT")
            extra.append(f"g INT GENERATED ALWAYS AS ({_q(source)} % 7) {rng.choice(['STORED', 'VIRTUAL'])}")
            extra.append(f"INDEX by_g ((g + {_q(source)} % 3))")
        if rng.random() < 0.3:
            extra.append("hidden INT DEFAULT 3 INVISIBLE")
        table = _Table(name, columns, key)
        self._tables[name] = table
        return [self._create_text(table, extra)]

    def _create_text(self, table: _Table, extra: list[str]) -> str:
        parts = [f"{_q(name)} {definition}" for name, definition, _ in table.columns]
        parts += [part for part in extra if not part.startswith(("INDEX", "UNIQUE"))]
        if table.key:
            parts.append(f"PRIMARY KEY ({','.join(map(_q, table.key))})")
        parts += [part for part in extra if part.startswith(("INDEX", "UNIQUE"))]
        return f"CREATE TABLE {self.schema}.{_q(table.name)} ({', '.join(parts)})"

    def transaction(self) -> list[str]:
        """The statements of one transaction, or one DDL statement, or several."""
        rng = self.rng
        if self._ddl and rng.random() < 0.06:
            return self._change_definitions()
        return [self._change() for _ in range(rng.choice([1, 1, 1, 2, 5]))]

    def _change(self) -> str:
        rng = self.rng
        table = self._tables[rng.choice([*self._tables, "parent", "child", "leaf"])]
        place = f"{self.schema}.{_q(table.name)}"
        roll = rng.random()
        if roll < 0.55:
            columns = [c for c in table.columns if c[0] != "id" or rng.random() < 0.1]
            rows = [self._row(columns) for _ in range(rng.choice([1, 1, 2, 10]))]
            verb = rng.choice(["INSERT", "INSERT", "INSERT", "REPLACE", "INSERT IGNORE"])
            if table.name in ("parent", "child"):
                verb = "INSERT"
            return f"{verb} INTO {place} ({','.join(_q(c[0]) for c in columns)}) VALUES {','.join(rows)}"
        order = f" ORDER BY {','.join(map(_q, table.key))}" if table.key else ""
        some = f" WHERE {self._condition(table)}{order} LIMIT {rng.choice([1, 2, 5])}"
        if roll < 0.8:
            name, definition, make = rng.choice(table.columns)
            return f"UPDATE {place} SET {_q(name)} = {self._value(definition, make)}{some}"
        return f"DELETE FROM {place}{some}"

    def _condition(self, table: _Table) -> str:
        rng = self.rng
        if "id" in table.key:
            return f"id >= {rng.randint(0, 60)}"
        if table.parent:
            return f"n = {rng.randrange(16)}"
        return rng.choice(["1 = 1", f"{_q(rng.choice(table.columns)[0])} IS NOT NULL"])

    def _row(self, columns: list[tuple[str, str, _Make]]) -> str:
        return f"({','.join(self._value(definition, make) for _, definition, make in columns)})"

    def _value(self, definition: str, make: _Make) -> str:
        if "NOT NULL" not in definition and "PRIMARY" not in definition and self.rng.random() < 0.12:
            return "NULL"
        return make(self.rng)

    def _change_definitions(self) -> list[str]:
        rng = self.rng
        own = [t for t in self._tables.values() if t.name not in ("parent", "child", "leaf")]
        table = rng.choice(own)
        place = f"{self.schema}.{_q(table.name)}"
        self._made += 1
        match rng.randrange(10):
            case 0:
                return self._create()
            case 1 if len(own) > 3:
                del self._tables[table.name]
                return [f"DROP TABLE {place}"]
            case 2:
                definition, make = rng.choice(_COLUMNS)
                name = f"added{self._made}"
                table.columns.append((name, definition, make))
                return [f"ALTER TABLE {place} ADD COLUMN {name} {definition} {rng.choice(['', 'FIRST'])}"]
            case 3:
                return [f"TRUNCATE TABLE {place}"]
            case 4:
                new = f"renamed{self._made}"
                del self._tables[table.name]
                old, table.name = place, new
                self._tables[new] = table
                return [f"RENAME TABLE {old} TO {self.schema}.{new}"]
            case 5:
                return [
                    f"CREATE OR REPLACE VIEW {self.schema}.seen AS SELECT id, label FROM {self.schema}.parent",
                    f"DROP PROCEDURE IF EXISTS {self.schema}.p{self._made}",
                    f"CREATE PROCEDURE {self.schema}.p{self._made}() BEGIN SELECT 'DEFINER=`x`@`y`'; END",
                ]
            case 6:
                return [
                    f"DROP TRIGGER IF EXISTS {self.schema}.watch",
                    (
                        f"CREATE TRIGGER {self.schema}.watch AFTER INSERT ON {self.schema}.parent FOR EACH ROW"
                        f" INSERT INTO {self.schema}.journal (what) VALUES ('{self._made}')"
                    ),
                ]
            case 7:
                self._tables[f"copy{self._made}"] = _Table(
                    f"copy{self._made}", [("id", "BIGINT", _integer(8, False))], []
                )
                return [f"CREATE TABLE {self.schema}.copy{self._made} AS SELECT id FROM {self.schema}.parent"]
            case 8:
                return [
                    (
                        f"CREATE EVENT IF NOT EXISTS {self.schema}.nightly ON SCHEDULE EVERY 1 DAY"
                        f" COMMENT 'ENABLE; DO' DO DELETE FROM {self.schema}.journal WHERE id < 0"
                    ),
                    f"ALTER EVENT {self.schema}.nightly {rng.choice(['ENABLE', 'DISABLE'])}",
                ]
            case _:
                name, definition, _ = rng.choice(table.columns)
                return [
                    f"ALTER TABLE {place} ADD INDEX ix{self._made} ({_q(name)}{'(5)' if 'TEXT' in definition or 'BLOB' in definition else ''})"
                ]


def _auto() -> tuple[str, _Make]:
    return "BIGINT AUTO_INCREMENT", _integer(6, False)


def _q(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
