"""A private temporary file for text of any size, compressed; gone with the process."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

_PIECE = 1 << 20
_LEVEL = 1  # the room matters, and the text is compressed anew for the vault


class Spool(AbstractContextManager["Spool"]):
    """Written once, then read as often as needed. Raises OSError where the disk is full.

    Args:
        folder: where the file lies, without a name, readable by nobody else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed in __exit__
        self._writer: gzip.GzipFile | None = None
        self.clear()

    def __exit__(self, *error: object) -> None:
        self._end()
        self._file.close()

    def clear(self) -> None:
        """Begin anew."""
        self._end()
        self._file.seek(0)
        self._file.truncate()
        self._writer = gzip.GzipFile(filename="", mode="wb", fileobj=self._file, compresslevel=_LEVEL)

    def write(self, data: bytes) -> None:
        """Take more."""
        if self._writer is None:
            raise ValueError("a spool that was read is not written to any more; clear it")
        self._writer.write(data)

    def pieces(self) -> Iterator[bytes]:
        """All that was written."""
        self._end()
        self._file.seek(0)
        with gzip.GzipFile(mode="rb", fileobj=self._file) as reader:
            while piece := reader.read(_PIECE):
                yield piece

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
