"""``python -m tests.agent.handover.dies WHERE CONFIG``: one pass of the target, killed as by ``kill -9``.

WHERE as for ``tests.agent.dies``, or ``epoch written``: after the take-over, before anything of it is opened.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import agent.opening
from agent.config import load
from agent.context import Context
from agent.handover.target import Target
from tests.agent import dies
from tests.agent.handover.story import one_pass

_take_over = agent.opening.take_over


def _deadly_take_over(*arguments: Any, **named: Any) -> None:
    _take_over(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    dies.arm()
    if sys.argv[1] == "epoch written":
        agent.opening.take_over = _deadly_take_over  # type: ignore[assignment]
    context = Context.of(load(Path(sys.argv[2])))
    print(one_pass(Target(context, threading.Event()), context, None, None).state)
