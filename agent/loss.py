"""What a restored database lacks of what its source committed, as far as the source's last words tell."""

from __future__ import annotations

import json
from typing import Any, cast

from agent.chain import Choice
from agent.gtid import GtidSet
from agent.moment import say_time
from agent.storage import BlobMissingError, BlobStore


def loss_of(signals: BlobStore, choice: Choice, reached: GtidSet) -> dict[str, Any]:
    """The account of a restore that reached ``reached``.

    Returns:
        ``transactions`` and ``gtid``: archived by the source and not in the database; ``archived_through``:
        up to when, by the source's clock, its archive held all that was committed (empty where no heartbeat
        says so: then nobody knows what came after the last archived transaction); ``sentence``: all of it.

    Raises:
        StorageError: the signals container cannot be read.
    """
    status = _last_words(signals, choice.manifest.site)
    # The archive holds more than this base's run where that has a hole, and a dump can be ahead of the log.
    known = choice.log.gtids | _gtids(status.get("archived_gtid"))
    missing = known - reached
    through = str(status.get("archived_through") or "")
    return {
        "transactions": missing.count(),
        "gtid": str(missing),
        "archived_through": through,
        "sentence": _sentence(choice, missing, through, status),
    }


def _sentence(choice: Choice, missing: GtidSet, through: str, status: dict[str, Any]) -> str:
    last = say_time(choice.tail.through_us) or f"the snapshot of {choice.manifest.snapshot_at}"
    if missing:
        text = f"{missing.count()} archived transactions are not in the copy, which ends at {last}"
        reason = choice.tail.end or choice.run.hole
        text += f": {reason}" if reason else ""
    else:
        text = f"nothing that was archived is missing; the copy ends at {last}"
    if through:
        text += f"; the source's archive was complete through {through}, and what it committed later is lost"
    else:
        text += (
            "; no heartbeat says up to when the log was complete, so what the source committed later is lost"
        )
    behind = status.get("behind_bytes")
    if isinstance(behind, int) and behind:
        text += f" ({behind} bytes of log were known to be waiting)"
    return text


def _last_words(signals: BlobStore, site: str) -> dict[str, Any]:
    """The archiver's part of a site's last heartbeat; empty where there is none that can be read."""
    try:
        data, _ = signals.read(f"heartbeat-{site}.json")
        document: object = json.loads(data)
    except (BlobMissingError, ValueError):
        return {}
    status = cast("dict[str, object]", document).get("archive") if isinstance(document, dict) else None
    return cast("dict[str, Any]", status) if isinstance(status, dict) else {}


def _gtids(text: object) -> GtidSet:
    try:
        return GtidSet.parse(str(text or ""))
    except ValueError:
        return GtidSet({})
