"""`./dr sandbox`: plain pulumi commands in a plain shell, and nothing left whatever ends it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import room
from cli.places import sandbox_folder

CLONE = Path(__file__).resolve().parents[2]
NAME = f"test-{os.getpid()}"
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(autouse=True)
def gone_afterwards() -> Iterator[None]:
    yield
    dr("down")
    root = sandbox_folder(NAME)
    shutil.rmtree(root, ignore_errors=True)
    for file in root.parent.glob(f"{NAME}.*"):
        file.unlink()


def dr(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", "sandbox", words[0], "--name", NAME, *words[1:]]
    return subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False, timeout=900)


def processes() -> list[str]:
    """Command lines of every process that has to do with our sandbox."""
    found: list[str] = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue  # it ended while we looked
        if str(sandbox_folder(NAME)) in command or f"serve --name {NAME}" in command:
            found.append(command)
    return found


def assert_gone() -> None:
    give_up = time.monotonic() + 60
    while processes() and time.monotonic() < give_up:
        time.sleep(0.2)
    assert processes() == []


def test_plain_pulumi_in_a_plain_shell() -> None:
    up = dr("up")
    assert up.returncode == 0, up.stderr
    again = dr("up")
    assert again.returncode == 1
    assert "already running" in again.stderr

    environment = dr("env")
    assert environment.returncode == 0
    assert "AWS_" not in environment.stdout.replace("unset AWS_", ""), "failover needs no AWS credential"
    script = (
        'eval "$LINES" && pwd && pulumi up --yes --skip-preview && pulumi config set mode emergency '
        "&& pulumi config set emergencyScope maintenance && pulumi preview && pulumi config get mode "
        "&& pulumi stack output backup_endpoint"
    )
    shell = subprocess.run(
        ["/bin/sh", "-c", script],
        env={**os.environ, "LINES": environment.stdout, "AWS_PROFILE": "real"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert shell.returncode == 0, shell.stdout[-3000:] + shell.stderr[-3000:]
    lines = shell.stdout.splitlines()
    assert lines[0] == str(sandbox_folder(NAME) / "project")
    assert lines[-2] == "emergency"
    operators_tool(environment.stdout, lines[-1])

    assert "AWS_SESSION_TOKEN=" in dr("env", "--aws").stdout
    assert "certificate imported" in dr("prepare").stdout
    assert "AWS is gone" in dr("disaster").stdout
    assert "AWS is back" in dr("recover").stdout
    assert "aws-backup" in dr("status").stdout
    assert dr("down").returncode == 0
    assert_gone()
    assert not (CLONE / "Pulumi.normal.yaml").read_text().count("mode: emergency"), (
        "the clone's file was changed"
    )


def operators_tool(environment: str, endpoint: str) -> None:
    """In the same shell the operator decides through control blobs, by roles that the program granted."""
    program = (
        "import sys; from cli.operate.blobs import store; from agent.errors import StorageError\n"
        "control = store(sys.argv[1], 'control')\n"
        "control.put('epoch.json', b'{}', etag=control.put('epoch.json', b'', etag=None))\n"
        "print(control.read('epoch.json')[0], list(store(sys.argv[1], 'signals').folders('', '-')))\n"
        "print(list(store(sys.argv[1], 'mysql-backups').folders('', '_')))\n"
        "try: store(sys.argv[1], 'signals').replace('heartbeat-aws.json', b'')\n"
        "except StorageError as error: print(error)\n"
    )
    line = 'eval "$LINES" && cd "$0" && "$1" -c "$2" "$3"'
    shell = subprocess.run(
        ["/bin/sh", "-c", line, CLONE, sys.executable, program, endpoint],
        env={**os.environ, "LINES": environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert shell.returncode == 0, shell.stderr[-3000:]
    assert shell.stdout.startswith("b'{}' ")
    assert "AuthorizationPermissionMismatch" in shell.stdout.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_it(number: signal.Signals) -> None:
    assert dr("up").returncode == 0
    pid = room.state(sandbox_folder(NAME))["pid"]
    assert len(processes()) > 3
    os.kill(pid, number)
    assert_gone()
    assert "no sandbox is running" in dr("status").stderr
