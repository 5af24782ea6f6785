"""A copy of one verified chain a week, where no age rule reaches.

``weekly/<backup>``, then its verification, and its manifest last: as with a backup, no manifest, no copy.
It is streamed through this machine: a copy inside the service needs a source URL with rights in it, which not
every identity can give. Nothing is overwritten and nothing deleted.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agent.errors import StorageError
from agent.manifest import DATA_SUFFIX, MANIFEST_SUFFIX, Manifest
from agent.storage import BlobExistsError, BlobStore

_log = logging.getLogger(__name__)
PREFIX = "weekly/"
PROOF_SUFFIX = ".verified.json"
_WEEK = "week"


def week_of(manifest: Manifest) -> str:
    """The ISO week of a backup's data, ``2026-W48``; by UTC."""
    year, week, _ = datetime.fromisoformat(manifest.snapshot_at).isocalendar()
    return f"{year}-W{week:02d}"


def copies(store: BlobStore) -> dict[str, str]:
    """Epoch and week, as ``3/2026-W48`` -> the copy, as it can be restored by name; only complete ones."""
    found: dict[str, str] = {}
    for entry in store.entries(PREFIX):
        if entry.name.endswith(MANIFEST_SUFFIX) and _WEEK in entry.metadata:
            data = entry.name.removesuffix(MANIFEST_SUFFIX) + DATA_SUFFIX
            found[f"{entry.metadata.get('epoch')}/{entry.metadata[_WEEK]}"] = data
    return found


def keep_weekly(store: BlobStore, manifest: Manifest, verification: Mapping[str, Any]) -> str | None:
    """Copy the verified backup unless its epoch has a copy of that week; returns the copy's manifest name.

    May be killed and run again; two at once do no harm.

    Raises:
        StorageError: it could not be read or written, or is not what its manifest says.
    """
    week = week_of(manifest)
    if f"{manifest.epoch}/{week}" in copies(store):
        return None
    _copy_data(store, manifest)
    proof = f"{PREFIX}{manifest.name.removesuffix(MANIFEST_SUFFIX)}{PROOF_SUFFIX}"
    _create(store, proof, json.dumps(verification, indent=1, ensure_ascii=False).encode(), {})
    name = f"{PREFIX}{manifest.name}"
    _create(store, name, manifest.to_json(), {**manifest.metadata(), _WEEK: week})
    _log.info("%s is kept as %s", manifest.backup, name)
    return name


def _copy_data(store: BlobStore, manifest: Manifest) -> None:
    name = f"{PREFIX}{manifest.backup}"
    if any(entry.size == manifest.stored_bytes for entry in store.entries(name)):
        return  # an earlier run came this far; a blob appears whole or not at all
    digest = hashlib.sha256()
    try:
        with store.upload(name) as upload:
            for chunk in store.chunks(manifest.backup):
                digest.update(chunk)
                upload.write(chunk)
            if digest.hexdigest() != manifest.stored_sha256:
                raise StorageError(
                    f"{manifest.backup} is not what its manifest says (SHA-256); no weekly copy is made of it"
                )
            upload.commit(manifest.metadata())
    except BlobExistsError:
        _log.info("%s was written by another run meanwhile", name)


def _create(store: BlobStore, name: str, data: bytes, metadata: Mapping[str, str]) -> None:
    try:
        store.create(name, data, metadata)
    except BlobExistsError:
        _log.info("%s was written by another run meanwhile", name)
