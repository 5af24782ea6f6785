"""One round: load and faults, then a restore, then the comparison with what must be there."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from agent.gtid import GtidSet
from tests.agent.differential import differences, snapshot
from tests.faults.agents import AgentProcess
from tests.faults.misfortune import Faults
from tests.faults.mishap import suffer
from tests.faults.oracle import Committed
from tests.faults.plan import Plan
from tests.faults.stage import Stage
from tests.faults.statements import SCHEMA
from tests.faults.workload import Session

_LOAD_PATIENCE_S = 120.0
_END_PATIENCE_S = 180.0
_NO_BACKUP = 9
_BUSY = 6
_RETRIED = {4, 5, 6, 11, 14}


class RoundError(AssertionError):
    """What was promised did not hold."""


@dataclass
class Outcome:
    """What a round saw; for its one line of progress."""

    transactions: int = 0
    restored: int = 0
    acknowledged: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        notes = f" ({'; '.join(self.notes)})" if self.notes else ""
        return f"{self.restored} of {self.transactions} transactions restored, {self.seconds:.1f} s{notes}"


class Round:
    """Plays one plan on a stage."""

    def __init__(self, stage: Stage, plan: Plan) -> None:
        self._stage, self._plan = stage, plan
        self._random = Random(f"{plan.seed}/round")
        self._outcome = Outcome()
        self._faults = Faults(stage, service=plan.service, random=self._random)
        self._why = ""
        self._report: dict[str, Any] = {}

    def play(self) -> Outcome:
        """Play it.

        Raises:
            RoundError: something that was promised did not hold.
        """
        began = time.monotonic()
        stage, plan = self._stage, self._plan
        stage.begin(plan.seed)
        try:
            with self._sessions() as sessions:
                stage.proxy.set(*plan.troubles)
                self._faults.first_dump()
                self._load(sessions)
                if plan.ending == "disaster":
                    self._faults.kill_agents()
                for session in sessions:
                    session.end()
                    session.join()
            if plan.ending == "quiet":
                self._settle()
                if plan.verified:
                    self._verify()
            self._faults.kill_agents()
            self._outcome.acknowledged = sum(len(session.acknowledged) for session in sessions)
            self._restore_and_compare({n for session in sessions for n in session.acknowledged})
            self._look_at_backups()
            self._look_at_logs()
        finally:
            self._faults.kill_agents()
        self._outcome.seconds = time.monotonic() - began
        return self._outcome

    # -- the load and its faults

    @contextlib.contextmanager
    def _sessions(self) -> Generator[list[Session]]:
        sessions = [
            Session(self._stage.source, number, self._plan.seed, calm=self._plan.based) for number in (1, 2)
        ]
        for session in sessions:
            session.start()
        try:
            yield sessions
        finally:
            for session in sessions:
                session.end()
                session.join()

    def _load(self, sessions: list[Session]) -> None:
        due = list(self._plan.faults)
        end = time.monotonic() + _LOAD_PATIENCE_S
        while self._plan.based and not self._has_backup() and time.monotonic() < end:
            if self._plan.service:
                self._faults.keep_running()
            self._faults.dump_again()
            time.sleep(0.05)
        for session in sessions:
            session.calm = False
        begun = sum(session.done for session in sessions)
        while (done := sum(session.done for session in sessions) - begun) < self._plan.steps or due:
            while due and due[0][0] <= done:
                self._faults.happen(due.pop(0)[1])
            self._faults.keep_running()
            if time.monotonic() > end:
                raise RoundError(f"the load came to {done} of {self._plan.steps} steps only")
            time.sleep(0.01)

    def _has_backup(self) -> bool:
        blobs = self._stage.container("backups").list_blobs(name_starts_with="backup_")
        return any(blob.name.endswith(".json") for blob in blobs)

    def _settle(self) -> None:
        """All faults are over: everything must arrive in the archive, and a base for it."""
        stage = self._stage
        stage.proxy.set()
        self._faults.kill_agents()
        wanted = GtidSet.parse(stage.executed())
        once = self._faults.agent("archive", "--once", "--patience", "60")
        code = once.wait(_END_PATIENCE_S)
        if code not in (0, 14) or (code == 14 and not self._faults.holes):
            raise RoundError(f"archive --once ended with {code}: {once.said[-800:]}")
        if code == 0:
            archived = GtidSet.parse(once.document["archived_gtid"])
            based = [GtidSet.parse(one["gtid_before"]) for one in self._manifests()]
            # Without any base there is nothing to restore from, and the dump that follows holds it all.
            if based and not any(wanted <= archived | held for held in based):
                raise RoundError(f"archive --once left out {wanted - archived}")
        said = ""
        for _ in range(3):  # names of dumps have seconds, and one may be taken
            dump = self._faults.agent("dump")
            if dump.wait(_END_PATIENCE_S) == 0:
                return
            said = dump.said
            time.sleep(1)
        raise RoundError(f"dump failed after a quiet end: {said[-800:]}")

    def _verify(self) -> None:
        """A verdict is kept with the backups: a false one would send restores to worse chains."""
        verify = self._faults.agent("verify", "--mode", "full", state="verifier")
        if verify.wait(_END_PATIENCE_S):
            raise RoundError(f"a good chain was called bad: {verify.said[-1500:]}")

    # -- the restore and what must be true of it

    def _restore_and_compare(self, acknowledged: set[int]) -> None:
        stage, plan = self._stage, self._plan
        history = stage.oracle.history()
        self._outcome.transactions = len(history)
        words, wanted = self._target(history)
        if words and plan.older:
            names = [one["backup"] for one in self._manifests() if self._serves(one, history[:wanted])]
            words += ["--backup", self._random.choice(names)] if names else []
        restored = self._restore(words, history[:wanted])
        if restored is None:
            return
        position = _prefix(history, restored)
        if wanted and position != wanted:
            raise RoundError(
                f"{' '.join(words)} means {wanted} transactions, restored were {position}; {self._why}"
            )
        self._outcome.restored = position
        if plan.ending == "quiet" and not words and position < len(history):
            raise RoundError(f"{len(history) - position} transactions are missing after a quiet end")
        archived = self._archived()
        if not words and position < self._best(history, archived):
            raise RoundError(
                f"acknowledged by the Blob endpoint and not restored: {archived - restored}; {self._why}"
            )
        if not words and not archived <= restored and not self._report["log"]["end"]:
            raise RoundError(f"a hole that nobody mentions, before {archived - restored}; {self._why}")
        self._compare(history, restored)
        if plan.ending == "quiet" and not words:
            ids = {int(str(row[0])) for row in stage.target.execute(f"SELECT id FROM {SCHEMA}.ledger")}
            if acknowledged - ids:
                raise RoundError(f"acknowledged to the application and lost: {sorted(acknowledged - ids)}")

    def _best(self, history: list[Committed], archived: GtidSet) -> int:
        """How far the best chain in the container reaches, found out anew: a number of transactions."""
        best = 0
        for manifest in self._manifests():
            if manifest["gtid_exact"] is not None and not _is_mixed(manifest, history):
                held = GtidSet.parse(manifest["gtid_before"]) | archived
                inside = [GtidSet.parse(one.gtid) <= held for one in history]
                count = inside.index(False) if False in inside else len(inside)
                reach = GtidSet.parse(",".join(one.gtid for one in history[:count]))
                best = max(best, count if GtidSet.parse(manifest["gtid_after"]) <= reach else 0)
        return best

    def _compare(self, history: list[Committed], restored: GtidSet) -> None:
        """The copy against what the server's own log makes.

        A base that was restored alone, because the archived log does not get past the moment of its snapshot,
        holds more than it can prove: the state after some transaction of that moment, and that one whole.
        """
        stage, oracle = self._stage, self._stage.oracle
        copy = snapshot(stage.target, stage.tools, [SCHEMA])
        ledger = set(stage.target.execute(f"SELECT id FROM {SCHEMA}.ledger"))
        more: list[str] = []
        mixed = False
        if not self._report["log"].get("transactions"):
            backup = self._report["backup"]["backup"]
            mixed = any(one["backup"] == backup and _is_mixed(one, history) for one in self._manifests())
            window = GtidSet.parse(self._report["backup"]["gtid_after"]) - restored
            more = [one.gtid for one in history if GtidSet.parse(one.gtid) <= window]
        found: list[str] = []
        oracle.play(str(restored), [SCHEMA, "not_backed_up"])
        for gtid in ("", *more):
            if gtid:
                oracle.go_on(gtid)
            looked = more or mixed
            if looked and set(oracle.server.execute(f"SELECT id FROM {SCHEMA}.ledger")) != ledger:
                continue  # a look that costs little
            if mixed:
                self._outcome.notes.append(
                    "definitions changed during the dump: only the ledger was compared"
                )
                return
            found = differences(snapshot(oracle.server, stage.tools, [SCHEMA]), copy)
            if not found:
                return
        found = found or ["no moment of the snapshot has the copy's ledger"]
        raise RoundError(
            f"the copy is not what the server's own log makes ({self._why}):\n  " + "\n  ".join(found[:20])
        )

    def _target(self, history: list[Committed]) -> tuple[list[str], int]:
        """The words that ask for a moment of the round, and the number of transactions that they mean."""
        if self._plan.to == "end" or not history:
            return [], 0
        index = self._random.randrange(len(history) * 3 // 4, len(history))
        if self._plan.to == "gtid":
            gtids = GtidSet.parse(",".join(one.gtid for one in history[: index + 1]))
            return ["--to", str(gtids)], index + 1
        seconds, us = divmod(history[index].us, 1_000_000)
        moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=us)
        later = (at for at, one in enumerate(history) if one.us > history[index].us)
        return ["--to", moment.isoformat()], next(later, len(history))

    def _restore(self, words: list[str], wanted: list[Committed]) -> GtidSet | None:
        stage, plan = self._stage, self._plan
        stage.proxy.set(*plan.restore_troubles)
        if plan.mishap is not None:
            suffer(stage, plan.mishap, words)
        restore = stage.agent("azure", "restore", *words)
        code = restore.wait(_END_PATIENCE_S)
        if code in _RETRIED:  # by the troubles; without them it must work
            stage.proxy.set()
            restore = stage.agent("azure", "restore", *words)
            code = restore.wait(_END_PATIENCE_S)
        give_up = time.monotonic() + _END_PATIENCE_S
        while code == _BUSY and time.monotonic() < give_up:
            time.sleep(1)  # the server has yet to see that the session of a killed restore is gone
            restore = stage.agent("azure", "restore", *words)
            code = restore.wait(_END_PATIENCE_S)
        if code == _NO_BACKUP:
            self._refuse_unless_no_base(restore, wanted)
            return None
        if code:
            raise RoundError(f"restore {' '.join(words)} ended with {code}: {restore.said[-1500:]}")
        self._report = restore.document
        if not self._report["loaded"]:  # killed when the copy was proved: the next run publishes its report
            container = stage.container("signals")
            names = sorted(blob.name for blob in container.list_blobs(name_starts_with="restore-"))
            if not names:
                raise RoundError("the copy is proved, and no report of it is in the vault")
            self._report = json.loads(container.download_blob(names[-1]).readall())
        self._why = f"choice {self._report['choice']}, log {self._report['log']}"
        return GtidSet.parse(self._report["reached"]["gtid"])

    def _refuse_unless_no_base(self, restore: AgentProcess, wanted: list[Committed]) -> None:
        """No backup to restore is right only when there is none, or none that serves the target."""
        could = [manifest["backup"] for manifest in self._manifests() if self._serves(manifest, wanted)]
        if could:
            raise RoundError(f"restore found no backup, and {could} would do: {restore.said[-800:]}")
        self._outcome.notes.append("nothing to restore from")

    def _serves(self, manifest: dict[str, Any], wanted: list[Committed]) -> bool:
        """Whether a target is between this base and the archive's end; none always is."""
        if not wanted:
            return True
        target = GtidSet.parse(",".join(one.gtid for one in wanted))
        continued = target <= GtidSet.parse(manifest["gtid_before"]) | self._archived()
        usable = manifest["gtid_exact"] is not None and not _is_mixed(manifest, self._stage.oracle.history())
        return usable and (continued and GtidSet.parse(manifest["gtid_after"]) <= target)

    def _manifests(self) -> Generator[dict[str, Any]]:
        container = self._stage.container("backups")
        for blob in container.list_blobs(name_starts_with="backup_"):
            if blob.name.endswith(".json"):
                yield json.loads(container.download_blob(blob.name).readall())

    def _archived(self) -> GtidSet:
        """What the segments in the container hold, by zcat and mysqlbinlog."""
        container = self._stage.container("backups")
        folder = self._stage.folder / "segments"
        folder.mkdir(exist_ok=True)
        files: list[str] = []
        for number, blob in enumerate(container.list_blobs(name_starts_with="binlog/")):
            file = folder / f"{number:05d}"
            file.write_bytes(gzip.decompress(container.download_blob(blob.name).readall()))
            files.append(str(file))
        return self._stage.oracle.gtids_in(files) if files else GtidSet({})

    def _look_at_backups(self) -> None:
        """No bad backup was accepted: every manifest's data is there, whole, and what the manifest says."""
        container = self._stage.container("backups")
        for manifest in self._manifests():
            data = container.download_blob(manifest["backup"]).readall()
            if hashlib.sha256(data).hexdigest() != manifest["stored_sha256"]:
                raise RoundError(f"{manifest['backup']} is not what its manifest says")
            if b"\n-- Dump completed" not in gzip.decompress(data)[-200:]:
                raise RoundError(f"{manifest['backup']} has no end")

    def _look_at_logs(self) -> None:
        for log in self._stage.folder.glob("*/log"):
            text = log.read_text()
            if "Traceback" in text:
                raise RoundError(f"a mistake in the agent: {text[text.index('Traceback') :][:3000]}")


def _is_mixed(manifest: dict[str, Any], history: list[Committed]) -> bool:
    """Whether a definition may be newer than the rows: then the dump is of no moment, and restored alone."""
    later = GtidSet.parse(manifest["gtid_end"]) - GtidSet.parse(manifest["gtid_after"])
    return any(one.defines and one.gtid in later for one in history)


def _prefix(history: list[Committed], restored: GtidSet) -> int:
    """How many transactions from the beginning were restored.

    Raises:
        RoundError: one in between is missing.
    """
    inside = [GtidSet.parse(one.gtid) <= restored for one in history]
    count = inside.index(False) if False in inside else len(inside)
    if any(inside[count:]):
        raise RoundError(f"{history[count].gtid} is missing, and later ones were restored")
    return count
