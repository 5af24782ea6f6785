"""The backups that exist, and which of them is the newest.

Newest is decided by epoch, then by what each backup contains (GTID sets), then by sequence - never by a name
or a modification time, which a skewed clock or a copying tool can turn around.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cmp_to_key

from agent.errors import NoBackupError, StorageError
from agent.gtid import GtidSet
from agent.manifest import (
    DATA_SUFFIX,
    MANIFEST_SUFFIX,
    PREFIX,
    DamagedManifestError,
    Manifest,
    manifest_name,
    order_key,
)
from agent.storage import BlobEntry, BlobMissingError, BlobStore
from agent.weekly import PROOF_SUFFIX

_log = logging.getLogger(__name__)
# Manifests opened to find the newest. Sequences rise by one a dump, so the newest is among the last few; the
# margin covers several agents at once.
_OPENED = 20


@dataclass(frozen=True)
class Listing:
    """Names only: complete backups, and data blobs without a manifest (unfinished or failed).

    Attributes:
        damaged: manifests that were opened and are none, in sentences; a backup without one cannot be proved
            and is passed over.
    """

    complete: tuple[BlobEntry, ...]
    incomplete: tuple[str, ...]
    damaged: list[str] = field(default_factory=list[str])


def survey(store: BlobStore, folder: str = "") -> Listing:
    """List the container's backups once.

    Args:
        folder: ``weekly/`` for the copies that no age rule reaches, instead of the backups themselves.
    """
    found = store.entries(folder + PREFIX)
    entries = {entry.name: entry for entry in found if not entry.name.endswith(PROOF_SUFFIX)}
    complete: list[BlobEntry] = []
    incomplete: list[str] = []
    for entry in entries.values():
        if entry.name.endswith(DATA_SUFFIX):
            if manifest_name(entry.name) not in entries:
                incomplete.append(entry.name)
        elif entry.name.endswith(MANIFEST_SUFFIX):
            if entry.name.removesuffix(MANIFEST_SUFFIX) + DATA_SUFFIX in entries:
                complete.append(entry)
            else:
                incomplete.append(entry.name)
    return Listing(tuple(complete), tuple(sorted(incomplete)))


def batches(store: BlobStore, listing: Listing, size: int = _OPENED) -> Iterator[list[Manifest]]:
    """The complete backups, ``size`` at a time, newest first; each batch is opened when it is asked for.

    No batch is empty. Damaged manifests are passed over and kept in ``listing.damaged``.

    Raises:
        StorageError: the container cannot be read, or a manifest is of a later version of this agent.
    """
    ranked: list[tuple[tuple[int, int], BlobEntry]] = []
    opened: list[BlobEntry] = []
    for entry in listing.complete:
        key = order_key(entry.metadata)
        if key is None:
            opened.append(entry)  # nothing but its content can tell
        else:
            ranked.append((key, entry))
    ranked.sort(key=lambda pair: pair[0], reverse=True)
    for at in range(0, max(1, len(ranked)), size):
        opened += [entry for _, entry in ranked[at : at + size]]
        with ThreadPoolExecutor(8, thread_name_prefix="manifests") as threads:
            read = threads.map(lambda entry: whole(store, listing, entry.name), opened)
            manifests = [manifest for manifest in read if manifest]
        if manifests:
            yield sorted(manifests, key=cmp_to_key(_compare), reverse=True)
        opened = []


def whole(store: BlobStore, listing: Listing, name: str) -> Manifest | None:
    """The manifest called ``name``; None, and said in ``listing.damaged``, when it is none.

    Raises:
        StorageError: see ``batches``.
    """
    try:
        return _read(store, name)
    except DamagedManifestError as error:
        said = f"a backup is passed over, because its manifest is damaged: {error}"
    if said not in listing.damaged:
        listing.damaged.append(said)
        _log.warning("%s", said)
    return None


def newest_first(store: BlobStore, listing: Listing, count: int = _OPENED) -> list[Manifest]:
    """The ``count`` newest complete backups, newest first."""
    return next(batches(store, listing, count), [])[:count]


def oldest(store: BlobStore, listing: Listing, epoch: int) -> Manifest | None:
    """The oldest complete backup of ``epoch``, as far as the listing can tell."""
    known = [(key, entry) for entry in listing.complete if (key := order_key(entry.metadata))]
    for _, entry in sorted((pair for pair in known if pair[0][0] == epoch), key=lambda pair: pair[0]):
        if manifest := whole(store, listing, entry.name):
            return manifest
    return None


def require_some(listing: Listing) -> None:
    """Refuse to go on without any complete backup.

    Raises:
        NoBackupError: there is none.
    """
    if not listing.complete:
        unfinished = (
            f" ({len(listing.incomplete)} blobs without their other half)" if listing.incomplete else ""
        )
        raise NoBackupError(f"the container holds no complete backup{unfinished}; run: python -m agent dump")


def newest(store: BlobStore) -> Manifest:
    """The newest complete backup.

    Raises:
        NoBackupError: there is none.
    """
    listing = survey(store)
    require_some(listing)
    found = newest_first(store, listing)
    if not found:
        raise NoBackupError(none_whole(listing))
    return found[0]


def none_whole(listing: Listing) -> str:
    """What to say when not one manifest can be read."""
    return "the container holds no backup with a readable manifest: " + "; ".join(listing.damaged)


def manifest_of(store: BlobStore, backup: str) -> Manifest:
    """The manifest of the backup called ``backup``.

    Raises:
        NoBackupError: there is no complete backup of that name.
    """
    name = manifest_name(backup)
    try:
        return _read(store, name)
    except BlobMissingError as error:
        raise NoBackupError(f"there is no complete backup {backup}; see: python -m agent list") from error


def next_sequence(store: BlobStore, epoch: int) -> int:
    """The sequence for a new backup of ``epoch``: one more than the highest so far.

    Raises:
        StorageError: there is a backup of a later epoch, beside which the new one would never be chosen.
    """
    listing = survey(store)
    known = [key for entry in listing.complete if (key := order_key(entry.metadata))]
    if len(known) < len(listing.complete):
        known += [(manifest.epoch, manifest.sequence) for manifest in newest_first(store, listing)]
    latest = max((key[0] for key in known), default=0)
    if latest > epoch:
        raise StorageError(
            f"the control container says epoch {epoch}, but there is a backup of epoch {latest}: epoch.json "
            f"was lost or put back; write it again with epoch {latest} and the site that writes now"
        )
    return max((key[1] for key in known), default=0) + 1


def _read(store: BlobStore, name: str) -> Manifest:
    # A copy below weekly/ says what it is a copy of; the data to read is the one beside it.
    data = name.removesuffix(MANIFEST_SUFFIX) + DATA_SUFFIX
    return replace(Manifest.from_json(store.read(name)[0], name), backup=data)


def _compare(a: Manifest, b: Manifest) -> int:
    """Negative when ``a`` is older than ``b``."""
    if a.epoch != b.epoch:
        return a.epoch - b.epoch
    before_a, before_b = GtidSet.parse(a.gtid_before), GtidSet.parse(b.gtid_before)
    if before_a != before_b and (before_a <= before_b or before_b <= before_a):
        return -1 if before_a <= before_b else 1
    return a.sequence - b.sequence
