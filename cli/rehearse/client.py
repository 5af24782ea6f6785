"""A client that never stops registering owners, and a journal of what each attempt met."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from cli.rehearse.browser import Browser, NoAnswer
from cli.rehearse.ledger import Entry, Ledger

# Spring appends ";jsessionid=..." for a visitor who has no cookie yet.
_OWNER = re.compile(r"/owners/(\d+)(?:;jsessionid=\w+)?$")


class Outcome(StrEnum):
    """How an attempt to write ended, seen from outside."""

    WRITTEN = "written"  # acknowledged: redirected to the new owner
    PAGE = "page"  # an HTTP answer, but not the application's acknowledgement: maintenance page or an error
    NOTHING = "nothing"  # no HTTP answer at all


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt.

    Attributes:
        at: Unix time in seconds when it began.
        outcome: how it ended.
        cloud: whose address was asked: ``aws``, ``azure``, or empty when there was none.
        detail: HTTP status, or why there was no answer.
        token: the owner's last name; without an acknowledgement it may have been written all the same.
    """

    at: float
    outcome: Outcome
    cloud: str
    detail: str
    token: str


def first_name(run: str) -> str:
    """The first name of every owner that the client of ``run`` registers."""
    return f"Rehearsal {run}"


class Client:
    """Registers one owner after the other.

    Args:
        browser: how the application is visited.
        cloud_of: tells ``aws`` from ``azure`` by the public address.
        ledger: gets every acknowledged write.
        journal: file of JSON lines, one per attempt.
        run: part of the owners' first name, to find them again; at most 20 characters.
        name: of the client, for the ledger.
        pause_s: between the end of one attempt and the next.
    """

    def __init__(
        self,
        browser: Browser,
        cloud_of: Callable[[str], str],
        ledger: Ledger,
        *,
        journal: Path,
        run: str,
        name: str = "visitor",
        pause_s: float = 0.2,
    ) -> None:
        self.browser = browser
        self._cloud_of = cloud_of
        self._ledger = ledger
        self._journal = journal
        self._run_name = first_name(run)
        self.name = name
        self._pause_s = pause_s
        self._attempts: list[Attempt] = []
        self._mutex = threading.Lock()
        self._halt = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the attempt that is under way.

        Raises:
            OSError: the ledger could not be written, so the account would be worthless.
        """
        self.halt()
        self.check()

    def halt(self) -> None:
        """End after the attempt that is under way, and raise nothing."""
        self._halt.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        """Raise what made the client give up, if anything did."""
        if self._failure is not None:
            raise self._failure

    def attempts(self, since: float = 0.0) -> list[Attempt]:
        """Attempts that began at or after the Unix time ``since``, oldest first."""
        with self._mutex:
            return [attempt for attempt in self._attempts if attempt.at >= since]

    def attempt(self) -> Attempt:
        """Register one owner now.

        Raises:
            OSError: the ledger or the journal could not be written.
        """
        token = f"W{uuid.uuid4().hex[:20]}"
        fields = {
            "firstName": self._run_name,
            "lastName": token,
            "address": "1 Ledger Lane",
            "city": "Seoul",
            "telephone": "0100000000",
        }
        began = time.time()
        try:
            answer = self.browser.post("/owners/new", fields)
        except NoAnswer as problem:
            cloud = self._cloud_of(problem.address) if problem.address else ""
            detail = ("sent; " if problem.sent else "") + str(problem)
            return self._keep(
                Attempt(at=began, outcome=Outcome.NOTHING, cloud=cloud, detail=detail, token=token)
            )
        cloud = self._cloud_of(answer.address)
        owner = _OWNER.search(answer.location)
        if answer.status in (302, 303) and owner:
            entry = Entry(
                token=token,
                owner=int(owner[1]),
                cloud=cloud,
                sent=began,
                acknowledged=time.time(),
                client=self.name,
            )
            self._ledger.add(entry)
            outcome = Outcome.WRITTEN
        else:
            outcome = Outcome.PAGE
        detail = str(answer.status)
        return self._keep(Attempt(at=began, outcome=outcome, cloud=cloud, detail=detail, token=token))

    def _keep(self, attempt: Attempt) -> Attempt:
        with self._mutex:
            self._attempts.append(attempt)
            with self._journal.open("a") as file:
                file.write(json.dumps(asdict(attempt)) + "\n")
        return attempt

    def _run(self) -> None:
        try:
            while not self._halt.is_set():
                self.attempt()
                self._halt.wait(self._pause_s)
        except BaseException as failure:  # noqa: BLE001 - handed to the story by check(), which raises it
            self._failure = failure
