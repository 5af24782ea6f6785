"""What only the replaced database had: applied to a copy of the fork, the export gives the same state."""

from __future__ import annotations

import gzip
import re
import subprocess
import threading
from dataclasses import dataclass, replace

import pytest

from agent.database import session
from agent.epoch import Epoch
from agent.gtid import GtidSet
from agent.handover.divergence import export
from agent.handover.order import Divergence
from agent.marker import Marker, write_marker
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.archived import executed
from tests.agent.conftest import SCHEMA, World, clear, clinic
from tests.agent.differential import differences, snapshot
from tests.agent.replay.conftest import LENIENT, client_options, dump
from tests.agent.replay.test_replay_types import _VALUES as VALUES
from tests.agent.test_round_trip import load_awkward


@dataclass
class Fork:
    """RDS, a copy of it at the fork, and what RDS went on to do."""

    world: World
    rds: MySqlServer
    copy: MySqlServer
    tools: Tools
    gtid: str = ""

    def here(self) -> None:
        """The standby took over with what RDS holds now."""
        self.gtid = executed(self.rds)
        load = subprocess.run(
            [str(self.tools.bin / "mysql"), *client_options(self.copy), "--binary-mode"],
            input=dump(self.tools, self.rds, "--hex-blob"),
            cwd=self.copy.folder / "data",
            capture_output=True,
            check=False,
        )
        assert load.returncode == 0, load.stderr

    def run(self, *statements: str) -> None:
        with self.rds.root() as connection, connection.cursor() as cursor:
            for statement in (f"USE {SCHEMA}", LENIENT, *statements):
                cursor.execute(statement)

    def export(self) -> Divergence | None:
        epoch = Epoch(2, "azure", self.gtid, "of the test")
        return export(self.world.aws.context, epoch, threading.Event())

    def text(self, found: Divergence) -> str:
        data = self.world.container("backups").download_blob(found.blob).readall()
        return gzip.decompress(data).decode(errors="surrogateescape")

    def apply(self, text: str) -> None:
        done = subprocess.run(
            [
                *(str(self.tools.bin / "mysql"), *client_options(self.copy), "--binary-mode"),
                *("--default-character-set=utf8mb4", "--max-allowed-packet=1G"),
            ],
            input=text.encode(errors="surrogateescape"),
            cwd=self.copy.folder / "data",
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()[-2000:]

    def differences(self) -> list[str]:
        return differences(*(snapshot(server, self.tools, [SCHEMA]) for server in (self.rds, self.copy)))


@pytest.fixture
def fork(world: World, rds: MySqlServer, other: MySqlServer, tools: Tools) -> Fork:
    clear(other)
    return Fork(world, rds, other, tools)


def test_applied_to_the_fork_the_file_gives_the_diverged_state(fork: Fork, tools: Tools) -> None:
    """Triggers, cascades, generated columns, no key, awkward names, DDL of every kind."""
    load_awkward(fork.rds, tools)
    fork.copy.execute("DROP USER IF EXISTS nobody@nowhere")
    fork.copy.execute("CREATE USER nobody@nowhere IDENTIFIED BY 'x'")
    fork.copy.execute(f"GRANT ALL ON {SCHEMA}.* TO nobody@nowhere")
    fork.copy.set_global("event_scheduler", "OFF")
    fork.here()
    fork.run(
        "INSERT INTO Owners (First_Name, last_name) VALUES ('A\\'; -- */', '한글'), ('x', NULL)",
        "INSERT INTO pets (name, owner_id, flags, chip, photo)"
        " VALUES ('New', 1, b'11', '{\"a\": 1.5}', 0x00FF)",
        "UPDATE pets SET kind = 'dog', tags = 'b,c', born = NULL, place = ST_GeomFromText('POINT(1 2)', 4326)"
        " WHERE id = 1",
        "DELETE FROM Owners WHERE id = 2",  # its pets go by CASCADE, their visits lose them by SET NULL
        "UPDATE vet_specialties SET note = 'É' WHERE vet_id = 3 AND specialty_id = 2 LIMIT 1",
        "DELETE FROM vet_specialties WHERE vet_id = 1 LIMIT 1",
        "UPDATE `odd name; -- ``x``` SET `a ``b` = 'it''s\\n; --' WHERE `select` = 0",
        "BEGIN",
        "INSERT INTO visits (pet_id, description) VALUES (1, 'one')",
        "SAVEPOINT s",
        "INSERT INTO visits (id, pet_id, description) VALUES (77, 1, 'rolled back')",
        "ROLLBACK TO s",
        "UPDATE visits SET Visits = Visits + 1",
        "COMMIT",
        "CREATE TABLE made (id INT PRIMARY KEY AUTO_INCREMENT, at TIMESTAMP DEFAULT '0000-00-00 00:00:00')",
        "INSERT INTO made (id) VALUES (0), (5)",
        "CREATE TABLE chosen AS SELECT id, last_name FROM Owners",
        "CREATE PROCEDURE twice() BEGIN SELECT 1; SELECT ';'; END",
        "CREATE TRIGGER made_up BEFORE INSERT ON made FOR EACH ROW SET NEW.id = NEW.id + 100",
        "INSERT INTO made (id) VALUES (7)",
        "DROP TRIGGER owner_audit",
        "DELETE FROM Owners WHERE id = 3",
        "CREATE INDEX by_name ON pets (name)",
        "TRUNCATE nothing",
        "DROP VIEW a_first",
    )
    found = fork.export()
    assert found is not None and found.unreadable == ""
    assert found.statements[f"{SCHEMA}.audit"] >= 2
    text = fork.text(found)
    assert "-- was: " in text and "`last_name` '한글'" in text
    fork.apply(text)
    assert fork.differences() == []


@pytest.mark.parametrize("key", [" PRIMARY KEY", ""], ids=["with a key", "without a key"])
def test_values_of_every_type_come_out_exactly(fork: Fork, key: str) -> None:
    tables = [f"t{number}" for number in range(len(VALUES))]
    fork.rds.execute(f"CREATE DATABASE {SCHEMA} CHARACTER SET utf8mb4")
    fork.run(*(f"CREATE TABLE {t} (n INT{key}, v {k})" for t, k in zip(tables, VALUES, strict=True)))
    fork.here()
    for table, values in zip(tables, VALUES.values(), strict=True):
        fork.run(
            *(f"INSERT INTO {table} VALUES ({n}, {v})" for n, v in enumerate([*values, "NULL"])),
            f"INSERT INTO {table} SELECT n + 100, v FROM {table}",
            f"UPDATE {table} SET n = n + 1000 WHERE n >= 100",
            f"UPDATE {table} SET v = NULL WHERE n = 0",
            f"DELETE FROM {table} WHERE n > 1000 AND n % 2 = 1",
        )
    found = fork.export()
    assert found is not None and found.unreadable == ""
    fork.apply(fork.text(found))
    assert fork.differences() == []


def test_an_export_repeated_is_the_same_blob_and_says_what_it_holds(fork: Fork) -> None:
    clinic(fork.rds)
    fork.here()
    before = GtidSet.parse(executed(fork.rds))
    fork.run("UPDATE owners SET name = 'other' WHERE id = 1", "DELETE FROM pets")
    fork.run("INSERT INTO owners (name) VALUES ('new'), ('more')")
    matter = GtidSet.parse(executed(fork.rds)) - before
    found = fork.export()
    fork.rds.execute("CREATE USER IF NOT EXISTS petclinic IDENTIFIED BY 'x'")
    fork.rds.execute(
        "INSERT INTO mysql.rds_heartbeat2 VALUES (77, 1) ON DUPLICATE KEY UPDATE value = value + 1"
    )
    assert found is not None and fork.export() == found
    assert found.statements == {f"{SCHEMA}.owners": 3}
    assert (GtidSet.parse(found.gtid), found.transactions) == (matter, matter.count())
    assert found.first and found.first <= found.last
    assert (
        re.fullmatch(r"quarantine_divergence_2_[0-9a-f]{16}\.sql\.gz", found.blob)
        and found.digest in found.blob
    )
    assert fork.world.names() == [found.blob]
    fork.run("INSERT INTO owners (name) VALUES ('yet another')")
    again = fork.export()
    assert again is not None and again.digest != found.digest
    assert fork.world.names() == sorted([found.blob, again.blob])


def test_what_the_server_and_the_agent_do_by_themselves_is_no_divergence(fork: Fork) -> None:
    clinic(fork.rds)
    fork.here()
    assert fork.export() is None
    for statement in (
        "CREATE USER IF NOT EXISTS petclinic IDENTIFIED BY 'x' ACCOUNT LOCK",
        f"GRANT SELECT ON {SCHEMA}.* TO petclinic",
        "CREATE DATABASE pilotlight",
        "CREATE TABLE pilotlight.t (id INT PRIMARY KEY)",
        "INSERT INTO pilotlight.t VALUES (1)",
        f"ANALYZE TABLE {SCHEMA}.owners",
        "INSERT INTO mysql.rds_heartbeat2 VALUES (77, 1) ON DUPLICATE KEY UPDATE value = value + 1",
    ):
        fork.rds.execute(statement)
    assert fork.export() is None
    assert fork.world.names() == []


def test_purged_log_is_said_and_the_rest_exported(fork: Fork) -> None:
    clinic(fork.rds)
    fork.here()
    before = GtidSet.parse(executed(fork.rds))
    fork.run("INSERT INTO owners (name) VALUES ('lost')")
    lost = GtidSet.parse(executed(fork.rds)) - before
    fork.rds.execute("FLUSH BINARY LOGS")
    fork.rds.execute(f"PURGE BINARY LOGS TO '{fork.rds.execute('SHOW BINARY LOGS')[-1][0]}'")
    fork.run("INSERT INTO owners (name) VALUES ('kept')")
    found = fork.export()
    assert found is not None
    assert f"{lost}: the server has purged its log" in found.unreadable
    assert lost <= GtidSet.parse(found.gtid) and found.transactions == 2
    text = fork.text(found)
    assert "'kept'" in text and "NOT COMPLETE" in text
    fork.rds.execute("FLUSH BINARY LOGS")
    fork.rds.execute(f"PURGE BINARY LOGS TO '{fork.rds.execute('SHOW BINARY LOGS')[-1][0]}'")
    found = fork.export()
    assert found is not None and found.transactions == 2 and found.statements == {}


def test_an_event_that_is_switched_off_and_no_more_is_no_divergence(fork: Fork) -> None:
    """The fence does that to the events of the database that it closes."""
    clinic(fork.rds)
    fork.run("CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO SELECT 1")
    fork.here()
    fork.run(f"ALTER DEFINER = nobody@nowhere EVENT {SCHEMA}.nightly DISABLE")
    assert fork.export() is None
    fork.run("ALTER EVENT nightly ENABLE", "ALTER EVENT nightly DISABLE COMMENT 'by a person'")
    found = fork.export()
    assert found is not None and found.transactions == 2


def test_rows_of_a_definition_that_is_gone_are_kept_in_words_and_said(fork: Fork) -> None:
    """Their column names are in no log: a statement would be a guess."""
    clinic(fork.rds)
    fork.here()
    fork.run(
        "INSERT INTO owners (name) VALUES ('before')",
        "ALTER TABLE owners ADD COLUMN first INT FIRST",
        "INSERT INTO owners (name) VALUES ('after')",
        "ALTER TABLE pets ADD INDEX (id, owner_id)",
    )
    found = fork.export()
    assert found is not None and "definition was another one then" in found.unreadable
    text = fork.text(found)
    before, after = text.split("ALTER TABLE owners")
    assert "NOT COMPLETE" in before and "INSERT INTO" not in before and b"before".hex() in before
    assert "INSERT INTO `petclinic`.`owners` (`first`,`id`,`name`)" in after


def test_a_key_that_was_none_yet_finds_no_rows(fork: Fork) -> None:
    """The same columns, so that only the order of the log tells: by the later key two rows would change."""
    clinic(fork.rds)
    fork.run("CREATE TABLE k (a INT NOT NULL, b INT)", "INSERT INTO k VALUES (1, 1), (1, 2)")
    fork.here()
    fork.run(
        "UPDATE k SET b = 3 WHERE b = 2", "DELETE FROM k WHERE b = 1", "ALTER TABLE k ADD PRIMARY KEY (a)"
    )
    found = fork.export()
    assert found is not None and "definition was another one then" in found.unreadable
    assert "WHERE `a`=1" not in fork.text(found)


def test_a_copy_that_has_not_served_holds_only_what_the_restore_wrote(fork: Fork) -> None:
    """Else each restore that was interrupted would look like a history of its own."""
    clinic(fork.rds)
    fork.here()
    fork.run("INSERT INTO owners (name) VALUES ('loaded')")
    marker = Marker("loading", "backup_20260101T000000Z.sql.gz", 2, "", 0, (), {})
    context = fork.world.aws.context
    with session(context.login()) as database:
        write_marker(database, marker)
        assert fork.export() is None
        write_marker(database, replace(marker, state="verified", served_epoch=1))
    assert fork.export() is not None
    assert export(context, Epoch(1, "azure", "", ""), threading.Event()) is None


def test_a_fork_without_gtids_blocks_instead_of_passing_for_nothing(fork: Fork) -> None:
    clinic(fork.rds)
    found = fork.export()
    assert found is not None and "cannot be told" in found.unreadable and found.gtid == ""
    assert "cannot be told" in fork.text(found)


@pytest.mark.parametrize(
    ("setting", "said", "kept"),
    [
        ("SET SESSION binlog_transaction_compression = ON", "compressed", "NOT COMPLETE: it is compressed"),
        ("SET SESSION binlog_format = STATEMENT", "by a statement", "UPDATE owners SET name = 'changed'"),
        ("SET SESSION binlog_row_image = MINIMAL", "parts of rows", "NOT COMPLETE: it is holding parts"),
    ],
)
def test_what_the_log_does_not_say_in_rows_is_said_and_blocks(
    fork: Fork, setting: str, said: str, kept: str
) -> None:
    clinic(fork.rds)
    fork.here()
    before = GtidSet.parse(executed(fork.rds))
    fork.run(setting, "UPDATE owners SET name = 'changed' WHERE id > 1")
    found = fork.export()
    assert found is not None and said in found.unreadable
    assert GtidSet.parse(found.gtid) == GtidSet.parse(executed(fork.rds)) - before
    assert kept in fork.text(found)


def test_distributed_transactions_are_repeated_as_such(fork: Fork) -> None:
    clinic(fork.rds)
    fork.here()
    fork.run("XA START 'a'", "INSERT INTO owners (name) VALUES ('xa')", "XA END 'a'", "XA PREPARE 'a'")
    fork.rds.execute("XA COMMIT 'a'")
    found = fork.export()
    assert found is not None and found.unreadable == ""
    fork.apply(fork.text(found))
    assert fork.differences() == []


def test_told_to_stop_it_keeps_nothing(fork: Fork) -> None:
    clinic(fork.rds)
    fork.here()
    fork.run("INSERT INTO owners (name) VALUES ('x')")
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(Exception, match="told to stop"):
        export(fork.world.aws.context, Epoch(2, "azure", fork.gtid, "c"), stopping)
    assert fork.world.names() == []
