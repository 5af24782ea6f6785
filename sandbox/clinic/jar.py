"""Packs the stand-in into one runnable file, the way an application's build makes ``petclinic.jar``."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold; a fixed one makes equal inputs equal files
_MAIN = "import sys\nfrom clinic.server import main\nsys.exit(main())\n"
_BUILD_ONLY = ("jar.py", "__main__.py")


def build(target: Path) -> str:
    """Write the application to ``target`` and return its SHA-256 (hex).

    PyMySQL goes inside, so that any Python 3.11 runs the file with nothing installed. Equal sources give
    equal bytes. The file appears by a rename, never half-written.

    Raises:
        ModuleNotFoundError: PyMySQL is not installed here.
        OSError: the folder cannot be written.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", _MAIN.encode())
        for name, content in _sources():
            _add(archive, name, content)
    data = (
        b"#!/usr/bin/env python3\n" + buffer.getvalue()
    )  # a zip may follow any prefix (zipapp does the same)
    temporary = target.with_name(f"{target.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(target)
    return hashlib.sha256(data).hexdigest()


def _sources() -> Iterator[tuple[str, bytes]]:
    here = Path(__file__).parent
    for file in sorted(here.glob("*.py")):
        if file.name not in _BUILD_ONLY:
            yield f"clinic/{file.name}", file.read_bytes()
    found = importlib.util.find_spec("pymysql")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("PyMySQL is not installed: run './dr lock' or install requirements/dev.txt")
    package = Path(found.origin).parent
    for file in sorted(package.rglob("*.py")):
        yield f"pymysql/{file.relative_to(package).as_posix()}", file.read_bytes()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
