"""Work that goes on beside the service's loop, each piece alone with its failures."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from agent.errors import AgentError

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Troubles:
    """What does not work at present, by what it is; each trouble is logged when it comes and when it goes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sentences: dict[str, str] = {}

    def failed(self, what: str, sentence: str) -> None:
        """``what`` does not work; the same again is not logged again."""
        with self._lock:
            news = self._sentences.get(what) != sentence
            self._sentences[what] = sentence
        if news:
            _log.error("%s: %s", what, sentence)

    def worked(self, what: str) -> None:
        """``what`` works."""
        with self._lock:
            ended = self._sentences.pop(what, None) is not None
        if ended:
            _log.info("%s: works again", what)

    def now(self) -> dict[str, str]:
        """All of them."""
        with self._lock:
            return dict(self._sentences)

    def attempt(self, what: str, action: Callable[[], object]) -> bool:
        """Run ``action``; whether it worked. Nothing that goes wrong in it gets out."""
        try:
            action()
        except AgentError as error:
            self.failed(what, str(error))
            return False
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not stop what else is running
            if self.now().get(what) != repr(error):
                _log.exception("%s: an error of this program", what)
            self.failed(what, repr(error))
            return False
        self.worked(what)
        return True


class Job(Generic[Result]):
    """One kind of work, in a thread of its own, one run at a time.

    Args:
        name: for messages and the thread.
    """

    def __init__(self, name: str, troubles: Troubles) -> None:
        self._name, self._troubles = name, troubles
        self._thread: threading.Thread | None = None
        self._result: Result | None = None
        self._worked = False

    @property
    def busy(self) -> bool:
        """Whether a run was begun whose end was not collected."""
        return self._thread is not None

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, action: Callable[[], Result]) -> None:
        """Start a run; there must be none."""
        self._result, self._worked = None, False
        self._thread = threading.Thread(target=self._run, args=(action,), name=self._name, daemon=True)
        self._thread.start()

    def _run(self, action: Callable[[], Result]) -> None:
        def act() -> None:
            self._result = action()

        self._worked = self._troubles.attempt(self._name, act)

    def collect(self) -> tuple[bool, Result | None] | None:
        """(worked, result) of a run that has ended, once; None as long as there is none."""
        if self._thread is None or self._thread.is_alive():
            return None
        self._thread = None
        return self._worked, self._result

    def join(self, patience_s: float) -> None:
        """Wait for the end of the present run, up to ``patience_s``."""
        if self._thread is not None:
            self._thread.join(patience_s)
            if self._thread.is_alive():
                _log.warning("%s did not end within %g s", self._name, patience_s)
