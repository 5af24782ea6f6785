"""Reading the backup vault as an operator would, past the agent: what is in it, and who writes."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

_PREFIX = "backup_"
_LOG = "binlog/"
_QUARANTINE, _DIVERGENCE = "quarantine_", "quarantine_divergence_"
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
        self._tokens: dict[str, frozenset[str]] = {}

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
        """What clients wrote and the vault holds, in complete dumps or in archived log."""
        names = {backup.blob for backup in self.backups()} | set(self._list(BACKUPS, _LOG))
        return self._tokens_of(names)

    def epochs(self) -> dict[str, int]:
        """In which epoch's archived log each token stands first."""
        found: dict[str, int] = {}
        for name in self._list(BACKUPS, _LOG):
            epoch = int(name.split("/")[1])
            for token in self._tokens_of([name]):
                found[token] = min(epoch, found.get(token, epoch))
        return found

    def exported(self) -> set[str]:
        """What exports of diverged transactions hold."""
        return self._tokens_of(self.exports())

    def exports(self) -> list[str]:
        """The names of those exports."""
        return self._list(BACKUPS, _DIVERGENCE)

    def dumped(self) -> set[str]:
        """What dumps hold that were made of a database before a restore replaced it."""
        return self._tokens_of(set(self._list(BACKUPS, _QUARANTINE)) - set(self.exports()))

    def _tokens_of(self, names: Collection[str]) -> set[str]:
        """Read with gzip and a pattern, past the agent's code: a segment is a gzip file whose row events have
        the text of the rows in them. Nothing that was read changes: the container refuses it."""
        for name in names:
            if name in self._tokens:
                continue
            content = self._get(BACKUPS, name)
            if content is not None:
                found = frozenset(found.decode() for found in _TOKEN.findall(gzip.decompress(content)))
                self._tokens[name] = found
        return {token for name in names for token in self._tokens.get(name, ())}

    def signals(self, prefix: str) -> dict[str, dict[str, Any]]:
        """The agents' reports whose names begin with ``prefix``, by name."""
        found = {name: self._get(SIGNALS, name) for name in sorted(self._list(SIGNALS, prefix))}
        return {name: json.loads(content) for name, content in found.items() if content is not None}

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
