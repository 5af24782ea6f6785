"""Which base is restored, and why: by transactions and proofs, never by names and times."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from agent.manifest import manifest_name
from agent.signals import Verification, write_verification
from sandbox.mysql import MySqlServer
from tests.agent.archived import archiving, executed, moment
from tests.agent.conftest import SCHEMA, World, clinic


@dataclass
class Chains:
    """Two bases with the log behind both; ``states``: GTID sets in the order of the history."""

    older: str
    newer: str
    states: dict[str, str]


@pytest.fixture
def chains(world: World, rds: MySqlServer) -> Chains:
    """older base, a row, a column, a row in a table without a key, newer base, a row."""
    clinic(rds)
    rds.execute(f"CREATE TABLE {SCHEMA}.log (what VARCHAR(20))")
    states: dict[str, str] = {}

    def step(name: str, statement: str) -> None:
        rds.execute(statement)
        states[name] = executed(rds)

    with archiving(world.aws) as archive:
        older = world.aws.works("dump")["backup"]
        step("row", f"INSERT INTO {SCHEMA}.owners (name) VALUES ('one')")
        step("column", f"ALTER TABLE {SCHEMA}.owners ADD COLUMN born DATE")
        step("ordered", f"INSERT INTO {SCHEMA}.log VALUES ('two')")
        step("again", f"INSERT INTO {SCHEMA}.owners (name) VALUES ('three')")
        newer = world.aws.works("dump")["backup"]
        step("end", f"INSERT INTO {SCHEMA}.owners (name) VALUES ('four')")
        archive.settle()
    return Chains(older, newer, states)


def chosen(world: World, *arguments: str) -> tuple[str, dict[str, str]]:
    """The base that a restore would take, and why it would not take the others."""
    report = world.azure.works("restore", "--dry-run", *arguments)
    return report["backup"]["backup"], {
        b["backup"]: b["why"] for b in report["choice"] if b["chosen"] == "no"
    }


def change_manifest(world: World, backup: str, **others: Any) -> None:
    client = world.container("backups").get_blob_client(manifest_name(backup))
    metadata = client.get_blob_properties().metadata
    document = json.loads(client.download_blob().readall()) | others
    client.upload_blob(json.dumps(document), overwrite=True, metadata=metadata)


def verification(world: World, backup: str, *, ok: bool, base_ok: bool | None = None) -> None:
    result = Verification(
        at="2026-01-01T00:00:00.000+00:00",
        site="aws",
        epoch=1,
        backup=backup,
        mode="full",
        tables=(),
        gtid="",
        next_backup="",
        seconds=1,
        ok=ok,
        base_ok=ok if base_ok is None else base_ok,
        error="" if ok else "of the test",
        notes=(),
    )
    write_verification(world.aws.context.signals, result)


def test_among_chains_that_reach_as_far_the_shortest_tail_then_the_verified_base(
    world: World, chains: Chains
) -> None:
    backup, reasons = chosen(world)
    assert backup == chains.newer
    assert "transactions to replay" in reasons[chains.older]
    verification(world, chains.older, ok=True)
    backup, reasons = chosen(world)
    assert backup == chains.older
    assert "not verified" in reasons[chains.newer]


def test_a_base_whose_verification_failed_is_passed_over(world: World, chains: Chains) -> None:
    verification(world, chains.newer, ok=False)
    backup, reasons = chosen(world)
    assert backup == chains.older
    assert "of the test" in reasons[chains.newer]


def test_a_base_is_not_passed_over_for_what_failed_in_the_log(world: World, chains: Chains) -> None:
    """Its own rows were proved; an older base needs the same log, and more of it."""
    verification(world, chains.newer, ok=False, base_ok=True)
    report = world.azure.works("restore", "--dry-run")
    assert report["backup"]["backup"] == chains.newer
    assert any("itself was verified, but not the log" in warning for warning in report["warnings"])


def test_a_hole_in_the_log_costs_what_no_base_bridges(world: World, chains: Chains) -> None:
    verification(world, chains.older, ok=True)  # which does not make up for transactions
    blobs = world.container("backups")
    for name in [name for name in world.names() if name.startswith("binlog/")][1:-1]:
        blobs.delete_blob(name)
    backup, reasons = chosen(world)
    assert backup == chains.newer
    assert "lacks" in reasons[chains.older] and "transactions" in reasons[chains.older]


@pytest.mark.parametrize(
    ("since", "exact", "said"),
    [
        ("row", "again", "ALTER TABLE ran while its snapshot was taken"),
        ("column", None, "petclinic.log was written while its snapshot was taken"),
    ],
)
def test_a_base_that_may_hold_half_of_what_cannot_be_repeated_is_passed_over(
    world: World, chains: Chains, since: str, exact: str | None, said: str
) -> None:
    states = chains.states
    exact_set = states[exact] if exact else None
    change_manifest(world, chains.newer, gtid_before=states[since], gtid_exact=exact_set)
    backup, reasons = chosen(world)
    assert backup == chains.older
    assert said in reasons[chains.newer]


def test_rows_that_can_be_repeated_are_no_reason_to_pass_a_base_over(world: World, chains: Chains) -> None:
    change_manifest(world, chains.newer, gtid_before=chains.states["ordered"], gtid_exact=None)
    assert chosen(world)[0] == chains.newer


def test_a_target_inside_a_dumps_window_uses_the_base_before_it(world: World, chains: Chains) -> None:
    states = chains.states
    change_manifest(world, chains.newer, gtid_before=states["column"], gtid_exact=states["again"])
    for name, expected in (("ordered", chains.older), ("again", chains.newer), ("end", chains.newer)):
        assert chosen(world, "--to", states[name])[0] == expected, name
    single = states["again"].replace(":1-", ":")  # one transaction: up to and with it
    assert chosen(world, "--to", single)[0] == chains.newer


def test_a_named_base_is_restored_alone_or_with_the_log_up_to_a_target(world: World, chains: Chains) -> None:
    report = world.azure.works("restore", "--dry-run", "--backup", chains.older)
    assert report["log"]["transactions"] == 0 and report["lost"]["transactions"] > 0
    end = chains.states["end"]
    report = world.azure.works("restore", "--dry-run", "--backup", chains.older, "--to", end)
    assert report["reached"]["gtid"] == end
    finished = world.azure.run("restore", "--backup", chains.newer, "--to", chains.states["row"])
    assert finished.code == 9 and "holds transactions after the target" in finished.said


def test_a_time_before_a_hole_is_not_served_by_a_base_that_holds_what_is_lost_in_it(
    world: World, rds: MySqlServer
) -> None:
    """Dumps go on while the log does not: they hold transactions of which no log tells the time."""
    clinic(rds)
    insert = f"INSERT INTO {SCHEMA}.owners (name) VALUES ('row')"
    with archiving(world.aws) as archive:
        older = world.aws.works("dump")["backup"]
        rds.execute(insert)
        quiet = moment(rds)
        before_hole = archive.settle()
        archive.beat()
    rds.execute(insert)
    in_hole = moment(rds)
    newer = world.aws.works("dump")["backup"]
    backup, reasons = chosen(world, "--to", quiet)  # the archive ends here
    assert backup == older
    assert "after the target" in reasons[newer]
    rds.execute("FLUSH BINARY LOGS")
    purged = rds.execute("SHOW BINARY LOGS")[-1][0]
    rds.execute(f"PURGE BINARY LOGS TO '{purged}'")
    with archiving(world.aws) as archive:  # behind the hole it goes on
        rds.execute(insert)
        archive.settle()
        archive.beat()
    # Nobody knows any more when the first of the lost ones was committed; which one was the last is known.
    for target in (quiet, in_hole):
        refused = world.azure.run("restore", "--dry-run", "--to", target)
        assert refused.code == 9, refused.said
    assert chosen(world, "--to", before_hole)[0] == older
    assert chosen(world)[0] == newer
