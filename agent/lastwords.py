"""What a site last said of its archive, in its heartbeat: all that is known of a source that is gone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from agent.gtid import GtidSet
from agent.moment import microseconds
from agent.storage import BlobMissingError, BlobStore


@dataclass(frozen=True)
class LastWords:
    """Nothing of it where there is no heartbeat, or none that can be read.

    Attributes:
        gtids: archived by then. through: everything committed before this time was archived, ISO 8601.
        through_us: the same in microseconds since 1970; 0 when it is not known.
        behind_bytes: of log that were read and not yet archived.
    """

    gtids: GtidSet
    through: str
    through_us: int
    behind_bytes: int


def last_words(signals: BlobStore, site: str) -> LastWords:
    """The archive's part of a site's last heartbeat.

    Raises:
        StorageError: the signals container cannot be read.
    """
    try:
        data, _ = signals.read(f"heartbeat-{site}.json")
        archive = cast("dict[str, dict[str, object]]", json.loads(data)).get("archive") or {}
        through = str(archive.get("archived_through") or "")
        moment = datetime.fromisoformat(through) if through else None
        return LastWords(
            gtids=GtidSet.parse(str(archive.get("archived_gtid") or "")),
            through=through,
            through_us=0 if moment is None else microseconds(moment),
            behind_bytes=int(str(archive.get("behind_bytes") or 0)),
        )
    except (BlobMissingError, ValueError, TypeError, AttributeError):
        return LastWords(GtidSet({}), "", 0, 0)
