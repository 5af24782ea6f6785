"""Which tables the log must be replayed in order for: asked from a real server."""

from __future__ import annotations

from agent.database import session
from agent.objects import cascades_logged, ordered_tables
from sandbox.mysql import MySqlServer
from tests.agent.conftest import SCHEMA, World

_TABLES = (
    "plain (id INT PRIMARY KEY)",
    "bare (id INT)",
    "unique_only (id INT NOT NULL UNIQUE)",  # information_schema.COLUMNS calls this key PRI
    "grandparent (id INT PRIMARY KEY)",
    "parent (id INT PRIMARY KEY, g INT, FOREIGN KEY (g) REFERENCES grandparent (id))",
    "child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE)",
    "restricted (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES plain (id))",
)


def test_ordered_tables_are_those_without_key_and_those_with_unlogged_cascades(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    for server, site in ((rds, world.aws), (flexible, world.azure)):
        server.execute(f"CREATE DATABASE {SCHEMA}")
        with session(site.context.login()) as database:
            database.rows(f"USE {SCHEMA}")
            for table in _TABLES:
                database.rows(f"CREATE TABLE {table}")  # on Azure the keyless ones get my_row_id
            assert not cascades_logged(database), "both services run with native foreign keys"
            keyless = [(SCHEMA, "bare"), (SCHEMA, "unique_only")]
            cascading = [(SCHEMA, name) for name in ("child", "grandparent", "parent")]
            assert ordered_tables(database, [SCHEMA], logged=True) == keyless
            assert ordered_tables(database, [SCHEMA], logged=False) == sorted(keyless + cascading)
