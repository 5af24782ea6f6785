"""A restore's report reaches the vault, or waits for the next run beside the data, whole."""

from __future__ import annotations

import json
from typing import Any

from sandbox.mysql import MySqlServer
from tests.agent.conftest import World, add_owners, clinic
from tests.agent.test_restore import serve_on_azure


def kept(server: MySqlServer) -> dict[str, Any]:
    return json.loads(str(server.execute("SELECT report FROM pilotlight.restore_report")[0][0]))


def test_a_restore_that_could_not_end_is_reported_by_the_next_run(world: World, rds: MySqlServer) -> None:
    """Operators wait for the report: without it a proved copy is never opened."""
    clinic(rds)
    world.aws.works("dump")
    world.azure.environment_file.mkdir(parents=True)  # the application's settings cannot be written
    finished = world.azure.run("restore")
    assert finished.code and not world.names("signals")
    world.azure.environment_file.rmdir()
    for _ in range(2):
        assert world.azure.works("restore")["loaded"] is False
        (name,) = world.names("signals")
        report = json.loads(world.container("signals").download_blob(name).readall())
        assert (report["loaded"], report["error"], report["tables_verified"]) == (True, "", 2)
        assert report["backup"] and report["reached"]["gtid"] and report["lost"]["sentence"]


def test_what_is_kept_beside_the_data_is_the_whole_report(
    world: World, rds: MySqlServer, flexible: MySqlServer
) -> None:
    """A crash between the end of the work and the vault's report would else hide that it took over."""
    clinic(rds)
    world.aws.works("dump")
    report = world.azure.works("restore")
    assert kept(flexible)["seconds"] == report["seconds"]
    assert "application" in report["seconds"]
    serve_on_azure(world)
    add_owners(flexible, 4)
    world.azure.works("dump")
    report = world.aws.works("restore", "--take-over")
    found = kept(rds)
    assert (found["epoch"], found["seconds"]) == (3, report["seconds"]) and "take over" in found["seconds"]
