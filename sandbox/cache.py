"""The user's cache folder: things made once, shared by all clones, never half there.

Standard library only: ``bootstrap.py`` uses this before the virtual environment exists.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path

from sandbox.setup_error import SetupError
from sandbox.setup_step import MORE_SPACE

Report = Callable[[str], None]
MEBIBYTE = 1024 * 1024


def cache_root() -> Path:
    """``$XDG_CACHE_HOME/pilotlight``, by default ``~/.cache/pilotlight``; made when it is not there.

    A relative ``XDG_CACHE_HOME`` counts as unset (XDG Base Directory Specification).

    Raises:
        SetupError: when the folder cannot be made.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    root = (Path(named) if Path(named).is_absolute() else Path.home() / ".cache") / "pilotlight"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"cannot make the cache folder {root} ({error.strerror}): "
            "set XDG_CACHE_HOME to a folder that you may write to"
        ) from error
    return root


def bring(name: str, make: Callable[[Path], None], report: Report, *, needs_mib: int) -> Path:
    """The folder ``name`` of the cache; made by ``make`` when it is not there yet.

    ``make`` fills an empty folder that becomes ``name`` by one rename after it returned. A lock keeps others
    away meanwhile; whatever ends us half-way leaves only a folder that the next call empties.

    Args:
        needs_mib: free space to ask for beforehand, in MiB.

    Raises:
        SetupError: disk full, cache not writable, or what ``make`` raises.
    """
    folder = cache_root() / name
    if folder.is_dir():
        return folder
    with _writing(folder.parent), locked(name, report):
        if folder.is_dir():  # another set-up made it while we waited
            return folder
        for left in folder.parent.glob(f".{name}.*.partial"):  # of a set-up that was killed
            remove(left)
        # A name of our own: a killed set-up's last child may still be writing to the old one.
        partial = folder.with_name(f".{name}.{os.getpid()}.partial")
        refuse_full_disk(folder.parent, needs_mib)
        partial.mkdir(mode=0o700)
        try:
            make(partial)
            partial.rename(folder)
        finally:
            remove(partial)
    return folder


@contextlib.contextmanager
def locked(name: str, report: Report) -> Generator[None, None, None]:
    """Hold the cache's lock ``name``; says so when another set-up holds it."""
    descriptor = os.open(cache_root() / f".{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"another set-up is working on {name}: waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Delete a folder tree, also one with read-only folders in it; nothing happens when it is not there."""
    if not folder.exists():
        return
    for path, _, _ in os.walk(folder):
        os.chmod(path, 0o700)  # noqa: PTH101 - os.walk gives strings
    shutil.rmtree(folder)


def refuse_full_disk(folder: Path, needs_mib: int, remedy: str = MORE_SPACE) -> None:
    """Raise SetupError, ending in ``remedy``, unless ``needs_mib`` MiB are free where ``folder`` is."""
    free = shutil.disk_usage(folder).free // MEBIBYTE
    if free < needs_mib:
        raise SetupError(
            f"disk full: set-up needs {needs_mib} MiB in {folder} and {free} MiB are free: {remedy}"
        )


@contextlib.contextmanager
def _writing(folder: Path) -> Generator[None, None, None]:
    """Turn a full or read-only disk below ``folder`` into a SetupError; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise SetupError(
                f"disk full: cannot write to {error.filename or folder}: {MORE_SPACE}"
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise SetupError(
                f"cannot write to {error.filename or folder} ({error.strerror}): "
                "set XDG_CACHE_HOME to a folder that you may write to"
            ) from error
        raise
