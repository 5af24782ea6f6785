"""DDL in the log: run with its session's settings and the target's rights, and the rows around it fit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from agent.database import session
from agent.replay.triggers import detach
from tests.agent.conftest import PASSWORD, SCHEMA, wait_for
from tests.agent.replay.conftest import Pair

_MADE = f"CREATE DATABASE {SCHEMA} CHARACTER SET utf8mb4"


def test_programs_lose_their_definer_events_wait_and_triggers_do_not_fire(pair: Pair) -> None:
    pair.run(
        "CREATE USER IF NOT EXISTS 'ghost'@'nowhere' IDENTIFIED BY 'x'",
        f"GRANT ALL ON {SCHEMA}.* TO 'ghost'@'nowhere'",
        _MADE,
        f"USE {SCHEMA}",
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(99))",
        "CREATE TABLE audit (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(99))",
        "CREATE DEFINER='ghost'@'nowhere' TRIGGER a AFTER INSERT ON t FOR EACH ROW INSERT INTO audit (what)"
        " VALUES ('a')",
        "CREATE TRIGGER b AFTER INSERT ON t FOR EACH ROW PRECEDES a INSERT INTO audit (what) VALUES ('b')",
        "INSERT INTO t VALUES (1, 'x'), (2, 'y')",
        "CREATE DEFINER='ghost'@'nowhere' FUNCTION f(x INT) RETURNS INT NO SQL RETURN x /* DEFINER= */",
        "CREATE DEFINER='ghost'@'nowhere' SQL SECURITY INVOKER VIEW w AS SELECT f(id) AS i FROM t",
        "ALTER TABLE t RENAME TO t2",
        "INSERT INTO t2 VALUES (3, 'z')",
        "CREATE DEFINER='ghost'@'nowhere' EVENT Tick ON SCHEDULE EVERY 1 SECOND COMMENT 'DISABLE; DO'"
        " DO INSERT INTO audit (what) VALUES ('tick')",
        "CREATE EVENT tock ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
        "ALTER EVENT tock ENABLE",
        "CREATE EVENT gone ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        "DROP EVENT IF EXISTS gone",
        "ALTER EVENT Tick RENAME TO ticker",
        "DROP EVENT ticker",
        "GRANT SELECT ON *.* TO 'ghost'@'nowhere'",
        "DROP USER 'ghost'@'nowhere'",
    )
    result = pair.replay()
    assert result.events == ((SCHEMA, "tock"),)
    assert [trigger.name for trigger in result.triggers] == ["b", "a"]
    assert any("GRANT" in sentence for sentence in result.skipped)
    events = "SELECT STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s"
    assert pair.copy.execute(events, (SCHEMA,)) == [("DISABLED",)]
    pair.copy.execute(f"DROP VIEW {SCHEMA}.w")  # its text names its own definer
    pair.source.execute(f"DROP VIEW {SCHEMA}.w")
    pair.assert_equal()


def test_a_statement_runs_with_the_settings_that_it_was_written_with(pair: Pair) -> None:
    pair.run(
        _MADE,
        f"USE {SCHEMA}",
        "CREATE TABLE t (id INT PRIMARY KEY)",
        "INSERT INTO t VALUES (1)",
        "SET timestamp = 1000000000.5, time_zone = '+09:00'",
        "ALTER TABLE t ADD COLUMN made TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6)",
        "SET timestamp = DEFAULT, sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
        """CREATE TABLE "q" ("a\\" INT PRIMARY KEY, d DATE DEFAULT '0000-00-00', s CHAR(9) DEFAULT '\\')""",
        'INSERT INTO q ("a\\") VALUES (1)',
        "CREATE EVENT ev ON SCHEDULE EVERY 9 DAY COMMENT 'it''s \\' DO SELECT \"a\\\" FROM q",
        "SET sql_mode = '', foreign_key_checks = 0",
        "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES later (id))",
        "CREATE TABLE later (id INT PRIMARY KEY)",
        "SET NAMES latin1",
        "CREATE TABLE u (v VARCHAR(9) DEFAULT _utf8mb4 0xC3A9 COMMENT 'plain')",
        "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci",
        "CREATE TABLE `한글` (`이름` VARCHAR(9) COMMENT '주석', FULLTEXT (`이름`))",
        "INSERT INTO `한글` VALUES ('값')",
    )
    pair.replay()
    pair.assert_equal()


def test_tables_made_filled_emptied_and_swapped_in_the_log(pair: Pair) -> None:
    pair.run(
        _MADE,
        f"USE {SCHEMA}",
        "CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
        "INSERT INTO a (v) VALUES (1), (2), (3)",
        "CREATE TABLE b AS SELECT * FROM a",
        "CREATE TABLE c (id INT PRIMARY KEY) SELECT id, v AS w FROM a",
        "CREATE TABLE l LIKE a",
        "INSERT INTO l SELECT * FROM a",
        "TRUNCATE a",
        "INSERT INTO a (v) VALUES (9)",
        "RENAME TABLE a TO x, b TO a, x TO b",
        "INSERT INTO a VALUES (7, 7)",
        "INSERT INTO b (v) VALUES (8)",
        "CREATE INDEX iv ON b (v)",
        "ALTER TABLE c DROP PRIMARY KEY, ADD PRIMARY KEY (w)",
        "DELETE FROM c WHERE w = 2",
        "DROP TABLE l",
        "CREATE TEMPORARY TABLE scratch (id INT)",
        "DROP TEMPORARY TABLE scratch",
        "CREATE DATABASE elsewhere",
        "CREATE TABLE elsewhere.t (id INT PRIMARY KEY)",
        "INSERT INTO elsewhere.t VALUES (1)",
        "DROP DATABASE elsewhere",
        f"ALTER DATABASE {SCHEMA} COLLATE utf8mb4_bin",
        "CREATE TABLE after_all (v VARCHAR(9))",
    )
    pair.replay()
    pair.assert_equal()
    assert not pair.copy.execute("SHOW DATABASES LIKE 'elsewhere'")


def test_a_database_dropped_and_made_again(pair: Pair) -> None:
    pair.run(_MADE, f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)", f"INSERT INTO {SCHEMA}.t VALUES (1)")
    pair.run(f"CREATE EVENT {SCHEMA}.e ON SCHEDULE EVERY 1 DAY DO SELECT 1", f"DROP DATABASE {SCHEMA}")
    pair.run(_MADE, f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)", f"INSERT INTO {SCHEMA}.t VALUES (2)")
    assert pair.replay().events == ()
    pair.assert_equal()


def test_a_key_of_the_source_takes_the_place_of_the_one_that_azure_made(pair: Pair) -> None:
    pair.run(
        _MADE, f"CREATE TABLE {SCHEMA}.t (a INT, b INT)", f"INSERT INTO {SCHEMA}.t VALUES (1, 1), (2, 2)"
    )
    base = pair.load()
    assert pair.copy.execute(f"SHOW COLUMNS FROM {SCHEMA}.t LIKE 'my_row_id'")
    pair.run(
        f"UPDATE {SCHEMA}.t SET b = 3 WHERE a = 1",
        f"ALTER TABLE {SCHEMA}.t ADD PRIMARY KEY (a)",
        f"UPDATE {SCHEMA}.t SET b = 4 WHERE a = 2",
    )
    pair.replay(base)
    pair.assert_equal()


def test_the_key_that_azure_made_is_not_a_column_of_the_copy(back: Pair) -> None:
    """Azure's log holds it as the first column; with minimal metadata it has not even a name."""
    with back.source.root() as connection, connection.cursor() as cursor:
        cursor.execute(_MADE)
        cursor.execute(f"CREATE TABLE {SCHEMA}.t (a INT, b VARCHAR(9))")
        cursor.execute(f"INSERT INTO {SCHEMA}.t VALUES (1, 'x'), (1, 'x'), (2, 'y')")
    base = back.load()
    back.run(f"UPDATE {SCHEMA}.t SET b = 'z' LIMIT 1", f"DELETE FROM {SCHEMA}.t WHERE a = 2")
    back.replay(base)
    back.assert_equal()


def test_names_get_their_capitals_back(back: Pair) -> None:
    back.run(
        _MADE,
        f"CREATE TABLE {SCHEMA}.owners (id INT PRIMARY KEY, Owners INT)",
        f"CREATE TABLE {SCHEMA}.pets (id INT PRIMARY KEY, owner INT)",
    )
    base = back.load()
    back.copy.execute(f"RENAME TABLE {SCHEMA}.owners TO {SCHEMA}.Owners")
    back.run(
        f"INSERT INTO {SCHEMA}.OWNERS VALUES (1, 1)",
        f"ALTER TABLE {SCHEMA}.owners ADD COLUMN pets INT",
        f"ALTER TABLE {SCHEMA}.PETS ADD FOREIGN KEY (owner) REFERENCES owners (id)",
        f"CREATE TABLE {SCHEMA}.Visits (id INT PRIMARY KEY)",
        f"INSERT INTO {SCHEMA}.visits VALUES (1)",
        f"ALTER TABLE {SCHEMA}.visits ADD COLUMN n INT",
        f"CREATE TRIGGER {SCHEMA}.watch BEFORE INSERT ON {SCHEMA}.owners FOR EACH ROW SET NEW.pets = 1",
        f"INSERT INTO {SCHEMA}.owners (id, pets) VALUES (2, 5)",
    )
    back.replay(base, names={"owners": "Owners"})
    assert list(back.copy.execute(f"SELECT id, Owners, pets FROM {SCHEMA}.Owners")) == [
        (1, 1, None),
        (2, None, 1),
    ]
    assert list(back.copy.execute(f"SELECT COUNT(*) FROM {SCHEMA}.Visits")) == [(1,)]
    columns = [row[0] for row in back.copy.execute(f"SHOW COLUMNS FROM {SCHEMA}.Owners")]
    assert columns == ["id", "Owners", "pets"]


def test_triggers_taken_off_come_back_in_their_order(pair: Pair) -> None:
    pair.source.execute(_MADE)
    pair.copy.execute(_MADE)
    pair.copy.execute(f"CREATE TABLE {SCHEMA}.t (id INT)")
    for name in ("z", "a", "m"):
        pair.copy.execute(
            f"CREATE TRIGGER {SCHEMA}.{name} BEFORE INSERT ON {SCHEMA}.t FOR EACH ROW SET @x = '값 \\' ;'"
        )
    with session(pair.login(pair.copy)) as database:
        found = detach(database, [SCHEMA])
        assert detach(database, [SCHEMA]) == []
    assert [trigger.name for trigger in found] == ["z", "a", "m"]
    assert PASSWORD not in repr(found)


def test_ddl_may_take_longer_than_any_other_statement(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index over a large table takes as long as on the source; here the statement waits for a lock."""
    pair.run(_MADE, f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)")
    pair.replay()
    since = pair.gtids()
    pair.run(f"ALTER TABLE {SCHEMA}.t ADD COLUMN v INT")
    opened: Any = vars(session)["__wrapped__"]
    monkeypatch.setitem(opened.__kwdefaults__, "read_timeout_s", 4.0)
    waits = (
        "SELECT TIME FROM information_schema.PROCESSLIST"
        " WHERE STATE = 'Waiting for table metadata lock' AND TIME >= 6"
    )
    with pair.copy.root() as reader, reader.cursor() as cursor, ThreadPoolExecutor(1) as threads:
        cursor.execute("BEGIN")
        cursor.execute(f"SELECT * FROM {SCHEMA}.t")
        replayed = threads.submit(pair.replay, since)
        try:
            wait_for(lambda: replayed.done() or pair.copy.execute(waits), 60)
        finally:
            cursor.execute("COMMIT")
        assert replayed.result().ddl == 1
    pair.assert_equal()
