"""Every type's values survive the log exactly: extremes, and what other copies are known to lose."""

from __future__ import annotations

import pytest

from tests.agent.conftest import SCHEMA
from tests.agent.replay.conftest import Pair

_MEMBERS = ",".join(f"'m{i}'" for i in range(64))
# Column type -> values. Each also becomes NULL, and each row is changed and partly deleted again.
_VALUES: dict[str, list[str]] = {
    **{
        f"{name} {sign}".strip(): values
        for name, bits in (("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64))
        for sign, values in (
            ("", [str(-(2 ** (bits - 1))), str(2 ** (bits - 1) - 1), "-1", "0"]),
            ("UNSIGNED", ["0", str(2**bits - 1), str(2 ** (bits - 1))]),
        )
    },
    "FLOAT": ["16777216", "123456.789e0", "-0e0", "1e-45", "3.402823466e38", "-1.17549435e-38"],
    "FLOAT(7,3)": ["1.235", "-9999.999"],
    "DOUBLE": ["0.1", "-0e0", "5e-324", "1.7976931348623157e308", "2.2250738585072014e-308"],
    "DECIMAL(65,30)": ["9" * 35 + "." + "9" * 30, "-" + "9" * 35 + "." + "9" * 30, "-0." + "0" * 29 + "1"],
    "DECIMAL(1,0)": ["9", "-9", "0"],
    "DECIMAL(18,9)": ["123456789.000000001", "-0.000000001"],
    "YEAR": ["0", "1901", "2155"],
    "DATE": ["'0000-00-00'", "'9999-12-31'", "'2024-02-31'", "'2024-00-00'", "'0001-01-01'"],
    "DATETIME": ["'0000-00-00 00:00:00'", "'9999-12-31 23:59:59'"],
    "DATETIME(1)": ["'2024-01-01 00:00:00.9'"],
    "DATETIME(3)": ["'2024-00-31 01:02:03.004'"],
    "DATETIME(6)": ["'0000-00-00 00:00:00.500000'", "'9999-12-31 23:59:59.999999'"],
    "TIMESTAMP NULL": ["'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"],
    "TIMESTAMP(5) NULL": ["'2024-07-01 12:00:00.00001'", "'0000-00-00 00:00:00'"],
    "TIMESTAMP(6) NULL": ["'2038-01-19 03:14:07.499999'", "'1970-01-01 00:00:01.000001'"],
    "TIME": ["'838:59:59'", "'-838:59:59'", "'-00:00:01'"],
    "TIME(1)": ["'-00:00:00.1'", "'-01:00:00.9'", "'00:00:00.1'"],
    "TIME(4)": ["'-12:34:56.7890'", "'-838:59:59.0000'"],
    "TIME(6)": ["'-00:00:00.000001'", "'-838:59:58.999999'", "'838:59:58.999999'"],
    "BIT(1)": ["b'1'", "b'0'"],
    "BIT(9)": ["b'100000001'", "b'0'"],
    "BIT(64)": ["18446744073709551615", "9223372036854775808", "1"],
    "CHAR(5)": ["'a  '", "'😀é'", "''", "'\\\\''%'"],
    "CHAR(255)": ["REPEAT('😀', 255)", "'x'"],
    "VARCHAR(5) CHARACTER SET latin1": ["_latin1 0xE980FF", "'a '"],
    "VARCHAR(5) CHARACTER SET utf16": ["_utf16 0xD83DDE000041", "''"],
    "CHAR(5) CHARACTER SET utf16": ["_utf16 0x00410020", "_utf16 0xD83DDE00"],
    "VARCHAR(5) CHARACTER SET sjis": ["_sjis 0x955C5C", "'a'"],
    "VARCHAR(5) CHARACTER SET utf8mb3": ["'é日'", "''"],
    "VARCHAR(5) CHARACTER SET ucs2": ["_ucs2 0x00E9", "''"],
    "VARCHAR(300)": ["REPEAT('日', 300)", "'a\\tb\\n\\0\\Z'"],
    "TINYTEXT": ["REPEAT('x', 255)", "' x '"],
    "TEXT": ["REPEAT('é', 30000)", "''"],
    "LONGTEXT": ["REPEAT('0123456789', 30000)"],
    "BINARY(4)": ["0x00", "0x41420000", "0x20202020", "0xFFFF"],
    "BINARY(255)": ["REPEAT(0x00, 255)", "REPEAT(0xFF, 254)"],
    "VARBINARY(300)": ["0x0000", "0x2020", "REPEAT(0x00, 300)", "''"],
    "TINYBLOB": ["0x00FF0A0D27225C1A"],
    "MEDIUMBLOB": ["REPEAT(0xFF00, 50000)"],
    "ENUM('a','b','')": ["'a'", "'b'", "3", "0"],
    f"SET({_MEMBERS})": ["0", "18446744073709551615", "'m63'", "'m0,m62'"],
    "SET('a','b')": ["''", "'a,b'"],
    "POINT SRID 4326": ["ST_GeomFromText('POINT(37.5 127)', 4326)"],
    "GEOMETRY": ["ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')", "ST_GeomFromText('POINT(1 2)', 3857)"],
    "VECTOR(3)": ["STRING_TO_VECTOR('[1,-2.5,0]')"],
    "JSON": [
        "'null'",
        "'[1.0, -0.0, 1e22, 5e-324, 0.1, 18446744073709551615, -9223372036854775808, 65536, 70000]'",
        "JSON_ARRAY(1.50, -0.000001, CAST(7 AS UNSIGNED), CAST(40000 AS UNSIGNED))",
        "JSON_OBJECT('', 9.9, '😀', JSON_ARRAY(TIME'-10:00:00.5', DATE'2024-02-29', '', x'00FF'), 'z', TRUE)",
        "JSON_OBJECT('t', TIMESTAMP'2024-01-01 00:00:00.123456', 'n', NULL)",
        "JSON_EXTRACT(JSON_ARRAY(x'AA'), '$[0]')",
        "JSON_EXTRACT(JSON_ARRAY(1.50), '$[0]')",
        "JSON_ARRAY(REPEAT('x', 70000), 1.5, JSON_OBJECT('k', 2.50))",
        "JSON_ARRAY(x'', REPEAT(x'AA', 70000), '\"\\\\ \\n')",
    ],
}


def _place(number: int) -> str:
    return f"{SCHEMA}.t{number}"


def _make(pair: Pair, key: str) -> None:
    """A table a type, all its values in it."""
    pair.run(f"CREATE DATABASE {SCHEMA} CHARACTER SET utf8mb4")
    for number, (kind, values) in enumerate(_VALUES.items()):
        pair.run(f"CREATE TABLE {_place(number)} (n INT{key}, v {kind})")
        pair.run(
            *(f"INSERT INTO {_place(number)} VALUES ({n}, {v})" for n, v in enumerate([*values, "NULL"]))
        )


@pytest.mark.parametrize("key", [" PRIMARY KEY", ""], ids=["with a key", "without a key"])
def test_values_of_every_type(pair: Pair, key: str) -> None:
    """Without a key each row is found by its values: exactly, not by what compares equal."""
    _make(pair, key)
    for number in range(len(_VALUES)):
        table = _place(number)
        pair.run(
            [
                f"INSERT INTO {table} SELECT n + 100, v FROM {table}",
                f"UPDATE {table} SET n = n + 1000 WHERE n >= 100",
                f"DELETE FROM {table} WHERE n > 1000 AND n % 2 = 1",
            ]
        )
    pair.replay()
    pair.assert_equal()


_BLOBS = ("LONGTEXT", "TINYBLOB", "MEDIUMBLOB")
_NO_KEYS = (
    "JSON",
    "GEOM",
    "POINT",
    "VECTOR",
    "FLOAT(",
    "CHAR(255",
    "VARCHAR(300",
    "TINYTEXT",
    "TEXT",
    *_BLOBS,
)


def test_primary_keys_of_every_type(pair: Pair) -> None:
    """A key's literal finds exactly its row, alone and beside another column: the replay counts."""
    kinds = [kind for kind in _VALUES if not kind.startswith(_NO_KEYS)]
    pair.run(f"CREATE DATABASE {SCHEMA} CHARACTER SET utf8mb4")
    filled: list[list[str]] = []
    changed: list[list[str]] = []
    for number, kind in enumerate(kinds):
        one, two = f"{SCHEMA}.one{number}", f"{SCHEMA}.two{number}"
        key = kind.replace(" NULL", "") + " NOT NULL"
        pair.run(f"CREATE TABLE {one} (k {key} PRIMARY KEY, v INT)")
        pair.run(f"CREATE TABLE {two} (k {key}, m INT, v INT, PRIMARY KEY (k, m))")
        for value in _VALUES[kind]:
            filled.append([f"INSERT INTO {one} VALUES ({value}, 1)"])
            filled.append([f"INSERT INTO {two} VALUES ({value}, {n}, 1)" for n in (1, 2)])
        changed.append([f"UPDATE {one} SET v = 2", f"UPDATE {two} SET v = 2 WHERE m = 1"])
        changed.append([f"DELETE FROM {two} WHERE m = 2", f"DELETE FROM {one} LIMIT 1"])
    pair.run(*filled)
    base = pair.gtids()
    pair.replay()
    pair.run(*changed)
    pair.replay(base)
    pair.assert_equal()


def test_binary_values_in_json_keep_the_type_that_they_show(pair: Pair) -> None:
    pair.run(
        f"CREATE DATABASE {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.s (b BLOB, l LONGBLOB, f BINARY(3), i BIT(13), v VARBINARY(9))",
        f"INSERT INTO {SCHEMA}.s VALUES (0xAABB, REPEAT(0x01, 70000), 0xAA, 5, 0x00)",
        f"CREATE TABLE {SCHEMA}.j (id INT PRIMARY KEY, d JSON)",
        f"INSERT INTO {SCHEMA}.j SELECT 1, JSON_ARRAY(b, l, f, i, v, JSON_OBJECT('b', b)) FROM {SCHEMA}.s",
    )
    pair.replay()
    pair.assert_equal()
    assert not pair.copy.execute(
        "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'pilotlight'"
    )


def test_duplicates_without_a_key_and_values_that_only_compare_equal(pair: Pair) -> None:
    pair.run(
        f"CREATE DATABASE {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.t (a VARCHAR(5), f DOUBLE, j JSON, INDEX (a))",
        f"INSERT INTO {SCHEMA}.t VALUES ('a', 0, '1'), ('A', -0e0, '1.0'), ('a ', 0, '1'), ('a', 0, '1'),"
        " (NULL, NULL, NULL), (NULL, NULL, NULL)",
        f"DELETE FROM {SCHEMA}.t WHERE BINARY a = 'A'",
        f"DELETE FROM {SCHEMA}.t WHERE BINARY a = 'a' LIMIT 1",
        f"DELETE FROM {SCHEMA}.t WHERE a IS NULL LIMIT 1",
        f"UPDATE {SCHEMA}.t SET f = -0e0 WHERE BINARY a = 'a '",
    )
    pair.replay()
    pair.assert_equal()
