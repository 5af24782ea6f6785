"""Faults that a test or a rehearsal switches on in the simulated clouds, kept in ``faults.json``.

Every reader looks at the file again on every call, so that a fault set by one process (a test, ``./dr``) is
seen by all others at once.

Keys:
    aws_down (bool): every AWS call is refused, as in a regional outage.
    capacity (list[str]): SKUs for which the simulated Azure has no capacity.
    kill_after (object ``{"type": token, "call": "Create"}``): the engine that made this call gets SIGKILL
        after the resource exists and before the answer; fires once.
    blob_latency_ms (float), blob_503_rate (float 0..1): see the storage gate.
    blob_cut, blob_denied (object ``{side: [place, ...]}``, side aws, azure or operator): callers from there
        get no answer, or 403 as from a firewall. A place is a container, ``container/beginning of a blob's
        name``, or ``"*"`` for every container.
    blob_put_cut (as ``blob_cut``): no answer to what writes there; reading goes on.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

KNOWN = frozenset(
    {
        "aws_down",
        "capacity",
        "kill_after",
        "blob_latency_ms",
        "blob_503_rate",
        "blob_cut",
        "blob_denied",
        "blob_put_cut",
    }
)


class Faults:
    """The faults of one sandbox.

    Args:
        root: the sandbox's folder.
    """

    def __init__(self, root: Path) -> None:
        self._file = root / "faults.json"
        self._lock_file = root / "faults.lock"

    def _read(self) -> dict[str, Any]:
        try:
            return json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}

    @contextmanager
    def _change(self) -> Generator[dict[str, Any]]:
        with self._lock_file.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            values = self._read()
            yield values
            temporary = self._file.with_suffix(".tmp")
            temporary.write_text(json.dumps(values, indent=1))
            temporary.replace(self._file)

    def get(self, key: str, default: Any = None) -> Any:
        """The present value of one fault, or ``default``."""
        return self._read().get(key, default)

    def set(self, **values: Any) -> None:
        """Switch faults on (or to another value).

        Raises:
            ValueError: for a fault that nobody reads.
        """
        unknown = sorted(values.keys() - KNOWN)
        if unknown:
            raise ValueError(f"unknown fault {unknown[0]!r}: known are {', '.join(sorted(KNOWN))}")
        with self._change() as now:
            now.update(values)

    def clear(self, *keys: str) -> None:
        """Switch the named faults off; without a name, all of them."""
        with self._change() as now:
            for key in keys or tuple(now):
                now.pop(key, None)

    @property
    def aws_down(self) -> bool:
        """Whether every AWS API refuses."""
        return bool(self.get("aws_down", False))

    def no_capacity(self, sku: str) -> bool:
        """Whether Azure has no capacity for ``sku`` now."""
        return sku in self.get("capacity", [])

    def strikes(self, fault: str, side: str, container: str, blob: str) -> bool:
        """Whether one of the three faults of a way to blobs meets a caller from ``side`` at this blob."""
        places: list[str] = self.get(fault, {}).get(side, [])
        return any(
            place in ("*", container) or ("/" in place and f"{container}/{blob}".startswith(place))
            for place in places
        )

    def take_kill_after(self, type: str, call: str) -> bool:
        """Whether the engine must die after this call; a fault that fired is gone."""
        if self.get("kill_after") != {"type": type, "call": call}:
            return False
        with self._change() as now:
            return now.pop("kill_after", None) is not None
