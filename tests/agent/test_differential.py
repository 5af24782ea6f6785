"""The differential check itself: it must see what mysqldump hides, and not see what a copy must change."""

from __future__ import annotations

import pytest

from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.conftest import SCHEMA, clear
from tests.agent.differential import differences, snapshot

TABLE = f"""CREATE TABLE {SCHEMA}.t (id INT AUTO_INCREMENT PRIMARY KEY, f FLOAT, d DOUBLE, j JSON,
    e ENUM('a', 'b'), s VARCHAR(20), b BIT(9), p POINT, at TIMESTAMP(6) NULL)"""
KEYLESS = f"CREATE TABLE {SCHEMA}.k (a INT, b VARCHAR(10))"
ROW = (
    f"INSERT INTO {SCHEMA}.t VALUES"
    " (1, 16777216, 0.0, '1.5', 'a', 'x', 5, POINT(1, 2), '2026-01-01 00:00:00')"
)


def make(server: MySqlServer, *statements: str) -> None:
    clear(server)
    with server.root() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = ''")  # takes what ENUM calls an error
        for statement in (f"CREATE DATABASE {SCHEMA}", TABLE, KEYLESS, ROW, *statements):
            cursor.execute(statement)


def compare(rds: MySqlServer, flexible: MySqlServer, tools: Tools) -> list[str]:
    return differences(snapshot(rds, tools, [SCHEMA]), snapshot(flexible, tools, [SCHEMA]))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE t SET f = 16777217 + 3",
        "UPDATE t SET d = -0.0e0",
        "UPDATE t SET j = NULL; UPDATE t SET j = CAST(1.5 AS JSON)",
        "UPDATE t SET e = 0",
        "UPDATE t SET s = 'X'",
        "UPDATE t SET b = 6",
        "UPDATE t SET p = POINT(1, 2.0000000000000004)",
        "UPDATE t SET at = '2026-01-01 00:00:00.000001'",
        "DELETE FROM t",
        "INSERT INTO k VALUES (1, 'a')",
        "ALTER TABLE t ADD INDEX (s)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.s = 'y'",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE EVENT n ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' DO SELECT 1",
        "DROP TABLE k",
        "INSERT INTO t (s) VALUES ('z')",
    ],
)
def test_a_difference_is_seen(rds: MySqlServer, flexible: MySqlServer, tools: Tools, change: str) -> None:
    make(rds, f"USE {SCHEMA}", *change.split("; "))
    make(flexible)
    assert compare(rds, flexible, tools)
    make(flexible, f"USE {SCHEMA}", *change.split("; "))
    assert compare(rds, flexible, tools) == []


def test_rows_without_a_key_have_no_order_but_a_number(
    rds: MySqlServer, flexible: MySqlServer, tools: Tools
) -> None:
    make(rds, f"INSERT INTO {SCHEMA}.k VALUES (1, 'a'), (2, 'b'), (1, 'a')")
    make(flexible, f"INSERT INTO {SCHEMA}.k VALUES (2, 'b'), (1, 'a'), (1, 'a')")
    assert compare(rds, flexible, tools) == []
    flexible.execute(f"DELETE FROM {SCHEMA}.k WHERE a = 1 LIMIT 1")
    assert any("1 lost" in found for found in compare(rds, flexible, tools))


def test_what_a_copy_must_change_is_no_difference(
    rds: MySqlServer, flexible: MySqlServer, tools: Tools
) -> None:
    """Another definer, a sleeping event, a higher next id, an invisible key."""
    view = "VIEW {}.v AS SELECT 1 AS one"
    event = "EVENT {}.n ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01' {} DO SELECT 1"
    make(
        rds, f"CREATE DEFINER='nobody'@'nowhere' {view.format(SCHEMA)}", f"CREATE {event.format(SCHEMA, '')}"
    )
    make(
        flexible,
        f"CREATE {view.format(SCHEMA)}",
        f"CREATE {event.format(SCHEMA, 'DISABLE')}",
        f"ALTER TABLE {SCHEMA}.t AUTO_INCREMENT = 1000",
    )
    assert compare(rds, flexible, tools) == []
    assert any("next id" in found for found in compare(flexible, rds, tools))
