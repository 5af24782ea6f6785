"""One round: load and faults, then a restore, then the comparison with what must be there."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import signal
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from agent.gtid import GtidSet
from tests.agent.differential import differences, snapshot
from tests.faults.agents import AgentProcess, child_processes
from tests.faults.oracle import Committed
from tests.faults.plan import Plan
from tests.faults.stage import Stage
from tests.faults.statements import SCHEMA
from tests.faults.workload import Session

_LOAD_PATIENCE_S = 120.0
_END_PATIENCE_S = 180.0
_RESTART_S = 0.3  # as systemd does after a crash
_NO_BACKUP = 9
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
        self._agents: list[AgentProcess] = []
        self._main: AgentProcess | None = None
        self._died_at = 0.0
        self._holes = False
        self._clock_s = 0.0
        self._why = ""

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
                self._first_dump()
                self._keep_running()
                self._load(sessions)
                if plan.ending == "disaster":
                    self._kill_agents()
                for session in sessions:
                    session.end()
                    session.join()
            if plan.ending == "quiet":
                self._settle()
            self._kill_agents()
            self._outcome.acknowledged = sum(len(session.acknowledged) for session in sessions)
            self._restore_and_compare({n for session in sessions for n in session.acknowledged})
            self._look_at_backups()
            self._look_at_logs()
        finally:
            self._kill_agents()
        self._outcome.seconds = time.monotonic() - began
        return self._outcome

    # -- the load and its faults

    @contextlib.contextmanager
    def _sessions(self):  # type: ignore[no-untyped-def]
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

    def _first_dump(self) -> None:
        if not self._plan.service:
            self._dump()

    def _keep_running(self) -> None:
        """Start the agent when it does not run, a moment after its death."""
        if self._main is not None and self._main.running:
            return
        if self._main is not None and not self._died_at:
            self._died_at = time.monotonic()
        if self._main is None or time.monotonic() - self._died_at > _RESTART_S:
            self._died_at = 0.0
            self._main = self._agent("run" if self._plan.service else "archive", clock_ahead_s=self._clock_s)

    def _agent(self, *words: str, state: str = "", **wrong: float) -> AgentProcess:
        started = self._stage.agent("aws", *words, state=state, **wrong)  # type: ignore[arg-type]
        self._agents.append(started)
        return started

    def _load(self, sessions: list[Session]) -> None:
        due = list(self._plan.faults)
        end = time.monotonic() + _LOAD_PATIENCE_S
        while self._plan.based and not self._has_backup() and time.monotonic() < end:
            self._keep_running()
            if not self._plan.service and not self._dumper.running:
                self._dump()  # the one before was in trouble
            time.sleep(0.05)
        for session in sessions:
            session.calm = False
        begun = sum(session.done for session in sessions)
        while (done := sum(session.done for session in sessions) - begun) < self._plan.steps or due:
            while due and due[0][0] <= done:
                self._fault(due.pop(0)[1])
            self._keep_running()
            if time.monotonic() > end:
                raise RoundError(f"the load came to {done} of {self._plan.steps} steps only")
            time.sleep(0.01)

    def _has_backup(self) -> bool:
        blobs = self._stage.container("backups").list_blobs(name_starts_with="backup_")
        return any(blob.name.endswith(".json") for blob in blobs)

    def _fault(self, name: str) -> None:
        stage = self._stage
        match name:
            case "kill agent":
                if self._main is not None:
                    self._main.kill()
            case "kill mysqldump":
                self._kill_mysqldump()
            case "kill mysql":
                stage.source.kill()
                stage.source.start()
            case "restart blobs":
                # Not SIGKILL: the emulator writes its index every few seconds only, so a kill would lose what
                # it acknowledged, which the real service does not.
                stage.blobs.stop()
                time.sleep(self._random.uniform(0, 0.5))
                stage.blobs.start()
            case "cut network":
                stage.proxy.cut(off=True)
                time.sleep(self._random.uniform(0.1, 1.5))
                stage.proxy.cut(off=False)
            case "trouble":
                from tests.faults.proxy import random_trouble  # noqa: PLC0415

                stage.proxy.add(random_trouble(self._random))
            case "second agent":
                self._agent("run" if self._plan.service else "archive", state="second")
            case "full disk":
                self._agent(*(("run",) if self._plan.service else ("dump",)), state="full", file_bytes=0)
            case "wrong clock":
                self._clock_s = self._random.choice((-3600.0, 3600.0, 86400.0))
                if self._main is not None:
                    self._main.kill()
            case "rotate":
                stage.source.execute("FLUSH BINARY LOGS")
            case "purge":
                self._purge()
            case "fail over":
                stage.fail_over()
            case "stall mysql":
                process = stage.source._process
                assert process is not None
                os.kill(process.pid, signal.SIGSTOP)
                time.sleep(self._random.uniform(0.2, 1.0))
                os.kill(process.pid, signal.SIGCONT)
            case "kill log readers":
                stage.kill_log_readers()
            case "dump":
                self._dump()
            case _:
                raise ValueError(name)

    def _purge(self) -> None:
        """The log is purged ahead of an agent that is down."""
        self._kill_agents()
        time.sleep(0.2)
        source = self._stage.source
        source.execute("FLUSH BINARY LOGS")
        self._stage.oracle.keep_files()
        files = [str(row[0]) for row in source.execute("SHOW BINARY LOGS")]
        source.execute(f"PURGE BINARY LOGS TO '{files[-1]}'")
        self._holes = True

    def _kill_mysqldump(self) -> None:
        """During a dump that is made for it."""
        dump = self._agent("dump", state="killed")
        end = time.monotonic() + 5
        while dump.running and time.monotonic() < end:
            for pid in child_processes(dump.pid):
                if b"mysqldump" in _command(pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    return
            time.sleep(0.002)

    def _dump(self) -> None:
        self._dumper = self._agent("dump", state="dumper")

    def _kill_agents(self) -> None:
        for agent in self._agents:
            if agent.running:
                agent.kill()

    def _settle(self) -> None:
        """All faults are over: everything must arrive in the archive, and a base for it."""
        stage = self._stage
        stage.proxy.set()
        self._kill_agents()
        wanted = GtidSet.parse(stage.executed())
        once = self._agent("archive", "--once", "--patience", "60")
        code = once.wait(_END_PATIENCE_S)
        if code not in (0, 14) or (code == 14 and not self._holes):
            raise RoundError(f"archive --once ended with {code}: {once.said[-800:]}")
        dump = self._agent("dump")
        if code == 14 and dump.wait(_END_PATIENCE_S):
            raise RoundError(f"dump ended with {dump.wait()}: {dump.said[-800:]}")
        if code == 0:
            dump.wait(_END_PATIENCE_S)
            archived = GtidSet.parse(once.document["archived_gtid"])
            if not wanted <= archived:
                raise RoundError(f"archive --once left out {wanted - archived}")

    # -- the restore and what must be true of it

    def _restore_and_compare(self, acknowledged: set[int]) -> None:
        stage, plan = self._stage, self._plan
        history = stage.oracle.history()
        self._outcome.transactions = len(history)
        words = self._target(history)
        restored = self._restore(words)
        if restored is None:
            return
        position = _prefix(history, restored)
        self._outcome.restored = position
        if plan.ending == "quiet" and not words and position < len(history):
            raise RoundError(f"{len(history) - position} transactions are missing after a quiet end")
        archived = self._archived()
        if not words and not self._holes and not archived <= restored:
            raise RoundError(
                f"acknowledged by the Blob endpoint and not restored: {archived - restored}; {self._why}"
            )
        stage.oracle.play(str(restored), ["petclinic", "not_backed_up"])
        found = differences(
            snapshot(stage.oracle.server, stage.tools, [SCHEMA]),
            snapshot(stage.target, stage.tools, [SCHEMA]),
        )
        if found:
            raise RoundError("the copy is not what the server's own log makes:\n  " + "\n  ".join(found[:20]))
        if plan.ending == "quiet" and not words:
            ids = {int(str(row[0])) for row in stage.target.execute(f"SELECT id FROM {SCHEMA}.ledger")}
            if acknowledged - ids:
                raise RoundError(f"acknowledged to the application and lost: {sorted(acknowledged - ids)}")

    def _target(self, history: list[Committed]) -> list[str]:
        words: list[str] = []
        if self._plan.to != "end" and history:
            moment = history[self._random.randrange(len(history) // 2, len(history))]
            if self._plan.to == "time":
                words = ["--to", datetime.fromtimestamp(moment.us / 1e6, UTC).isoformat()]
            else:
                index = history.index(moment)
                words = ["--to", str(GtidSet.parse(",".join(c.gtid for c in history[: index + 1])))]
        return words

    def _restore(self, words: list[str]) -> GtidSet | None:
        stage, plan = self._stage, self._plan
        stage.proxy.set(*plan.restore_troubles)
        if plan.kill_restore_s is not None:
            killed = stage.agent("azure", "restore", *words)
            time.sleep(plan.kill_restore_s)
            killed.kill()
        restore = stage.agent("azure", "restore", *words)
        code = restore.wait(_END_PATIENCE_S)
        if code in _RETRIED:  # by the troubles; without them it must work
            stage.proxy.set()
            restore = stage.agent("azure", "restore", *words)
            code = restore.wait(_END_PATIENCE_S)
        if code == _NO_BACKUP:
            self._refuse_unless_no_base(words, restore)
            return None
        if code:
            raise RoundError(f"restore {' '.join(words)} ended with {code}: {restore.said[-1500:]}")
        report = restore.document
        self._why = f"choice {report['choice']}, log {report['log']}"
        return GtidSet.parse(report["reached"]["gtid"])

    def _refuse_unless_no_base(self, words: list[str], restore: AgentProcess) -> None:
        """No backup to restore is right only when there is none, or none that old."""
        listed = self._stage.agent("azure", "list")
        if listed.wait() or (not words and listed.document["complete"]):
            raise RoundError(f"restore found no backup: {restore.said[-800:]}")
        self._outcome.notes.append("nothing to restore from")

    def _archived(self) -> GtidSet:
        """What the segments in the container hold, by zcat and mysqlbinlog."""
        container = self._stage.container("backups")
        folder = self._stage.folder / "segments"
        folder.mkdir()
        files: list[str] = []
        for number, blob in enumerate(container.list_blobs(name_starts_with="binlog/")):
            file = folder / f"{number:05d}"
            file.write_bytes(gzip.decompress(container.download_blob(blob.name).readall()))
            files.append(str(file))
        return self._stage.oracle.gtids_in(files) if files else GtidSet({})

    def _look_at_backups(self) -> None:
        """No bad backup was accepted: every manifest's data is there, whole, and what the manifest says."""
        container = self._stage.container("backups")
        for blob in container.list_blobs(name_starts_with="backup_"):
            if not blob.name.endswith(".json"):
                continue
            manifest = json.loads(container.download_blob(blob.name).readall())
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


def _command(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return b""
