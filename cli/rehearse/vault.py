"""Reading the backup vault as an operator would, past the agent: which backups are complete, who writes."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

_PREFIX = "backup_"
_LOG = "binlog/"
_TOKEN = re.compile(rb"W[0-9a-f]{20}")  # cli/rehearse/client.py makes them
BACKUPS, SIGNALS, CONTROL = "mysql-backups", "signals", "control"


class Blobs(Protocol):
    """The part of the simulated Blob service that an operator's own eyes need."""

    def list_as_operator(self, account: str, container: str, prefix: str = "") -> list[str]:
        """Names of blobs that begin with ``prefix``."""
        ...

    def get_as_operator(self, account: str, container: str, blob: str) -> bytes | None:
        """A blob's content, None when it is not there."""
        ...


@dataclass(frozen=True, kw_only=True)
class Backup:
    """What a manifest says of one complete backup; times are Unix seconds."""

    blob: str
    site: str
    epoch: int
    sequence: int
    started: float
    finished: float
    stored_bytes: int


class Vault:
    """The containers that backups, reports and the epoch live in.

    Args:
        blobs: the simulated Blob service.
        accounts: the storage account of each container.
    """

    def __init__(self, blobs: Blobs, accounts: Mapping[str, str]) -> None:
        self._blobs = blobs
        self._accounts = accounts
        self._known: dict[str, Backup] = {}
        self._read: set[str] = set()
        self._tokens: set[str] = set()

    def backups(self) -> list[Backup]:
        """Every complete backup, oldest first. Without manifest and data there is no backup."""
        names = set(self._list(BACKUPS, _PREFIX))
        for name in names - self._known.keys():
            if not name.endswith(".json"):
                continue
            content = self._get(BACKUPS, name)
            backup = _backup(json.loads(content)) if content is not None else None
            if backup is not None and backup.blob in names:
                self._known[name] = backup  # nothing here ever changes: the container refuses it
        return sorted(self._known.values(), key=lambda b: (b.epoch, b.sequence))

    def tokens(self) -> set[str]:
        """What visitors wrote and the vault holds, in complete dumps or in archived log.

        Read with gzip and a pattern, past the agent's code: a segment is a gzip file whose row events have
        the text of the rows in them.
        """
        names = {backup.blob for backup in self.backups()} | set(self._list(BACKUPS, _LOG))
        for name in names - self._read:
            content = self._get(BACKUPS, name)
            if content is not None:
                self._tokens |= {found.decode() for found in _TOKEN.findall(gzip.decompress(content))}
                self._read.add(name)
        return set(self._tokens)

    def signals(self, prefix: str) -> dict[str, dict[str, Any]]:
        """The agents' reports whose names begin with ``prefix``, by name."""
        found = {name: self._get(SIGNALS, name) for name in sorted(self._list(SIGNALS, prefix))}
        return {name: json.loads(content) for name, content in found.items() if content is not None}

    def quarantined(self) -> str:
        """The newest dump that a take-over kept of the data it replaced; empty when there is none."""
        names = sorted(self._list(BACKUPS, "quarantine_"))
        content = self._get(BACKUPS, names[-1]) if names else None
        return "" if content is None else gzip.decompress(content).decode("utf-8", "replace")

    def epoch(self) -> dict[str, Any]:
        """Who writes, since when: ``epoch.json``; empty before the first change."""
        content = self._get(CONTROL, "epoch.json")
        return {} if content is None else json.loads(content)

    def _list(self, container: str, prefix: str) -> list[str]:
        return self._blobs.list_as_operator(self._accounts[container], container, prefix)

    def _get(self, container: str, blob: str) -> bytes | None:
        return self._blobs.get_as_operator(self._accounts[container], container, blob)


def _backup(manifest: dict[str, Any]) -> Backup:
    return Backup(
        blob=manifest["backup"],
        site=manifest["site"],
        epoch=manifest["epoch"],
        sequence=manifest["sequence"],
        started=datetime.fromisoformat(manifest["started"]).timestamp(),
        finished=datetime.fromisoformat(manifest["finished"]).timestamp(),
        stored_bytes=manifest["stored_bytes"],
    )
