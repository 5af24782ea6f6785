"""A source that was restored to an older state within an epoch: what it acknowledged last is restored."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agent import chain
from agent.archive.run import Log, Piece, Place, Run
from agent.catalog import Listing
from agent.chain import Choice, choose
from agent.epoch import Epoch
from agent.gtid import GtidSet
from agent.manifest import Manifest
from agent.signals import Verification
from agent.storage import BlobEntry, BlobStore
from agent.tail import Tail
from tests.agent.samples import UUID, manifest

OLD, NEW = f"{UUID}1", f"{UUID}2"
PRESENT = Epoch(1, "aws", "", "")


def piece(uuid: str, number: int, before: str, gtids: str) -> Piece:
    return Piece(
        name=f"log {number} of {uuid}",
        size=1,
        source=(uuid, "binlog"),
        start=Place(number, 4),
        end=Place(number + 1, 4),
        before=GtidSet.parse(before),
        gtids=GtidSet.parse(gtids),
        previous="",
        last="",
        open_gtid="",
        open_us=0,
        first_us=1,
        last_us=1,
        flaw="",
    )


def base(name: str, sequence: int, uuid: str, gtids: str) -> Manifest:
    return manifest(
        f"backup_{name}.sql.gz", sequence=sequence, server_uuid=uuid, gtid_before=gtids, gtid_after=gtids
    )


def chosen(
    monkeypatch: pytest.MonkeyPatch,
    bases: list[Manifest],
    pieces: list[Piece],
    *,
    backup: str | None = None,
    to: str | None = None,
    results: tuple[Verification, ...] = (),
) -> Choice:
    """The choice from a container that holds exactly this."""

    def tail(_: object, run: Run, __: Manifest, target: GtidSet | None) -> Tail:
        gtids = run.gtids if target is None else run.gtids - (run.gtids - target)
        return Tail(gtids, gtids.count(), 1, 1, "" if target else run.hole, "", {})

    entries = tuple(BlobEntry(one.name, 1, {}) for one in bases)
    replaced: dict[str, Any] = {
        "survey": lambda _: Listing(entries, ()),
        "batches": lambda *_: iter([list(reversed(bases))]),
        "newest_first": lambda *_: list(reversed(bases)),
        "manifest_of": lambda _, name: next(one for one in bases if one.backup == name),
        "survey_log": lambda *_: Log(1, tuple(pieces)),
        "verified": lambda *_: list(results),
        "read_tail": tail,
    }
    for name, function in replaced.items():
        monkeypatch.setattr(chain, name, function)
    nothing = cast("BlobStore", None)
    return choose(nothing, nothing, PRESENT, to=None if to is None else GtidSet.parse(to), backup=backup)


BASES = [
    base("common", 1, OLD, f"{OLD}:1-700"),
    base("old", 2, OLD, f"{OLD}:1-900"),
    base("new", 3, NEW, f"{OLD}:1-800,{NEW}:1-40"),
]
PIECES = [
    piece(OLD, 1, f"{OLD}:1-700", f"{OLD}:701-800"),
    piece(OLD, 2, f"{OLD}:1-800", f"{OLD}:801-1000"),
    piece(NEW, 1, f"{OLD}:1-800", f"{NEW}:1-50"),
]


def test_the_present_history_is_chosen_though_the_one_it_left_is_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choice = chosen(monkeypatch, BASES, PIECES)
    assert choice.manifest.backup == "backup_new.sql.gz"
    assert str(choice.reached) == f"{OLD}:1-800,{NEW}:1-50"
    (warning,) = choice.warnings
    assert f"200 transactions ({OLD}:801-1000)" in warning and "--backup backup_old.sql.gz" in warning


def test_two_histories_are_never_joined_behind_a_base_that_both_went_on_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choice = chosen(monkeypatch, [BASES[0], BASES[2]], PIECES)
    assert str(choice.reached) == f"{OLD}:1-800,{NEW}:1-50"
    named = chosen(monkeypatch, BASES, PIECES, backup="backup_common.sql.gz", to=f"{OLD}:1-800,{NEW}:1-50")
    assert str(named.reached) == f"{OLD}:1-800,{NEW}:1-50"


def test_a_history_that_was_left_can_be_had_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    choice = chosen(monkeypatch, BASES, PIECES, backup="backup_old.sql.gz", to=f"{OLD}:1-1000")
    assert str(choice.reached) == f"{OLD}:1-1000" and not choice.warnings


def test_what_was_written_before_the_new_historys_own_dump_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The restored server was dumped before its first write: its base alone is a part of the old one."""
    bases = [*BASES[:2], base("new", 3, NEW, f"{OLD}:1-800")]
    choice = chosen(monkeypatch, bases, PIECES)
    assert str(choice.reached) == f"{OLD}:1-800,{NEW}:1-50"


def test_a_server_that_took_over_with_everything_leaves_no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    bases = [*BASES[:2], base("new", 3, NEW, f"{OLD}:1-1000,{NEW}:1-40")]
    pieces = [*PIECES[:2], piece(NEW, 1, f"{OLD}:1-1000", f"{NEW}:1-50")]
    choice = chosen(monkeypatch, bases, pieces)
    assert str(choice.reached) == f"{OLD}:1-1000,{NEW}:1-50" and not choice.warnings
    back = [*pieces, piece(OLD, 3, f"{OLD}:1-1000,{NEW}:1-50", f"{OLD}:1001-1010")]
    choice = chosen(monkeypatch, bases, back)
    assert str(choice.reached) == f"{OLD}:1-1010,{NEW}:1-50" and not choice.warnings
