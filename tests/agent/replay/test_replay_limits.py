"""What the replay must not do: lose, double, guess; and what it says when it stops."""

from __future__ import annotations

import pytest

from agent.errors import LogError
from agent.gtid import GtidSet
from agent.replay.ddl import ambiguous
from tests.agent.conftest import SCHEMA
from tests.agent.replay.conftest import Pair

_MADE = f"CREATE DATABASE {SCHEMA} CHARACTER SET utf8mb4"
_KEYED = f"CREATE TABLE {SCHEMA}.keyed (id INT AUTO_INCREMENT PRIMARY KEY, u INT UNIQUE)"
_FREE = f"CREATE TABLE {SCHEMA}.free (v INT)"
_CASCADE = f"FOREIGN KEY (p) REFERENCES {SCHEMA}.parent (id) ON DELETE CASCADE"
_FAMILY = (
    f"CREATE TABLE {SCHEMA}.parent (id INT PRIMARY KEY)",
    f"CREATE TABLE {SCHEMA}.child (id INT PRIMARY KEY, p INT, {_CASCADE})",
)


def _set(gtids: str) -> GtidSet:
    return GtidSet.parse(gtids)


def test_a_base_of_any_moment_of_its_window_gives_the_same_copy(pair: Pair) -> None:
    """Rows with a key are replayed from before the window, the others from the snapshot's exact moment."""
    pair.run(_MADE, _KEYED, _FREE, *_FAMILY)
    before = pair.gtids()
    pair.run(
        f"INSERT INTO {SCHEMA}.keyed VALUES (1, 1), (2, 2), (3, 3)",
        f"INSERT INTO {SCHEMA}.free VALUES (1), (1)",
        f"INSERT INTO {SCHEMA}.parent VALUES (1), (2)",
        f"INSERT INTO {SCHEMA}.child VALUES (1, 1), (2, 2)",
        f"UPDATE {SCHEMA}.keyed SET u = NULL WHERE id = 1",
        f"UPDATE {SCHEMA}.keyed SET u = 1 WHERE id = 2",
        f"DELETE FROM {SCHEMA}.keyed WHERE id = 3",
    )
    exact = pair.load()  # what the snapshot holds; nobody but the test knows that of keyed tables
    pair.run(
        f"INSERT INTO {SCHEMA}.keyed VALUES (3, 2), (4, 4)",
        f"DELETE FROM {SCHEMA}.free LIMIT 1",
        f"DELETE FROM {SCHEMA}.parent WHERE id = 1",
    )
    after = pair.gtids()
    pair.run(f"UPDATE {SCHEMA}.keyed SET u = 9 WHERE id = 4", f"INSERT INTO {SCHEMA}.free VALUES (7)")
    pair.replay(before, skip_ordered_until=_set(exact), window=_set(after) - _set(before), memory_bytes=400)
    pair.assert_equal()


def test_a_transaction_larger_than_memory_is_written_in_parts(pair: Pair) -> None:
    pair.run(_MADE, f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v VARCHAR(200))", _FREE)
    rows = ",".join(f"({i}, REPEAT('x', {i % 200}))" for i in range(3000))
    pair.run(
        [
            f"INSERT INTO {SCHEMA}.t VALUES {rows}",
            f"UPDATE {SCHEMA}.t SET v = 'y' WHERE id % 3 = 0",
            f"UPDATE {SCHEMA}.t SET id = id + 10000 WHERE id % 7 = 0",
            f"INSERT INTO {SCHEMA}.free SELECT id FROM {SCHEMA}.t",
        ]
    )
    pair.replay(memory_bytes=20_000)
    pair.assert_equal()


def test_cascades_that_the_log_does_not_hold_are_repeated_by_the_server(pair: Pair) -> None:
    pair.run(
        _MADE,
        *_FAMILY,
        f"INSERT INTO {SCHEMA}.parent VALUES (1), (2), (3)",
        f"INSERT INTO {SCHEMA}.child VALUES (1, 1), (2, 2), (3, 3), (4, NULL)",
        f"DELETE FROM {SCHEMA}.parent WHERE id = 1",
        "SET foreign_key_checks = 0",
        f"DELETE FROM {SCHEMA}.parent WHERE id = 2",  # nothing cascades: an orphan stays
        f"INSERT INTO {SCHEMA}.child VALUES (9, 99)",
        "SET foreign_key_checks = 1",
        f"INSERT INTO {SCHEMA}.parent VALUES (5)",
        f"INSERT INTO {SCHEMA}.child VALUES (5, 5)",
    )
    result = pair.replay()
    assert result.rows_compacted == 0
    pair.assert_equal()
    assert pair.copy.execute(f"SELECT id FROM {SCHEMA}.child ORDER BY 1") == [(2,), (3,), (4,), (5,), (9,)]


def test_enum_errors_and_zero_counters(pair: Pair) -> None:
    pair.run(
        _MADE,
        f"CREATE TABLE {SCHEMA}.t (id INT AUTO_INCREMENT PRIMARY KEY, e ENUM('a','b'), f ENUM('a'))",
        f"INSERT IGNORE INTO {SCHEMA}.t VALUES (0, 'a', 'a'), (1, 'wrong', 'a'), (2, 'wrong', 'wrong')",
        f"UPDATE IGNORE {SCHEMA}.t SET e = 'wrong' WHERE id = 0",
        f"INSERT INTO {SCHEMA}.t VALUES (9, 'b', 'a')",
        f"DELETE FROM {SCHEMA}.t WHERE id = 9",
    )
    result = pair.replay()
    pair.assert_equal()
    assert result.auto_increment[f"{SCHEMA}.t"] == 10 + 1000
    pair.copy.execute(f"INSERT INTO {SCHEMA}.t (e) VALUES ('a')")
    assert pair.copy.execute(f"SELECT MAX(id) FROM {SCHEMA}.t") == [(1010,)]


def test_a_counter_is_raised_whatever_defaults_the_target_would_refuse_today(pair: Pair) -> None:
    """ALTER TABLE judges the defaults anew, by a mode and a time zone that the source may not have."""
    zero, early = "d DATE NOT NULL DEFAULT '0000-00-00'", "at TIMESTAMP DEFAULT '1970-01-01 00:00:01'"
    pair.run(_MADE, f"CREATE TABLE {SCHEMA}.t (id INT AUTO_INCREMENT PRIMARY KEY, {zero}, {early})")
    base = pair.load()
    pair.run(f"INSERT INTO {SCHEMA}.t (id) VALUES (5)")
    result = pair.replay(base)
    pair.assert_equal()
    assert result.auto_increment[f"{SCHEMA}.t"] == 6 + 1000


def test_a_counter_is_never_lowered(pair: Pair) -> None:
    """The log names small ids only; the larger ones were given out before, and their rows are gone."""
    pair.run(
        _MADE,
        f"CREATE TABLE {SCHEMA}.t (id INT AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = 5000",
        f"INSERT INTO {SCHEMA}.t (id) VALUES (1)",
    )
    base = pair.load()
    pair.run(f"UPDATE {SCHEMA}.t SET v = 2 WHERE id = 1")
    assert pair.replay(base).auto_increment[f"{SCHEMA}.t"] == 5000
    pair.copy.execute(f"INSERT INTO {SCHEMA}.t (v) VALUES (3)")
    assert pair.copy.execute(f"SELECT MAX(id) FROM {SCHEMA}.t") == [(5000,)]


def test_a_time_of_the_last_change_is_the_sources_even_where_it_stayed_the_same(pair: Pair) -> None:
    """Two changes within a second: the second leaves an ON UPDATE CURRENT_TIMESTAMP column as it is."""
    changed = "n INT, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"
    tables = (f"{SCHEMA}.parent", f"{SCHEMA}.free", f"{SCHEMA}.keyed")
    pair.run(
        _MADE,
        f"CREATE TABLE {tables[0]} (id INT PRIMARY KEY, {changed})",
        f"CREATE TABLE {SCHEMA}.child (id INT PRIMARY KEY, p INT, {_CASCADE})",
        f"CREATE TABLE {tables[1]} (id INT, {changed})",
        f"CREATE TABLE {tables[2]} (id INT PRIMARY KEY, {changed})",
        "SET timestamp = 1000000000",
        *(f"INSERT INTO {table} (id, n) VALUES (1, 1), (2, 1)" for table in tables),
    )
    base = pair.load()
    pair.run(
        "SET timestamp = 1000000000",
        *(f"UPDATE {table} SET n = 2" for table in tables),
        *(f"UPDATE {table} SET n = 3 WHERE id = 2" for table in tables),
    )
    pair.replay(base)
    pair.assert_equal()


def _stops(pair: Pair, said: str, base: str | None = None, **plan: object) -> str:
    with pytest.raises(LogError, match=said) as caught:
        pair.replay(base, **plan)
    assert "the replay stopped at" in str(caught.value)
    assert "the last good target is" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("table", ["keyed", "free", "parent"])
def test_a_copy_that_differs_from_the_source_is_found_out(pair: Pair, table: str) -> None:
    pair.run(_MADE, f"CREATE TABLE {SCHEMA}.keyed (id INT PRIMARY KEY)", *_FAMILY)
    pair.run(f"CREATE TABLE {SCHEMA}.free (id INT)", f"INSERT INTO {SCHEMA}.{table} VALUES (1), (2)")
    base = pair.load()
    before = GtidSet.parse(pair.gtids())
    pair.copy.execute(f"DELETE FROM {SCHEMA}.{table} WHERE id = 2")
    pair.run(f"DELETE FROM {SCHEMA}.{table} WHERE id = 2")
    said = _stops(pair, f"{SCHEMA}.{table}.*a deletion of 1 rows changed 0", base)
    assert str(GtidSet.parse(pair.gtids()) - before) in said


def test_a_row_that_is_already_there_is_found_out(pair: Pair) -> None:
    pair.run(_MADE, _KEYED)
    base = pair.load()
    pair.copy.execute(f"INSERT INTO {SCHEMA}.keyed VALUES (1, 1)")
    pair.run(f"INSERT INTO {SCHEMA}.keyed VALUES (1, 1)")
    said = _stops(pair, "Duplicate entry", base)
    assert "VALUES" not in said, "rows are nobody's business who reads the log"


def test_a_table_that_is_another_is_found_out(pair: Pair) -> None:
    pair.run(_MADE, f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)")
    base = pair.load()
    pair.run(f"INSERT INTO {SCHEMA}.t VALUES (1, 1)")
    for change in ("MODIFY v INT UNSIGNED", "MODIFY v VARCHAR(9)", "RENAME COLUMN v TO w", "DROP COLUMN w"):
        pair.copy.execute(f"ALTER TABLE {SCHEMA}.t {change}")
        _stops(pair, "take a new dump", base)
    pair.copy.execute(f"DROP TABLE {SCHEMA}.t")
    _stops(pair, f"no table {SCHEMA}.t", base)


def test_what_cannot_be_replayed_stops_it_and_other_schemas_do_not(pair: Pair) -> None:
    pair.run(_MADE, f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, v INT)")
    pair.run("CREATE DATABASE elsewhere", "CREATE TABLE elsewhere.t (id INT PRIMARY KEY)")
    statement = "SET binlog_format = STATEMENT"
    pair.run(statement, "INSERT INTO elsewhere.t VALUES (1)", "DROP DATABASE elsewhere")
    pair.replay()
    base = pair.gtids()
    pair.run(statement, f"INSERT INTO {SCHEMA}.t VALUES (1, 1)")
    _stops(pair, r"a statement \(INSERT\) instead of rows", base)
    base = pair.gtids()
    pair.run(
        "XA START 'x'",
        f"INSERT INTO {SCHEMA}.t VALUES (2, 2)",
        "XA END 'x'",
        "XA PREPARE 'x'",
        "XA COMMIT 'x'",
    )
    _stops(pair, "distributed", base)
    base = pair.gtids()
    pair.run("SET binlog_row_image = MINIMAL", f"UPDATE {SCHEMA}.t SET v = 5")
    _stops(pair, "binlog_row_image=FULL", base)
    base = pair.gtids()
    pair.run("SET binlog_transaction_compression = ON", f"INSERT INTO {SCHEMA}.t VALUES (9, 9)")
    _stops(pair, "compressed", base)


def test_rows_numbered_in_an_order_that_only_the_source_knows_stop_it(pair: Pair) -> None:
    add = "ADD COLUMN id INT AUTO_INCREMENT PRIMARY KEY"
    pair.run(_MADE, _FREE, f"CREATE TABLE {SCHEMA}.none (v INT)", f"ALTER TABLE {SCHEMA}.none {add}")
    pair.run(
        f"CREATE TABLE {SCHEMA}.keyed (v INT PRIMARY KEY)", f"INSERT INTO {SCHEMA}.keyed VALUES (2), (1)"
    )
    pair.run(f"ALTER TABLE {SCHEMA}.keyed ADD COLUMN n INT AUTO_INCREMENT UNIQUE")
    pair.replay()
    pair.assert_equal()
    base = pair.gtids()
    pair.run(f"INSERT INTO {SCHEMA}.free VALUES (1)", f"ALTER TABLE {SCHEMA}.free {add}")
    _stops(pair, f"{SCHEMA}.free had no key and got an AUTO_INCREMENT column", base)


def test_ddl_while_the_snapshot_was_taken_makes_the_base_useless(pair: Pair) -> None:
    pair.run(_MADE, _KEYED)
    before = pair.gtids()
    pair.load()
    pair.run(
        f"INSERT INTO {SCHEMA}.keyed VALUES (1, 1)", "CREATE DATABASE elsewhere", "DROP DATABASE elsewhere"
    )
    assert ambiguous(pair.transactions(before), [SCHEMA]) is None
    pair.run(f"ALTER TABLE {SCHEMA}.keyed ADD COLUMN n INT")
    assert "ALTER TABLE ran while" in (ambiguous(pair.transactions(before), [SCHEMA]) or "")
    _stops(pair, "ran while the base's snapshot was taken", before, window=_set(pair.gtids()) - _set(before))
