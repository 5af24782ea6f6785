"""Ids given out beyond the fork are not given out twice: each counter is raised as far as its type goes."""

from __future__ import annotations

import logging

import pytest

from agent.database import session
from agent.handover.auto_increment import MARGIN, raise_auto_increment
from sandbox.mysql import MySqlServer
from tests.agent.conftest import SCHEMA, World

TABLES = {
    "Plain": ("id INT AUTO_INCREMENT PRIMARY KEY", "", 41),
    "fresh": ("id INT AUTO_INCREMENT PRIMARY KEY", "", 0),
    "tiny": ("id TINYINT AUTO_INCREMENT PRIMARY KEY", "", 119),
    "tiny_full": ("id TINYINT AUTO_INCREMENT PRIMARY KEY", "", 127),
    "small": ("id SMALLINT UNSIGNED AUTO_INCREMENT PRIMARY KEY", "", 1),
    "huge": ("id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY", "", 18446744073709551000),
    "huge_full": ("id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY", "", 18446744073709551614),
    "signed": ("id BIGINT AUTO_INCREMENT PRIMARY KEY", "", 2**63 - 2),
    "parts": ("id INT AUTO_INCREMENT PRIMARY KEY", "PARTITION BY HASH (id) PARTITIONS 3", 9),
    "isam": ("id INT AUTO_INCREMENT PRIMARY KEY", "ENGINE=MyISAM", 9),
    "by_group": ("g INT DEFAULT 1, id INT AUTO_INCREMENT, PRIMARY KEY (g, id)", "ENGINE=MyISAM", 9),
    "computed": ("id INT AUTO_INCREMENT PRIMARY KEY, d INT AS (g + 1) STORED, g INT", "", 5),
    "zero_date": ("id INT AUTO_INCREMENT PRIMARY KEY, d DATE DEFAULT '0000-00-00'", "", 5),
    "odd `name": ("id INT AUTO_INCREMENT PRIMARY KEY", "", 5),
}
FULL = {"tiny_full", "huge_full", "signed", "by_group"}


def place(name: str) -> str:
    return f"{SCHEMA}.`{name.replace('`', '``')}`"


@pytest.fixture
def tables(world: World, rds: MySqlServer) -> None:
    with rds.root() as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
        cursor.execute(f"CREATE DATABASE {SCHEMA}")
        cursor.execute(f"CREATE TABLE {SCHEMA}.none (id INT PRIMARY KEY)")
        for name, (columns, options, last) in TABLES.items():
            cursor.execute(f"CREATE TABLE {place(name)} ({columns}) {options}")
            if last:
                cursor.execute(f"INSERT INTO {place(name)} (id) VALUES ({last})")


def raised(world: World) -> int:
    with session(world.aws.context.login()) as database:
        database.rows("SET SESSION sql_mode = 'ANSI'")
        count = raise_auto_increment(database, [SCHEMA])
        assert "ANSI_QUOTES" in str(database.value("SELECT @@SESSION.sql_mode"))
        return count


def test_every_counter_is_raised_and_none_beyond_its_type(
    world: World, rds: MySqlServer, tables: None, caplog: pytest.LogCaptureFixture
) -> None:
    # What the server remembers of its counters from before, up to a day.
    rds.execute("SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s", (SCHEMA,))
    rds.execute(f"INSERT INTO {SCHEMA}.Plain (id) VALUES (1000)")
    with caplog.at_level(logging.WARNING):
        assert raised(world) == len(TABLES) - len(FULL)
    warned = {name for name in TABLES if f"{SCHEMA}.{name} " in caplog.text}
    assert warned == {"tiny", "tiny_full", "small", "huge", "huge_full", "signed", "by_group"}
    given: dict[str, int] = {}
    for name in TABLES.keys() - FULL:
        rds.execute(f"INSERT INTO {place(name)} () VALUES ()")
        given[name] = int(str(rds.execute(f"SELECT MAX(id) FROM {place(name)}")[0][0]))
    assert given["Plain"] == 1001 + MARGIN
    assert given["fresh"] == 1 + MARGIN
    assert given["parts"] == given["isam"] == 10 + MARGIN
    assert given["computed"] == given["zero_date"] == given["odd `name"] == 6 + MARGIN
    assert 120 < given["tiny"] < 127
    assert 2 + 30_000 < given["small"] < 65_535
    assert 18446744073709551001 < given["huge"] < 18446744073709551615


def test_names_that_a_server_folds(world: World, flexible: MySqlServer) -> None:
    flexible.execute(f"CREATE DATABASE {SCHEMA}")
    flexible.execute(f"CREATE TABLE {SCHEMA}.Owners (id INT AUTO_INCREMENT PRIMARY KEY)")
    flexible.execute(f"CREATE TABLE {SCHEMA}.keyless (v INT)")  # this server gives it a counter of its own
    with session(world.azure.context.login()) as database:
        assert raise_auto_increment(database, [SCHEMA]) == 2
    flexible.execute(f"INSERT INTO {SCHEMA}.owners () VALUES ()")
    assert flexible.execute(f"SELECT id FROM {SCHEMA}.owners") == [(1 + MARGIN,)]
