"""docs/agent.md, "Without this program": the base and its log by MySQL's own programs, as the page says."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

from sandbox.mysql import MySqlServer
from sandbox.tools import Tools
from tests.agent.archived import archiving
from tests.agent.conftest import SCHEMA, World, clear, clinic
from tests.agent.differential import differences, snapshot
from tests.agent.test_restore import serve_on_azure
from tests.agent.test_restore_log import run

_LOCAL = "--no-defaults", "--user=root"
PAGES = [Path(__file__).resolve().parents[2] / "docs" / name for name in ("agent.md", "agent.ko.md")]
BY_HAND = "mysqlbinlog --skip-gtids --idempotent --exclude-gtids=GTIDS log | mysql --binary-mode"


def test_the_way_without_this_program_leads_to_the_writers_data_after_a_failover(
    world: World, other: MySqlServer, tools: Tools, tmp_path: Path
) -> None:
    """The other site's older log is in the same container, and would overwrite what is newer."""
    rds, flexible = world.aws.server, world.azure.server
    assert all(BY_HAND in page.read_text(encoding="utf-8") for page in PAGES), "the pages say something else"
    clinic(rds)
    with archiving(world.aws) as archive:
        world.aws.works("dump")
        run(rds, "UPDATE owners SET name = 'old' WHERE id = 1")
        archive.settle()
    world.azure.works("restore")
    serve_on_azure(world)
    with archiving(world.azure) as archive:
        run(flexible, "UPDATE owners SET name = 'new' WHERE id = 1")
        base = world.azure.works("dump")
        run(flexible, "INSERT INTO pets (owner_id) VALUES (1)")
        archive.settle()

    manifest = world.read("backups", base["backup"].replace(".sql.gz", ".json"))
    clear(other)
    mysql = [*tools.mysql, *_LOCAL, f"--socket={other.folder / 'data' / 'mysql.sock'}"]
    text = gzip.decompress(world.container("backups").download_blob(base["backup"]).readall())
    subprocess.run(mysql, input=text, check=True)
    older = [name for name in world.names() if name.startswith("binlog/1/")]
    mine = f"binlog/{manifest['epoch']}/{manifest['server_uuid']}/"
    segments = [name for name in world.names() if name.startswith(mine)]
    assert older and segments and manifest["epoch"] == 2, "one log alone proves nothing"
    for name in segments:
        log = tmp_path / "log"
        log.write_bytes(gzip.decompress(world.container("backups").download_blob(name).readall()))
        options = ("--skip-gtids", "--idempotent", f"--exclude-gtids={manifest['gtid_before']}")
        read = [*tools.mysqlbinlog, "--no-defaults", *options, str(log)]
        statements = subprocess.run(read, capture_output=True, check=True).stdout
        subprocess.run([*mysql, "--binary-mode"], input=statements, check=True)
    source, copy = (snapshot(server, tools, [SCHEMA]) for server in (flexible, other))
    assert differences(source, copy) == []
