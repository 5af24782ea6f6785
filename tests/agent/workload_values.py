"""Random values of every column type, as SQL text: extremes first, and whatever copies are known to lose."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

Make = Callable[[random.Random], str]


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}" if data else "''"


def integer(bits: int, signed: bool) -> Make:
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


def _decimal(precision: int, scale: int) -> Make:
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


def _datetime(digits: int) -> Make:
    return lambda rng: f"'{_date(rng)} {_clock(rng)}{_fraction(rng, digits)}'"


def _timestamp(digits: int) -> Make:
    def make(rng: random.Random) -> str:
        moment = f"{rng.randint(1971, 2037)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d} {_clock(rng)}"
        return f"'{rng.choice(['0000-00-00 00:00:00', moment + _fraction(rng, digits), moment])}'"

    return make


def _time(digits: int) -> Make:
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


def text_of(charset: str, longest: int) -> Make:
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


def _binary(longest: int) -> Make:
    def make(rng: random.Random) -> str:
        data = rng.randbytes(rng.randint(0, longest)) + rng.choice([b"", b"\0", b" ", b"\0\0 "])
        return _hex(data[:longest])

    return make


def _enum(rng: random.Random) -> str:
    return rng.choice(["1", "2", "3", "'it''s'"])


def _set(members: int) -> Make:
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


COLUMNS: list[tuple[str, Make]] = [
    *(
        (f"{name}{sign}", integer(bits, not sign))
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
    ("BIT(1)", integer(1, False)),
    ("BIT(13)", integer(13, False)),
    ("BIT(64)", integer(64, False)),
    ("CHAR(12) CHARACTER SET utf8mb4", text_of("utf8mb4", 12)),
    ("CHAR(200) CHARACTER SET utf8mb4", text_of("utf8mb4", 200)),
    ("VARCHAR(300) CHARACTER SET utf8mb4", text_of("utf8mb4", 300)),
    ("VARCHAR(40) CHARACTER SET latin1", text_of("latin1", 40)),
    ("VARCHAR(40) CHARACTER SET utf16", text_of("utf16", 40)),
    ("CHAR(40) CHARACTER SET utf32", text_of("utf32", 40)),
    ("VARCHAR(40) CHARACTER SET gbk", text_of("gbk", 40)),
    ("VARCHAR(40) CHARACTER SET utf8mb3", text_of("utf8mb3", 40)),
    ("VARCHAR(40) CHARACTER SET ucs2", text_of("ucs2", 40)),
    ("TINYTEXT", text_of("utf8mb4", 60)),
    ("MEDIUMTEXT CHARACTER SET latin1", text_of("latin1", 5000)),
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
KEY_COLUMNS = [
    ("INT", integer(6, False)),
    ("BIGINT UNSIGNED", integer(64, False)),
    ("VARCHAR(20) CHARACTER SET utf8mb4", text_of("utf8mb4", 20)),
    ("VARCHAR(20) CHARACTER SET latin1", text_of("latin1", 20)),
    ("VARBINARY(20)", _binary(4)),
    ("BINARY(3)", _binary(3)),
    ("DATE", lambda rng: f"'{_date(rng)}'"),
    ("DATETIME(3)", _datetime(3)),
    ("TIME(6)", _time(6)),
    ("DECIMAL(12,4)", _decimal(12, 4)),
    ("ENUM('a','b','it''s')", _enum),
    ("BIT(13)", integer(13, False)),
    ("YEAR", lambda rng: str(rng.choice([0, 1901, 2155, rng.randint(1990, 2030)]))),
    ("SET(" + ",".join(f"'m{i}'" for i in range(64)) + ")", _set(64)),
    ("DOUBLE", _double),
]
