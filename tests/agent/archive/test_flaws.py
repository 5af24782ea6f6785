"""What a log can hold that cannot be replayed: marked, told, and passed by the next dump."""

from __future__ import annotations

import pytest

from agent.archive.log import survey
from sandbox.mysql import MySqlServer
from tests.agent.archive.conftest import PATIENCE_S, Vault
from tests.agent.conftest import SCHEMA, add_owners, clinic, wait_for

_FLAWS = {
    "a statement": (
        "rows changed by a statement",
        ["SET SESSION binlog_format = STATEMENT", "INSERT INTO owners (name) VALUES ('x')"],
    ),
    "XA": (
        "distributed",
        [
            "XA START 'a'",
            "INSERT INTO owners (name) VALUES ('x')",
            "XA END 'a'",
            "XA PREPARE 'a'",
            "XA COMMIT 'a'",
        ],
    ),
    "compression": (
        "compressed",
        ["SET SESSION binlog_transaction_compression = ON", "INSERT INTO owners (name) VALUES ('x')"],
    ),
    "row image": (
        "parts of rows",
        ["SET SESSION binlog_row_image = MINIMAL", "UPDATE owners SET name = 'y' ORDER BY id LIMIT 1"],
    ),
    "partial JSON": (
        "parts of JSON",
        [
            "CREATE TABLE documents (id INT PRIMARY KEY, d JSON)",
            "INSERT INTO documents VALUES (1, JSON_OBJECT('a', REPEAT('x', 1000), 'b', 1))",
            "SET SESSION binlog_row_value_options = PARTIAL_JSON",
            "UPDATE documents SET d = JSON_SET(d, '$.b', 2)",
        ],
    ),
}


def run(server: MySqlServer, schema: str, statements: list[str]) -> None:
    with server.root() as connection, connection.cursor() as cursor:
        cursor.execute(f"USE {schema}")
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize("name", _FLAWS)
def test_it_is_told_and_the_next_dump_passes_it(vault: Vault, name: str) -> None:
    clinic(vault.server)
    said, statements = _FLAWS[name]
    vault.site.works("dump")
    old = vault.newest_base()
    with vault.archiving() as archiver:
        assert not archiver.needs_dump
        run(vault.server, SCHEMA, statements)
        vault.caught_up(archiver)
        wait_for(lambda: archiver.needs_dump, PATIENCE_S)
        assert said in archiver.status()["hole"]
        assert any(said in flaw for flaw in survey(vault.direct().backups, 1).run_for(old).flaws)
        vault.site.works("dump")
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
        wait_for(lambda: not archiver.needs_dump, PATIENCE_S)
        assert archiver.status()["hole"] == ""
    with vault.archiving() as archiver:  # a new process finds the same
        add_owners(vault.server, 1)
        vault.caught_up(archiver)
        assert not archiver.needs_dump


def test_a_new_process_knows_that_a_dump_is_needed(vault: Vault) -> None:
    clinic(vault.server)
    vault.site.works("dump")
    with vault.archiving() as archiver:
        run(vault.server, SCHEMA, _FLAWS["a statement"][1])
        vault.caught_up(archiver)
    with vault.archiving() as archiver:
        assert archiver.needs_dump


def test_a_statement_in_a_schema_that_is_not_dumped_is_none(vault: Vault) -> None:
    clinic(vault.server)
    vault.site.works("dump")
    vault.server.execute("CREATE DATABASE IF NOT EXISTS elsewhere")
    vault.server.execute("CREATE TABLE IF NOT EXISTS elsewhere.owners (name VARCHAR(20))")
    with vault.archiving() as archiver:
        run(vault.server, "elsewhere", _FLAWS["a statement"][1])
        vault.caught_up(archiver)
        assert not archiver.needs_dump and archiver.status()["hole"] == ""
        assert archiver.status()["touched"] == ""
    vault.server.execute("DROP DATABASE elsewhere")
