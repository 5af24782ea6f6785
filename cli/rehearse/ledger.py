"""The independent account of writes: what the application acknowledged, kept outside both clouds.

A line is on disk (fsync) before the client goes on, so the ledger never claims less than the client was told.
It is the only witness for data loss; the agent's own reports are never asked.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


class LedgerError(RuntimeError):
    """A whole line of the file is not an entry: somebody else wrote it."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One acknowledged write.

    Attributes:
        token: the owner's last name, used once in the world; ids are no witness, a restored database gives
            the same ones again.
        owner: the id that the application answered.
        cloud: whose address answered: ``aws`` or ``azure``. Azure's gateway may have passed it on to AWS.
        sent: Unix time in seconds when the request left.
        acknowledged: Unix time in seconds when the answer was here.
        client: which client was told.
    """

    token: str
    owner: int
    cloud: str
    sent: float
    acknowledged: float
    client: str = "visitor"


class Ledger:
    """Append-only file of JSON lines, mode 0600. Safe for threads of one process."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._mutex = threading.Lock()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._entries = list(read(file))
        self._descriptor = os.open(file, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        os.ftruncate(self._descriptor, file.read_bytes().rfind(b"\n") + 1)  # a line cut by a crash goes

    def add(self, entry: Entry) -> None:
        """Keep an entry; it is on disk when this returns.

        Raises:
            OSError: the disk is full or the file is gone; then the write must not count as accounted for.
        """
        line = json.dumps(asdict(entry)).encode() + b"\n"
        with self._mutex:
            written = os.write(self._descriptor, line)
            if written != len(line):
                raise OSError(
                    f"{self.file}: only {written} of {len(line)} bytes were written; is the disk full?"
                )
            os.fsync(self._descriptor)
            self._entries.append(entry)

    def entries(self) -> list[Entry]:
        """All entries so far, oldest first."""
        with self._mutex:
            return list(self._entries)

    def close(self) -> None:
        """Release the file."""
        os.close(self._descriptor)


def read(file: Path) -> Iterator[Entry]:
    """The entries of a ledger; nothing when there is no file. A last line without its end was cut by a crash.

    Raises:
        LedgerError: a whole line is not an entry.
    """
    if not file.exists():
        return
    *lines, _cut = file.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            yield Entry(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise LedgerError(f"{file}, line {number}: not an entry: {line[:80]!r}") from error
