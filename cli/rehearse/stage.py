"""What the steps of a story share: the running world, the clock, and the record of what happened."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from cli.rehearse.account import Check, Disaster
from cli.rehearse.client import Attempt, Client
from cli.rehearse.ledger import Ledger
from cli.rehearse.operator import OperatorError, Tool, tail
from cli.rehearse.progress import Progress
from cli.rehearse.vault import Vault
from cli.report.model import Mark, Measured, StepRecord
from cli.world import World
from sandbox.engine.cli import EngineError, Result

T = TypeVar("T")
_POLL_S = 0.1
_LINES, _LINE = 4, 400  # how much of an engine error is shown; its log has all of it


class StepFailed(RuntimeError):
    """A step did not go as it must; the story ends here and the account is drawn up all the same."""


def brief(error: BaseException) -> str:
    """An error in a line or a few: of a failed pulumi command only its diagnostics, not its whole output."""
    if not isinstance(error, EngineError):
        return str(error) or repr(error)
    headline, _, output = str(error).partition("\n")
    diagnostics = output.partition("\nDiagnostics:")[2].partition("\nOutputs:")[0].splitlines()
    found = [line.strip() for line in diagnostics if "rror: " in line and "update failed" not in line]
    shown = found[:_LINES] or output.splitlines()[-_LINES:]
    return "\n       ".join([headline, *(line[:_LINE] for line in shown)])


@dataclass(frozen=True)
class Step:
    """One step: the phase it belongs to, what it does in an operator's words, and the function that does it.

    The function returns one line on what came out, or raises.
    """

    phase: str
    title: str
    act: Callable[[Stage], str]


@dataclass(frozen=True)
class Story:
    """A rehearsal: its steps in order, and in a sentence what it is about."""

    about: str
    steps: Sequence[Step]


@dataclass
class Stage:
    """The world of one rehearsal, and its record.

    Attributes:
        world: the running sandbox.
        progress: where a person looks.
        ledger: every acknowledged write.
        run: tells this rehearsal's rows from those of earlier ones in the same clouds.
        began: Unix time of the start of the story.
        moments: Unix times by name, for figures and checks.
        disasters: those in which the writer died.
        fences: seconds for which a database that had woken up was open, of each time that it did.
        lags: seconds from a write's acknowledgement to its log in the vault, one for each that was followed
            by then; a disaster may cost no more than the longest.
        before: the resources that existed before the emergency.
        internal: a second client, which goes straight to AWS's load balancer.
    """

    world: World
    progress: Progress
    ledger: Ledger
    run: str
    began: float = field(default_factory=time.time)
    records: list[StepRecord] = field(default_factory=list[StepRecord])
    marks: list[Mark] = field(default_factory=list[Mark])
    checks: list[Check] = field(default_factory=list[Check])
    measured: list[Measured] = field(default_factory=list[Measured])
    moments: dict[str, float] = field(default_factory=dict[str, float])
    disasters: list[Disaster] = field(default_factory=list[Disaster])
    fences: list[float] = field(default_factory=list[float])
    lags: list[float] = field(default_factory=list[float])
    before: set[str] = field(default_factory=set[str])
    internal: Client | None = None
    _client: Client | None = None
    _vault: Vault | None = None
    _commands: list[str] = field(default_factory=list[str])
    _tools: list[Tool] = field(default_factory=list[Tool])

    @property
    def client(self) -> Client:
        """The visitor; there from the step on that starts it."""
        if self._client is None:
            raise StepFailed("no client is running yet")
        return self._client

    @client.setter
    def client(self, client: Client) -> None:
        self._client = client

    @property
    def clients(self) -> list[Client]:
        """All that run."""
        return [client for client in (self._client, self.internal) if client is not None]

    def halt(self) -> None:
        """End the clients and what of the operator's tool still runs, whatever they met."""
        for client in self.clients:
            client.halt()
        for tool in self._tools:
            tool.kill()

    @property
    def has_client(self) -> bool:
        """Whether the story came as far as the first visitor."""
        return self._client is not None

    @property
    def vault(self) -> Vault:
        """The backups; there from the first ``pulumi up`` on."""
        if self._vault is None:
            self._vault = Vault(self.world.clouds.gate, self.world.container_accounts())
        return self._vault

    def play(self, step: Step) -> None:
        """Do one step, show it, record it.

        Raises:
            StepFailed: it failed, for whatever reason; the record has the reason.
        """
        self._commands = []
        started = time.time()
        passed, result, failure = True, "", None
        with self.progress.running(step.title):
            try:
                self.check_client()
                result = step.act(self)
            except Exception as error:  # noqa: BLE001 - recorded and raised again below
                passed, failure = False, error
                result = brief(error)
        seconds = time.time() - started
        self.records.append(
            StepRecord(
                phase=step.phase,
                title=step.title,
                commands=tuple(self._commands),
                began=started - self.began,
                seconds=seconds,
                result=result,
                passed=passed,
            )
        )
        self.progress.done(step.title, seconds, result, good=passed)
        if failure is not None:
            raise StepFailed(f"{step.title}: {result}") from failure

    def pulumi(self, *words: str, check: bool = True) -> Result:
        """Run a pulumi command exactly as an operator would type it.

        Raises:
            EngineError: it failed, unless ``check`` is False.
        """
        self._commands.append(shlex.join(("pulumi", *words)))
        return self.world.engine.run(*words, check=check)

    def up(self) -> Result:
        """``pulumi up``, already agreed to. The preview is a step of its own where the story is about it."""
        return self.pulumi("up", "--yes", "--skip-preview")

    def begin(self, *words: str, aws: bool = False) -> Tool:
        """Start a command of the operator's tool; ``aws``: in a shell that is signed in to AWS, too."""
        tool = Tool(self.world, words, aws=aws)
        self._commands.append(str(tool))
        self._tools.append(tool)
        return tool

    def dr(self, *words: str, codes: Sequence[int] = (0,)) -> Result:
        """Run a command of the operator's tool to its end.

        Raises:
            OperatorError: it ended with a status that is none of ``codes``.
        """
        return self.ended(self.begin(*words), codes)

    def ended(self, tool: Tool, codes: Sequence[int] = (0,)) -> Result:
        """Wait for a command that was begun.

        Raises:
            OperatorError: it ended with a status that is none of ``codes``.
        """
        done = tool.wait()
        if done.code not in codes:
            raise OperatorError(f"{tool} ended with status {done.code}: {tail(done.out)}")
        return done

    def on(self, machine: str, *words: str) -> str:
        """Run a command on a simulated machine and return its output.

        Raises:
            StepFailed: it ended with another status than 0.
        """
        self._commands.append(f"{machine}: {shlex.join(words)}")
        done = self.world.clouds.machines[machine].run(list(words))
        if done.returncode != 0:
            tail = (done.stderr or done.stdout).strip().splitlines()[-3:]
            raise StepFailed(f"{words[0]} on {machine} ended with {done.returncode}: {' / '.join(tail)}")
        return done.stdout

    def note(self, command: str) -> None:
        """Record a deed that is not a command of ours, in words."""
        self._commands.append(command)

    def mark(self, name: str, label: str, at: float | None = None) -> float:
        """Remember a moment and draw it into the picture; returns its Unix time."""
        moment = time.time() if at is None else at
        self.moments[name] = moment
        self.marks.append(Mark(at=moment - self.began, label=label))
        return moment

    def hold(self, name: str, held: bool, detail: str) -> None:
        """Record an invariant."""
        self.checks.append(Check(name=name, held=held, detail=detail))

    def measure(self, name: str, value: str, how: str, *, headline: bool = False) -> None:
        """Record a figure that this run measured."""
        self.measured.append(Measured(name=name, value=value, how=how, headline=headline))

    def wait(self, what: str, look: Callable[[], T | None], timeout_s: float) -> T:
        """Look until there is something to see (neither None nor False nor empty).

        Raises:
            StepFailed: not within ``timeout_s`` seconds.
        """
        give_up = time.monotonic() + timeout_s
        while True:
            self.check_client()
            seen = look()
            if seen:
                return seen
            if time.monotonic() > give_up:
                raise StepFailed(f"waited {timeout_s:.0f} s for {what}{self.world.trouble()}")
            time.sleep(_POLL_S)

    def check_client(self) -> None:
        """Raise what made a client give up, if anything did."""
        for client in self.clients:
            client.check()

    def attempt(self, since: float, fits: Callable[[Attempt], bool]) -> Attempt | None:
        """The first of the client's attempts from ``since`` on that fits."""
        return next((a for a in self.client.attempts(since) if fits(a)), None)
