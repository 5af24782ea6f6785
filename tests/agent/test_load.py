"""Rows that go as the file of a LOAD DATA: not one value differs from what the INSERT would have left."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import RestoreError
from agent.sessions import loaders
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
    assert sections(mysqldump(tools, flexible)) == sections(mysqldump(tools, rds))


def test_a_row_that_the_server_would_leave_out_stops_the_load(world: World, flexible: MySqlServer) -> None:
    """LOCAL turns what stops an INSERT, here a key that is there twice, into a mere warning."""
    flexible.execute(f"CREATE DATABASE {SCHEMA}")
    flexible.execute(f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY, a TEXT)")
    with loaders(world.azure.context.login(), 1) as (loader,):
        loader.load(SCHEMA, b"INSERT INTO `t` VALUES (1,'a'),(2,NULL);\n")
        with pytest.raises(RestoreError, match="Skipped: 1"):
            loader.load(SCHEMA, b"INSERT INTO `t` VALUES (3,'secret'),(1,'b');\n")
