"""The program's server parameters against a real MySQL that starts as a new flexible server does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from components.azure.server_parameters import before_restore, beside_restore
from sandbox.clouds.effects_mysql import (
    CONFIGURATION,
    NEW_SERVER,
    SERVER,
    Configurations,
    FlexibleServers,
)
from sandbox.mysql import MySqlServer
from sandbox.network import Network
from sandbox.store import Resource
from sandbox.tools import Tools

HOST = "mysql-pet.mysql.database.azure.com"


@pytest.fixture
def servers(tmp_path: Path, tools: Tools, network: Network) -> Iterator[FlexibleServers]:
    def make(name: str, host: str) -> MySqlServer:
        return MySqlServer(
            tools=tools,
            folder=tmp_path / name,
            address=network.address(host),
            flavor="azure",
            name=host,
            parameters=NEW_SERVER,
        )

    servers = FlexibleServers(make)
    inputs = {
        "serverName": "mysql-pet",
        "administratorLogin": "dradmin",
        "administratorLoginPassword": "Secret123",
    }
    servers.created(Resource(SERVER, "id", "urn", inputs, {"fullyQualifiedDomainName": HOST}))
    yield servers
    servers.stop()


def _set(servers: FlexibleServers, name: str, value: str) -> None:
    inputs = {"serverName": "mysql-pet", "configurationName": name, "value": value}
    Configurations(servers).created(Resource(CONFIGURATION, name, "urn", inputs, {}))


def test_the_programs_steps_reach_gtids_and_survive_a_restart(servers: FlexibleServers) -> None:
    server = servers.get("mysql-pet")
    assert server.execute("SELECT @@gtid_mode") == [("OFF",)]
    with pytest.raises(pymysql.err.Error):  # MySQL's own rule, which the steps follow
        _set(servers, "gtid_mode", "ON")
    parameters = [*before_restore("+09:00"), *beside_restore()]
    for parameter in parameters:
        _set(servers, parameter.name, parameter.value)
    server.stop()
    server.start()
    wanted = {parameter.name: parameter.value for parameter in parameters}
    wanted |= {"log_bin_trust_function_creators": "1", "local_infile": "1"}
    for name, value in wanted.items():
        assert [(str(row[0]),) for row in server.execute(f"SELECT @@GLOBAL.{name}")] == [(value,)], name
