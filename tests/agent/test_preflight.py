"""``check`` names each lack of the log, what it costs and what fixes it on that service."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.mysql import MySqlServer
from tests.agent.conftest import PASSWORD, SCHEMA, Site, World, clinic
from tests.agent.test_restore_chain import change_manifest


def findings(site: Site, *subjects: str) -> list[dict[str, Any]]:
    return [finding for finding in site.run("check").document if finding["subject"] in subjects]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("binlog_row_image", "MINIMAL", ("warning", "up to 2 s of writes can be lost")),
        ("binlog_row_metadata", "MINIMAL", ("warning", "no names of columns")),
        ("binlog_transaction_compression", "ON", ("error", "compressed transactions cannot be replayed")),
        ("binlog_row_value_options", "PARTIAL_JSON", ("error", "JSON cannot be replayed")),
        ("sync_binlog", "100", ("error", "its log may lack transactions")),
        ("binlog_expire_logs_seconds", "3600", ("warning", "keeps its log for 1 h")),
    ],
)
def test_a_setting_of_the_log_is_named_with_its_fix(
    world: World, rds: MySqlServer, name: str, value: str, expected: tuple[str, str]
) -> None:
    clinic(rds)
    world.aws.document["archive"] = {}
    before = str(rds.execute(f"SELECT @@GLOBAL.{name}")[0][0])
    try:
        rds.set_global(name, value)
        (found,) = findings(world.aws, name)
        level, problem = expected
        assert found["level"] == level and problem in found["problem"]
        assert name in found["fix"]
    finally:
        rds.set_global(name, before)
    assert findings(world.aws, name) == []


def test_missing_grants_of_the_archive_are_named(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    rds.execute(f"CREATE TABLE {SCHEMA}.bare (id INT)")
    rds.execute("CREATE USER backup IDENTIFIED BY %s", (PASSWORD,))
    rds.execute(f"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {SCHEMA}.* TO backup")
    rds.execute("GRANT SHOW_ROUTINE ON *.* TO backup")
    world.aws.document["archive"] = {}
    world.aws.document["database"]["user"] = "backup"
    fixes = {finding["fix"] for finding in findings(world.aws, "grants")}
    assert fixes == {
        "GRANT REPLICATION SLAVE ON *.* TO 'backup'@'%'",
        "GRANT REPLICATION CLIENT ON *.* TO 'backup'@'%'",
        f"GRANT LOCK TABLES ON `{SCHEMA}`.* TO 'backup'@'%'",
    }
    for fix in fixes:
        rds.execute(fix.replace("%", "%%"))
    finished = world.aws.run("check")
    assert finished.code == 0 and findings(world.aws, "grants") == []


def test_what_the_way_home_needs_is_named_before_anybody_needs_it(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    for user in ("backup", "shop"):
        rds.execute("CREATE USER %s IDENTIFIED BY %s", (user, PASSWORD))
    for grant in (
        f"SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON {SCHEMA}.*",
        "SELECT, CREATE USER, PROCESS, CONNECTION_ADMIN ON *.*",
    ):
        rds.execute(f"GRANT {grant} TO backup")
    world.aws.document["database"] |= {"user": "backup", "application_users": ["shop"]}
    rds.execute(f"CREATE TRIGGER {SCHEMA}.t BEFORE INSERT ON {SCHEMA}.owners FOR EACH ROW SET @x = 1")
    rds.set_global("log_bin_trust_function_creators", "OFF")
    try:
        found = findings(world.aws, "grants", "log_bin_trust_function_creators")
    finally:
        rds.set_global("log_bin_trust_function_creators", "ON")
    assert {finding["level"] for finding in found} == {"warning"}
    trust, *fixes = sorted(finding["fix"] for finding in found)[::-1]
    assert "parameter group" in trust
    assert [fix.split(" TO ")[0] for fix in fixes] == [
        f"GRANT ALL ON `{schema}`.*" for schema in ("pilotlight", SCHEMA)
    ]
    for fix in fixes:
        rds.execute(fix.replace("%", "%%"))
    assert findings(world.aws, "grants", "log_bin_trust_function_creators") == []


def test_what_only_slows_a_restore_is_a_warning_with_its_figure(world: World, rds: MySqlServer) -> None:
    """PetClinic's own vet_specialties has no primary key."""
    clinic(rds)
    world.aws.document["archive"] = {}
    rds.execute(f"CREATE TABLE {SCHEMA}.vet_specialties (v INT NOT NULL, s INT NOT NULL, UNIQUE (v, s))")
    rds.execute(f"INSERT INTO {SCHEMA}.vet_specialties VALUES (1, 1), (1, 2), (2, 1)")
    rds.execute(f"ANALYZE TABLE {SCHEMA}.vet_specialties")
    rds.execute(
        f"CREATE TABLE {SCHEMA}.visits (id INT PRIMARY KEY, pet_id INT,"
        f" FOREIGN KEY (pet_id) REFERENCES {SCHEMA}.pets (id) ON DELETE SET NULL)"
    )
    finished = world.aws.run("check")
    assert finished.code == 0
    keyless, cascading = finished.document
    assert keyless["level"] == "warning" and "about 3 rows" in keyless["problem"]
    assert cascading["subject"] == ", ".join(f"{SCHEMA}.{t}" for t in ("owners", "pets", "visits"))


def test_a_key_by_which_another_schema_changes_rows_unseen_is_an_error(
    world: World, rds: MySqlServer
) -> None:
    """Such a change is no event in the log: neither the next dump nor a replay would know of it."""
    clinic(rds)
    rds.execute("CREATE DATABASE outside")
    try:
        rds.execute("CREATE TABLE outside.clinics (id INT PRIMARY KEY)")
        for table, rule in (("rooms", "ON DELETE SET NULL"), ("desks", "ON DELETE RESTRICT")):
            rds.execute(
                f"CREATE TABLE {SCHEMA}.{table} (id INT PRIMARY KEY, clinic INT,"
                f" CONSTRAINT {table}_of FOREIGN KEY (clinic) REFERENCES outside.clinics (id) {rule})"
            )
        finished = world.aws.run("check")
        (finding,) = [one for one in finished.document if one["level"] == "error"]
        assert finished.code and finding["subject"] == f"{SCHEMA}.rooms"
        assert "rooms_of refers to outside.clinics" in finding["problem"]
        assert "add outside to database.schemas" in finding["fix"]
        world.aws.document["database"]["schemas"].append("outside")
        assert not [one for one in world.aws.run("check").document if one["level"] == "error"]
    finally:
        rds.execute(f"DROP DATABASE {SCHEMA}")
        rds.execute("DROP DATABASE outside")


def test_a_row_that_is_too_long_for_this_machine_is_said_before_a_restore_needs_it(
    world: World, rds: MySqlServer
) -> None:
    clinic(rds)
    backup = world.aws.works("dump")["backup"]
    assert findings(world.aws, "memory") == []
    change_manifest(world, backup, longest_statement=10**12)
    (finding,) = findings(world.aws, "memory")
    assert finding["level"] == "warning" and "1000000 MB as a statement" in finding["problem"]


def test_azures_fixes_are_azures(world: World, flexible: MySqlServer) -> None:
    clinic(flexible)
    world.azure.document["archive"] = {}
    found = findings(world.azure, "binlog_row_metadata")
    assert [finding["fix"] for finding in found] == ["set the server parameter binlog_row_metadata to FULL"]
