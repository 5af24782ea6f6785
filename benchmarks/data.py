"""Test data of the shape that PetClinic has, grown to a size: the same rows on every machine, every time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.mysql import MySqlServer

SCHEMA = "petclinic"
_TABLES = Path(__file__).with_name("petclinic.sql")
# Rows per MiB of data and indexes, measured with this generator on MySQL 9.7.4; ``size_mb`` counts them.
_ROWS_PER_MIB = {"owners": 380, "pets": 860, "visits": 4000, "measurements": 950}
_CHUNK = 50_000
_SESSIONS = 2

_WORDS = (
    *("rabies", "shot", "neutered", "spayed", "check", "up", "of", "the", "left", "ear", "paw", "tooth"),
    *("cleaned", "and", "fever", "limping", "diet", "advised", "blood", "sample", "owner", "will", "call"),
    *("again", "weight", "stable", "vaccination", "booster", "referred", "to", "surgery", "no", "findings"),
)


def data(server: MySqlServer, size_mb: float, report: Callable[[str], None] = lambda _: None) -> float:
    """Make schema ``petclinic`` with about ``size_mb`` MiB of data and indexes, outside the binary log.

    Returns:
        Seconds that it took.
    """
    began = time.monotonic()
    rows = {table: max(10, math.ceil(size_mb * rate)) for table, rate in _ROWS_PER_MIB.items()}
    report(f"{size_mb:g} MiB of test data: {sum(rows.values())} rows")
    _run(server, f"CREATE DATABASE {SCHEMA} CHARACTER SET utf8mb4", schema="")
    for statement in filter(None, map(str.strip, _TABLES.read_text(encoding="utf-8").split(";\n"))):
        _run(server, statement)
    for table, statement in _inserts(rows).items():
        chunks = [
            (first, min(first + _CHUNK - 1, rows[table])) for first in range(1, rows[table] + 1, _CHUNK)
        ]
        with ThreadPoolExecutor(_SESSIONS, thread_name_prefix="data") as sessions:
            work = [sessions.submit(_run, server, statement, arguments=chunk) for chunk in chunks]
            for one in work:
                one.result()
    _run(server, "ANALYZE TABLE owners, pets, visits, measurements")
    return time.monotonic() - began


def size_mb(server: MySqlServer) -> float:
    """MiB of data and indexes, as information_schema counts them."""
    found = server.execute(
        "SELECT SUM(DATA_LENGTH + INDEX_LENGTH) / 1048576 FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = %s",
        (SCHEMA,),
    )
    return float(str(found[0][0]))


def checksums(server: MySqlServer) -> dict[str, object]:
    """CHECKSUM TABLE of every table: equal on two servers whose rows are equal."""
    tables = [str(row[0]) for row in server.execute(f"SHOW TABLES FROM {SCHEMA}")]
    rows = server.execute("CHECKSUM TABLE " + ", ".join(f"{SCHEMA}.`{table}`" for table in tables))
    return {str(name): value for name, value in rows}


def _inserts(rows: dict[str, int]) -> dict[str, str]:
    """One INSERT a table, for the rows from ``%s`` to ``%s``; each value follows from the row's number."""

    def number(salt: str, below: int) -> str:
        return f"CRC32(CONCAT(i, '{salt}')) %% {below}"

    def word(salt: str) -> str:  # the first words come most often
        quoted = ", ".join(f"'{one}'" for one in _WORDS)
        return f"ELT(1 + FLOOR(POW(({number(salt, 10_000)}) / 10000, 2) * {len(_WORDS)}), {quoted})"

    def digits(groups: int, salt: str) -> str:
        parts = ", ".join(f"LPAD(CRC32(CONCAT(i, '{salt}{n}')), 11, '0')" for n in range(groups))
        return f"CONCAT_WS('-', {parts})"

    text = ", ".join(word(f"d{n}") for n in range(12))
    values = {
        "owners": f"i, {word('f')}, CONCAT({word('l')}, i %% 7919),"
        f" CONCAT({number('a', 999)}, ' ', {word('s')}, ' St.'), {word('c')},"
        f" LPAD({number('t', 10**9)}, 10, '0')",
        "pets": f"i, {word('p')}, DATE_ADD('2005-01-01', INTERVAL {number('b', 7000)} DAY),"
        f" 1 + {number('y', 6)}, 1 + {number('o', rows['owners'])}",
        "visits": f"i, 1 + {number('v', rows['pets'])},"
        f" DATE_ADD('2010-01-01', INTERVAL {number('w', 6000)} DAY), CONCAT_WS(' ', {text})",
        "measurements": f"i, {number('k', rows['measurements'])}, {digits(10, 'm')}, {digits(5, 'n')}",
    }
    numbers = (
        "WITH RECURSIVE n AS (SELECT %s AS i UNION ALL SELECT i + 1 FROM n WHERE i < %s) SELECT {} FROM n"
    )
    return {table: f"INSERT INTO {table} {numbers.format(of)}" for table, of in values.items()}


def _run(
    server: MySqlServer, statement: str, *, arguments: tuple[int, ...] = (), schema: str = SCHEMA
) -> None:
    """One statement; checks that cost time and prove nothing here are off."""
    with server.root() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0, foreign_key_checks = 0, unique_checks = 0")
        cursor.execute("SET SESSION cte_max_recursion_depth = 10000000")
        if schema:
            connection.select_db(schema)
        cursor.execute(statement, arguments or None)
