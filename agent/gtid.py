"""Sets of global transaction ids, as MySQL writes them: ``uuid:1-5:7,uuid:tag:1-3``.

https://dev.mysql.com/doc/refman/8.4/en/replication-gtids-concepts.html ("GTID Sets"). Tags exist from 8.3 on.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TAG = re.compile(r"[a-z_][a-z0-9_]{0,31}")
_INTERVAL = re.compile(r"(\d+)(?:-(\d+))?")
_ENDLESS = 2**64

Interval = tuple[int, int]  # both ends included


@dataclass(frozen=True)
class GtidSet:
    """An immutable set: source (``uuid`` or ``uuid:tag``) -> sorted, disjoint, not adjacent intervals."""

    intervals: dict[str, tuple[Interval, ...]]

    @classmethod
    def parse(cls, text: str) -> GtidSet:
        """Read MySQL's notation; white space and an empty text are allowed.

        Raises:
            ValueError: the text is not a GTID set.
        """
        found: dict[str, list[Interval]] = {}
        for entry in filter(None, "".join(text.split()).lower().split(",")):
            uuid, *rest = entry.split(":")
            if not _UUID.fullmatch(uuid) or not rest:
                raise ValueError(f"{entry!r} is not a GTID: write uuid:first-last")
            source = uuid
            for part in rest:
                if _TAG.fullmatch(part):
                    source = f"{uuid}:{part}"
                    continue
                match = _INTERVAL.fullmatch(part)
                first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
                if not 0 < first <= last:
                    raise ValueError(f"{part!r} in {entry!r} is not an interval: write first-last, from 1 on")
                found.setdefault(source, []).append((first, last))
        return cls({source: _merged(parts) for source, parts in sorted(found.items())})

    def __str__(self) -> str:
        words: dict[str, list[str]] = {}  # as MySQL writes it: a server once, its tags behind one another
        for source, parts in sorted(self.intervals.items()):
            uuid, _, tag = source.partition(":")
            words.setdefault(uuid, [uuid]).extend([tag] if tag else [])
            words[uuid] += [f"{a}-{b}" if a < b else str(a) for a, b in parts]
        return ",".join(":".join(each) for each in words.values())

    def __contains__(self, gtid: str) -> bool:
        """Whether the set holds one transaction, ``uuid:number`` or ``uuid:tag:number``."""
        source, _, number = gtid.rpartition(":")
        parts = self.intervals.get(source, ())
        at = bisect_right(parts, (int(number), _ENDLESS)) - 1
        return at >= 0 and parts[at][0] <= int(number) <= parts[at][1]

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def count(self) -> int:
        """How many transactions the set names."""
        return sum(b - a + 1 for parts in self.intervals.values() for a, b in parts)

    def __or__(self, other: GtidSet) -> GtidSet:
        sources = sorted({*self.intervals, *other.intervals})
        return GtidSet(
            {s: _merged([*self.intervals.get(s, ()), *other.intervals.get(s, ())]) for s in sources}
        )

    def __sub__(self, other: GtidSet) -> GtidSet:
        left = {s: _without(parts, other.intervals.get(s, ())) for s, parts in self.intervals.items()}
        return GtidSet({s: parts for s, parts in left.items() if parts})

    def __le__(self, other: GtidSet) -> bool:
        """Whether every transaction of this set is in ``other``."""
        return not self - other


def _merged(parts: list[Interval]) -> tuple[Interval, ...]:
    result: list[Interval] = []
    for first, last in sorted(parts):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], last))
        else:
            result.append((first, last))
    return tuple(result)


def _without(parts: tuple[Interval, ...], removed: tuple[Interval, ...]) -> tuple[Interval, ...]:
    result: list[Interval] = []
    for start, end in parts:
        first = start
        for a, b in removed:
            if b < first or a > end:
                continue
            if a > first:
                result.append((first, a - 1))
            first = b + 1
        if first <= end:
            result.append((first, end))
    return tuple(result)
