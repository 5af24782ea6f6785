"""mysqldump: one set of options for backups and verification, and a stream that ends well or raises."""

from __future__ import annotations

import fcntl
import os
import select
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from agent.clients import Client, running
from agent.database import Login
from agent.errors import DumpError

OPTIONS = (
    "--single-transaction",  # one snapshot; no locks on InnoDB
    "--quick",  # row by row, not a table at a time in memory
    "--set-gtid-purged=OFF",  # ON needs rights that neither service gives
    "--no-tablespaces",  # needs PROCESS
    "--routines",
    "--events",
    "--triggers",
    "--hex-blob",
    "--order-by-primary",  # so that equal tables give equal text
    # A key that the server made up (Azure does by default) is none of the schema's.
    "--skip-generated-invisible-primary-key",
    "--default-character-set=utf8mb4",
    "--max-allowed-packet=1G",
)
_READ = 1 << 20
_LOOK_S = 0.5  # how soon a stop is noticed while nothing comes


@dataclass(frozen=True)
class Limits:
    """When to give up on a dump.

    Attributes:
        stall_s: mysqldump wrote nothing for so many seconds while we waited for it.
        stopping: set when this process is to end.
    """

    stall_s: float
    stopping: threading.Event = field(default_factory=threading.Event)


def stream_dump(
    client: Client, account: Login, schemas: Sequence[str], limits: Limits, *, less: Sequence[str] = ()
) -> Generator[bytes]:
    """The dump, piece by piece. Reaching the end means that mysqldump said it succeeded.

    Args:
        less: options that leave something out (``--no-data``, ``--ignore-table=...``).

    Raises:
        DumpError: it failed, was killed, stalled, or we are stopping.
    """
    with running(client, account, [*OPTIONS, *less, "--databases", *schemas], feed=False) as dump:
        pipe = dump.stdout.fileno()
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _READ)
        while True:
            _wait_for(pipe, limits)
            data = os.read(pipe, _READ)
            if not data:
                break
            yield data
            if limits.stopping.is_set():
                raise DumpError("the dump was given up, because the agent was told to stop")
        if code := dump.wait():
            raise DumpError(f"mysqldump ended with status {code}: {dump.said()}")


def _wait_for(pipe: int, limits: Limits) -> None:
    end = time.monotonic() + limits.stall_s
    while not select.select([pipe], [], [], min(_LOOK_S, limits.stall_s))[0]:
        if limits.stopping.is_set():
            raise DumpError("the dump was given up, because the agent was told to stop")
        if time.monotonic() > end:
            raise DumpError(
                f"mysqldump wrote nothing for {limits.stall_s:g} s and was killed; look for a lock "
                "(SHOW PROCESSLIST) or raise dump.stall_seconds"
            )
