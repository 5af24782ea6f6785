"""The replay's reading of statements, settings, values and schemas, without a server."""

from __future__ import annotations

import struct

import pytest

from agent.binlog import jsonb
from agent.binlog.rows_values import decimal, decimal_bytes, floating
from agent.gtid import GtidSet
from agent.replay.progress import Progress
from agent.replay.schema import Column, Name, Replay, Table, Tables, classify
from agent.replay.settings import read_settings
from agent.replay.spelling import respell
from agent.replay.statements import Kind, describe, disabled_event, subject, without_definer

_U = "00000000-0000-0000-0000-000000000001"


@pytest.mark.parametrize(
    ("statement", "kind", "thing"),
    [
        (b"BEGIN", Kind.BEGIN, ""),
        (b"/* a comment: DROP TABLE */ alter table t add x int", Kind.DDL, "TABLE"),
        (b"CREATE UNIQUE INDEX i ON t (a)", Kind.DDL, "INDEX"),
        (b"CREATE /*!50017 DEFINER=`TABLE`@`%` */ TRIGGER x BEFORE INSERT ON t FOR EACH ROW DO 1", Kind.DDL,
         "TRIGGER"),
        (b"CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`a`@`b` SQL SECURITY DEFINER VIEW v AS SELECT 1",
         Kind.DDL,
         "VIEW"),
        (b"DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `t`", Kind.IGNORED, "TABLE"),
        (b"CREATE USER 'table'@'%'", Kind.ACCOUNTS, "USER"),
        (b"CREATE SPATIAL REFERENCE SYSTEM 9999 NAME 'x'", Kind.ACCOUNTS, "REFERENCE"),
        (b"CREATE FUNCTION f RETURNS STRING SONAME 'u.so'", Kind.ACCOUNTS, "FUNCTION"),
        (b"CREATE SCHEMA s", Kind.DDL, "DATABASE"),
        (b"TRUNCATE t", Kind.DDL, "TABLE"),
        (b"SAVEPOINT `x`", Kind.IGNORED, ""),
        (b"XA START X'78',X'',1", Kind.DISTRIBUTED, ""),
        (b"INSERT INTO t VALUES (1)", Kind.CHANGE, ""),
    ],
)  # fmt: skip
def test_what_a_statement_is(statement: bytes, kind: Kind, thing: str) -> None:
    found = describe(statement)
    assert (found.kind, found.object) == (kind, thing)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"CREATE DEFINER=`a``b`@`%` PROCEDURE p() SELECT 'DEFINER=`x`@`y`'", b"CREATE PROCEDURE p()"),
        (b"CREATE DEFINER = CURRENT_USER() VIEW v AS SELECT 1", b"CREATE VIEW v"),
        (
            b"CREATE DEFINER='a'@'b' SQL SECURITY INVOKER VIEW v AS SELECT 1",
            b"CREATE SQL SECURITY INVOKER VIEW v",
        ),
        (b"CREATE TABLE t (definer INT DEFAULT 1)", b"CREATE TABLE t (definer INT DEFAULT 1)"),
    ],
)
def test_the_definer_goes_and_nothing_else(before: bytes, after: bytes) -> None:
    changed = without_definer(before)
    assert changed.startswith(after)
    assert changed.endswith(before[-8:])


@pytest.mark.parametrize(
    ("statement", "enabled", "said"),
    [
        (b"CREATE EVENT s.e ON SCHEDULE EVERY 1 DAY DO SELECT 1", True, b"DAY  DISABLE DO SELECT 1"),
        (b"CREATE EVENT e ON SCHEDULE AT NOW() ENABLE COMMENT 'DO ENABLE' DO SELECT 'ENABLE'", True,
         b"NOW() DISABLE COMMENT 'DO ENABLE' DO SELECT 'ENABLE'"),
        (b"CREATE EVENT e ON SCHEDULE EVERY 1 DAY COMMENT 'x' DO SELECT 1", True, b"DISABLE COMMENT 'x' DO"),
        (b"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE ON SLAVE DO SELECT 1", False, b"DAY DISABLE DO"),
        (b"ALTER EVENT e ENABLE", True, b"ALTER EVENT e DISABLE"),
        (b"ALTER EVENT e COMMENT 'ENABLE'", None, b"ALTER EVENT e COMMENT 'ENABLE'"),
    ],
)  # fmt: skip
def test_events_come_disabled(statement: bytes, enabled: bool | None, said: bytes) -> None:
    state = disabled_event(statement, ansi_quotes=False, backslash=True)
    assert (state.name, state.enabled) == ("e", enabled)
    assert said in state.statement


def test_whose_a_definition_is() -> None:
    assert subject(b"CREATE TABLE IF NOT EXISTS `a.b`.T (x INT)") == ("a.b", "T")
    assert subject(b"DROP EVENT IF EXISTS Tick") == ("", "Tick")
    assert subject(b"FLUSH LOGS") == ("", "")


def test_settings_of_a_statement() -> None:
    flags = b"\0" + struct.pack("<I", 1 << 26)
    mode = b"\1" + struct.pack("<Q", 4 | 1 << 20 | 1 << 28)
    zone, schemas = b"\5\6+09:00", b"\x0c\2a\0b\0"
    charset = b"\4" + struct.pack("<HHH", 255, 45, 8)
    later = b"\xf0\1\2\3"  # of a version to come
    found = read_settings(flags + mode + charset + zone + schemas + b"\x0d" + b"\x01\0\0" + later, 1000)
    assert found.schemas == ("a", "b")
    assert (found.ansi_quotes, found.backslash) == (True, False)
    assert found.variables == {
        "foreign_key_checks": "0",
        "unique_checks": "1",
        "sql_auto_is_null": "0",
        "sql_mode": str(4 | 1 << 20),
        "character_set_client": "255",
        "collation_connection": "45",
        "collation_server": "8",
        "time_zone": "'+09:00'",
        "timestamp": "1000.000001",
    }
    assert read_settings(b"\x0c\xfe", 0).schemas is None


def test_numbers_keep_every_bit() -> None:
    assert floating(-0.0) == b"-0.0e0"
    assert floating(5e-324) == b"5e-324"
    assert floating(struct.unpack("<f", struct.pack("<f", 0.1))[0]) == b"0.10000000149011612e0"
    assert decimal_bytes(14, 4) == 7
    assert decimal(bytes.fromhex("7ef204c72dfb2d"), 14, 4) == b"-1234567890.1234"


def test_json_text_is_text_and_what_it_cannot_say_is_an_expression() -> None:
    assert jsonb.expression(b"") == b"_utf8mb4 0x6e756c6c"
    assert jsonb.expression(b"\x05\xff\xff") == b"_utf8mb4 0x2d31"
    assert b"CAST(5 AS UNSIGNED)" in jsonb.expression(b"\x06\x05\x00")
    assert jsonb.expression(b"\x0f\x0f\x02\xaa\xbb") == b"JSON_EXTRACT(JSON_ARRAY(0xaabb),'$[0]')"


def _table(name: str, *key: int) -> Table:
    return Table("s", name, (Column("a", "int", False, None, False, False, False),), key, False)


@pytest.mark.parametrize("logged", [False, True])
def test_cascades_put_their_whole_family_in_order(logged: bool) -> None:
    tables: dict[Name, Table] = {
        ("s", name): _table(name, *([] if name == "free" else [0])) for name in ("a", "b", "c", "d", "free")
    }
    edges = [(("s", "b"), ("s", "a"), True), (("s", "c"), ("s", "b"), False)]
    found = classify(tables, edges, cascades_logged=logged)
    family = Replay.COMPACTED if logged else Replay.CHECKED
    assert [found["s", name] for name in "abc"] == [family] * 3
    assert (found["s", "d"], found["s", "free"]) == (Replay.COMPACTED, Replay.ORDERED)


def test_names_in_ddl_are_spelled_as_the_target_does() -> None:
    tables = Tables({("S", "Owners"): _table("Owners", 0)}, {})

    def spelled(text: bytes) -> bytes:
        return respell(text, describe(text), tables, {"pets": "Pets"}, ["S"])

    assert spelled(b"ALTER TABLE s.owners ADD COLUMN pets INT") == (
        b"ALTER TABLE `S`.`Owners` ADD COLUMN pets INT"
    )
    assert spelled(b"DROP TABLE `owners`,`pets`") == b"DROP TABLE `Owners`,`Pets`"
    assert spelled(b"CREATE TABLE x (owners INT, FOREIGN KEY (a) REFERENCES pets (id))") == (
        b"CREATE TABLE x (owners INT, FOREIGN KEY (a) REFERENCES `Pets` (id))"
    )


def test_the_window_is_past_when_all_of_it_was_seen() -> None:
    progress = Progress(GtidSet.parse(f"{_U}:2-3"))
    assert not progress.settled
    for number in (3, 4, 2, 5):
        progress.add(f"{_U}:{number}")
    assert progress.settled
    assert str(progress.gtids) == f"{_U}:2-5"
    assert not Progress(None).settled
