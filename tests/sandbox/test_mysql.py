"""Real MySQL servers: they start, keep what was committed, and refuse what the services refuse."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from sandbox.ca import Authority
from sandbox.mysql import MySqlError, MySqlServer
from sandbox.mysql_flavors import Flavor
from sandbox.tools import Tools, find_or_bring

PASSWORD = "pa'ss \"word%s"
Make = Callable[..., MySqlServer]


@pytest.fixture(scope="module")
def tools() -> Tools:
    return find_or_bring(print)


@pytest.fixture
def make(tools: Tools, tmp_path: Path) -> Iterator[Make]:
    """A maker of servers below a long path with a space in it, all stopped at the end."""
    home = tmp_path / "a folder with spaces" / ("long" * 25)
    authority = Authority(home / "ca")
    made: list[MySqlServer] = []

    def make_one(flavor: Flavor, **others: Any) -> MySqlServer:
        server = MySqlServer(
            tools=tools,
            folder=home / f"mysql-{len(made)}",
            address=f"127.9.{len(made)}.1",
            port=_free_port(f"127.9.{len(made)}.1"),
            flavor=flavor,
            name=f"{flavor}.example.org",
            ca=authority,
            **others,
        )
        made.append(server)
        return server

    yield make_one
    for server in made:
        server.kill()  # quicker than a clean end


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def connect(server: MySqlServer, user: str = "admin", **others: Any) -> pymysql.Connection[Any]:
    return pymysql.connect(host=server.address, port=server.port, user=user, password=PASSWORD, **others)


def query(connection: pymysql.Connection[Any], statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def test_committed_rows_survive_a_kill_and_a_restart(make: Make) -> None:
    server = make("rds")
    server.start()
    assert server.running
    server.create_admin("admin", PASSWORD)
    with connect(server, autocommit=True) as connection:
        query(connection, "CREATE DATABASE clinic")
        query(connection, "CREATE TABLE clinic.owners (id INT PRIMARY KEY)")
        query(connection, "INSERT INTO clinic.owners VALUES (1)")
    before = server.execute("SELECT @@server_uuid, @@gtid_executed")
    server.kill()
    assert not server.running
    server.start()
    with connect(server) as connection:
        assert query(connection, "SELECT * FROM clinic.owners") == [(1,)]
    after = server.execute("SELECT @@server_uuid, @@gtid_executed")
    assert after[0][0] == before[0][0]


def test_two_servers_of_one_template_have_two_identities(make: Make) -> None:
    first, second = make("rds"), make("azure")
    first.start()
    second.start()
    assert first.execute("SELECT @@server_uuid") != second.execute("SELECT @@server_uuid")


def test_root_is_reachable_only_through_the_socket(make: Make) -> None:
    server = make("plain")
    server.start()
    with pytest.raises(pymysql.err.OperationalError, match=r"not allowed|Access denied"):
        pymysql.connect(host=server.address, port=server.port, user="root", password="")
    assert server.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("flavor", "expected"),
    [
        (
            "rds",
            {
                "lower_case_table_names": 0,
                "gtid_mode": "ON",
                "binlog_format": "ROW",
                "binlog_row_image": "FULL",
                "binlog_row_metadata": "FULL",
                "sql_generate_invisible_primary_key": 0,
                "require_secure_transport": 0,
            },
        ),
        (
            "azure",
            {
                "lower_case_table_names": 1,
                "binlog_format": "ROW",
                "sql_generate_invisible_primary_key": 1,
                "require_secure_transport": 1,
                "log_bin_trust_function_creators": 1,
            },
        ),
    ],
)
def test_a_flavor_has_the_parameters_of_its_service(
    make: Make, flavor: Flavor, expected: dict[str, object]
) -> None:
    server = make(flavor)
    server.start()
    found = {name: server.execute(f"SELECT @@global.{name}")[0][0] for name in expected}
    assert found == expected


@pytest.mark.parametrize("flavor", ["rds", "azure"])
def test_the_administrator_has_the_service_s_rights_and_no_more(make: Make, flavor: Flavor) -> None:
    server = make(flavor)
    server.start()
    server.create_admin("admin", "an older password")
    server.create_admin("admin", PASSWORD)  # a new password, nothing else changes
    with connect(server, ssl_verify_cert=False, autocommit=True) as connection:
        grants = " ".join(row[0] for row in query(connection, "SHOW GRANTS"))
        for right in ("REPLICATION SLAVE", "EVENT", "TRIGGER", "LOCK TABLES", "CREATE USER", "ROLE_ADMIN"):
            assert right in grants
        for right in ("SUPER", "BACKUP_ADMIN", "SYSTEM_VARIABLES_ADMIN", "FILE", "SHUTDOWN"):
            assert f" {right}," not in grants
        query(connection, "CREATE DATABASE clinic")
        query(connection, "CREATE USER app IDENTIFIED BY 'x'")
        query(connection, "GRANT SELECT ON clinic.* TO app")
        for refused in (
            "UPDATE mysql.user SET user = 'x'",
            "CREATE TABLE mysql.mine (id INT)",
            "SET GLOBAL read_only = 1",
            "LOCK INSTANCE FOR BACKUP",
        ):
            with pytest.raises(pymysql.err.Error, match="denied"):
                query(connection, refused)


def test_the_service_s_own_accounts_leave_no_transaction_in_the_log(make: Make) -> None:
    server = make("azure")
    server.start()
    server.create_admin("admin", PASSWORD)
    assert server.execute("SELECT @@gtid_executed") == [("",)]


def test_azure_refuses_a_connection_without_tls_and_shows_the_sandbox_s_certificate(
    make: Make, tmp_path: Path
) -> None:
    server = make("azure")
    server.start()
    server.create_admin("admin", PASSWORD)
    with pytest.raises(pymysql.err.OperationalError, match="secure transport"):
        connect(server, ssl_disabled=True)
    ca_file = next(tmp_path.rglob("ca.pem"))
    with connect(server, ssl_ca=str(ca_file), ssl_verify_cert=True, ssl_verify_identity=True) as connection:
        assert query(connection, "SHOW STATUS LIKE 'Ssl_cipher'")[0][1]


def test_rds_writes_its_heartbeat_into_the_binary_log(make: Make) -> None:
    server = make("rds", heartbeat_s=0.05)
    server.start()
    end = time.monotonic() + 10
    values: set[object] = set()
    while len(values) < 3 and time.monotonic() < end:
        values |= {row[0] for row in server.execute("SELECT value FROM mysql.rds_heartbeat2")}
    assert len(values) >= 3
    assert server.execute("SELECT @@gtid_executed") != [("",)]


def test_a_cascade_is_not_in_the_binary_log_as_on_8_0_and_8_4(make: Make) -> None:
    server = make("rds")
    server.start()
    if server.execute("SELECT VERSION() >= '9.6'") == [(0,)]:
        pytest.skip("this MySQL has no choice of its own")
    assert server.execute("SELECT @@innodb_native_foreign_keys") == [(1,)]


def test_a_parameter_set_by_the_control_plane_survives_a_restart(make: Make) -> None:
    server = make("azure")
    server.start()
    server.set_global("max_connections", "77")
    server.set_global("slow_query_log", "OFF")
    server.stop()
    server.start()
    assert server.execute("SELECT @@max_connections") == [(77,)]
    with pytest.raises(ValueError, match="not the name"):
        server.set_global("x = 1; DROP", "1")
    with pytest.raises(pymysql.err.Error, match="Unknown system variable"):
        server.set_global("no_such_parameter", "1")


def test_a_taken_port_is_one_clear_sentence(make: Make) -> None:
    server = make("plain")
    with socket.socket() as other:
        other.bind((server.address, server.port))
        other.listen()
        where = f"{server.address}:{server.port}"
        with pytest.raises(MySqlError, match=rf"cannot listen on {where} \(.*in use\)"):
            server.start()
    assert not server.running


def test_a_server_that_cannot_start_says_why(make: Make) -> None:
    server = make("plain")
    server.start()
    server.stop()
    (server.folder / "data" / "ibdata1").unlink()
    with pytest.raises(MySqlError, match=r"ended with status \d+: .*InnoDB"):
        server.start()
    assert not server.running
