"""With the log behind it, a restore loses nothing that was archived, and stops where it is told to."""

from __future__ import annotations

import pytest

from sandbox.mysql import MySqlServer
from tests.agent.archived import archiving, content, executed, moment
from tests.agent.conftest import SCHEMA, World, add_owners, clinic, count

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
    'INSERT INTO Vets VALUES (1, \'{"a": [1, 2.5]}\'), (2, NULL)',
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
    for number, (gtids, time, wanted) in enumerate(states):
        target = gtids if number % 2 else time
        flexible.execute("DROP DATABASE IF EXISTS pilotlight")
        flexible.execute(f"DROP DATABASE IF EXISTS {SCHEMA}")
        report = world.azure.works("restore", "--to", target)
        assert content(world, flexible) == wanted, HISTORY[number]
        first = number < len(HISTORY) // 2
        assert (report["backup"]["backup"] == base) is first, report["choice"]
