"""Debian and Ubuntu packages without root: fetched by a private apt, unpacked into a folder, run from there.

The private apt has its own state, cache and list of sources; mirrors and keyrings are the machine's own, so
signatures are verified exactly as for the machine's own packages. An empty package status makes apt fetch
every dependency down to the C library, so an unpacked folder needs nothing of the machine but its kernel.
Standard library only.
"""

from __future__ import annotations

import os
import pwd
import shlex
from pathlib import Path

from sandbox.apt_sources import Source
from sandbox.setup_error import SetupError
from sandbox.setup_step import run_step

_CONFIGURATION = """\
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::State::extended_states "{folder}/extended_states";
Dir::Cache "{folder}/cache";
Dir::Cache::archives "{folder}/archives";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Log "{folder}";
Dir::Etc::sourcelist "{folder}/own.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "{user}";
APT::Update::Error-Mode "any";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
"""


class PrivateApt:
    """An apt of our own in ``folder``, which is emptied of nothing and may be deleted at any time.

    Args:
        sources: where packages may come from.
        what, by_hand: subject and end of an error's sentence (see ``run_step``).

    Raises:
        SetupError: from every method, when apt is missing or refuses.
    """

    def __init__(self, folder: Path, sources: list[Source], *, what: str, by_hand: str) -> None:
        if '"' in str(folder):
            raise SetupError(
                f"apt cannot work in {folder}: set XDG_CACHE_HOME to a folder without quotes in it"
            )
        self._folder, self._what, self._by_hand = folder, what, by_hand
        for name in ("lists/partial", "archives/partial", "cache"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "own.sources").write_text("\n".join(source.stanza() for source in sources))
        user = pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() == 0 else ""
        self._file = folder / "apt.conf"
        self._file.write_text(_CONFIGURATION.format(folder=folder, user=user))

    def _apt(self, program: str, *arguments: str) -> str:
        argv = [program, "-c", self._file, "-q", *arguments]
        return run_step(argv, what=self._what, by_hand=self._by_hand, env={"LC_ALL": "C.UTF-8"})

    def update(self) -> None:
        """Fetch and verify the lists of packages."""
        self._apt("apt-get", "update")

    def search(self, pattern: str) -> list[str]:
        """Names of the packages that can be had and match the regular expression."""
        found = self._apt("apt-cache", "search", "--names-only", pattern)
        return [line.split(" - ", 1)[0] for line in found.splitlines()]

    def unpack(self, packages: list[str], target: Path) -> int:
        """Fetch ``packages`` and all they need, unpack them into ``target``, return how many they were."""
        self._apt("apt-get", "install", "--yes", "--download-only", *packages)
        archives = sorted((self._folder / "archives").glob("*.deb"))
        for archive in archives:
            run_step(["dpkg-deb", "-x", archive, target], what=self._what, by_hand=self._by_hand)
            archive.unlink()  # the disk need not hold both forms at once
        return len(archives)


def loader_argv(folder: Path, program: str, *, what: str) -> list[str]:
    """The command that runs ``program`` (a name) of an unpacked folder with that folder's own C library.

    Raises:
        SetupError: the folder has no such program or no dynamic loader.
    """
    binary = _one(folder, [f"usr/sbin/{program}", f"usr/bin/{program}"], f"{what}: {program}")
    loader = _one(
        folder,
        [
            f"{place}/ld-linux-*.so.*"
            for place in ("usr/lib64", "lib64", "usr/lib/*", "lib/*", "usr/lib", "lib")
        ],
        f"{what}: the dynamic loader",
    )
    libraries = [path for place in ("usr/lib", "lib") for path in _library_folders(folder / place)]
    # --inhibit-cache: the machine's own ld.so.cache would mix its libraries in.
    return [str(loader), "--inhibit-cache", "--library-path", ":".join(map(str, libraries)), str(binary)]


def _library_folders(place: Path) -> list[Path]:
    """The multiarch folder (``x86_64-linux-gnu``), the place itself, and private folders of both."""
    roots = [*sorted(place.glob("*-linux-gnu*")), place]
    private = [library.parent for root in roots for library in root.glob("*/lib*.so*")]
    private += [library.parent for library in place.glob("*/private/lib*.so*")]  # Ubuntu: mysql/private
    return list(dict.fromkeys([*roots, *private]))


def _one(folder: Path, patterns: list[str], what: str) -> Path:
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            # Older packages have absolute links (lib64/ld-linux... -> /lib/...): they name the machine's own.
            if path.resolve().is_relative_to(folder.resolve()):
                return path
    raise SetupError(f"{what} is not in the packages unpacked to {folder}: delete that folder and run again")


def wrapper(argv: list[str]) -> str:
    """A shell script that becomes ``argv`` with the arguments it is given."""
    return f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n'
