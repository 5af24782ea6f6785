"""Transactions that only this database has, kept as readable SQL before the database is replaced."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import IO

from agent.binlog.stream import read_previous_gtids
from agent.binlog.transactions import Transaction
from agent.config import Site
from agent.context import Context
from agent.database import Login, Session, session
from agent.epoch import Epoch
from agent.errors import AgentError, LogError
from agent.gtid import GtidSet
from agent.handover.diverged_log import CutError, Diverged, committed, look
from agent.handover.divergence_text import functions_text, head, iso, tail, transaction_head
from agent.handover.order import Divergence
from agent.handover.rendering import Rendered, Renderer
from agent.handover.reshaped import Reshaped
from agent.handover.spool import Spool
from agent.marker import read_marker
from agent.outflow import Outflow
from agent.replay.progress import Progress
from agent.replay.triggers import Trigger, triggers_of
from agent.storage import BlobExistsError, BlobStore

PREFIX = "quarantine_divergence_"
_DIGEST = 16
_IN_MEMORY = 8 << 20


def export(context: Context, epoch: Epoch, stopping: threading.Event) -> Divergence | None:
    """Keep what this database committed beyond the fork of ``epoch``, whose writer is another site's.

    Left out are transactions that touch only the server's own schemas, the agent's, or accounts. In the first
    epoch nothing has forked yet, and a database that was restored and has not served since holds nothing but
    what the restore wrote. Repeated, with the same transactions in the server's log, it finds the same blob.

    Returns:
        None when nothing is left.

    Raises:
        DatabaseError, StorageError, CredentialError: the server or the container cannot be reached.
        LogError: the log is damaged; or ``stopping`` was set.
        AgentError: there is no room for the text on this machine.
    """
    site = context.config.site
    account = context.login()
    with session(account) as database:
        marker = read_marker(database)
        if epoch.epoch == 1 or (marker is not None and not marker.served_epoch):
            return None
        unknown = _unknown(database, epoch)
        if unknown:
            nothing = Divergence("", "", 0, {}, "", "", "", unreadable=unknown)
            with _room(context) as folder, Spool(folder) as empty:
                return _keep(context.backups, site, epoch, nothing, _File([], (), (), empty))
        diverged = look(database, GtidSet.parse(epoch.fork_gtid), _previous_gtids(account, database))
        if not diverged.all:
            return None
        with _room(context) as folder, Spool(folder) as spool:
            read = _read(_Source(account, database, diverged, stopping), spool)
            found = _describe(read, diverged)
            if not found.gtid:
                return None
            triggers = triggers_of(database, read.schemas) if read.schemas else []
            file = _File(triggers, read.dropped, read.functions, spool)
            return _keep(context.backups, site, epoch, found, file)


def _unknown(database: Session, epoch: Epoch) -> str:
    """Why it cannot be told what diverged; empty when it can."""
    why = ""
    if database.variable("gtid_mode") != "ON":
        why = "this server does not number its transactions (gtid_mode is not ON)"
    elif not epoch.fork_gtid:
        why = f"epoch {epoch.epoch} does not say which transactions it began with"
    return why and (
        f"which transactions only this database has cannot be told, because {why}; the full dump that the "
        "restore keeps in quarantine holds their outcome"
    )


def _previous_gtids(account: Login, database: Session) -> Callable[[str], GtidSet]:
    purged = GtidSet.parse(str(database.value("SELECT @@GLOBAL.gtid_purged") or ""))

    def ask(file: str) -> GtidSet:
        try:
            return purged | read_previous_gtids(account, file)
        except LogError:  # written before the server numbered its transactions: nothing in it is wanted
            return purged

    return cache(ask)


@contextmanager
def _room(context: Context) -> Generator[Path]:
    folder = context.config.state_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        raise AgentError(
            f"the diverged transactions cannot be written to a temporary file in {folder}: "
            f"{error.strerror or error}; make room there"
        ) from error


@dataclass
class _Source:
    account: Login
    database: Session
    diverged: Diverged
    stopping: threading.Event


@dataclass
class _Read:
    """What the log held.

    Attributes:
        seen: all transactions that were read; counted: those that matter.
        changes: how many in these, by table. first_us, last_us: their commit times.
        flaws: why some are not in the text as statements -> which.
        functions: what JSON values need. dropped: triggers that the log drops, by schema and name.
    """

    schemas: tuple[str, ...] = ()
    seen: Progress = field(default_factory=lambda: Progress(None))
    counted: Progress = field(default_factory=lambda: Progress(None))
    changes: Counter[str] = field(default_factory=Counter[str])
    first_us: int = 0
    last_us: int = 0
    flaws: dict[str, Progress] = field(default_factory=dict[str, Progress])
    functions: dict[str, str] = field(default_factory=dict[str, str])
    dropped: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def add(self, transaction: Transaction, rendered: Rendered) -> None:
        self.counted.add(transaction.gtid)
        self.changes += rendered.changes
        self.first_us = self.first_us or transaction.committed_us
        self.last_us = transaction.committed_us
        self.functions |= rendered.functions
        self.dropped += rendered.dropped_triggers
        if rendered.flaw:
            self.flaws.setdefault(rendered.flaw, Progress(None)).add(transaction.gtid)


def _read(source: _Source, spool: Spool) -> _Read:
    """Render all into ``spool``; twice where a definition changed, which is known at the end only."""
    known = Reshaped()
    while True:
        spool.clear()
        renderer = Renderer(source.database, known)
        read = _Read(renderer.schemas)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(spool.folder)) as body:
            diverged = source.diverged
            for transaction in committed(source.account, diverged.file, diverged.readable, source.stopping):
                _render(renderer, transaction, read, body, spool)
        if renderer.reshaped == known:
            return read
        known = renderer.reshaped


def _render(renderer: Renderer, transaction: Transaction, read: _Read, body: IO[bytes], spool: Spool) -> None:
    body.seek(0)
    body.truncate()
    try:
        rendered = renderer.transaction(transaction, body)
    except CutError:
        renderer.drop()
        return
    read.seen.add(transaction.gtid)
    if not rendered.changes:
        return
    new = {name: text for name, text in rendered.functions.items() if name not in read.functions}
    read.add(transaction, rendered)
    total = sum(rendered.changes.values())
    spool.write(transaction_head(transaction.gtid, transaction.committed_us, total, rendered.flaw))
    spool.write(functions_text(new))
    body.seek(0)
    while piece := body.read(_IN_MEMORY):
        spool.write(piece)


def _describe(read: _Read, diverged: Diverged) -> Divergence:
    """Without its digest and blob."""
    lost = diverged.readable - read.seen.gtids
    gtids = read.counted.gtids | diverged.purged | lost
    reasons = [f"{progress.gtids}: {why}" for why, progress in sorted(_said(read.flaws))]
    if diverged.purged:
        reasons.append(
            f"{diverged.purged}: the server has purged its log of them, so it is not known what they changed"
        )
    if lost:
        reasons.append(
            f"{lost}: the server's log does not hold them, although it says that they were committed"
        )
    return Divergence(
        digest="",
        gtid=str(gtids),
        transactions=gtids.count(),
        statements=dict(sorted(read.changes.items())),
        blob="",
        first=iso(read.first_us) if read.first_us else "",
        last=iso(read.last_us) if read.last_us else "",
        unreadable="; ".join(reasons),
    )


def _said(flaws: dict[str, Progress]) -> Iterator[tuple[str, Progress]]:
    for why, progress in flaws.items():
        yield f"{why}; they are in the file as comments, or in part", progress


@dataclass(frozen=True)
class _File:
    """What the text is made of."""

    triggers: list[Trigger]
    dropped: Iterable[tuple[str, str]]
    functions: Iterable[str]
    spool: Spool

    def text(self, site: Site, epoch: Epoch, found: Divergence) -> Iterator[bytes]:
        """The text, piece by piece; can be asked for again."""
        yield head(site, epoch, found, self.triggers, self.dropped)
        yield from self.spool.pieces()
        yield tail(self.triggers, sorted(self.functions))


def _keep(store: BlobStore, site: Site, epoch: Epoch, found: Divergence, file: _File) -> Divergence:
    """Name the text by what it holds and upload it, unless that was done before."""
    digest = hashlib.sha256(f"{found.gtid}\n".encode())
    for piece in file.text(site, epoch, found):
        digest.update(piece)
    word = digest.hexdigest()[:_DIGEST]
    name = f"{PREFIX}{epoch.epoch}_{word}.sql.gz"
    if not any(entry.name == name for entry in store.entries(name)):
        with suppress(BlobExistsError), Outflow(store, name) as outflow:  # another run was faster
            for piece in file.text(site, epoch, found):
                outflow.write(piece)
            outflow.commit()
    return replace(found, digest=word, blob=name)
