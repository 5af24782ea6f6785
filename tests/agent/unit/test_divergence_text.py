"""The parts of an export that need no server: what is said in words, which definitions make rows doubtful."""

from __future__ import annotations

import pytest

from agent.handover.reshaped import Reshaped
from agent.handover.row_text import readable
from agent.handover.session_text import SessionText
from agent.replay.settings import Settings
from agent.replay.statements import describe


@pytest.mark.parametrize(
    ("literal", "said"),
    [
        (b"_utf8mb4 0x" + "한글".encode().hex().encode(), "'한글'".encode()),
        (b"_latin1 0xe9", "'é'".encode()),
        (b"_utf8mb4 0x" + b"a\n-- '".hex().encode(), b'"a\\n-- \'"'),
        (b"_utf8mb4 0xff", b"_utf8mb4 0xff"),
        (b"_hp8 0x41", b"_hp8 0x41"),
        (b"0x00ff", b"0x00ff"),
        (b"'2026-01-01'", b"'2026-01-01'"),
        (b"NULL", b"NULL"),
    ],
)
def test_text_is_shown_as_text_and_never_ends_a_line(literal: bytes, said: bytes) -> None:
    assert readable(literal) == said


def test_long_values_are_cut_in_words() -> None:
    shown = readable(b"_utf8mb4 0x" + ("é" * 500).encode().hex().encode())
    assert len(shown) < 100 and shown.endswith(b"...")
    shown.decode()


@pytest.mark.parametrize(
    ("statement", "doubtful"),
    [
        ("ALTER TABLE owners ADD COLUMN a INT", True),
        ("ALTER TABLE owners ADD a INT FIRST", True),
        ("ALTER TABLE `Owners` DROP a", True),
        ("ALTER TABLE owners MODIFY a INT", True),
        ("ALTER TABLE owners RENAME COLUMN a TO b", True),
        ("ALTER TABLE owners ADD PRIMARY KEY (a)", True),
        ("ALTER TABLE owners DROP PRIMARY KEY", True),
        ("ALTER TABLE owners ADD UNIQUE (a)", True),
        ("ALTER TABLE other RENAME TO owners", True),
        ("RENAME TABLE owners TO x, y TO owners", True),
        ("DROP TABLE IF EXISTS a, owners", True),
        ("DROP DATABASE petclinic", True),
        ("CREATE UNIQUE INDEX i ON owners (a)", True),
        ("ALTER TABLE owners ADD INDEX (a), ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES b (c)", False),
        ("ALTER TABLE owners DROP INDEX i, ENGINE=InnoDB", False),
        ("ALTER TABLE owners AUTO_INCREMENT = 7", False),
        ("CREATE INDEX i ON owners (a)", False),
        ("CREATE TABLE IF NOT EXISTS owners (id INT)", False),
        ("TRUNCATE owners", False),
        ("ALTER TABLE pets ADD COLUMN a INT", False),
        ("CREATE VIEW v AS SELECT * FROM owners", False),
    ],
)
def test_rows_before_a_change_of_columns_or_keys_are_doubtful(statement: str, doubtful: bool) -> None:
    """Without names in the log, a statement with the present names would be a guess."""
    known = Reshaped()
    known.learn(statement.encode(), describe(statement.encode()), 5)
    assert known.later("petclinic", "owners", 4) == doubtful
    assert not known.later("petclinic", "owners", 5)


def test_settings_are_written_where_they_change_and_for_rows_again_after_a_definition() -> None:
    text = SessionText({33: "utf8mb3", 255: "utf8mb4", 28: "gbk"})
    first = text.rows(checked=False)
    assert b"STRICT_ALL_TABLES" in first and b"SET NAMES utf8mb4" in first
    assert text.rows(checked=False) == b""
    assert text.rows(checked=True) == b"SET SESSION foreign_key_checks = 1;\n"
    settings = Settings(
        {"sql_mode": "0", "character_set_client": "28"}, ("s",), ansi_quotes=False, backslash=True
    )
    defined = text.definition(b"CREATE TABLE t (a INT); SELECT 1", "my `s", settings)
    assert b"USE `my ``s`;" in defined and b"\\C gbk" in defined and b"character_set_client = 28" in defined
    assert b"DELIMITER /*!*/;\nCREATE TABLE t (a INT); SELECT 1\n/*!*/;\nDELIMITER ;" in defined
    assert b"auto_increment_increment" not in defined  # only a privileged account may set it
    assert b"sql_mode" not in text.definition(b"DROP TABLE t", "my `s", settings)
    kept = text.state
    assert b"\\C utf8mb4" in text.rows(checked=False)
    text.state = kept
    assert b"STRICT_ALL_TABLES" in text.rows(checked=False)
