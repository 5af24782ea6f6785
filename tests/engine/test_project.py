"""The sandbox's copy of the project and its environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sandbox.engine.environment import clean, engine_environment
from sandbox.engine.project import prepare_project


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    clone = tmp_path / "a clone"
    (clone / "components").mkdir(parents=True)
    (clone / "__main__.py").write_text("import pulumi\n")
    (clone / "Pulumi.yaml").write_text("name: x\n")
    (clone / "Pulumi.normal.yaml").write_text("config:\n  x:mode: normal\n")
    return clone


def test_stack_files_are_copies_and_code_is_linked(clone: Path, tmp_path: Path) -> None:
    project = prepare_project(clone, tmp_path / "root")
    stack = project / "Pulumi.normal.yaml"
    stack.write_text("encryptionsalt: v1:abc\nconfig:\n  x:mode: emergency\n")
    assert (clone / "Pulumi.normal.yaml").read_text() == "config:\n  x:mode: normal\n"
    assert (project / "components").resolve() == clone / "components"

    # a second start keeps what was set in the sandbox
    prepare_project(clone, tmp_path / "root")
    assert "emergency" in stack.read_text()

    # a newer file in the clone wins; the salt of the stack's secrets stays
    (clone / "Pulumi.normal.yaml").write_text("config:\n  x:mode: failback\n")
    later = stack.stat().st_mtime + 5
    os.utime(clone / "Pulumi.normal.yaml", (later, later))
    prepare_project(clone, tmp_path / "root")
    assert stack.read_text() == "encryptionsalt: v1:abc\nconfig:\n  x:mode: failback\n"


def test_nothing_of_the_user_s_accounts_passes() -> None:
    names = ["AWS_ACCESS_KEY_ID", "AZURE_CLIENT_SECRET", "ARM_SUBSCRIPTION_ID", "PULUMI_ACCESS_TOKEN", "LANG"]
    assert list(clean(dict.fromkeys(names, "x"))) == ["LANG"]


def test_environment_for_plain_pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    root = tmp_path / "a root"
    ports = {"aws": 1, "azure-native": 2, "random": 3, "python": 4}
    env = engine_environment(root, ("/bin/echo", "an engine"), tmp_path, ports)
    assert env["PULUMI_DEBUG_PROVIDERS"] == "aws:1,azure-native:2,random:3"
    assert env["PULUMI_DEBUG_LANGUAGES"] == "python:4"
    assert not any(key.startswith("AWS_") for key in env)
    assert env["HOME"] != os.environ.get("HOME")
    passphrase = Path(env["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert passphrase.stat().st_mode & 0o777 == 0o600
    words = passphrase.read_text()
    assert engine_environment(root, ("/bin/echo",), tmp_path, ports) and passphrase.read_text() == words
    done = subprocess.run(
        [root / "pulumi" / "bin" / "pulumi", "up", "two words"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "up two words\n"
