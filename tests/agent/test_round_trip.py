"""There and back between two real servers, judged by mysqldump and not by the agent."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.conftest import PASSWORD, SCHEMA, World, wait_for

AWKWARD, ODD_TABLES = (Path(__file__).parent / name for name in ("awkward.sql", "odd_tables.sql"))


def mysqldump(tools: Tools, server: MySqlServer, *schemas: str) -> str:
    """The independent path: the plain tool, every object, no agent."""
    done = subprocess.run(
        [
            *tools.mysqldump,
            *("--no-defaults", f"--host={server.address}", f"--port={server.port}", "--user=admin"),
            *("--skip-dump-date", "--order-by-primary", "--single-transaction", "--set-gtid-purged=OFF"),
            *(
                "--routines",
                "--events",
                "--triggers",
                "--hex-blob",
                "--no-tablespaces",
                "--skip-extended-insert",
            ),
            *("--skip-generated-invisible-primary-key", "--databases", *(schemas or (SCHEMA,))),
        ],
        capture_output=True,
        env={**os.environ, "MYSQL_PWD": PASSWORD},
        check=True,
    )
    text = done.stdout.decode()
    return re.sub(r"-- Host: .*", "", text)


def load_awkward(server: MySqlServer, tools: Tools) -> None:
    server.execute("DROP USER IF EXISTS nobody@nowhere")
    # The scheduler rests while both copies are compared; on the other server it runs all the time.
    server.set_global("event_scheduler", "OFF")
    load_file(server, tools, AWKWARD)


def load_file(server: MySqlServer, tools: Tools, file: Path) -> None:
    socket = server.folder / "data" / "mysql.sock"
    subprocess.run(
        [*tools.mysql, "--no-defaults", "--comments", "--user=root", f"--socket={socket}"],
        input=file.read_bytes(),
        check=True,
    )


def sections(text: str) -> list[str]:
    """The dump's parts in alphabetical order: a server that folds names lists its tables in another order."""
    body, tail = re.split(r"(?i)/\*!40103 SET TIME_ZONE=@OLD_TIME_ZONE \*/", text)
    return [*sorted(body.split("\n--\n-- ")), tail]


def without_definers(text: str) -> str:
    """The one thing that must change: who defined a view or routine, and hence the length of a comment."""
    text = re.sub(r"/\*!50017 DEFINER=`\w+`@`[\w%.]+`\*/ ", "/*!50017 */ ", text)
    return re.sub(
        r"(?m)^(CREATE|/\*!50106 CREATE\*/ /\*!50117|/\*!50013) DEFINER=`\w+`@`[\w%.]+`", r"\1", text
    )


def test_rds_to_azure_and_back(world: World, tools: Tools, rds: MySqlServer, flexible: MySqlServer) -> None:
    load_awkward(rds, tools)
    original = mysqldump(tools, rds)

    dumped = world.aws.works("dump")
    report = world.azure.works("restore")
    assert report["loaded"] and report["backup"]["backup"] == dumped["backup"]
    objects = {"tables": 7, "views": 2, "triggers": 2, "procedures": 1, "functions": 1, "events": 2}
    assert objects.items() <= report["objects"].items()

    # On the standby: the same rows and objects, names folded to lower case, the events asleep.
    time.sleep(1.5)  # an event that was awake would have written by now
    standby = mysqldump(tools, flexible)
    awake, asleep = (f"ON COMPLETION PRESERVE {state} COMMENT" for state in ("ENABLE", "DISABLE"))
    expected = without_definers(original).replace(awake, asleep)
    assert sections(without_definers(standby).lower()) == sections(expected.lower())

    # The standby opens and serves.
    world.order(open=True)
    with world.azure.start("run") as agent:
        wait_for(lambda: any(name.startswith("backup_") for name in epoch_backups(world, 2)), 120)
        agent.terminate()
        assert agent.wait(30) == 0
    assert world.read("control", "epoch.json")["writer"] == "azure"
    event_rows = f"SELECT 1 FROM {SCHEMA}.audit WHERE what = 'event' LIMIT 1"
    wait_for(lambda: flexible.execute(event_rows), 60)  # awake now
    flexible.set_global("event_scheduler", "OFF")
    flexible.execute(f"DELETE FROM {SCHEMA}.audit WHERE what = 'event'")
    served = mysqldump(tools, flexible)
    world.azure.works("dump")

    # Home again: names with their capitals, events awake.
    report = world.aws.works("restore", "--take-over")
    assert report["epoch"] == 3 and report["quarantine"].startswith("quarantine_")
    home, served, original = (
        # Raised with every new writer, so that no id is given out twice.
        re.sub(r" AUTO_INCREMENT=\d+", "", without_definers(text))
        for text in (mysqldump(tools, rds), served, original)
    )
    assert sections(home.lower()) == sections(served.lower())
    assert home == original


def test_definitions_that_are_made_in_several_steps_come_out_the_same(
    world: World, tools: Tools, rds: MySqlServer, flexible: MySqlServer
) -> None:
    """Keys in their order, constraints over schemas, partitions, counters, rows in the order of no key."""
    schemas = (SCHEMA, "other")
    for site in (world.aws, world.azure):
        site.document["database"]["schemas"] = list(schemas)
    load_file(rds, tools, ODD_TABLES)
    try:
        world.aws.works("dump")
        for _ in range(2):  # the second time over what the first one loaded
            report = world.azure.works("restore")
            assert report["loaded"]
            original, copy = (without_definers(mysqldump(tools, s, *schemas)) for s in (rds, flexible))
            assert copy == original
            flexible.execute(
                "UPDATE pilotlight.restore_marker SET marker = REPLACE(marker, 'verified', 'loading')"
            )
    finally:
        for server in (rds, flexible):
            with server.root() as connection, connection.cursor() as cursor:
                cursor.execute("SET foreign_key_checks = 0")
                cursor.execute("DROP DATABASE IF EXISTS other")
                cursor.execute(f"DROP DATABASE IF EXISTS {SCHEMA}")


def epoch_backups(world: World, epoch: int) -> list[str]:
    blobs = world.container("backups").list_blobs(include=["metadata"])
    return [blob.name for blob in blobs if (blob.metadata or {}).get("epoch") == str(epoch)]
