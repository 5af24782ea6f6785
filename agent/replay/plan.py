"""What a replay is given, and what it says it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.gtid import GtidSet
from agent.replay.triggers import Trigger

_FLUSH_BYTES = 24 << 20
_NO_NAMES: Mapping[str, str] = {}
_NOTHING = GtidSet({})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to replay onto what.

    Attributes:
        schemas: the dumped ones; changes of any other are left out.
        names: lower-case name -> how the target spells it. Not empty only where the source folds names to
            lower case and the target does not.
        skip_ordered_until: the base holds exactly these transactions of the tables whose replay is not
            idempotent (``gtid_exact`` of the manifest).
        window: what the base may or may not hold (``gtid_after`` less ``gtid_before``). Until all of it has
            been applied, rows may already be there or already be gone; from then on they are counted. None:
            never counted.
        cascades_logged: the source's log holds what foreign keys changed in children.
        triggers: those that the restore holds back. The replay creates them for a DDL statement only.
        events: (schema, name) of the events that are enabled on the source; all are disabled on the target.
        memory_bytes: of changes kept before they are written.
    """

    schemas: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=lambda: _NO_NAMES)
    skip_ordered_until: GtidSet = _NOTHING
    window: GtidSet | None = None
    cascades_logged: bool = False
    triggers: list[Trigger] = field(default_factory=list[Trigger])
    events: tuple[tuple[str, str], ...] = ()
    memory_bytes: int = _FLUSH_BYTES


@dataclass(kw_only=True)
class Replayed:
    """What was replayed.

    Attributes:
        gtids: all transactions read, those without a change of the dumped schemas included.
        transactions: how many they are.
        rows_compacted: row changes read of tables that are written as last images.
        rows_written: rows that these became.
        rows_ordered: row changes of all other tables.
        ddl: statements run.
        skipped: what was left out and why, a sentence each.
        auto_increment: ``schema.table`` -> the next value it was given.
        triggers: those that the source has now; none of them is on the target.
        events: (schema, name) of those enabled on the source now.
        last_committed_us: commit time of the last transaction, microseconds since 1970; 0 without any.
        warnings: a sentence each.
    """

    gtids: GtidSet = _NOTHING
    transactions: int = 0
    rows_compacted: int = 0
    rows_written: int = 0
    rows_ordered: int = 0
    ddl: int = 0
    skipped: list[str] = field(default_factory=list[str])
    auto_increment: dict[str, int] = field(default_factory=dict[str, int])
    triggers: list[Trigger] = field(default_factory=list[Trigger])
    events: tuple[tuple[str, str], ...] = ()
    last_committed_us: int = 0
    warnings: list[str] = field(default_factory=list[str])
