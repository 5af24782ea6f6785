"""What the random load consists of: changes of rows, each with its weight, and changes of the schema.

In a template ``{i}`` is a number from 1 to 60, ``{j}`` one from 0 to 8, ``{n}`` one from 1 to 4, ``{large}``
one up to a million, ``{text}`` an awkward text, quoted; ``{owner}`` columns and values of an owner.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

SCHEMA = "petclinic"
SET_UP = tuple(
    filter(None, map(str.strip, Path(__file__).with_name("schema.sql").read_text("utf-8").split(";\n")))
)

_TEXTS = (
    "Leo",
    "한글 이름",
    "😀👩‍👩‍👧‍👦",
    "O''Neil\\\\",
    "",
    "x" * 200,
    "line\\nbreak",
    "),(''",
    "é",
    "NULL",
    "-- x",
)
_NUMBERS = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"

_ROWS = {
    "INSERT INTO owners {owner}": 9,
    "REPLACE INTO owners {owner}": 4,
    "INSERT INTO pets (owner_id, name, at, place) SELECT id, {text}, '2026-01-01 00:00:00.5', POINT({i}, 0.1)"
    " FROM owners ORDER BY id LIMIT {n}": 7,
    "INSERT INTO visits (pet_id, text, lasted) SELECT id, {text}, '-838:59:59' FROM pets LIMIT 2": 5,
    "UPDATE owners SET name = {text}, amount = amount + 1 WHERE id % 7 = {j}": 4,
    "UPDATE owners SET id = id + 1000 WHERE id = {i}": 2,
    "UPDATE pets SET name = {text}, at = NOW(3) WHERE id % 5 = {j}": 4,
    "DELETE FROM owners WHERE id = {i}": 4,
    "DELETE FROM pets WHERE id % 11 = {j} LIMIT 2": 3,
    "INSERT INTO pairs VALUES ({text}, {j}, {i}, 1901 + {i}) ON DUPLICATE KEY UPDATE v = v + 1": 6,
    "UPDATE pairs SET b = b + 100 WHERE b = {j} ORDER BY b DESC": 2,
    "DELETE FROM pairs WHERE b > {i} * 3": 2,
    "INSERT INTO plain (v, w) VALUES ({i}, {text}), ({i} + 1, NULL)": 6,
    "UPDATE plain SET v = -v WHERE v = {i}": 3,
    "DELETE FROM plain WHERE v = {i}": 3,
    "INSERT INTO keyless VALUES ({j}, {text}, 0.1), ({j}, {text}, 0.1), ({i}, NULL, NULL)": 6,
    "UPDATE keyless SET a = a + 1 WHERE a = {j} LIMIT 2": 4,
    "DELETE FROM keyless WHERE a = {j} LIMIT 1": 3,
    f"INSERT INTO plain (v, w) {_NUMBERS} SELECT /*+ SET_VAR(cte_max_recursion_depth = 3001) */"
    " i + {large}, REPEAT('x', 90) FROM n": 1,
    "DELETE FROM plain WHERE v > 1000 ORDER BY id LIMIT 2000": 1,
    "INSERT INTO not_backed_up.t (v) VALUES ({i})": 2,
    "REPLACE INTO mysql.rds_heartbeat2 VALUES (1, {i})": 2,
    "SET timestamp = {large} * 2000 + 1": 1,
    "SET sql_mode = ''": 1,
}

_SCHEMA_CHANGES = (
    ("ALTER TABLE plain ADD COLUMN x{n} INT DEFAULT {i}", "UPDATE plain SET x{n} = id WHERE id % 3 = 0"),
    ("ALTER TABLE plain ADD COLUMN x{n} VARCHAR(20) DEFAULT 'd' FIRST",),
    ("ALTER TABLE plain DROP COLUMN x{n}",),
    ("ALTER TABLE plain MODIFY w VARCHAR(300) CHARACTER SET utf8mb4",),
    ("ALTER TABLE pairs ADD INDEX by_v (v)", "ALTER TABLE pairs DROP INDEX by_v"),
    ("ALTER TABLE keyless ADD INDEX by_a (a)", "ALTER TABLE keyless DROP INDEX by_a"),
    ("CREATE TABLE made{n} LIKE plain", "INSERT INTO made{n} SELECT * FROM plain LIMIT 20"),
    ("CREATE TABLE made{n} (id INT PRIMARY KEY) SELECT id, name FROM owners LIMIT 5",),
    ("DROP TABLE IF EXISTS made{n}",),
    ("RENAME TABLE made{n} TO made5", "RENAME TABLE made5 TO made{n}"),
    ("TRUNCATE TABLE pairs",),
    ("TRUNCATE TABLE keyless",),
    ("CREATE TABLE swap LIKE pairs", "RENAME TABLE pairs TO gone, swap TO pairs", "DROP TABLE gone"),
    ("CREATE OR REPLACE VIEW v{n} AS SELECT id, name FROM owners WHERE id > {i}",),
    ("DROP VIEW IF EXISTS v{n}",),
    ("CREATE TRIGGER noted AFTER INSERT ON visits FOR EACH ROW INSERT INTO audit (what) VALUES (NEW.text)",),
    ("DROP TRIGGER IF EXISTS noted",),
    (
        "DROP FUNCTION IF EXISTS f{n}",
        "CREATE FUNCTION f{n}(a INT) RETURNS INT DETERMINISTIC RETURN a + {i}",
    ),
    ("CREATE EVENT e{n} ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' DO DELETE FROM audit",),
    ("DROP EVENT IF EXISTS e{n}",),
    ("CREATE TEMPORARY TABLE t1 (a INT)", "INSERT INTO t1 VALUES (1)", "DROP TEMPORARY TABLE t1"),
    ("FLUSH BINARY LOGS",),
)


def row_change(random: Random) -> str:
    """One statement that changes rows, or the session."""
    return _filled(random, random.choices(tuple(_ROWS), tuple(_ROWS.values()))[0])


def schema_change(random: Random) -> list[str]:
    """Some statements that commit by themselves."""
    n = random.randint(1, 4)
    return [_filled(random, template, n) for template in random.choice(_SCHEMA_CHANGES)]


def _filled(random: Random, template: str, n: int | None = None) -> str:
    values = {
        "i": random.randint(1, 60),
        "j": random.randint(0, 8),
        "n": n or random.randint(1, 4),
        "large": random.randrange(2000, 10**6),
        "text": f"'{random.choice(_TEXTS)}'",
        "owner": _owner(random) if "{owner}" in template else "",
    }
    return template.format(**values)


def _owner(random: Random) -> str:
    i, text = random.randint(1, 60), f"'{random.choice(_TEXTS)}'"
    values = {
        "id": ("NULL", f"{i}", f"{i}"),
        "name": (text,),
        "note": (f"REPEAT({text}, {random.choice((0, 1, 50))})", "NULL"),
        "doc": ("NULL", "'{}'", f"JSON_OBJECT('a', {i}, 'b', JSON_ARRAY({text}, null, 1.5e0))"),
        "amount": ("NULL", "0", "-99999999.9999", f"{i}.5"),
        "ratio": ("NULL", "0.1e0", "1e308", "4.9406564584124654e-324"),
        "kind": ("NULL", "'cat'", "'it''s'"),
        "tags": ("NULL", "''", "'a,c'"),
        "flags": (f"{random.randrange(1024)}",),
        "photo": ("NULL", "x'00FF0A0D27225C1A'", f"REPEAT(x'00', {random.choice((0, 10, 3000))})"),
        "born": ("NULL", "'1000-01-01'", "'9999-12-31'"),
        "seen": ("NULL", "'2026-03-29 01:30:00.123456'", "'2038-01-19 03:14:07'"),
        "code": ("NULL", "'ab'", "x'0000000000'"),
        "big": ("NULL", "18446744073709551615", f"{random.getrandbits(63)}"),
        "tiny": ("NULL", "-128", "127"),
    }
    return f"({', '.join(values)}) VALUES ({', '.join(random.choice(one) for one in values.values())})"
