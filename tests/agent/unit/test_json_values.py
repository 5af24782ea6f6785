"""JSON compared by value: a DECIMAL that came back as a DOUBLE is no difference, any other change is one."""

from __future__ import annotations

import pytest

from agent.json_values import JsonScanner

HEAD = """-- MySQL dump

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `s`;
USE `s`;
CREATE TABLE `t` (
  `id` int NOT NULL,
  `a,'json` varchar(20) DEFAULT ' json',
  `made` int GENERATED ALWAYS AS (`id`) STORED,
  `j` json DEFAULT NULL{key}
) ENGINE=InnoDB;
INSERT INTO `t` (`id`, `a,'json`, `j`) VALUES {rows};
-- Dump completed on 2026-01-01
"""
KEY = ",\n  PRIMARY KEY (`id`)"
PLAIN = r"""(1,'(1.50','{\"a\": 1.50, \"b\": [\"1.50\", \"x\\\\y\\\"\'\"]}'),(2,NULL,NULL),(3,'','0')"""


def scanned(rows: str, key: str = KEY) -> tuple[str, int]:
    scanner = JsonScanner()
    scanner.feed(HEAD.format(rows=rows, key=key).encode())
    contents = scanner.finish()
    assert contents.json_tables == {("s", "t")}
    found = contents.tables["s"]["t"]
    return found.rows_sha256, found.bytes


@pytest.mark.parametrize("key", [KEY, ""], ids=["keyed", "keyless"])
@pytest.mark.parametrize(
    ("dumped", "copied"),
    [
        ('{\\"a\\": 1.50', '{\\"a\\": 1.5'),
        ('{\\"a\\": 1.50', '{\\"a\\": 15e-1'),
    ],
)
def test_a_number_that_reads_otherwise_is_the_same(key: str, dumped: str, copied: str) -> None:
    assert scanned(PLAIN, key) == scanned(PLAIN.replace(dumped, copied), key)


def test_a_whole_number_that_is_too_large_becomes_a_double() -> None:
    row = "(1,'','[{}]')"
    assert scanned(row.format("123456789012345678901234567890")) == scanned(
        row.format("1.2345678901234568e29")
    )
    for one, other in ("18446744073709551615", "18446744073709551614"), ("1", "1.0"), ("true", "1"):
        assert scanned(row.format(one)) != scanned(row.format(other))


@pytest.mark.parametrize("key", [KEY, ""], ids=["keyed", "keyless"])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{\\"a\\": 1.50', '{\\"a\\": 1.51'),
        ('[\\"1.50\\"', '[\\"1.5\\"'),  # a string
        ("'(1.50'", "'(1.5'"),  # another column
        ("(2,NULL,NULL)", "(2,NULL,'null')"),
        ("(3,'','0')", "(3,'','\\\"0\\\"')"),
        ("(2,", "(4,"),
        (",(2,NULL,NULL)", ""),
    ],
)
def test_every_other_change_is_seen(key: str, one: str, other: str) -> None:
    assert one in PLAIN
    assert scanned(PLAIN, key) != scanned(PLAIN.replace(one, other), key)
