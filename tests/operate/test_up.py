"""An ``up`` after one that was killed: exactly what Azure has and the state lacks is imported."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.__main__ import main
from cli.operate.pulumi import Pulumi, project_folder
from cli.operate.recover import Orphan, orphans, stale_lock
from cli.problem import Problem
from tests.operate import fake_pulumi
from tests.operate.conftest import Scene

SERVER = "standby-database-server"
# A run of the real engine, shortened (tests/engine/test_program.py kills one in the same way).
ENGINE = """\
 +  azure-native:dbformysql:Server standby-database-server **creating failed** error: cannot create already
Diagnostics:
  pulumi:pulumi:Stack (petclinic-dr-normal):
    warning: Attempting to deploy or update resources with 1 pending operations from previous deployment.
      * urn:pulumi:normal::petclinic-dr::x$azure-native:dbformysql:Server::standby-database-server
    error: update failed

  azure-native:dbformysql:Server (standby-database-server):
    error: cannot create already existing resource '/subscriptions/1/flexibleServers/mysql-petclinic'

  azure-native:storage:Blob (hold-switch-blob):
    error: cannot create already existing subresource '/subscriptions/1/blobs/hold'

  azure-native:compute:VirtualMachine (standby-servers-web):
    error: Code="SkuNotAvailable" Message="no capacity"

Outputs:
"""


def test_the_engines_words_name_each_resource_once_with_its_own_id() -> None:
    assert orphans(ENGINE + ENGINE.partition("Diagnostics")[2]) == [
        Orphan("azure-native:dbformysql:Server", SERVER, "/subscriptions/1/flexibleServers/mysql-petclinic"),
        Orphan("azure-native:storage:Blob", "hold-switch-blob", "/subscriptions/1/blobs/hold"),
    ]
    assert orphans("Diagnostics:\n  aws:s3:Bucket (b):\n    error: no\n") == []


def locked_by(host: str, pid: int) -> str:
    """What the engine says then."""
    return (
        f"error: the stack is currently locked by 1 lock(s). x\n  file://y: created by me@{host} (pid {pid})"
    )


@pytest.mark.parametrize(
    ("host", "pid", "stale"),
    [
        (socket.gethostname(), 2**22 + 1, True),
        (socket.gethostname(), os.getpid(), False),
        ("other", 1, False),
    ],
    ids=["dead", "alive", "elsewhere"],
)
def test_only_a_lock_whose_holder_is_certainly_dead_is_stale(host: str, pid: int, stale: bool) -> None:
    assert stale_lock(locked_by(host, pid)) is stale
    assert stale_lock("error: something else") is None


def test_a_lock_is_stale_whose_dead_holder_nobody_asked_after() -> None:
    """As in a container whose first process is no init: the number of a killed pulumi stays taken."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
    try:
        os.kill(dead.pid, 0)  # taken indeed
        assert stale_lock(locked_by(socket.gethostname(), dead.pid)) is True
    finally:
        dead.wait()


def test_a_killed_up_is_gone_on_with_by_importing_exactly_what_it_left(scene: Scene) -> None:
    scene.aws_lives = False
    scene.set(kill=SERVER)
    assert scene.run("failover", "--yes", "--open") == 1
    assert SERVER in scene.stack["cloud"] and SERVER not in scene.stack["resources"]
    assert scene.run("failover", "--yes", "--open") == 1  # the lock of a process elsewhere: not ours to judge
    dead = f"created by me@{socket.gethostname()} (pid {2**22 + 1}) at now"
    scene.set(lock=dead)
    assert scene.run("failover", "--yes", "--open") == 0
    imports = [words for words in scene.changes if words[0] == "import"]
    assert [words[1:4] for words in imports] == [
        ["azure-native:dbformysql:Server", SERVER, f"/azure/{SERVER}"]
    ]
    assert f"cloud={fake_pulumi.PROVIDER}" in imports[0] and f"parent={fake_pulumi.STACK}" in imports[0]
    assert scene.epoch.writer == "azure"


def test_what_the_program_does_not_ask_for_is_never_imported(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fake_pulumi, "exists", lambda _resource: ENGINE)
    scene.set(cloud=[*scene.stack["cloud"], SERVER])
    real = fake_pulumi.Stack.wanted
    monkeypatch.setattr("cli.operate.recover._wanted", lambda _pulumi: {})
    assert scene.run("failover", "--yes", "--open") == 1
    assert "does not ask for" in capsys.readouterr().err
    assert not [words for words in scene.changes if words[0] == "import"]
    assert real is fake_pulumi.Stack.wanted


def test_a_failed_up_ends_with_the_engines_words_and_can_be_repeated(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.set(config={**scene.stack["config"], "releaseDatabase": "left-over"})
    assert scene.run("failover", "--scope", "maintenance", "--yes") == 0  # a left-over is cleared
    scene.set(config={**scene.stack["config"], "forceFailover": "perhaps"})
    assert scene.run("failover", "--yes") == 1
    assert "'pulumi up' ended with status 255" in capsys.readouterr().err


def test_plain_pulumi_is_found_on_path_and_named_when_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One real process: the program on PATH, in the project's folder, told the stack."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text((Path(__file__).parents[2] / "Pulumi.yaml").read_text())
    fake_pulumi.new(folder, {"mode": "normal"})
    binary = tmp_path / "bin" / "pulumi"
    binary.parent.mkdir()
    root = Path(__file__).parents[2]
    binary.write_text(
        f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" -m tests.operate.fake_pulumi "$@"\n'
    )
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{binary.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(folder)
    assert project_folder(None) == folder
    said: list[str] = []
    pulumi = Pulumi(folder, None, said.append)
    assert pulumi.stack == "normal" and pulumi.deployment().switches is None
    pulumi.configure({"mode": "emergency", "cutover": None})
    assert pulumi.change("up", "--yes", "--skip-preview") == (0, "Resources:\n    all as wanted")
    deployed = pulumi.deployment().switches
    assert deployed is not None and deployed.mode == "emergency"
    assert said[0] == "$ pulumi config set-all --plaintext mode=emergency --plaintext cutover="
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Problem, match="no pulumi on PATH"):
        pulumi.read("stack")
    assert main(["status", "--cwd", str(folder)]) == 1
    assert "no pulumi on PATH" in capsys.readouterr().out


def test_what_orders_json_says_is_certain_only_after_an_update_that_ended_and_was_only_shrunk_since(
    quick_scene: Scene,
) -> None:
    scene, pulumi = quick_scene, Pulumi(quick_scene.folder, "normal", print)
    scene.set(config={**scene.stack["config"], "mode": "emergency"})
    assert pulumi.change("up", "--yes", "--skip-preview")[0] == 0
    assert pulumi.deployment().ordered == pulumi.deployment().switches == scene.config
    urn = scene.stack["resources"]["hold-switch-blob"]["urn"]
    assert pulumi.change("destroy", "--yes", "--skip-preview", "--target", urn)[0] == 0
    assert pulumi.deployment().switches is None and pulumi.deployment().ordered == scene.config
    killed = datetime.now(UTC) + timedelta(seconds=60)
    scene.set(written=killed.isoformat())
    assert pulumi.deployment().ordered is None
    scene.set(written="")
    entry = scene.stack["history"][0]
    for kind, result in (("destroy", "failed"), ("import", "succeeded")):
        scene.set(history=[{**entry, "kind": kind, "result": result}, *scene.stack["history"]])
        assert pulumi.deployment().ordered is None
