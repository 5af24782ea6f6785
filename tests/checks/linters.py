"""Tools by others that judge what we wrote: found in our environment, else brought into the user's cache."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from sandbox.apt_sources import own_sources
from sandbox.cache import bring
from sandbox.deb import PrivateApt
from sandbox.engine import bring as engine
from sandbox.setup_step import run_step
from sandbox.wheels import find_or_bring_uv, uv_environment

CLONE = Path(__file__).parents[2]
_GO_FILES = Path(__file__).with_name("go")
_BY_HAND = "connect this machine to the network and run again"


def environment(name: str) -> Path:
    """The Python of the environment that ``requirements/<name>.txt`` locks.

    Raises:
        SetupError: it could not be made.
    """
    lock = CLONE / "requirements" / f"{name}.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]

    def make(folder: Path) -> None:
        print(f"{name}: installing {lock.relative_to(CLONE)} (once)")
        uv = find_or_bring_uv(print)
        for arguments in (
            ["venv", "--quiet", "--relocatable", "--python", sys.executable, folder / "venv"],
            ["pip", "sync", "--quiet", "--require-hashes", "--python", folder / "venv/bin/python", lock],
        ):
            run_step([uv, *arguments], what=name, by_hand=_BY_HAND, env=uv_environment())

    return bring(f"linter-{name}-{digest}", make, print, needs_mib=600) / "venv/bin/python"


def actionlint() -> Path:
    """actionlint, built from its published Go module as the engine is.

    Raises:
        SetupError: it could not be built.
    """
    found = re.search(r"rhysd/actionlint (v[\d.]+)", (_GO_FILES / "go.mod").read_text())
    assert found, "tests/checks/go/go.mod names no version of actionlint"

    def make(folder: Path) -> None:
        print("actionlint: building it from its Go module (once, about a minute)")
        go, environment = engine._go(folder, print)
        source = folder / "source"
        shutil.copytree(_GO_FILES, source)
        command = [go, "build", "-trimpath", "-o", folder / "actionlint"]
        command.append("github.com/rhysd/actionlint/cmd/actionlint")
        run_step(command, what="actionlint", by_hand=_BY_HAND, env=environment, cwd=source)
        for left in ("source", "go-path", "go-cache"):
            shutil.rmtree(folder / left, ignore_errors=True)

    return bring(f"actionlint-{found[1]}-{platform.machine()}", make, print, needs_mib=500) / "actionlint"


def cloud_init_schema() -> Path:
    """The schema of cloud-config in the distribution's own cloud-init package.

    Raises:
        SetupError: the package could not be had.
    """

    def make(folder: Path) -> None:
        print("cloud-init: fetching its schema from the distribution's archive")
        apt = PrivateApt(folder / "apt", own_sources(), what="cloud-init", by_hand=_BY_HAND)
        apt.update()
        # The package alone: it is read, not run, and needs none of its dependencies.
        command = ["apt-get", "-c", folder / "apt/apt.conf", "--quiet", "download", "cloud-init"]
        run_step(command, what="cloud-init", by_hand=_BY_HAND, cwd=folder / "apt")
        (archive,) = (folder / "apt").glob("cloud-init*.deb")
        run_step(["dpkg-deb", "-x", archive, folder / "root"], what="cloud-init", by_hand=_BY_HAND)
        (schema,) = (folder / "root").rglob("schema-cloud-config-v1.json")
        shutil.copyfile(schema, folder / "schema.json")
        shutil.rmtree(folder / "apt")
        shutil.rmtree(folder / "root")

    return bring("cloud-init-schema", make, print, needs_mib=100) / "schema.json"


def in_venv(name: str) -> Path:
    """A program of our own environment."""
    return Path(sys.executable).with_name(name)


def run(*command: str | Path, cwd: Path = CLONE) -> subprocess.CompletedProcess[str]:
    """Run a linter and keep what it says."""
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, cwd=cwd
    )
