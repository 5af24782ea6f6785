"""A restore's report waits beside the data, whole, for as long as the vault does not have it."""

from __future__ import annotations

import json
from typing import Any

from sandbox.mysql import MySqlServer
from tests.agent.conftest import World, add_owners, clinic
from tests.agent.test_restore import serve_on_azure


def kept(server: MySqlServer) -> dict[str, Any]:
    return json.loads(str(server.execute("SELECT report FROM pilotlight.restore_report")[0][0]))


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
