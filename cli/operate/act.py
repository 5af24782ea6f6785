"""Doing the steps. Every one of them may be done again after it was ended in the middle."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic, sleep

from agent.epoch import Epoch, give_order
from agent.errors import NotWriterError
from agent.handover.order import Order, new_order
from cli.operate import web
from cli.operate.facts import Facts
from cli.operate.pace import Clock, patience_s, poll_s, settled_s
from cli.operate.progress import copy_lines, span, waiting
from cli.operate.pulumi import Pulumi
from cli.operate.read import CONTROL, Sight, Source
from cli.operate.recover import up
from cli.operate.rules import Rule, plan
from cli.operate.rules_failback import aws_only
from cli.operate.steps import (
    Ask,
    Code,
    Done,
    DropHold,
    Give,
    Goal,
    Look,
    Refuse,
    Seal,
    Set,
    Step,
    Up,
    Wait,
    Withdraw,
    expect,
    words,
)
from cli.problem import Problem

_SAME = 3  # times that one and the same step may come out in a row before somebody must look
_INSTEAD = {
    Goal.READY: "if AWS is gone by now, './dr failover' withdraws the order and opens the copy as it is",
    Goal.RESTORED: "look at the app server's log and at './dr status'; './dr abort' calls the emergency off",
    Goal.AWS_WRITES: "'./dr failback abort' takes the order back and opens the standby again",
    Goal.FOLLOWING: "the agents go on; './dr status' shows how far they are, and if users see the page "
    "meanwhile './dr failback abort' takes it down",
    Goal.AWS_ONLY: "users stay where they are; Route 53 needs AWS's origin to be healthy for a while, and "
    "forceFailover undone in AWS if it was ever on",
}


class Undecided(Exception):
    """Only a person can go on; the text says how."""


class TimedOut(Exception):
    """What a command waited for did not happen in time; the text says what would help."""


@dataclass(frozen=True)
class Voice:
    """How a command talks.

    Attributes:
        say: tells one line.
        yes: everything but the opening is agreed to.
    """

    say: Callable[[str], None]
    yes: bool

    def agree(self, question: str) -> bool:
        """Ask; without a terminal nobody can say yes."""
        if self.yes:
            self.say(f"{question} yes (--yes)")
            return True
        return self.person_agrees(question)

    def person_agrees(self, question: str) -> bool:
        """Ask a person, whatever was agreed to in advance.

        Raises:
            Undecided: there is no terminal.
        """
        if not sys.stdin.isatty():
            raise Undecided(question)
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def new_writers(rule: Rule, facts: Facts) -> set[str]:
    """The sites that become the writer if the rule's plan goes as it should."""
    found: set[str] = set()
    for step in plan(rule, facts):
        before, facts = facts.epoch, expect(facts, step)
        if before is not None and facts.epoch is not None and facts.epoch.epoch != before.epoch:
            found.add(facts.epoch.writer)
    return found


class Actor:
    """Carries a rule out: reads, decides, does, until nothing is left.

    Args:
        sight: what the plan was made from.
    """

    def __init__(self, source: Source, rule: Rule, sight: Sight, voice: Voice) -> None:
        self._source = source
        self._rule = rule
        self._sight = sight
        self._began = sight.facts.epoch
        self._intended = new_writers(rule, sight.facts)
        self._voice = voice
        self._copy_shown = False
        self._page_since = 0.0

    @property
    def _pulumi(self) -> Pulumi:
        return self._source.pulumi

    def run(self) -> Code:
        """Until the rule says that nothing is left, or refuses.

        Raises:
            Problem: a step failed. Undecided, TimedOut: see there.
        """
        last, times = "", 0
        while True:
            step = self._rule(self._sight.facts)
            if isinstance(step, Done):
                self._voice.say(step.text)
                return Code.DONE
            if isinstance(step, Refuse):
                self._voice.say(f"dr: {step.text}")
                return step.code
            if stray := self._stray():
                self._voice.say(f"dr: {stray}")
                return Code.DECIDE
            times = times + 1 if words(step) == last else 1
            last = words(step)
            if times > _SAME:
                raise Problem(f"'{last}' was done {_SAME} times and changed nothing; look with ./dr status")
            self._do(step)

    def _stray(self) -> str:
        """Which change of the writer was no part of the plan that a person agreed to; empty: none."""
        now = self._sight.facts.epoch
        if now is None or self._began is None or now.epoch == self._began.epoch:
            return ""
        if now.writer in self._intended:
            return ""
        return (
            f"{now.writer} became the writer of epoch {now.epoch} while this command ran, which its plan did "
            "not intend, so it stopped here: './dr status' shows how things are and names the command that "
            "goes on; if that site is gone again, the same command shows a new plan"
        )

    def _do(self, step: Step) -> None:
        self._voice.say(f"- {words(step)}")
        match step:
            case Set(changes):
                if changes.get("enablePetclinic") == "true":
                    self._show_copy()
                self._source.upped(None)
                self._pulumi.configure(changes)
            case Up():
                self._up()
            case Give(kind, order, accept):
                self._order(new_order(kind, order, accept))
            case Withdraw():
                self._withdraw()
            case Seal():
                sealed = self._order(new_order("planned", "withdrawn"))
                self._sight = self._with(sealed=sealed)
            case DropHold():
                self._drop_hold()
            case Look():
                self._sight = self._with(origin=self._origin())
            case Wait(goal):
                self._wait(goal)
                self._waited(goal)
                return  # what it saw is the newest there is
            case Ask():
                self._ask()
                return
            case Done() | Refuse():
                return
        self._sight = self._source.look(self._sight.facts)

    def _up(self) -> None:
        config = self._sight.facts.config
        self._source.upped(None)
        up(self._pulumi, self._voice.agree, self._voice.say)
        self._source.upped(config)
        if self._page_since and not config.maintenance:
            self._voice.say(f"  users saw the page for {span(monotonic() - self._page_since)}")

    def _with(self, **known: object) -> Sight:
        return replace(self._sight, facts=replace(self._sight.facts, **known))  # pyright: ignore[reportArgumentType]

    # --------------------------------------------------------------------------------------------- orders

    def _order(self, order: Order) -> bool:
        """Write it into the very epoch that was decided on; False when that changed and all is read anew."""
        seen = self._epoch()
        try:
            give_order(self._source.blobs(self._sight.places, CONTROL), seen, order)
        except NotWriterError as error:
            self._voice.say(f"  {error}")
            return False
        return True

    def _withdraw(self) -> None:
        standing = self._epoch().order
        if standing is not None:
            self._order(new_order(standing.kind, "withdrawn", standing.accept_divergence))

    def _epoch(self) -> Epoch:
        epoch = self._sight.facts.epoch
        if epoch is None:
            raise Problem("the epoch cannot be read any more; repeat the command when it can")
        return epoch

    # ---------------------------------------------------------------------------------------- the hold, AWS

    def _drop_hold(self) -> None:
        self._source.upped(None)
        urn = self._sight.places.hold_urn
        if not urn and self._sight.facts.config.mode == "emergency":  # its ``up`` was killed just after it
            up(self._pulumi, self._voice.agree, self._voice.say)
            self._sight = self._source.look(self._sight.facts)
            urn = self._sight.places.hold_urn
        if not urn:
            raise Problem(
                "the hold blob answers and the stack's state does not know it: delete the blob 'hold' in "
                f"{self._sight.places.site} by hand, then run the same command again"
            )
        code, _ = self._pulumi.change("destroy", "--yes", "--skip-preview", "--target", urn)
        if code != 0:
            raise Problem(f"'pulumi destroy --target {urn}' ended with status {code}; what it says is above")

    def _origin(self) -> str:
        """Why AWS's load balancer does not serve the public name; empty when it does.

        Asked as users will ask it: its certificate is for the public name, and not for its own in DNS.
        """
        settings = self._sight.settings
        at = settings.get("originName") or settings.get("albDnsName", "")
        host, path = settings.get("publicName", ""), settings.get("healthPath", "/")
        try:
            status = web.get(host, path, at=at).status
        except ConnectionError as error:
            return str(error)
        return "" if 200 <= status < 400 else f"https://{host}{path} at {at} answers {status}"

    # ---------------------------------------------------------------------------------------------- waiting

    def _wait(self, goal: Goal) -> None:
        clock, patience, alone_since = Clock(self._voice.say), patience_s(goal), 0.0
        try:
            while True:
                self._sight = self._source.look_again(self._sight)
                if goal is Goal.PAGE:
                    self._sight = self._with(page=self._page())
                if goal is Goal.AWS_ONLY:
                    now = monotonic()
                    alone_since = (alone_since or now) if aws_only(self._sight.facts) else 0.0
                    self._sight = self._with(settled=bool(alone_since) and now - alone_since >= settled_s())
                # A vault that does not answer for a while is waited for as well.
                known = self._sight.facts.epoch is not None
                if known and (self._stray() or self._rule(self._sight.facts) != Wait(goal)):
                    return
                if clock.seconds > patience:
                    raise TimedOut(
                        f"waited {patience:.0f} s for {goal.value}; nothing was undone, and the same command "
                        f"goes on waiting: {_INSTEAD.get(goal, './dr status shows how things are')}"
                    )
                clock.show(waiting(goal, self._sight))
                sleep(poll_s())
        finally:
            clock.end()

    def _waited(self, goal: Goal) -> None:
        if goal is Goal.PAGE:
            self._page_since = monotonic()
        if goal in (Goal.RESTORED, Goal.REPLACED):
            self._show_copy()

    def _page(self) -> bool:
        """The gateway itself shows the page, whatever DNS says."""
        settings = self._sight.settings
        try:
            found = web.get(settings.get("publicName", ""), "/", at=self._sight.facts.reserved)
        except ConnectionError:
            return False
        return web.PAGE_WORDS in found.body

    def _show_copy(self) -> None:
        """Once a run: what users will get."""
        if not self._copy_shown:
            for line in copy_lines(self._sight):
                self._voice.say(f"  {line}")
        self._copy_shown = True

    def _ask(self) -> None:
        self._show_copy()
        if not self._voice.person_agrees("open the standby to users with this?"):
            raise Undecided(
                "the standby was not opened; './dr failover --open' does it, './dr abort' calls it off"
            )
        self._sight = self._with(agreed=True)
