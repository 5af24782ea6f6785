"""With the log behind it, a restore loses nothing that was archived, and stops where it is told to."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from sandbox.mysql import MySqlServer
from tests.agent.archived import archiving, content, executed, moment
from tests.agent.conftest import ROOT, SCHEMA, World, add_owners, clinic, count, wait_for

# One transaction each: rows, cascades, a table without a key, and definitions between them.
HISTORY = (
    "INSERT INTO owners (name) VALUES ('한글 😀'), ('second')",
    "UPDATE owners SET name = CONCAT(name, '!') WHERE id > 1",
    "INSERT INTO log VALUES ('twice'), ('twice'), (NULL)",
    "DELETE FROM log WHERE what = 'twice' LIMIT 1",
    "ALTER TABLE owners ADD COLUMN born DATE DEFAULT '2000-01-01' AFTER id",
    "INSERT INTO pets (owner_id) VALUES (1), (2), (2)",
    "DELETE FROM owners WHERE id = 2",
    "CREATE TABLE Vets (id INT PRIMARY KEY, note JSON, KEY ((id * 2)))",
    "INSERT INTO Vets VALUES (1, '{\"a\": [1, 2.5]}'), (2, NULL)",
    "CREATE TRIGGER t BEFORE INSERT ON owners FOR EACH ROW SET NEW.name = CONCAT(NEW.name, ' (new)')",
    "INSERT INTO owners (name) VALUES ('by trigger')",
    "DROP TABLE log",
    "REPLACE INTO Vets VALUES (1, '[]')",
)


def cascading_clinic(server: MySqlServer) -> None:
    clinic(server)
    server.execute(f"CREATE TABLE {SCHEMA}.log (what VARCHAR(20))")
    server.execute(f"ALTER TABLE {SCHEMA}.pets DROP FOREIGN KEY pets_ibfk_1")
    server.execute(
        f"ALTER TABLE {SCHEMA}.pets ADD FOREIGN KEY (owner_id) REFERENCES owners (id) ON DELETE CASCADE"
    )


def run(server: MySqlServer, statement: str) -> None:
    with server.root() as connection, connection.cursor() as cursor:
        cursor.execute(f"USE {SCHEMA}")
        cursor.execute(statement)


def test_every_transaction_of_a_history_can_be_gone_back_to(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    cascading_clinic(rds)
    states: list[tuple[str, str, list[str]]] = []
    with archiving(world.aws) as archive:
        base = world.aws.works("dump")["backup"]
        for number, statement in enumerate(HISTORY):
            run(rds, statement)
            states.append((executed(rds), moment(rds), content(world, rds)))
            if number == len(HISTORY) // 2:
                world.aws.works("dump")
        archive.settle()
        archive.beat()
    for number, (gtids, time, wanted) in enumerate(states):
        target = gtids if number % 2 else time
        flexible.execute("DROP DATABASE IF EXISTS pilotlight")
        flexible.execute(f"DROP DATABASE IF EXISTS {SCHEMA}")
        report = world.azure.works("restore", "--to", target)
        assert content(world, flexible) == wanted, HISTORY[number]
        first = number < len(HISTORY) // 2
        assert (report["backup"]["backup"] == base) is first, report["choice"]


def test_another_point_in_time_may_be_asked_for_as_long_as_the_copy_has_not_served(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    """A wrong DELETE is archived like everything else; who opens the state before it wants no more."""
    cascading_clinic(rds)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        run(rds, HISTORY[0])
        before, wanted = executed(rds), content(world, rds)
        run(rds, "DELETE FROM owners WHERE id = 2")
        archive.settle()
        archive.beat()
    assert world.azure.works("restore")["lost"]["transactions"] == 0
    report = world.azure.works("restore", "--to", before)
    assert content(world, flexible) == wanted and report["loaded"] is True
    assert report["lost"]["transactions"] == 1 and report["quarantine"] == ""
    world.azure.works("replay")
    assert content(world, flexible) != wanted
    assert world.azure.works("restore", "--to", before)["loaded"] is True, "a replay went past it"
    world.azure.works("replay", "--to", before)
    assert json.loads(str(flexible.execute("SELECT marker FROM pilotlight.restore_marker")[0][0]))["pinned"]
    assert world.azure.run("restore", "--to", "2020-01-01T00:00:00Z").code, "no chain serves that"
    for words in ((), ("--to", before)):
        again = world.azure.works("restore", *words)
        assert again["loaded"] is False, "it is what was asked for"
        assert ("python -m agent replay" in "".join(again["warnings"])) is (not words), "or stands before it"
    world.order(open=True)
    with world.azure.start("run") as agent:
        wait_for(lambda: "epoch.json" in world.names("control"), 60)
        agent.terminate()
        agent.wait(30)
    assert content(world, flexible) == wanted
    assert world.azure.run("restore", "--to", executed(rds)).code == 8, "it has served"


def live(world: World, server: MySqlServer) -> tuple[str, list[str]]:
    """A base, the history in the log behind it, and a heartbeat; what the source then holds."""
    cascading_clinic(server)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        for statement in HISTORY:
            run(server, statement)
        gtids = archive.settle()
        archive.beat()
    return gtids, content(world, server)


def test_everything_archived_is_restored_and_the_report_says_so(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    gtids, wanted = live(world, rds)
    report = world.azure.works("restore")
    assert content(world, flexible) == wanted
    assert report["reached"]["gtid"] == gtids
    assert report["log"]["transactions"] == len(HISTORY) and report["log"]["ddl"] == 4
    assert report["objects"]["triggers"] == 1 and report["objects"]["tables"] == 3
    assert report["lost"]["transactions"] == 0
    assert "nothing that was archived is missing" in report["lost"]["sentence"]
    assert report["lost"]["archived_through"] in report["lost"]["sentence"]
    assert [base["chosen"] for base in report["choice"]] == ["yes"]
    held = json.loads(str(flexible.execute("SELECT marker FROM pilotlight.restore_marker")[0][0]))
    assert (held["state"], held["backup_gtid"]) == ("verified", gtids)
    # The trigger is back and works; during the replay it was off, or the row would say it twice.
    run(flexible, "INSERT INTO owners (name) VALUES ('here')")
    names = [row[0] for row in flexible.execute(f"SELECT name FROM {SCHEMA}.owners ORDER BY id DESC LIMIT 2")]
    assert names == ["here (new)", "by trigger (new)"]
    # The id does not collide with one that only the lost site gave away.
    assert flexible.execute(f"SELECT MAX(id) > 1000 FROM {SCHEMA}.owners")[0][0] == 1


@pytest.mark.parametrize(
    "where",
    [
        *("end of clear", "end of rows", "end of indexes", "end of foreign keys", "end of stored programs"),
        *("end of verify", "transaction 1", "transaction 8", "end of replay", "end of application"),
    ],
)
def test_a_restore_killed_at_any_moment_is_done_by_the_next_run(
    world: World, rds: MySqlServer, flexible: MySqlServer, where: str
) -> None:
    _, wanted = live(world, rds)
    command = world.azure.command("restore")
    command[command.index("agent") : command.index("restore")] = ["tests.agent.dies", where]
    died = subprocess.run(command, cwd=ROOT, env=world.azure.environment(), capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    held = json.loads(str(flexible.execute("SELECT marker FROM pilotlight.restore_marker")[0][0]))
    done = where == "end of application"
    assert held["state"] == ("verified" if done else "loading")
    assert done or not world.azure.environment_file.exists()
    report = world.azure.works("restore")
    assert report["loaded"] is not done
    assert content(world, flexible) == wanted
    assert world.azure.environment_file.exists()


def test_a_restore_that_could_not_end_is_reported_by_the_next_run(world: World, rds: MySqlServer) -> None:
    """Operators wait for the report: without it a proved copy is never opened."""
    clinic(rds)
    world.aws.works("dump")
    world.azure.environment_file.mkdir(parents=True)  # the application's settings cannot be written
    finished = world.azure.run("restore")
    assert finished.code and world.names("signals") == ["failed-restore-azure.json"]
    assert world.read("signals", "failed-restore-azure.json")["error"] in finished.said
    world.azure.environment_file.rmdir()
    for _ in range(2):
        assert world.azure.works("restore")["loaded"] is False
        (name,) = [name for name in world.names("signals") if name.startswith("restore-")]
        assert world.read("signals", "failed-restore-azure.json")["error"] == ""
        report = json.loads(world.container("signals").download_blob(name).readall())
        assert (report["loaded"], report["error"], report["tables_verified"]) == (True, "", 2)
        assert report["backup"] and report["reached"]["gtid"] and report["lost"]["sentence"]


def segments(world: World) -> list[str]:
    return [name for name in world.names() if name.startswith("binlog/")]


@pytest.mark.parametrize("damage", ["a byte", "cut", "gone"])
def test_a_damaged_log_ends_the_copy_before_the_damage_and_the_report_says_what_is_lost(
    world: World, rds: MySqlServer, flexible: MySqlServer, damage: str
) -> None:
    cascading_clinic(rds)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        run(rds, "INSERT INTO owners (name) VALUES ('before')")
        reached = archive.settle()
        wanted, known = content(world, rds), set(segments(world))
        run(rds, "INSERT INTO owners (name) VALUES ('damaged')")
        archive.settle()
        (damaged,) = set(segments(world)) - known
        run(rds, "INSERT INTO owners (name) VALUES ('behind')")
        end = archive.settle()
        archive.beat()
    blobs = world.container("backups")
    client = blobs.get_blob_client(damaged)
    data, metadata = client.download_blob().readall(), client.get_blob_properties().metadata
    if damage == "gone":
        client.delete_blob()
    else:
        other = data[:-20] if damage == "cut" else data[:-30] + bytes([data[-30] ^ 1]) + data[-29:]
        client.upload_blob(other, overwrite=True, metadata=metadata)
    finished = world.azure.run("restore", "--to", end)
    assert finished.code == 9 and "possible is from backup_" in finished.said, finished.said
    report = world.azure.works("restore")
    assert content(world, flexible) == wanted
    assert report["reached"]["gtid"] == reached
    assert report["lost"]["transactions"] == 2
    assert report["log"]["end"] and report["log"]["end"] in report["lost"]["sentence"]


def test_a_forecast_changes_nothing_and_needs_no_database(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    gtids, _ = live(world, rds)
    blobs = world.names(), world.names("signals"), world.names("control")
    report = world.azure.works("restore", "--dry-run")
    assert not flexible.execute(f"SHOW DATABASES WHERE `Database` IN ('{SCHEMA}', 'pilotlight')")
    assert report["reached"]["gtid"] == gtids and report["guard"] == "" and report["loaded"] is False
    assert report["log"]["transactions"] == len(HISTORY) and report["backup"]["raw_bytes"] > 0
    clinic(flexible)
    assert "--take-over" in world.azure.works("restore", "--dry-run")["guard"]
    world.azure.document["database"]["port"] = 1
    report = world.azure.works("restore", "--dry-run")
    assert "port" in report["guard"] and report["reached"]["gtid"] == gtids
    assert (world.names(), world.names("signals"), world.names("control")) == blobs


def test_targets_that_cannot_be_reached_are_refused_with_what_is_possible(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    before = moment(rds)
    gtids, _ = live(world, rds)
    other = f"{gtids},00000000-0000-0000-0000-000000000001:1"
    for target, code, said in (
        ("2026-01-01T00:00:00", 2, "2026-01-01T00:00:00Z for UTC"),
        ("yesterday", 2, "no time and no GTID set"),
        (before, 9, "possible is from backup_"),
        ("2999-01-01T00:00:00Z", 9, "possible is from backup_"),
        (other, 9, "possible is from backup_"),
    ):
        finished = world.azure.run("restore", "--to", target)
        assert finished.code == code and said in finished.said, (target, finished.said)
    assert not flexible.execute("SHOW DATABASES LIKE 'pilotlight'")


def test_a_rounded_row_without_a_key_stops_the_log_and_can_be_had_to_the_moment_before(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    """As docs/agent.md says: mysqldump rounds FLOAT, and the log looks for such a row by all its values."""
    clinic(rds)
    rds.execute(f"CREATE TABLE {SCHEMA}.weights (w FLOAT)")
    rds.execute(f"INSERT INTO {SCHEMA}.weights VALUES (16777216)")
    with archiving(world.aws) as archive:
        archive.began()
        world.aws.works("dump")
        add_owners(rds, 1)
        before = archive.settle()
        rds.execute(f"UPDATE {SCHEMA}.weights SET w = 1")
        archive.settle()
    assert world.azure.run("restore").code == 14
    world.azure.works("restore", "--to", before)
    assert count(flexible) == 4
