"""The tail of the log behind a base, read once before anything is touched: how far it carries, and why.

So a damaged or unusable piece is met here, and never in the middle of a replay: what is replayed afterwards
is exactly the set of transactions that was found good.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from agent.archive.flaws import flaw_of, schemas_of
from agent.archive.reading import Target, transactions
from agent.archive.run import Log, Piece, Run
from agent.binlog.events import Event, Query, Type, read_query
from agent.binlog.rows_map import read_table_map
from agent.binlog.transactions import Transaction
from agent.errors import LogError
from agent.gtid import GtidSet
from agent.manifest import Manifest
from agent.replay.ddl import ambiguous
from agent.replay.progress import Progress
from agent.replay.statements import tokens
from agent.storage import BlobStore

_TABLE_ID_BYTES = 6  # at the head of a TABLE_MAP; another one each time that the server opens the table


@dataclass(frozen=True)
class Tail:
    """What can be replayed onto a base.

    Attributes:
        gtids: the transactions, in the log's order without a hole.
        transactions, bytes: how many, and how long their events are.
        through_us: commit time of the last one; 0 without any.
        end: why it ends before the archived log does, as a sentence; empty when it does not.
        ambiguous: why this base cannot be replayed onto at all; empty when it can.
        names: lower-case name -> spelling, of tables and views that it names with capitals.
    """

    gtids: GtidSet
    transactions: int
    bytes: int
    through_us: int
    end: str
    ambiguous: str
    names: Mapping[str, str]


NOTHING = Tail(GtidSet({}), 0, 0, 0, "", "", {})


def read_tail(store: BlobStore, run: Run, manifest: Manifest, to: Target | None) -> Tail:
    """Read the log behind ``manifest`` up to ``to``; every byte of it is proved.

    Raises:
        StorageError: the container cannot be read.
    """
    before = GtidSet.parse(manifest.gtid_before)
    progress, count, through_us = Progress(GtidSet.parse(manifest.gtid_after) - before), 0, 0
    look = _Look(manifest)
    end = ""
    try:
        for transaction in transactions(store, run, after=before, to=to):
            look.at(transaction, in_window=progress.in_window(transaction.gtid))
            if look.flaw:
                end = (
                    "the archived log can be replayed up to the transaction before "
                    f"{transaction.gtid}, which is {look.flaw}"
                )
                break
            progress.add(transaction.gtid)
            count += 1
            through_us = transaction.committed_us
        else:
            # Of a time behind the last transaction nobody knows what a hole there has swallowed.
            end = run.hole if to is None or (isinstance(to, int) and to > run.through_us) else ""
    except LogError as error:
        end = str(error)
    if to is not None and not end:
        look.behind(store, run, before | progress.gtids)
    return Tail(progress.gtids, count, look.bytes, through_us, end, look.ambiguous, look.names)


class _Look:
    """Reads transactions to their ends; remembers what stands in the way."""

    def __init__(self, manifest: Manifest) -> None:
        self._schemas = manifest.schemas
        self._dumped = {schema.lower() for schema in manifest.schemas}
        self._dumping = GtidSet.parse(manifest.gtid_end) - GtidSet.parse(manifest.gtid_after)
        self._exact = manifest.gtid_exact is not None
        self._ordered = {
            (schema.lower(), table.lower())
            for schema, tables in manifest.ordered_tables.items()
            for table in tables
        }
        self.flaw = ""
        self.ambiguous = ""
        self.bytes = 0
        self.names: dict[str, str] = {}
        self._seen: set[bytes] = set()
        self._changed: set[str] = set()  # schemas, by the present transaction

    def at(self, transaction: Transaction, *, in_window: bool) -> None:
        """Read one transaction."""
        self._changed.clear()
        events = self._watched(transaction, in_window=in_window and not self._exact)
        if in_window or transaction.gtid in self._dumping:
            self._define(replace(transaction, events=events), opened=not in_window)
        for _ in events:
            pass

    def behind(self, store: BlobStore, run: Run, known: GtidSet) -> None:
        """Look at what was committed after ``known``, a target, and before the dump's end: a definition of
        that is in the dump before its time."""
        rest = self._dumping - known
        if not rest:
            return
        with suppress(LogError):  # what lies behind the target is not needed
            for transaction in transactions(store, run, after=known, to=rest):
                if transaction.gtid in rest:
                    self._define(transaction, opened=True)

    def _define(self, transaction: Transaction, *, opened: bool) -> None:
        reason = ambiguous([transaction], self._schemas, opened=opened)
        self.ambiguous = self.ambiguous or reason or ""

    def _watched(self, transaction: Transaction, *, in_window: bool) -> Iterator[Event]:
        for event in transaction.events:
            self.bytes += len(event.raw)
            query = read_query(event) if event.type == Type.QUERY else None
            self.flaw = self.flaw or self._flaw(event, query)
            if event.type == Type.TABLE_MAP:
                self._table(event, transaction.gtid, in_window=in_window)
            elif query is not None:
                self._learn(*_named(query.statement))
            yield event

    def _learn(self, *names: str) -> None:
        self.names |= {name.lower(): name for name in names if name != name.lower()}

    def _flaw(self, event: Event, query: Query | None) -> str:
        """What makes the event useless, unless it is about other schemas only."""
        flaw, schemas = flaw_of(event, query), schemas_of(event, query)
        if schemas is None:
            return flaw
        self._changed.update(schema.lower() for schema in schemas)
        # Rows do not say of which schema they are: of one that the transaction announced.
        about = {schema.lower() for schema in schemas} or self._changed
        ours = not about or not about.isdisjoint(self._dumped)
        return flaw if ours else ""

    def _table(self, event: Event, gtid: str, *, in_window: bool) -> None:
        """Without the exact set, whether the dump holds an ordered table's change is not known."""
        described = bytes(event.body[_TABLE_ID_BYTES:])
        if described in self._seen and not in_window:
            return
        self._seen.add(described)
        mapped = read_table_map(event.body)
        table = (mapped.schema.lower(), mapped.table.lower())
        if table[0] in self._dumped:
            self._learn(mapped.table)
        if in_window and (table in self._ordered or (not self._ordered and table[0] in self._dumped)):
            self.ambiguous = self.ambiguous or (
                f"{mapped.schema}.{mapped.table} was written while its snapshot was taken ({gtid}), and the "
                "dump may hold that or not"
            )


def _named(statement: bytes) -> Iterator[str]:
    """The names that a statement gives to tables and views, as it spells them.

    Words that only stand where a name could (RENAME COLUMN) do no harm: no table has such a name.
    """
    if statement in (b"BEGIN", b"COMMIT"):
        return
    found = list(tokens(statement))
    words = [token.text if token.kind == "word" else "" for token in found]
    for at, word in enumerate(words):
        creates = words[0] == "CREATE" and word in ("TABLE", "VIEW")
        if not creates and word not in ("RENAME", "TO"):
            continue
        name = at + 4 if words[at + 1 : at + 2] == ["IF"] else at + 1
        if [token.text for token in found[name + 1 : name + 2]] == ["."]:
            name += 2
        for token in found[name : name + 1]:
            yield statement[token.start : token.end].decode(errors="replace").strip("`").replace("``", "`")


def covers(manifest: Manifest, gtids: GtidSet) -> bool:
    """Whether a replay of ``gtids`` gets past the base's snapshot, so that no row is older than another."""
    return GtidSet.parse(manifest.gtid_after) <= GtidSet.parse(manifest.gtid_before) | gtids


def reached(manifest: Manifest, gtids: GtidSet) -> GtidSet:
    """What a database holds for certain after ``gtids`` were replayed onto the base."""
    return GtidSet.parse(manifest.gtid_before) | gtids


def committed_after(store: BlobStore, log: Log, time_us: int) -> GtidSet:
    """The transactions of the log that were committed later than a time, or may have been: those in a hole
    and those that cannot be read.

    Raises:
        StorageError: the container cannot be read.
    """
    later = _lost_after(log, time_us)
    for at, piece in enumerate(log.pieces):
        if piece.last_us <= time_us:
            continue
        later |= piece.gtids
        if piece.first_us <= time_us:
            later -= _until(store, _with_beginning(log.pieces, at), time_us)
    return later


def _lost_after(log: Log, time_us: int) -> GtidSet:
    """What is missing in holes of the log whose other side is later than a time."""
    lost, held = GtidSet({}), GtidSet({})
    known: GtidSet | None = None
    for piece in sorted((piece for piece in log.pieces if piece.gtids), key=lambda piece: piece.first_us):
        known = piece.before if known is None else known  # older than the log itself
        if piece.first_us > time_us:
            lost |= piece.before - known
        known |= piece.after
        held |= piece.gtids
    return lost - held


def _with_beginning(pieces: Sequence[Piece], at: int) -> Sequence[Piece]:
    """The piece, and those before it in which the transaction began that it begins inside of."""
    first = at
    while first and pieces[first - 1].open_gtid and pieces[first - 1].is_followed_by(pieces[first]):
        first -= 1
    return pieces[first : at + 1]


def _until(store: BlobStore, pieces: Sequence[Piece], time_us: int) -> GtidSet:
    run = Run(tuple(pieces), pieces[0].before, GtidSet({}), 0, "", ())
    progress = Progress(None)
    try:
        for transaction in transactions(store, run, after=GtidSet({}), to=time_us):
            progress.add(transaction.gtid)
    except LogError:
        pass  # what cannot be read counts as later: a base that may hold it is not used
    return progress.gtids
