"""A backup that cannot be relied on is found out, remembered, and another one is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.badbase import remembered
from agent.catalog import manifest_of
from agent.errors import RestoreError, VerificationError
from agent.manifest import manifest_name
from agent.weekly import keep_weekly
from sandbox.mysql import MySqlServer
from tests.agent.conftest import SCHEMA, World, add_owners, clinic, count, stand_in, wait_for
from tests.agent.test_restore import altered
from tests.agent.test_restore_chain import verification


def two_backups(world: World, server: MySqlServer) -> tuple[str, str]:
    """(older, newer), of three owners and of four; there is no log."""
    clinic(server)
    older = world.aws.works("dump")["backup"]
    add_owners(server, 1)
    wait_for(lambda: world.aws.run("dump").code == 0, 30)  # its name differs from the next second on
    return older, world.aws.works("list")["backups"][0]["backup"]


def results(world: World) -> list[str]:
    return [name for name in world.names("signals") if name.startswith("verified-")]


@pytest.mark.parametrize(
    "damaged",
    [
        lambda data, _: data[:-10],
        lambda data, _: data[:100] + b"x" + data[101:],
        lambda _, other: other,
    ],
    ids=["cut", "a byte", "another backup's data"],
)
def test_a_damaged_backup_is_refused_once_and_the_next_run_takes_another(
    world: World, rds: MySqlServer, damaged: Callable[[bytes, bytes], bytes]
) -> None:
    older, newer = two_backups(world, rds)
    blobs = world.container("backups")
    other, data = (blobs.download_blob(name).readall() for name in (older, newer))
    blobs.upload_blob(newer, damaged(data, other), overwrite=True)
    refused = world.azure.run("restore")
    assert refused.code == 11, refused.said
    assert f"{newer} is NOT good" in refused.said and results(world)[0] in refused.said
    kept = world.read("signals", results(world)[0])
    assert (kept["backup"], kept["ok"], kept["base_ok"]) == (newer, False, False)
    report = world.azure.works("restore")
    assert report["backup"]["backup"] == older
    assert "its verification failed" in report["choice"][1]["why"]
    assert count(world.azure.server) == 3


def test_a_backup_that_a_copy_differs_from_is_remembered_as_bad(world: World, rds: MySqlServer) -> None:
    older, newer = two_backups(world, rds)
    with altered(world, newer, "'owner 2 ", "'Owner 2 "):
        refused = world.azure.run("restore")
        assert refused.code == 12 and f"{newer} is NOT good: the loaded copy differs" in refused.said
        assert world.azure.works("restore")["backup"]["backup"] == older


def test_what_the_targets_server_refuses_says_nothing_about_the_backup(
    world: World, rds: MySqlServer
) -> None:
    _, newer = two_backups(world, rds)
    refused = world.azure.run("restore", path=stand_in(world.azure, "mysql", 'echo "BROKEN;" | "$real" "$@"'))
    assert refused.code == 11 and "NOT good" not in refused.said
    assert not results(world)
    assert world.azure.works("restore")["backup"]["backup"] == newer


def weekly_copy(world: World, backup: str) -> str:
    """A copy of the backup below weekly/; the original goes, as by the age rule."""
    store = world.aws.context.backups
    kept = keep_weekly(store, manifest_of(store, backup), {"ok": True})
    assert kept == f"weekly/{manifest_name(backup)}"
    for name in (backup, manifest_name(backup)):
        world.container("backups").delete_blob(name)
    return f"weekly/{backup}"


def test_the_weekly_copy_is_restored_when_the_age_rule_left_nothing_else(
    world: World, rds: MySqlServer
) -> None:
    clinic(rds)
    copy = weekly_copy(world, world.aws.works("dump")["backup"])
    assert list(world.azure.works("list")["weekly"].values()) == [copy]
    report = world.azure.works("restore")
    assert report["backup"]["backup"] == copy and count(world.azure.server) == 3
    assert any("no backup but a weekly copy serves" in warning for warning in report["warnings"])
    named = world.azure.works("restore", "--backup", copy, "--take-over")
    assert named["backup"]["backup"] == copy and named["tables_verified"] == 2
    # Of an epoch that somebody wrote in since, it is offered and not taken.
    world.epoch(3, "aws")
    refused = world.azure.run("restore", "--dry-run")
    assert refused.code == 9 and f"--backup {copy}" in refused.said, refused.said


def test_a_weekly_copy_comes_after_every_backup_that_is_not_known_to_be_bad(
    world: World, rds: MySqlServer
) -> None:
    older, newer = two_backups(world, rds)
    copy = weekly_copy(world, older)
    assert world.azure.works("restore", "--dry-run")["backup"]["backup"] == newer
    verification(world, newer, ok=False)
    report = world.azure.works("restore", "--dry-run")
    assert report["backup"]["backup"] == copy
    assert any(f"{newer} failed its verification" in warning for warning in report["warnings"])
    verification(world, copy, ok=False)
    assert world.azure.works("restore", "--dry-run")["backup"]["backup"] == newer


def test_an_error_is_never_hidden_because_it_cannot_be_remembered(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    context = world.aws.context
    manifest = manifest_of(context.backups, world.aws.works("dump")["backup"])
    world.container("signals").delete_container()
    with (
        pytest.raises(VerificationError, match=r"they differ; that could not be kept .*ContainerNotFound"),
        remembered(context, manifest),
    ):
        raise VerificationError("they differ")
    lost = replace(context, restore_from=context.signals)
    with pytest.raises(RestoreError, match=r"^gone$"), remembered(lost, manifest):
        raise RestoreError("gone")


def test_a_damaged_manifest_is_named_and_passed_over(world: World, rds: MySqlServer) -> None:
    clinic(rds)
    good = world.aws.works("dump")["backup"]
    store = world.aws.context.backups
    for name, text in ("backup_29991231T235959Z", b"{garbage"), ("backup_29991231T235958Z", b"{}"):
        store.create(f"{name}.sql.gz", b"data")
        store.create(f"{name}.json", text, {"epoch": "1", "sequence": "7"})
    listed = world.azure.works("list")
    assert [backup["backup"] for backup in listed["backups"]] == [good]
    assert len(listed["damaged"]) == 2 and "backup_29991231T235959Z.json is not JSON" in str(
        listed["damaged"]
    )
    report = world.azure.works("restore")
    assert report["backup"]["backup"] == good
    assert sum("manifest is damaged" in warning for warning in report["warnings"]) == 2
    rds.execute(f"CREATE TABLE {SCHEMA}.another (id INT PRIMARY KEY)")
    assert world.aws.works("dump")["sequence"] == 8
