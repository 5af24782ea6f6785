"""What a restored database lacks of what its source committed, as far as the source's last words tell."""

from __future__ import annotations

from typing import Any

from agent.chain import Choice
from agent.gtid import GtidSet
from agent.lastwords import LastWords, last_words
from agent.moment import say_time
from agent.storage import BlobStore


def loss_of(signals: BlobStore, choice: Choice, reached: GtidSet) -> dict[str, Any]:
    """The account of a restore that reached ``reached``.

    Returns:
        ``transactions`` and ``gtid``: archived by the source and not in the database; ``archived_through``:
        up to when, by the source's clock, its archive held all that was committed (empty where no heartbeat
        says so: then nobody knows what came after the last archived transaction); ``sentence``: all of it.

    Raises:
        StorageError: the signals container cannot be read.
    """
    said = last_words(signals, choice.last.site)
    # The archive holds more than this base's run where that has a hole.
    missing = (choice.log.gtids | said.gtids) - reached
    return {
        "transactions": missing.count(),
        "gtid": str(missing),
        "archived_through": said.through,
        "sentence": _sentence(choice, missing, said),
    }


def _sentence(choice: Choice, missing: GtidSet, said: LastWords) -> str:
    last = say_time(choice.tail.through_us) or f"the snapshot of {choice.manifest.snapshot_at}"
    if missing:
        text = f"{missing.count()} archived transactions are not in the copy, which ends at {last}"
        reason = choice.tail.end or choice.run.hole
        text += f": {reason}" if reason else ""
    else:
        text = f"nothing that was archived is missing; the copy ends at {last}"
    if said.through:
        text += (
            f"; the source's archive was complete through {said.through}, and what it committed later is lost"
        )
    else:
        text += (
            "; no heartbeat says up to when the log was complete, and what the source committed later is lost"
        )
    if said.clock:
        text += f"; {said.clock}"
    if said.behind_bytes:
        text += f" ({said.behind_bytes} bytes of log were known to be waiting)"
    return text
