"""``calls.jsonl``: one line for every call that the engine made to a simulated provider."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

CLOUD_CALLS = frozenset({"Create", "Read", "Update", "Delete", "Invoke"})
"""Calls that leave the provider for the cloud's API, unless they only preview."""


class CallLog:
    """Appends to one file; safe for threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._mutex = threading.Lock()

    def write(
        self, provider: str, method: str, type: str, target: str, *, preview: bool, error: str | None
    ) -> None:
        """Note one finished call. ``target`` is the resource's URN or the function's token."""
        line = {
            "time": round(time.time(), 3),
            "provider": provider,
            "method": method,
            "type": type,
            "target": target,
            "preview": preview,
            "ok": error is None,
            "error": error,
        }
        with self._mutex, self._file.open("a") as stream:
            stream.write(json.dumps(line) + "\n")


def read_calls(file: Path) -> list[dict[str, Any]]:
    """All calls noted so far, oldest first."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def cloud_calls(calls: list[dict[str, Any]], provider: str) -> list[dict[str, Any]]:
    """The calls among ``calls`` that reached the API of ``provider``'s cloud."""
    return [
        call
        for call in calls
        if call["provider"] == provider and call["method"] in CLOUD_CALLS and not call["preview"]
    ]
