"""The log of data-plane requests: one JSON object per line, never a token, a secret or a query value."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

from sandbox.clouds.callers import Caller

NO_ANSWER = 0  # the status of a request whose connection was closed without a reply


class RequestLog:
    """Appends to ``requests.jsonl``; safe for threads.

    Each line has ``time`` (UTC), ``service``, ``side`` and ``machine`` of the caller, ``method``, ``target``
    (path or API action), ``status`` (0: connection closed without an answer) and ``error`` (the service's
    code) or null.
    """

    def __init__(self, file: Path) -> None:
        self._mutex = threading.Lock()
        self._file = os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), "w")

    def write(
        self, *, service: str, caller: Caller, method: str, target: str, status: int, error: str | None = None
    ) -> None:
        """Append one request."""
        line = json.dumps(
            {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "service": service,
                "side": caller.side,
                "machine": caller.machine,
                "method": method,
                "target": target,
                "status": status,
                "error": error,
            }
        )
        with self._mutex:
            if not self._file.closed:  # a request that outlives the sandbox's stop has nowhere to be noted
                self._file.write(line + "\n")
                self._file.flush()

    def close(self) -> None:
        """Close the file; later writes are dropped."""
        with self._mutex:
            self._file.close()
