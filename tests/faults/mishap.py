"""What happens to a restore while it runs: to its agent, to its server, or to both."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.faults.agents import AgentProcess
from tests.faults.stage import Stage

MISHAPS = ("kill agent", "kill mysql", "full disk", "mysql cannot grow", "second restore")
_FILE_BYTES = (0, 4096, 65_536)
_MORE_FILE_BYTES = (0, 20_000, 500_000)
_PATIENCE_S = 180.0


@dataclass(frozen=True)
class Mishap:
    """One of ``MISHAPS``, so many seconds after the restore began.

    Attributes:
        file_bytes: of a full disk: what a file of the agent may hold.
        more_bytes: of a MySQL that cannot grow: what its longest log file may still hold more.
    """

    what: str
    after_s: float
    file_bytes: int
    more_bytes: int

    def __str__(self) -> str:
        return f"{self.what} {self.after_s:.1f} s into the restore"


def random_mishap(random: Random) -> Mishap:
    """Any of them."""
    return Mishap(
        random.choice(MISHAPS),
        random.uniform(0.1, 2.5),
        random.choice(_FILE_BYTES),
        random.choice(_MORE_FILE_BYTES),
    )


def suffer(stage: Stage, mishap: Mishap, words: Sequence[str]) -> None:
    """Run ``restore`` with ``words`` into the mishap; returns when that is over and the server runs again.

    How it ends is no matter: the next run, undisturbed, must find its way from whatever is left.
    """
    ways: dict[str, Callable[[], None]] = {
        "kill agent": lambda: _restore(stage, words).kill_after(mishap.after_s),
        "kill mysql": lambda: _without_mysql(stage, mishap, words),
        "full disk": lambda: _restore(stage, words, file_bytes=mishap.file_bytes).to_its_end(),
        "mysql cannot grow": lambda: _with_full_files(stage, mishap, words),
        "second restore": lambda: _twice(stage, mishap, words),
    }
    ways[mishap.what]()


class _Restore:
    """A restore under way."""

    def __init__(self, process: AgentProcess) -> None:
        self._process = process

    def kill_after(self, seconds: float) -> None:
        self._process.wait(seconds)  # killed then, unless it was faster

    def to_its_end(self) -> None:
        self._process.wait(_PATIENCE_S)

    def go_on_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._process.running and time.monotonic() < end:
            time.sleep(0.01)


def _restore(
    stage: Stage, words: Sequence[str], *, file_bytes: int | None = None, state: str = ""
) -> _Restore:
    return _Restore(stage.agent("azure", "restore", *words, file_bytes=file_bytes, state=state))


def _without_mysql(stage: Stage, mishap: Mishap, words: Sequence[str]) -> None:
    """The server dies under it and is there again at once."""
    restore = _restore(stage, words)
    restore.go_on_for(mishap.after_s)
    stage.target.kill()
    stage.target.start()
    restore.to_its_end()


def _with_full_files(stage: Stage, mishap: Mishap, words: Sequence[str]) -> None:
    """No file of the server's may grow beyond a limit; then somebody lifts it and restarts the server.

    Not quite a full disk, for which one would need a file system of one's own: the server gets EFBIG.
    """
    logs = (stage.target.folder / "data").glob("mysql-bin.[0-9]*")  # as Azure names them
    longest = max(file.stat().st_size for file in logs)
    limit = longest + mishap.more_bytes
    resource.prlimit(stage.target_pid, resource.RLIMIT_FSIZE, (limit, limit))
    _without_mysql(stage, mishap, words)


def _twice(stage: Stage, mishap: Mishap, words: Sequence[str]) -> None:
    """An operator runs it by hand on another machine, beside the one of the boot."""
    first = _restore(stage, words)
    first.go_on_for(mishap.after_s)
    second = _restore(stage, words, state="second")
    first.to_its_end()
    second.to_its_end()
