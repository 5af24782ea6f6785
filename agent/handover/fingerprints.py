"""Fingerprints of all tables at one point of the log, most of them computed before it was reached.

A table is hashed again only when the archived log says that it was changed since. So the pause in which
nobody writes is as long as the changed tables take, and not as long as all of them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import closing

from agent.clients import find
from agent.context import Context
from agent.database import Session, session
from agent.dumpscan import Contents, DumpScanner, TableRows
from agent.epoch import Epoch, read_epoch
from agent.errors import DatabaseError
from agent.gtid import GtidSet
from agent.handover.changed import Changed, Table, changed_between
from agent.handover.order import Answer, Fingerprint
from agent.marker import read_marker
from agent.mysqldump import Limits, stream_dump
from agent.objects import changed_by_cascade

_log = logging.getLogger(__name__)


class Fingerprints:
    """Of this site's database. Not for use by two threads at once.

    A copy that is loaded anew needs ``refresh``: the log says nothing about a load.

    Attributes:
        at: what the fingerprints hold for certain; changes in it are in them. Empty before the first ones.
    """

    def __init__(self, context: Context, stopping: threading.Event) -> None:
        self._context, self._stopping = context, stopping
        self._schemas = context.config.database.schemas
        self._epoch = 0
        self._tables: dict[Table, Fingerprint] = {}
        self._spelt: dict[Table, str] = {}  # as the server has them
        self._objects: dict[str, int] = {}
        self.at = GtidSet({})

    def refresh(self) -> None:
        """Hash all tables now.

        Raises:
            DatabaseError, DumpError, StorageError, CredentialError: it cannot be done now.
        """
        self._hash_all(read_epoch(self._context.control))

    def at_end(self, end: GtidSet) -> tuple[Mapping[str, Fingerprint], Mapping[str, int]]:
        """(tables by ``schema.table`` in lower case, how many objects of each kind) at ``end``, as far as
        nothing was committed beyond it.

        Args:
            end: transactions of the present epoch's writer that the database holds, all of them archived.

        Raises:
            DatabaseError: the database does not hold them, or does not answer.
            DumpError, StorageError, CredentialError: it cannot be done now.
        """
        epoch = read_epoch(self._context.control)
        if epoch.epoch != self._epoch:
            self._hash_all(epoch)
        missing = end - self._held(epoch)
        if missing:
            raise DatabaseError(f"the database lacks {missing.count()} transactions that are to be compared")
        changed = self.changed(epoch, self.at, end)
        if changed.why_all:
            _log.info("all tables are hashed again: %s", changed.why_all)
            self._hash_all(epoch)
        elif changed:
            self._hash(changed.tables)
        self.at |= end
        return {f"{schema}.{table}": found for (schema, table), found in self._tables.items()}, self._objects

    def changed(self, epoch: Epoch, after: GtidSet, end: GtidSet) -> Changed:
        """What ``end`` changed in the dumped schemas and ``after`` had not, by the log of ``epoch``.

        Raises:
            StorageError: the log cannot be read.
        """
        ours = epoch.writer == self._context.config.site
        store = self._context.backups if ours else self._context.restore_from
        return changed_between(store, epoch.epoch, after, end, self._schemas)

    def _hash_all(self, epoch: Epoch) -> None:
        at = self._held(epoch)  # before the snapshot: whatever comes between is found in the log later
        self._tables, self._spelt = {}, {}
        self._take(self._scan())
        self.at, self._epoch = at, epoch.epoch

    def _hash(self, changed: Set[Table]) -> None:
        """Definitions anew, and the rows of ``changed`` and of what hangs on them by foreign keys."""
        with session(self._context.login()) as database:
            again = changed | changed_by_cascade(database, self._schemas, changed)
        rest = sorted(name for table, name in self._spelt.items() if table not in again)
        if again:
            _log.info("%d tables are hashed again", len(again))
            self._take(self._scan([f"--ignore-table={name}" for name in rest]))
        self._objects = self._scan(["--no-data"]).objects

    def _take(self, contents: Contents) -> None:
        for schema, tables in contents.tables.items():
            for table, rows in tables.items():
                key = (schema.lower(), table.lower())
                self._tables[key], self._spelt[key] = _fingerprint(rows), f"{schema}.{table}"
        self._objects = contents.objects

    def _scan(self, less: Sequence[str] = ()) -> Contents:
        limits = Limits(self._context.config.dump.stall_s, self._stopping)
        scanner = DumpScanner()
        dump = stream_dump(find("mysqldump"), self._context.login(), self._schemas, limits, less=less)
        with closing(dump) as stream:
            for data in stream:
                scanner.feed(data)
        return scanner.finish()

    def _held(self, epoch: Epoch) -> GtidSet:
        """What of the writer's history the database holds for certain."""
        with session(self._context.login()) as database:
            if epoch.writer == self._context.config.site:
                return GtidSet.parse(database.gtid_executed())
            return _copied(database)


def _copied(database: Session) -> GtidSet:
    marker = read_marker(database)
    if marker is None or marker.state != "verified":
        raise DatabaseError("the database holds no verified copy whose tables could be compared")
    return GtidSet.parse(marker.backup_gtid)


def _fingerprint(rows: TableRows) -> Fingerprint:
    return Fingerprint(rows.ordered, rows.rows_sha256, rows.bytes)


def differences(source: Answer, tables: Mapping[str, Fingerprint], objects: Mapping[str, int]) -> list[str]:
    """Where a copy is not what ``source`` said when it was drained, a sentence each.

    Events are not counted: those whose time is past vanish by themselves.
    """
    found = [_difference(name, source.tables, tables) for name in _all(source.tables, tables)]
    for kind in _all(source.objects, objects):
        wanted, counted = source.objects.get(kind, 0), objects.get(kind, 0)
        if kind != "events" and wanted != counted:
            found.append(f"{counted} {kind} instead of {wanted}")
    return [sentence for sentence in found if sentence]


def _difference(name: str, wanted: Mapping[str, Fingerprint], found: Mapping[str, Fingerprint]) -> str:
    if name not in found:
        return f"table {name} is missing"
    if name not in wanted:
        return f"table {name} is not on the source"
    if wanted[name] != found[name]:
        return f"the rows of {name} differ ({wanted[name].bytes} and {found[name].bytes} bytes)"
    return ""


def _all(one: Iterable[str], other: Iterable[str]) -> list[str]:
    return sorted({*one, *other})
