"""Rows that go as the file of a LOAD DATA: not one value differs from what the INSERT would have left."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from agent import load
from agent.clients import find
from agent.errors import RestoreError
from agent.sessions import LOAD_LOCK, loaders
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.conftest import SCHEMA, World
from tests.agent.test_round_trip import load_file, mysqldump, sections

VALUES = Path(__file__).with_name("values.sql")


def _loads(server: MySqlServer) -> int:
    return int(str(server.execute("SHOW GLOBAL STATUS LIKE 'Com_load'")[0][1]))


@pytest.mark.parametrize("local_infile", ["ON", "OFF"])
def test_every_value_arrives_as_it_was(
    world: World, tools: Tools, rds: MySqlServer, flexible: MySqlServer, local_infile: str
) -> None:
    load_file(rds, tools, VALUES)
    world.aws.works("dump")
    flexible.set_global("local_infile", local_infile)
    try:
        before = _loads(flexible)
        report = world.azure.works("restore")
        assert _loads(flexible) - before == (6 if local_infile == "ON" else 0)
    finally:
        flexible.set_global("local_infile", "ON")
    assert report["tables_verified"] == 6
    assert any("FLOAT column petclinic.numbers.f" in warning for warning in report["warnings"])
    assert sections(mysqldump(tools, flexible)) == sections(mysqldump(tools, rds))


def test_a_row_that_the_server_would_leave_out_stops_the_load(world: World, flexible: MySqlServer) -> None:
    """LOCAL turns what stops an INSERT, here a key that is there twice, into a mere warning."""
    flexible.execute(f"CREATE DATABASE {SCHEMA}")
    flexible.execute(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, a TEXT)")
    with loaders(world.azure.context.login(), 1) as (loader,):
        loader.load(SCHEMA, b"INSERT INTO `t` VALUES (1,'a'),(2,NULL);\n")
        with pytest.raises(RestoreError, match="Skipped: 1"):
            loader.load(SCHEMA, b"INSERT INTO `t` VALUES (3,'secret'),(1,'b');\n")


def test_the_clients_lock_is_had_for_sure_and_not_for_hours_after_its_machine(
    world: World, flexible: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands for what a killed restore had sent: nobody may drop tables under it."""
    monkeypatch.setenv("PATH", world.azure.environment()["PATH"])
    monkeypatch.setattr(load, "LOCK_PATIENCE_S", 1)
    flexible.execute(f"CREATE DATABASE {SCHEMA}")
    text = (
        f"CREATE TABLE {SCHEMA}.seen AS SELECT @@SESSION.wait_timeout AS s,"
        f" IS_USED_LOCK('{LOAD_LOCK}') = CONNECTION_ID() AS held;"
    )

    def run() -> None:
        load._through_client(find("mysql"), world.azure.context.login(), io.BytesIO(text.encode()))

    with flexible.root() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT GET_LOCK('{LOAD_LOCK}', 0)")
        with pytest.raises(RestoreError, match="another session is still loading"):
            run()
    assert flexible.execute(f"SHOW TABLES IN {SCHEMA}") == []
    run()
    assert flexible.execute(f"SELECT s, held FROM {SCHEMA}.seen") == [(600, 1)]


def test_a_decimal_inside_json_is_no_reason_to_refuse_a_copy(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    rds.execute(f"CREATE DATABASE {SCHEMA}")
    rds.execute(f"CREATE TABLE {SCHEMA}.prices (id INT PRIMARY KEY, p JSON)")
    rds.execute(f"INSERT INTO {SCHEMA}.prices VALUES (1, JSON_OBJECT('p', 1.50, 'n', 1.00)), (2, '[1e0]')")
    world.aws.works("dump")
    report = world.azure.works("restore")
    assert any("petclinic.prices: numbers inside JSON" in warning for warning in report["warnings"])
    found = flexible.execute(f"SELECT p FROM {SCHEMA}.prices WHERE id = 1")
    assert [str(row[0]).replace(".0", "").replace(" ", "") for row in found] == ['{"n":1,"p":1.5}']
