"""The steps of a restore, and what they share."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace as changed

from agent.badbase import remembered
from agent.catchup import Start, catch_up, figures, require_objects
from agent.chain import Choice, Leg
from agent.clients import find
from agent.config import Site
from agent.context import Context
from agent.database import Login, Session, server_lock, session
from agent.dump import quarantine
from agent.epoch import Epoch, read_epoch
from agent.errors import NotWriterError, RestoreError, StorageError
from agent.gtid import GtidSet
from agent.guard import Target as State
from agent.guard import inspect, require_schemas
from agent.handover.auto_increment import raise_auto_increment
from agent.load import clear, load
from agent.manifest import Manifest, own_names
from agent.marker import Marker, keep_report, read_marker, write_marker
from agent.mysqldump import Limits
from agent.objects import count_objects
from agent.opening import become_writer, finish_opening
from agent.replay.plan import Replayed
from agent.report import Report, now
from agent.rewrite import Rewriter
from agent.target import folds_names, require_fit
from agent.verify import enabled_events, verify

_RESTORE_LOCK = "pilotlight-restore"


@dataclass(frozen=True)
class Run:
    """What the steps of one restore share."""

    context: Context
    report: Report
    account: Login
    database: Session
    epoch: Epoch

    @classmethod
    @contextmanager
    def opened(
        cls, context: Context, report: Report, *, patience_s: float, epoch: Epoch | None = None
    ) -> Generator[Run]:
        """Hold the server's restore lock.

        Args:
            patience_s: how many seconds to wait for a server that does not answer yet.
            epoch: as the caller read it and decided on it; None: it is read now.

        Raises:
            BusyError: another restore holds it.
        """
        account = context.login()
        with session(account, patience_s=patience_s) as database:
            busy = f"another restore into {report.host} is running; wait for it"
            with server_lock(database, _RESTORE_LOCK, 0, busy):
                seen = read_epoch(context.control) if epoch is None else epoch
                report.epoch = seen.epoch
                yield cls(context, report, account, database, seen)

    @property
    def site(self) -> Site:
        """Whose database it is."""
        return self.context.config.site

    @property
    def schemas(self) -> tuple[str, ...]:
        """As this server spells them."""
        return self.context.config.database.schemas

    def look(self) -> tuple[Marker | None, State]:
        """What the database is."""
        marker = read_marker(self.database)
        state = inspect(self.database, self.schemas, marker)
        self.report.target = state.value
        return marker, state

    def require_fit(self, choice: Choice) -> None:
        """Check the configuration and the server against the backup, before anything is touched.

        Raises:
            GuardError: the backup is of other schemas than were looked at here, and are replaced.
            RestoreError: see ``agent.target``.
        """
        manifest = choice.manifest
        require_schemas(self.schemas, manifest.schemas, manifest.backup)
        self.report.warnings += [*manifest.warnings, *require_fit(self.database, manifest)]

    def keep_what_is_replaced(self, state: State) -> None:
        """Name the transactions that only this server has, and keep a dump of it."""
        fork = GtidSet.parse(self.epoch.fork_gtid)
        if fork:
            self.report.diverged_gtid = str(GtidSet.parse(self.database.gtid_executed()) - fork)
        if state in (State.FOREIGN, State.RESTORED):
            with self.report.phase("quarantine"):
                self.report.quarantine = quarantine(self.context, self.epoch.epoch)

    def require_still_wanted(self) -> None:
        """Look again whether a copy is wanted here: choosing and keeping what is replaced take long.

        Raises:
            NotWriterError: another epoch began, or the order was withdrawn; nothing was replaced.
        """
        order, present = self.epoch.order, self.require_same_epoch().order
        if order is not None and (present is None or present.withdrawn):
            raise NotWriterError(f"order {order.id} was withdrawn; nothing was replaced")

    def require_same_epoch(self) -> Epoch:
        """The epoch as it is now.

        Raises:
            NotWriterError: another one began since it was decided to restore; nothing was replaced.
        """
        present = read_epoch(self.context.control)
        if (present.epoch, present.writer) != (self.epoch.epoch, self.epoch.writer):
            raise NotWriterError(
                f"epoch {present.epoch} began with {present.writer} as the writer while epoch "
                f"{self.epoch.epoch} was about to be restored; nothing was replaced"
            )
        return present

    def replace(self, choice: Choice) -> Marker:
        """Load the chain and prove it; the marker, as it is in the database then."""
        report, manifest = self.report, choice.manifest
        mysqldump = find("mysqldump")
        folds = folds_names(self.database)
        marker = changed(_marker(choice, folds=folds), pinned=bool(report.to or report.named))
        with report.phase("clear"):
            write_marker(self.database, marker)
            clear(self.database, self.schemas)
        names = respelt(manifest, folds=folds)
        with remembered(self.context, manifest):
            self._load(manifest, names)
            with report.phase("verify"):
                limits = Limits(self.context.config.dump.stall_s)
                store = self.context.restore_from
                report.warnings += verify(mysqldump, self.account, manifest, limits, store)
        report.tables_verified = manifest.objects.get("tables", 0)
        counts, replayed = dict(manifest.objects), None
        for leg in choice.legs:
            if leg.tail.transactions:
                replayed = self.catch_up(leg, marker.enabled_events, respelt(leg.manifest, folds=folds))
                marker = changed(marker, enabled_events=replayed.events)
            counts = require_objects(self.database, self.schemas, counts, replayed)
        _require_tables(choice, count_objects(self.database, self.schemas)["tables"])
        if choice.before_fork is not None:
            # That epoch's writer began by raising them (agent.opening). Its archived log need not show it: it
            # may be empty, or begin behind that.
            raise_auto_increment(self.database, self.schemas)
        report.objects, report.loaded = counts, True
        # Before the marker: whoever finds a proved copy, and no report of it in the vault, finds it here.
        self.keep_report()
        marker = changed(marker, state="verified")
        write_marker(self.database, marker)
        return marker

    def keep_report(self) -> None:
        """Keep the report as it is by now beside the data; the vault gets it when all is done."""
        keep_report(self.database, vars(self.report) | {"finished": now()})

    def take_over(self, marker: Marker) -> None:
        """Become the writer with the copy that ``marker`` describes.

        Raises:
            GuardError, NotWriterError: see ``become_writer``.
            StorageError: the epoch cannot be written, as by an identity that may only read it.
        """
        with self.report.phase("take over"):
            try:
                epoch = become_writer(
                    self.database,
                    self.context.control,
                    self.epoch,
                    self.context.config,
                    marker,
                    named=bool(self.report.named),
                )
            except StorageError as error:
                if self.epoch.writer != self.site:
                    raise
                raise StorageError(
                    f"{error}; the copy is complete. Where this identity may only read the epoch, let it "
                    "serve without --take-over (python -m agent restore), and raise epoch in "
                    "control/epoch.json by one yourself"
                ) from error
            self.report.epoch = epoch.epoch

    def open(self, marker: Marker) -> None:
        """Let the copy serve the epoch whose writer this site is already: its server was lost.

        Raises:
            DatabaseError: see ``finish_opening``.
        """
        with self.report.phase("open"):
            finish_opening(self.database, self.epoch, self.context.config, marker)

    def _load(self, manifest: Manifest, names: Mapping[str, str]) -> None:
        schemas = {schema.lower(): schema for schema in self.schemas}
        load(
            find("mysql"),
            self.account,
            self.database,
            self.context.restore_from,
            manifest,
            rewrite=Rewriter(names, schemas),
            phase=self.report.phase,
        )

    def catch_up(self, leg: Leg, events: Sequence[tuple[str, str]], names: Mapping[str, str]) -> Replayed:
        """Replay log.

        Args:
            events: (schema, name) of those that are enabled on the source where it begins.
            names: lower-case table names -> how this server spells them.
        """
        with self.report.phase("replay"):
            replayed = catch_up(
                self.account,
                self.database,
                self.context.restore_from,
                leg.run,
                start=Start.at(leg.manifest, events),
                wanted=leg.tail.gtids,
                schemas=self.schemas,
                names=names,
            )
        self.report.log |= figures(replayed)
        self.report.warnings += replayed.warnings
        return replayed


def _require_tables(choice: Choice, tables: int) -> None:
    """Refuse to call an empty database a copy.

    Raises:
        RestoreError: the log behind the base drops all that it had.
    """
    if choice.manifest.objects.get("tables") and not tables:
        raise RestoreError(
            f"the log behind {choice.manifest.backup} drops every table that it has, up to {choice.reached}: "
            "name a time before that: python -m agent restore --to TIME"
        )


def respelt(manifest: Manifest, *, folds: bool) -> Mapping[str, str]:
    """Lower-case table names -> the capitals that they get back where the source folded names."""
    return manifest.original_names if manifest.lower_case_table_names and not folds else {}


def _marker(choice: Choice, *, folds: bool) -> Marker:
    manifest = choice.manifest
    names = {**manifest.original_names, **own_names(manifest)}
    for leg in choice.legs:
        names |= leg.tail.names
    return Marker(
        state="loading",
        backup=manifest.backup,
        backup_epoch=choice.last.epoch,
        backup_gtid=str(choice.reached),
        served_epoch=0,
        enabled_events=tuple(enabled_events(manifest)),
        original_names=names if folds else {},
    )
