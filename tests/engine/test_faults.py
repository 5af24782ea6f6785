"""Faults, the log of calls, assets, and the killing of an engine."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.faults import Faults
from sandbox.providers.assets import AssetError, asset_bytes
from sandbox.providers.calls import CallLog, cloud_calls, read_calls
from sandbox.providers.engine_killer import kill_peer
from sandbox.providers.wire import SIGNATURE

ASSET = {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "hash": "x"}


def test_faults_are_seen_by_every_reader(tmp_path: Path) -> None:
    writer, reader = Faults(tmp_path), Faults(tmp_path)
    assert not reader.aws_down
    writer.set(aws_down=True, capacity=["Standard_B2s"])
    assert reader.aws_down
    assert reader.no_capacity("Standard_B2s") and not reader.no_capacity("Standard_D2s_v5")
    writer.clear("aws_down")
    assert not reader.aws_down and reader.no_capacity("Standard_B2s")
    writer.clear()
    assert not reader.no_capacity("Standard_B2s")


def test_a_fault_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown fault 'aws_dwon'.*aws_down"):
        Faults(tmp_path).set(aws_dwon=True)


def test_kill_after_fires_once(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    faults.set(kill_after={"type": "a:b:C", "call": "Create"})
    assert not faults.take_kill_after("a:b:C", "Update")
    assert faults.take_kill_after("a:b:C", "Create")
    assert not faults.take_kill_after("a:b:C", "Create")


def test_only_calls_that_leave_the_provider_count(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "calls.jsonl")
    for provider, method, preview in (
        ("aws", "Create", False),
        ("aws", "Create", True),
        ("aws", "Diff", False),
        ("azure-native", "Create", False),
        ("aws", "Invoke", False),
    ):
        log.write(provider, method, "type", "urn", preview=preview, error=None)
    found = cloud_calls(read_calls(tmp_path / "calls.jsonl"), "aws")
    assert [call["method"] for call in found] == ["Create", "Invoke"]
    assert read_calls(tmp_path / "none.jsonl") == []


def test_assets(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\x00contents")
    assert asset_bytes({**ASSET, "text": "words"}, tmp_path) == b"words"
    assert asset_bytes({**ASSET, "path": "file"}, tmp_path) == b"\x00contents"
    assert asset_bytes({**ASSET, "path": str(tmp_path / "file")}, Path("elsewhere")) == b"\x00contents"
    with pytest.raises(AssetError, match="does not fetch"):
        asset_bytes({**ASSET, "uri": "https://example.com/x"}, tmp_path)
    with pytest.raises(AssetError, match="make the zip yourself"):
        asset_bytes({SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7", "assets": {}}, tmp_path)


def test_the_process_at_the_other_end_is_killed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = (
            "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); s.recv(1)"
        )
        child = subprocess.Popen([sys.executable, "-c", script, str(server.getsockname()[1])])
        connection, peer = server.accept()
        with connection:
            kill_peer(f"ipv4:{peer[0]}:{peer[1]}")
            assert child.wait(10) == -signal.SIGKILL
    with pytest.raises(LookupError):
        kill_peer("ipv4:127.0.0.1:1")
