"""Proof that the newest chain can be restored: it is, into a scratch server, and compared hash by hash.

Reads the vault and this machine's disk only; the database that is backed up is not touched.
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal

from agent.archive.log import survey as survey_log
from agent.archive.run import Log, Run
from agent.catalog import batches, newest_first, survey
from agent.catchup import Start, catch_up
from agent.clients import find
from agent.context import Context
from agent.database import Login, session
from agent.dumplines import IDENTIFIER, Kind, name
from agent.dumpscan import TableRows, no_rows
from agent.epoch import read_epoch
from agent.errors import (
    AgentError,
    ConfigError,
    DatabaseError,
    DumpError,
    LogError,
    NoBackupError,
    RestoreError,
    VerificationError,
)
from agent.gtid import GtidSet
from agent.load import clear, load
from agent.manifest import Manifest
from agent.mysqldump import Limits
from agent.rewrite import Rewriter
from agent.scratch import require_room, scratch_server
from agent.signals import Verification, write_verification
from agent.storage import BlobMissingError, BlobStore
from agent.tail import covers, reached, read_tail
from agent.verdict import condemns
from agent.verify import Sight, enabled_events, look, verify, verify_same

_log = logging.getLogger(__name__)
Mode = Literal["auto", "full", "sampled", "off"]
_OLDER = 4  # older bases that are looked at for one whose log leads to the newest
# What the proof itself can end with, and agent.verdict judges. Anything else - no network - proves nothing.
_FAILURES = (VerificationError, RestoreError, LogError, DumpError, BlobMissingError)


@dataclass(frozen=True)
class _Plan:
    """What is going to be compared; ``tables``: whose rows, as (schema, table)."""

    mode: Literal["full", "sampled"]
    tables: frozenset[tuple[str, str]]
    notes: tuple[str, ...]


def verify_chain(context: Context, mode: Mode, stopping: threading.Event | None = None) -> dict[str, Any]:
    """Restore and compare the newest chain of this site; the result is kept in ``signals`` and returned.

    Raises:
        ConfigError: ``mode`` is "off".
        NoBackupError: there is no backup of the present epoch.
        AgentError and its kinds: it could not be tried; that proves nothing.
    """
    if mode == "off":
        raise ConfigError('verify.mode is "off"; set it to "auto", "full" or "sampled"')
    stopping = stopping or threading.Event()
    epoch = read_epoch(context.control)
    found = newest_first(context.backups, survey(context.backups), 1)
    if not found or found[0].epoch != epoch.epoch:
        raise NoBackupError(f"there is no complete backup of epoch {epoch.epoch} to verify; run: agent dump")
    base = found[0]
    limit = context.config.verify.full_up_to_mb * 1e6 if context.config.verify else float("inf")
    plan = _plan(base, mode, limit)
    require_room(context.config.state_dir, _bytes_of(base, plan))
    _log.info("verifying %s, %s: %d tables", base.backup, plan.mode, len(plan.tables))
    result = _try(context, base, plan, stopping)
    if stopping.is_set():
        raise AgentError("the verification was given up, because the agent was told to stop")
    written = write_verification(context.signals, result)
    if result.ok:
        _log.info("%s is verified in %.1f s (%s)", base.backup, result.seconds, written)
    else:
        _log.error("%s is NOT good: %s (%s)", base.backup, result.error, written)
    return asdict(result)


def _try(context: Context, base: Manifest, plan: _Plan, stopping: threading.Event) -> Verification:
    began = time.monotonic()
    error, proof = "", _Proof(list(plan.notes))
    server_lives = threading.Event()
    try:
        with scratch_server(
            context.config.state_dir,
            lower_case_table_names=base.lower_case_table_names,
            zones=base.time_zones,
            stopping=stopping,
        ) as account:
            try:
                _prove(_Scratch(context, account, stopping), base, plan, proof)
            finally:
                with suppress(DatabaseError), session(account):
                    server_lives.set()
    except _FAILURES as failed:
        if not condemns(failed, server_lives=server_lives.is_set()):
            raise _nothing_proved(base, failed, server_lives=server_lives.is_set()) from failed
        error = str(failed)
    return Verification(
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        site=context.config.site,
        epoch=base.epoch,
        backup=base.backup,
        mode=plan.mode,
        tables=tuple(sorted(f"{schema}.{table}" for schema, table in plan.tables)),
        gtid=proof.gtid,
        next_backup=proof.next_backup,
        seconds=round(time.monotonic() - began, 3),
        ok=not error,
        base_ok=proof.base_ok,
        error=error,
        notes=tuple(dict.fromkeys(proof.notes)),
    )


def _nothing_proved(base: Manifest, failed: AgentError, *, server_lives: bool) -> AgentError:
    if not server_lives:
        return DatabaseError(f"the scratch server died during the verification: {failed}")
    return AgentError(f"{base.backup} could not be verified, which says nothing of it: {failed}")


@dataclass
class _Proof:
    """What was shown so far; see ``Verification``."""

    notes: list[str]
    base_ok: bool = False
    gtid: str = ""
    next_backup: str = ""


@dataclass(frozen=True)
class _Scratch:
    """The scratch server and what is done with it."""

    context: Context
    account: Login
    stopping: threading.Event

    def load(self, base: Manifest, rewrite: Rewriter) -> None:
        with session(self.account, read_timeout_s=None) as database:
            clear(database, base.schemas)
            store = self.context.backups
            load(find("mysql"), self.account, database, store, base, rewrite=rewrite, phase=_untimed)

    def compare(self, wanted: Manifest) -> list[str]:
        """Dump the copy; returns what the comparison had to leave out."""
        limits = Limits(self._stall_s, self.stopping)
        return verify(find("mysqldump"), self.account, wanted, limits, self.context.backups)

    def look(self, base: Manifest) -> Sight:
        """What the copy of ``base`` holds now."""
        return look(find("mysqldump"), self.account, base, Limits(self._stall_s, self.stopping))

    def compare_with(self, wanted: Sight) -> list[str]:
        """Dump the copy and compare it with another one; returns what had to be left out."""
        return verify_same(find("mysqldump"), self.account, wanted, Limits(self._stall_s, self.stopping))

    @property
    def _stall_s(self) -> float:
        return self.context.config.dump.stall_s

    def replay(self, base: Manifest, run: Run, wanted: GtidSet) -> None:
        """Replay ``wanted`` of the log behind ``base`` onto its copy."""
        with session(self.account, read_timeout_s=None) as database:
            catch_up(
                self.account,
                database,
                self.context.backups,
                run,
                start=Start.at(base, enabled_events(base)),
                wanted=wanted,
                schemas=base.schemas,
                names={},
            )


def _prove(scratch: _Scratch, base: Manifest, plan: _Plan, proof: _Proof) -> None:
    """The base by its hashes; then the log behind it; then, from an older base, the log before it."""
    rewrite = _Sampler(plan.tables) if plan.mode == "sampled" else Rewriter({}, {})
    scratch.load(base, rewrite)
    proof.notes += scratch.compare(_as_loaded(base, plan))
    proof.base_ok = True
    if plan.mode == "sampled" or not base.gtid_before:
        return
    store = scratch.context.backups
    log = survey_log(store, base.epoch)
    if not log.pieces:
        proof.notes.append("there is no archived log of this epoch")
        return
    run = log.run_for(GtidSet.parse(base.gtid_before))
    tail = read_tail(store, run, base, None)
    if tail.end:
        raise LogError(tail.end)
    if tail.ambiguous or not covers(base, tail.gtids):
        proof.notes.append(
            f"the log was not replayed onto it: {tail.ambiguous or 'it does not reach past the snapshot yet'}"
        )
    elif tail.gtids:
        scratch.replay(base, run, tail.gtids)
        proof.gtid = str(reached(base, tail.gtids))
    _prove_the_log_before(scratch, base, log, proof)


def _prove_the_log_before(scratch: _Scratch, base: Manifest, log: Log, proof: _Proof) -> None:
    """An older base and the log behind it must give what this one gives, hash by hash.

    Compared is where both are known to hold the same transactions: at this base's snapshot, when nobody wrote
    meanwhile; else behind the log that was replayed onto it, which the scratch server still holds.
    """
    still = base.gtid_before == base.gtid_after
    if not still and not proof.gtid:
        proof.notes.append("its snapshot was taken under writes, and no log behind it is there to compare at")
        return
    end = GtidSet.parse(base.gtid_before if still else proof.gtid)
    found = _leading_to(end, scratch.context.backups, base, log)
    if found is None:
        proof.notes.append("no older base with the log up to this one")
        return
    older, run, between = found
    sight = None if still else scratch.look(base)
    scratch.load(older, Rewriter({}, {}))
    scratch.replay(older, run, between)
    try:
        _ = scratch.compare(base) if sight is None else scratch.compare_with(sight)
    except VerificationError as error:
        raise VerificationError(
            f"{older.backup} and the log behind it do not lead to {base.backup}: {error}"
        ) from error
    proof.next_backup = base.backup
    where = "" if still else ", each with its log up to the archived end"
    proof.notes.append(f"{older.backup} and the log behind it give the same{where}")


def _leading_to(
    end: GtidSet, store: BlobStore, base: Manifest, log: Log
) -> tuple[Manifest, Run, GtidSet] | None:
    """An older base, its log, and what of that leads to ``end``."""
    for older in islice(_older_than(base, store), _OLDER):
        run = log.run_for(GtidSet.parse(older.gtid_before))
        between = end - GtidSet.parse(older.gtid_before)
        if older.schemas != base.schemas or not between <= run.gtids:
            continue
        tail = read_tail(store, run, older, between)
        fits = tail.gtids == between and not tail.end and not tail.ambiguous
        if between and fits and covers(older, tail.gtids):
            return older, run, between
    return None


def _older_than(base: Manifest, store: BlobStore) -> Iterator[Manifest]:
    """The bases of the same epoch that were dumped before this one, newest first.

    Other dumps may have ended since this one was chosen: it need not be the newest any more.
    """
    for batch in batches(store, survey(store), _OLDER):
        yield from (other for other in batch if other.epoch == base.epoch and other.sequence < base.sequence)
        if batch[0].epoch < base.epoch:
            return


@contextmanager
def _untimed(_: str) -> Generator[None]:
    yield


def _plan(base: Manifest, mode: Mode, limit: float) -> _Plan:
    sizes = {(s, t): rows.bytes for s, tables in base.tables.items() for t, rows in tables.items()}
    if mode == "full" or (mode == "auto" and base.raw_bytes <= limit):
        return _Plan("full", frozenset(sizes), ())
    order = sorted(sizes)
    random.shuffle(order)
    chosen: set[tuple[str, str]] = set()
    left = limit
    for table in order:
        if sizes[table] <= left:
            chosen.add(table)
            left -= sizes[table]
    if not chosen and order:
        chosen.add(min(order, key=lambda table: sizes[table]))
    notes = (
        f"sampled: the rows of {len(chosen)} of {len(sizes)} tables; the log was not replayed",
        *(f"{s}.{t} exceeds verify.full_up_to_mb: never sampled" for s, t in order if sizes[s, t] > limit),
    )
    return _Plan("sampled", frozenset(chosen), notes)


def _bytes_of(base: Manifest, plan: _Plan) -> int:
    return sum(base.tables[schema][table].bytes for schema, table in plan.tables)


def _as_loaded(base: Manifest, plan: _Plan) -> Manifest:
    """What the copy must look like: tables that were not sampled are there, and empty."""

    def rows(schema: str, table: str, held: TableRows) -> TableRows:
        return held if (schema, table) in plan.tables else no_rows(ordered=held.ordered)

    tables: Mapping[str, Mapping[str, TableRows]] = {
        schema: {table: rows(schema, table, held) for table, held in inner.items()}
        for schema, inner in base.tables.items()
    }
    return replace(base, tables=tables)


class _Sampler(Rewriter):
    """Leaves out the rows of all tables but some."""

    def __init__(self, tables: frozenset[tuple[str, str]]) -> None:
        super().__init__({}, {})
        self._chosen = tables
        self._schema = ""

    def __call__(self, line: bytes) -> bytes:
        rewritten = super().__call__(line)
        if self.kind is Kind.USE:
            self._schema = _name(line, b"USE ")
        elif self.kind is Kind.INSERT and (self._schema, _name(line, b"INSERT INTO ")) not in self._chosen:
            self.kind = Kind.OTHER
            return b""
        return rewritten


def _name(line: bytes, start: bytes) -> str:
    found = re.compile(re.escape(start) + IDENTIFIER).match(line)
    return name(found[1]) if found else ""
