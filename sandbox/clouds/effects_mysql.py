"""What runs behind the resources of Azure Database for MySQL: a MySQL server for each flexible server."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable

from sandbox.mysql import MySqlServer
from sandbox.providers.effects import Handler
from sandbox.store import Resource, Store

SERVER = "azure-native:dbformysql:Server"
CONFIGURATION = "azure-native:dbformysql:Configuration"
DATABASE = "azure-native:dbformysql:Database"
NEW_SERVER = {
    "enforce_gtid_consistency": "OFF",
    "gtid_mode": "OFF",
    "binlog_row_metadata": "MINIMAL",
    "binlog_row_image": "MINIMAL",
    "max_allowed_packet": "16777216",
    "local_infile": "OFF",
}
"""What a flexible server without high availability has until its program says otherwise. GTIDs: the service's
page on read replicas; the others are MySQL's own defaults or, for the row image, what CDC vendors report."""


class FlexibleServers(Handler):
    """Flexible servers: each a real MySQL with Azure's settings; deletion takes the data along.

    Args:
        make: an unstarted server for a name (folder) and its fully qualified domain name.
    """

    def __init__(self, make: Callable[[str, str], MySqlServer]) -> None:
        self._make = make
        self._mutex = threading.Lock()
        self._running: dict[str, MySqlServer] = {}

    def created(self, resource: Resource) -> None:
        server = self.start(resource)
        server.create_admin(
            resource.inputs["administratorLogin"], resource.inputs["administratorLoginPassword"]
        )

    def updated(self, old: Resource, new: Resource) -> None:
        password = new.inputs.get("administratorLoginPassword")
        if password and password != old.inputs.get("administratorLoginPassword"):
            self.get(new.inputs["serverName"]).create_admin(new.inputs["administratorLogin"], password)

    def deleted(self, resource: Resource) -> None:
        with self._mutex:
            server = self._running.pop(resource.inputs["serverName"])
        server.stop()
        shutil.rmtree(server.folder)

    def start(self, resource: Resource) -> MySqlServer:
        """Start the server of a resource on the data that it has."""
        name = resource.inputs["serverName"]
        server = self._make(name, resource.outputs["fullyQualifiedDomainName"])
        server.start()
        with self._mutex:
            self._running[name] = server
        return server

    def get(self, name: str) -> MySqlServer:
        """The running server of that name; KeyError when there is none."""
        with self._mutex:
            return self._running[name]

    def all(self) -> list[MySqlServer]:
        """Every running server, oldest first."""
        with self._mutex:
            return list(self._running.values())

    def stop(self) -> None:
        """Shut all servers down; their data stays."""
        for server in self.all():
            server.stop()
        with self._mutex:
            self._running.clear()


class Configurations(Handler):
    """Server parameters. A parameter that leaves the program keeps its value, as on the real service."""

    def __init__(self, servers: FlexibleServers) -> None:
        self._servers = servers

    def created(self, resource: Resource) -> None:
        server = self._servers.get(resource.inputs["serverName"])
        server.set_global(resource.inputs["configurationName"], str(resource.inputs["value"]))

    def updated(self, old: Resource, new: Resource) -> None:
        self.created(new)


class Databases(Handler):
    """Schemas."""

    def __init__(self, servers: FlexibleServers) -> None:
        self._servers = servers

    def created(self, resource: Resource) -> None:
        inputs = resource.inputs
        charset, collation = inputs.get("charset", "utf8mb4"), inputs.get("collation", "utf8mb4_0900_ai_ci")
        self._servers.get(inputs["serverName"]).execute(
            f"CREATE DATABASE {_quoted(inputs['databaseName'])} CHARACTER SET %s COLLATE %s",
            (charset, collation),
        )

    def deleted(self, resource: Resource) -> None:
        server = self._servers.get(resource.inputs["serverName"])
        server.execute(f"DROP DATABASE IF EXISTS {_quoted(resource.inputs['databaseName'])}")


def _quoted(schema: str) -> str:
    return "`" + schema.replace("`", "``") + "`"


def mysql_effects(servers: FlexibleServers) -> dict[str, Handler]:
    """Handlers by type token."""
    return {
        SERVER: servers,
        CONFIGURATION: Configurations(servers),
        DATABASE: Databases(servers),
    }


def restore_mysql(store: Store, servers: FlexibleServers) -> None:
    """Start the deployed servers again, after a restart of the sandbox."""
    for resource in store.find(SERVER):
        servers.start(resource)
