"""The difference between two sets of inputs, path by path, as the engine wants it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.providers import assets

Kind = Literal["add", "delete", "update"]


@dataclass(frozen=True)
class Change:
    """One changed path: ``sku.name`` or ``rules[0].priority``."""

    path: str
    kind: Kind


def changes(old: Any, new: Any, path: str = "") -> Iterator[Change]:
    """Every path at which ``new`` differs from ``old``. Null and absent are the same."""
    if assets.is_asset(old) and assets.is_asset(new):
        # the engine leaves the contents of an old asset out, so only the hashes compare
        if old["hash"] != new["hash"]:
            yield Change(path, "update")
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            where = f"{path}.{key}" if path else str(key)
            yield from changes(old.get(key), new.get(key), where)
    elif isinstance(old, list) and isinstance(new, list):
        for number in range(max(len(old), len(new))):
            before = old[number] if number < len(old) else None
            after = new[number] if number < len(new) else None
            yield from changes(before, after, f"{path}[{number}]")
    elif old != new:
        yield Change(path, "add" if old is None else "delete" if new is None else "update")


def touches(change: Change, paths: tuple[str, ...]) -> bool:
    """Whether a change lies at or below one of the dotted paths (list indices do not matter)."""
    parts = [part.split("[")[0] for part in change.path.split(".")]
    return any(parts[: len(wanted)] == wanted for wanted in (path.split(".") for path in paths))
