"""A restore touches only what it may, is done only when it is proved, and can be killed at any moment."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import signal
import stat
from collections.abc import Generator
from contextlib import contextmanager

import pymysql
import pytest

from agent.epoch import give_order, read_epoch
from agent.handover.order import Step, new_order
from agent.manifest import manifest_name
from sandbox.mysql import MySqlServer
from tests.agent.conftest import PASSWORD, SCHEMA, World, add_owners, clinic, count, stand_in, wait_for


def marker(server: MySqlServer) -> dict[str, object]:
    return json.loads(str(server.execute("SELECT marker FROM pilotlight.restore_marker")[0][0]))


def test_the_application_gets_an_account_that_can_do_its_work_and_no_more(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    world.aws.works("dump")
    file = world.azure.folder / "report.json"
    report = world.azure.works("restore", "--report", str(file))
    assert json.loads(file.read_text()) == report
    assert [
        json.loads(world.container("signals").download_blob(name).readall())
        for name in world.names("signals")
    ] == [report]
    assert stat.S_IMODE(world.azure.environment_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(world.azure.environment_file.parent.stat().st_mode) == 0o700
    assert world.azure.environment_file.read_text() == (
        f"MYSQL_URL=jdbc:mysql://{flexible.address}:3306/{SCHEMA}?sslMode=REQUIRED\n"
        "MYSQL_USER=petclinic\n"
        'MYSQL_PASS="app\'lication\\$\\"pass"\n'
        "SPRING_PROFILES_ACTIVE=mysql\n"
        "SPRING_SQL_INIT_MODE=never\n"
    )
    with (
        pymysql.connect(
            host=flexible.address,
            user="petclinic",
            password="app'lication$\"pass",
            autocommit=True,
            ssl_ca="",
            ssl={"ca": None},
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"SELECT * FROM {SCHEMA}.owners")
        write = f"INSERT INTO {SCHEMA}.owners (name) VALUES ('new')"
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            cursor.execute(write)  # not yet the writer: a copy takes no writes
        world.order(open=True)
        with world.azure.start("run") as agent:
            wait_for(lambda: "epoch.json" in world.names("control"), 60)
            agent.terminate()
            agent.wait(30)
        cursor.execute(write)
        for forbidden in (
            f"DROP TABLE {SCHEMA}.pets",
            f"CREATE TABLE {SCHEMA}.x (id INT PRIMARY KEY)",
            "SELECT * FROM pilotlight.restore_marker",
            "CREATE USER x",
        ):
            with pytest.raises(pymysql.err.OperationalError, match="denied"):
                cursor.execute(forbidden)


def test_a_reboot_restores_nothing_again_but_provides_what_the_application_needs(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    world.aws.works("dump")
    world.azure.works("restore")
    add_owners(flexible, 1)  # it served
    add_owners(rds, 5)
    world.aws.works("dump")  # a newer backup exists
    world.azure.environment_file.unlink()
    report = world.azure.works("restore")
    assert report["loaded"] is False
    assert count(flexible) == 4
    assert world.azure.environment_file.exists()


@pytest.mark.parametrize("step", ["drain", "withdrawn"])
def test_a_standby_is_restored_whatever_became_of_an_order(
    world: World, rds: MySqlServer, flexible: MySqlServer, step: Step
) -> None:
    """That of an emergency which was called off stays in the epoch, withdrawn, until the next one."""
    clinic(rds)
    world.aws.works("dump")
    control = world.azure.context.control
    give_order(control, read_epoch(control), new_order("planned", step))
    world.azure.works("restore")
    assert count(flexible) == 3


def test_foreign_data_is_not_touched(world: World, rds: MySqlServer, flexible: MySqlServer) -> None:
    clinic(rds)
    world.aws.works("dump")
    clinic(flexible, owners=7)
    finished = world.azure.run("restore")
    assert finished.code == 8 and "--take-over" in finished.said
    assert count(flexible) == 7
    assert not world.azure.environment_file.exists()


@pytest.mark.parametrize(
    "thing", ["VIEW v AS SELECT 1 AS one", "PROCEDURE p() SELECT 1", "TABLE t (id INT PRIMARY KEY)"]
)
def test_a_database_is_foreign_when_it_holds_any_object(
    world: World, rds: MySqlServer, flexible: MySqlServer, thing: str
) -> None:
    clinic(rds)
    world.aws.works("dump")
    flexible.execute(f"CREATE DATABASE {SCHEMA}")
    flexible.execute(f"CREATE {thing.replace(' ', f' {SCHEMA}.', 1)}")
    assert world.azure.run("restore").code == 8


def test_a_restored_database_that_another_site_overtook_is_not_called_ready(
    world: World, rds: MySqlServer
) -> None:
    clinic(rds)
    world.aws.works("dump")
    world.azure.works("restore")
    world.epoch(3, "aws")
    finished = world.azure.run("restore")
    assert finished.code == 8 and "has written since (epoch 3)" in finished.said


def test_a_restore_killed_while_loading_is_done_by_the_next_run(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds, owners=2_000)
    for _ in range(9):
        add_owners(rds, 2_000, padding=900)
    world.aws.works("dump")
    with world.azure.start("restore") as agent:
        before = rows_inserted(flexible)
        wait_for(lambda: rows_inserted(flexible) > before + 1_000, 60)
        agent.send_signal(signal.SIGKILL)
    assert marker(flexible)["state"] == "loading"
    assert count(flexible) < 20_000, "killed too late to prove anything"
    assert not world.azure.environment_file.exists()
    report = world.azure.works("restore")
    assert report["target"] == "holds an unfinished restore"
    assert count(flexible) == 20_000
    assert marker(flexible)["state"] == "verified"


def rows_inserted(server: MySqlServer) -> int:
    """Without touching the table, which the load holds under lock."""
    return int(str(server.execute("SHOW GLOBAL STATUS LIKE 'Innodb_rows_inserted'")[0][1]))


def test_two_restores_at_once_are_refused(world: World, rds: MySqlServer, flexible: MySqlServer) -> None:
    clinic(rds)
    world.aws.works("dump")
    end = world.azure.folder / "end"
    waits = f'until [ -e "{end}" ]; do sleep 0.1; done; exec "$real" "$@"'
    with world.azure.start("restore", path=stand_in(world.azure, "mysql", waits)) as first:
        wait_for(lambda: flexible.execute("SHOW DATABASES LIKE 'pilotlight'"), 60)
        world.azure.document["state_dir"] += "-of-another-machine"
        second = world.azure.run("restore")
        assert second.code == 6 and "another restore" in second.said
        end.touch()
        assert first.wait(60) == 0


def clinic_with_program(server: MySqlServer) -> None:
    clinic(server)
    server.execute(f"ALTER TABLE {SCHEMA}.owners ADD INDEX by_name (name(10))")
    server.execute(
        f"CREATE TRIGGER {SCHEMA}.t BEFORE INSERT ON {SCHEMA}.pets FOR EACH ROW SET NEW.owner_id = 1"
    )


@pytest.mark.parametrize(
    ("what", "change", "code"),
    [
        ("a row lost", (r"\(2,'owner 2[^)]*\),", ""), 12),
        ("a value changed", ("'owner 2 ", "'Owner 2 "), 12),
        ("a table lost", (r"CREATE TABLE `pets`[^;]*;\n|[^\n]*`pets`[^\n]*\n", ""), 12),
        ("an index lost", ("  KEY `by_name`.*", "  CHECK (1 < 2)"), 12),
        ("a row twice", (r"\(2,'owner 2", "(1,'owner 2"), 11),
        ("an index over nothing", (r"KEY `by_name` \(`name`", "KEY `by_name` (`nobody`"), 11),
    ],
)
def test_tables_that_are_not_equal_are_never_called_done(
    world: World, rds: MySqlServer, what: str, change: tuple[str, str], code: int
) -> None:
    clinic_with_program(rds)
    backup = world.aws.works("dump")["backup"]
    with altered(world, backup, *change):
        finished = world.azure.run("restore")
    assert finished.code == code, (what, finished.said)
    assert code == 12 or "`owners`" in finished.said, "the sentence names the statement"
    assert marker(world.azure.server)["state"] == "loading"
    assert not world.azure.environment_file.exists()
    assert world.azure.works("restore")["loaded"]


@contextmanager
def altered(world: World, backup: str, before: str, after: str) -> Generator[None]:
    """Another dump under the name and the hash of ``backup``, as if the load had gone wrong."""
    blobs, name = world.container("backups"), manifest_name(backup)
    data, manifest = (blobs.download_blob(blob).readall() for blob in (backup, name))
    text, changes = re.subn(before, after, gzip.decompress(data).decode())
    assert changes
    other = gzip.compress(text.encode())
    document = json.loads(manifest) | {"stored_sha256": hashlib.sha256(other).hexdigest()}
    metadata = blobs.get_blob_client(name).get_blob_properties().metadata
    blobs.upload_blob(backup, other, overwrite=True)
    blobs.upload_blob(name, json.dumps(document), overwrite=True, metadata=metadata)
    yield
    blobs.upload_blob(backup, data, overwrite=True)
    blobs.upload_blob(name, manifest, overwrite=True, metadata=metadata)


@pytest.mark.parametrize(
    ("what", "script", "code"),
    [
        ("a trigger lost", """sed '/TRIGGER `t`/,/;;$/d' | "$real" "$@" """, 12),
        ("the end lost, and its status too", 'head -n 30 | "$real" "$@"; cat > /dev/null', 12),
        ("mysql killed", 'head -n 30 | "$real" "$@"; kill -9 $$', 11),
        ("mysql refused", 'echo "BROKEN;" | "$real" "$@"', 11),
    ],
)
def test_stored_programs_that_are_not_equal_are_never_called_done(
    world: World, rds: MySqlServer, what: str, script: str, code: int
) -> None:
    clinic_with_program(rds)
    world.aws.works("dump")
    finished = world.azure.run("restore", path=stand_in(world.azure, "mysql", script))
    assert finished.code == code, (what, finished.said)
    assert marker(world.azure.server)["state"] == "loading"
    assert not world.azure.environment_file.exists()
    assert world.azure.works("restore")["loaded"]


@pytest.mark.parametrize("lock", ["pilotlight-load", "pilotlight-load-0", "pilotlight-load-4"])
def test_what_an_earlier_load_left_is_cleared_but_not_under_a_load_that_still_runs(
    world: World, rds: MySqlServer, flexible: MySqlServer, lock: str
) -> None:
    """A killed restore's sessions may still execute what they had read, or have loaded what is no more."""
    clinic(rds)
    world.aws.works("dump")
    world.azure.run("restore", path=stand_in(world.azure, "mysql", 'head -n 40 | "$real" "$@"; exit 1'))
    flexible.execute(f"CREATE DATABASE IF NOT EXISTS {SCHEMA}")
    flexible.execute(f"CREATE TABLE {SCHEMA}.leftover (id INT PRIMARY KEY)")
    left = f"SHOW TABLES FROM {SCHEMA} LIKE 'leftover'"
    with flexible.root() as earlier, earlier.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 0)", (lock,))
        with world.azure.start("restore") as agent:
            waiting = "SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE = 'User lock'"
            wait_for(lambda: flexible.execute(waiting), 60)
            assert flexible.execute(left)
            cursor.execute("DO RELEASE_LOCK(%s)", (lock,))
            assert agent.wait(60) == 0
    assert not flexible.execute(left)


def test_no_secret_shows_in_arguments_environment_or_log_of_a_restore(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    world.aws.works("dump")
    folder = world.azure.folder
    script = f'printf "%s\\n" "$@" >> "{folder}/arguments"; env >> "{folder}/environment"; exec "$real" "$@"'
    finished = world.azure.run("restore", path=stand_in(world.azure, "mysql", script))
    assert finished.code == 0 and count(flexible) == 3, finished.said
    application = (folder / "secret-application").read_text()
    for text in (finished.said, (folder / "arguments").read_text(), (folder / "environment").read_text()):
        assert PASSWORD[:5] not in text and application[:8] not in text
    assert "--defaults-file=" in (folder / "arguments").read_text()


def test_no_backup_is_one_sentence(world: World) -> None:
    finished = world.azure.run("restore")
    assert finished.code == 9 and "no complete backup" in finished.said
    assert world.azure.run("restore", "--backup", "backup_x.sql.gz").code == 9


def test_a_server_that_does_not_answer_and_a_wrong_password(world: World) -> None:
    world.azure.secret("password", "wrong")
    finished = world.azure.run("restore")
    assert finished.code == 4 and "Access denied" in finished.said


def test_take_over_needs_the_other_sites_newest_epoch(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.works("dump")
    finished = world.aws.run("restore", "--take-over")
    assert finished.code == 8 and "aws is the writer of epoch 1" in finished.said
    world.epoch(2, "azure")
    finished = world.aws.run("restore", "--take-over")
    assert finished.code == 9 and "epoch 2" in finished.said
    assert count(rds) == 3


def test_take_over_keeps_what_it_replaces_and_names_the_divergence(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    world.aws.works("dump")
    world.azure.works("restore")
    add_owners(rds, 2)  # after the fork: the standby never saw these
    serve_on_azure(world)
    add_owners(flexible, 4)
    world.azure.works("dump")
    report = world.aws.works("restore", "--take-over")
    assert count(rds) == 7
    assert report["epoch"] == 3 and world.read("control", "epoch.json")["writer"] == "aws"
    assert report["quarantine"] in world.names()
    uuid = str(rds.execute("SELECT @@server_uuid")[0][0])
    assert re.search(uuid, report["diverged_gtid"])
    # The overtaken standby neither dumps nor takes the traffic back, whatever orders still lie around; and
    # the application is locked out of it.
    assert world.azure.run("dump").code == 7
    flexible.execute("CREATE USER shop@'%%' IDENTIFIED BY 'shop'")
    world.azure.document["database"]["application_users"] = ["shop"]
    locked = "SELECT account_locked FROM mysql.user WHERE User = 'shop'"
    try:
        with world.azure.start("run") as agent:
            wait_for(lambda: "opening" in world.read("signals", "heartbeat-azure.json")["errors"], 60)
            wait_for(lambda: flexible.execute(locked) == [("Y",)], 60)
            agent.terminate()
            assert agent.wait(30) == 0
    finally:
        flexible.execute("DROP USER shop@'%%'")
    assert world.read("control", "epoch.json")["epoch"] == 3


def test_take_over_loses_a_race_for_the_epoch(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    world.aws.works("dump")
    world.azure.works("restore")
    serve_on_azure(world)
    with world.aws.start(
        "restore", "--take-over", path=stand_in(world.aws, "mysql", 'sleep 2; exec "$real" "$@"')
    ) as agent:
        wait_for(lambda: rds.execute("SHOW DATABASES LIKE 'pilotlight'"), 60)
        other = world.epoch(2, "azure", cutover="somebody else")
        assert agent.wait(60) == 7
    assert world.read("control", "epoch.json") == other


def serve_on_azure(world: World) -> None:
    world.order(open=True)
    with world.azure.start("run") as agent:
        wait_for(lambda: world.aws.works("list")["backups"][0]["epoch"] == 2, 120)
        agent.terminate()
        assert agent.wait(60) == 0


def test_names_that_differ_only_in_capitals_are_refused_before_the_load(
    world: World, rds: MySqlServer
) -> None:
    clinic(rds)
    rds.execute(f"CREATE TABLE {SCHEMA}.Owners (id INT PRIMARY KEY)")
    world.aws.works("dump")
    finished = world.azure.run("restore")
    assert finished.code == 11 and "differ only in capitals (owners)" in finished.said


def test_what_the_target_would_refuse_is_said_before_the_load(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    add_owners(rds, 40, padding=900)
    rds.execute(f"CREATE TRIGGER {SCHEMA}.t BEFORE INSERT ON {SCHEMA}.pets FOR EACH ROW SET NEW.owner_id = 1")
    world.aws.works("dump")
    try:
        flexible.set_global("max_allowed_packet", "16384")
        finished = world.azure.run("restore")
        assert finished.code == 11 and "max_allowed_packet" in finished.said
        flexible.set_global("max_allowed_packet", "1073741824")
        flexible.set_global("log_bin_trust_function_creators", "OFF")
        finished = world.azure.run("restore")
        assert finished.code == 11 and "log_bin_trust_function_creators" in finished.said
    finally:
        flexible.set_global("max_allowed_packet", "1073741824")
        flexible.set_global("log_bin_trust_function_creators", "ON")
    assert not flexible.execute(f"SHOW DATABASES LIKE '{SCHEMA}'")
    world.azure.works("restore")


def test_an_event_whose_time_is_past_is_a_warning(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    rds.set_global("event_scheduler", "OFF")
    rds.execute(f"CREATE EVENT {SCHEMA}.once ON SCHEDULE AT NOW() + INTERVAL 2 SECOND DO SELECT 1")
    world.aws.works("dump")
    path = stand_in(world.azure, "mysql", 'sleep 3; exec "$real" "$@"')
    finished = world.azure.run("restore", path=path)
    assert finished.code == 0, finished.said
    assert [warning for warning in finished.document["warnings"] if "once" in warning]


def test_values_that_a_plain_load_of_the_dump_would_change(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    """One of them in one row made every restore refuse its own copy."""
    values = "(1, -0e0, -0e0, '2024-02-31', '(1,-0),'), (2, 0, -0.5, '0000-00-00', '-0')"
    with rds.root() as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = 'ALLOW_INVALID_DATES'")
        cursor.execute(f"CREATE DATABASE {SCHEMA}")
        columns = "id INT PRIMARY KEY, a DOUBLE, b FLOAT, d DATE DEFAULT '2023-02-31', t TEXT"
        cursor.execute(f"CREATE TABLE {SCHEMA}.odd ({columns})")
        cursor.execute(f"INSERT INTO {SCHEMA}.odd VALUES {values}")
    world.aws.works("dump")
    world.azure.works("restore")
    exact = f"SELECT id, CAST(a AS CHAR), CAST(b AS CHAR), CAST(d AS CHAR), t FROM {SCHEMA}.odd ORDER BY id"
    assert flexible.execute(exact) == rds.execute(exact)
    assert flexible.execute(exact)[0][1:4] == ("-0", "-0", "2024-02-31")


def test_sessions_outlive_a_short_wait_timeout_while_others_work(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    clinic(rds)
    programs = {world.aws: "mysqldump", world.azure: "mysql"}
    for server in (rds, flexible):
        server.set_global("wait_timeout", "6")
    try:
        for (site, program), command in zip(programs.items(), ("dump", "restore"), strict=True):
            # It takes longer than a server lets a session idle.
            path = stand_in(site, program, 'sleep 9; exec "$real" "$@"')
            finished = site.run(command, path=path)
            assert finished.code == 0, finished.said
    finally:
        for server in (rds, flexible):
            server.set_global("wait_timeout", "28800")
