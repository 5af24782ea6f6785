"""A real MySQL: the one on PATH, else the distribution's packages unpacked into the cache."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.apt_sources import distribution, own_sources
from sandbox.cache import Report, bring
from sandbox.deb import PrivateApt, loader_argv
from sandbox.setup_error import SetupError

OLDEST = (8, 0, 30)  # the first with generated invisible primary keys, which Azure turns on
CLIENTS = ("mysql", "mysqldump", "mysqlbinlog")
_BY_HAND = (
    "connect this machine to the network and run again, or install MySQL 8.0.30 or newer so that "
    "mysqld, mysql, mysqldump and mysqlbinlog are on PATH"
)
_PACKAGES_INSTEAD = "run 'DR_MYSQL=packages ./dr ...' to have MySQL brought from packages into the cache"


@dataclass(frozen=True)
class MySqlPrograms:
    """Commands of one MySQL.

    Attributes:
        argv: program name -> argv prefix. mysqld's already has the options that depend on where it lies, so
            only further options may follow, no ``--defaults-file``.
        version: of the server.
    """

    argv: Mapping[str, tuple[str, ...]]
    version: tuple[int, int, int]


def find_or_bring_mysql(report: Report) -> MySqlPrograms:
    """MySQL by the choice in ``DR_MYSQL``: ``path``, ``packages``, or empty for the first that is there.

    Raises:
        SetupError: unknown choice, not MySQL, too old, or not to be had.
    """
    choice = os.environ.get("DR_MYSQL", "")
    if choice not in ("", "path", "packages"):
        raise SetupError(
            f"DR_MYSQL is '{choice}': say 'path' (mysqld on PATH) or 'packages' (brought by set-up)"
        )
    server = shutil.which("mysqld")
    if choice == "path" and not server:
        raise SetupError(f"DR_MYSQL is 'path' and there is no mysqld on PATH: {_PACKAGES_INSTEAD}")
    return _from_packages(report) if choice == "packages" or not server else _from_path(server)


def _from_path(server: str) -> MySqlPrograms:
    version = check_real_mysql(server)
    argv: dict[str, tuple[str, ...]] = {"mysqld": (server, "--no-defaults", *_as_root())}
    for name in CLIENTS:
        program = shutil.which(name)
        if program is None:
            raise SetupError(f"{server} is on PATH, but {name} is not: install it, or {_PACKAGES_INSTEAD}")
        check_real_mysql(program)
        argv[name] = (program,)
    return MySqlPrograms(argv, version)


def check_real_mysql(program: str) -> tuple[int, int, int]:
    """The version of a MySQL program.

    Raises:
        SetupError: it does not run, is MariaDB's, or older than 8.0.30.
    """
    said = _version_text([program])
    if "mariadb" in said.lower():
        raise SetupError(f"{program} on PATH is MariaDB ({said}), not MySQL: {_PACKAGES_INSTEAD}")
    version = parse_version(said)
    if version is None:
        raise SetupError(f"{program} on PATH does not say which MySQL it is ('{said}'): {_PACKAGES_INSTEAD}")
    if version < OLDEST:
        raise SetupError(
            f"{program} on PATH is too old ({said}), 8.0.30 or newer is needed: {_PACKAGES_INSTEAD}"
        )
    return version


def parse_version(said: str) -> tuple[int, int, int] | None:
    """The version in the output of ``mysqld --version``; None when there is none."""
    match = re.search(r"\bVer (\d+)\.(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def _version_text(argv: list[str]) -> str:
    try:
        done = subprocess.run([*argv, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{argv[-1]} does not run ({error}): {_PACKAGES_INSTEAD}") from error
    lines = (done.stdout + done.stderr).strip().splitlines()
    first = lines[0].strip() if lines else f"status {done.returncode}, no output"
    return first[max(first.find("Ver "), 0) :]  # without the program's path, which may have any word in it


def _as_root() -> tuple[str, ...]:
    return ("--user=root",) if os.geteuid() == 0 else ()  # mysqld refuses to run as root unless told so


def _from_packages(report: Report) -> MySqlPrograms:
    folder = bring(
        f"mysql-packages-{platform.machine()}", lambda f: _unpack(f, report), report, needs_mib=900
    )
    share = next(
        (path for path in (folder / "usr/share/mysql-8.0", folder / "usr/share/mysql") if path.is_dir()), None
    )
    if share is None:
        raise SetupError(f"no message files in {folder}: delete that folder and run again")
    argv = {name: tuple(loader_argv(folder, name, what="MySQL")) for name in ("mysqld", *CLIENTS)}
    argv["mysqld"] += (
        "--no-defaults",
        f"--basedir={folder / 'usr'}",
        f"--lc-messages-dir={share}",
        f"--plugin-dir={folder / 'usr/lib/mysql/plugin'}",
        *_as_root(),
    )
    major, minor, patch = map(int, (folder / "version.txt").read_text().split("."))
    return MySqlPrograms(argv, (major, minor, patch))


def _unpack(folder: Path, report: Report) -> None:
    sources = own_sources()
    apt_folder = folder / "apt"
    report("MySQL: reading the distribution's list of packages")
    apt = PrivateApt(apt_folder, sources, what="MySQL", by_hand=_BY_HAND)
    apt.update()
    server = _newest_server(apt)
    if server is None and "debian" in distribution().names[:1]:
        # Stable Debian has MariaDB only; sid, on the same mirrors and under the same keys, has MySQL.
        report("MySQL: not in this release of Debian, reading the list of Debian sid")
        apt = PrivateApt(apt_folder, [replace(sources[0], suites=("sid",))], what="MySQL", by_hand=_BY_HAND)
        apt.update()
        server = _newest_server(apt)
    if server is None:
        raise SetupError(f"MySQL could not be had: no package mysql-server-core here; {_BY_HAND}")
    report(f"MySQL: fetching and unpacking {server} and what it needs (about 70 MB)")
    apt.unpack([server, server.replace("server", "client")], folder)
    shutil.rmtree(apt_folder)
    said = _version_text(loader_argv(folder, "mysqld", what="MySQL"))
    version = parse_version(said)
    if version is None or version < OLDEST:
        raise SetupError(f"MySQL could not be had: the unpacked mysqld says '{said}'; {_BY_HAND}")
    (folder / "version.txt").write_text(".".join(map(str, version)))  # asking mysqld takes a while each time


def _newest_server(apt: PrivateApt) -> str | None:
    """``mysql-server-core-8.4`` before ``-8.0``; a plain name is the newest of all (Debian sid)."""
    names = [
        name
        for name in apt.search("^mysql-server-core")
        if re.fullmatch(r"mysql-server-core(-\d+\.\d+)?", name)
    ]
    return max(names, key=_release, default=None)


def _release(name: str) -> tuple[int, ...]:
    numbers = name.removeprefix("mysql-server-core").removeprefix("-")
    return tuple(map(int, numbers.split("."))) if numbers else (1000,)
