"""What a site last said of its archive, in its heartbeat: all that is known of a source that is gone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from agent.gtid import GtidSet
from agent.moment import microseconds
from agent.schedule import utc_now
from agent.storage import BlobMissingError, BlobStore

SKEW_S = 60.0  # two machines' clocks may differ by less than a minute without anybody minding


@dataclass(frozen=True)
class LastWords:
    """Nothing of it where there is no heartbeat, or none that can be read.

    Attributes:
        gtids: archived by then. through: everything committed before this time was archived, ISO 8601; never
            later than the heartbeat itself, nor than the present.
        through_us: the same in microseconds since 1970; 0 when it is not known.
        behind_bytes: of log that were read and not yet archived.
        clock: a sentence when the heartbeat comes from the future; else empty.
    """

    gtids: GtidSet
    through: str
    through_us: int
    behind_bytes: int
    clock: str = ""


def last_words(signals: BlobStore, site: str) -> LastWords:
    """The archive's part of a site's last heartbeat.

    Raises:
        StorageError: the signals container cannot be read.
    """
    try:
        data, _ = signals.read(f"heartbeat-{site}.json")
        said = cast("dict[str, object]", json.loads(data))
        archive = cast("dict[str, object]", said.get("archive") or {})
        now = utc_now()
        at = datetime.fromisoformat(str(said["at"])) if "at" in said else now
        through = str(archive.get("archived_through") or "")
        moment = min(datetime.fromisoformat(through), at, now) if through else None
        return LastWords(
            gtids=GtidSet.parse(str(archive.get("archived_gtid") or "")),
            through=moment.isoformat(timespec="milliseconds") if moment else "",
            through_us=0 if moment is None else microseconds(moment),
            behind_bytes=int(str(archive.get("behind_bytes") or 0)),
            clock=of_the_future(site, (at - now).total_seconds()),
        )
    except (BlobMissingError, ValueError, TypeError, AttributeError):
        return LastWords(GtidSet({}), "", 0, 0)


def of_the_future(site: str, ahead_s: float) -> str:
    """What is to be said of a heartbeat that is ``ahead_s`` seconds ahead; empty where that is no matter."""
    if ahead_s <= SKEW_S:
        return ""
    return (
        f"the heartbeat of {site} is {ahead_s:.0f} s in the future: its machine's clock or this one's is "
        "wrong, and so may be every time that is stated here"
    )
