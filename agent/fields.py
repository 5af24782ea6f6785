"""Reading JSON objects strictly: every error names the key, its value, and what to write instead."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

from agent.errors import AgentError

T = TypeVar("T")


class Fields:
    """One JSON object under inspection.

    Args:
        value: the parsed JSON value; anything but an object is an error.
        path: where it stands, for messages (``database.password``).
        where: the document, for messages (a file's name).
        error: the exception class to raise.
    """

    def __init__(self, value: object, path: str, where: str, error: type[AgentError]) -> None:
        self._path, self._where, self._error = path, where, error
        if not isinstance(value, dict):
            raise error(f"{where}: {path or 'the document'} is {_show(value)}; write a JSON object")
        self._object = cast("dict[str, Any]", value)
        self._known: set[str] = set()

    def fail(self, key: str, fix: str) -> AgentError:
        """An error about ``key``, to be raised by the caller."""
        shown = _show(self._object[key]) if key in self._object else "missing"
        return self._error(f"{self._where}: {self._name(key)} is {shown}; {fix}")

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def has(self, key: str) -> bool:
        """Whether ``key`` is there and not null."""
        self._known.add(key)
        return self._object.get(key) is not None

    def text(self, key: str, example: str, default: str | None = None) -> str:
        """A non-empty string."""
        self._known.add(key)
        value = self._object.get(key, default)
        if not isinstance(value, str) or (not value and default is None):
            raise self.fail(key, f"write a string such as {json.dumps(example)}")
        return value

    def one_of(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """One of the strings in ``allowed``."""
        self._known.add(key)
        value = self._object.get(key, default)
        if value not in allowed:
            raise self.fail(key, f"write one of {', '.join(json.dumps(word) for word in allowed)}")
        return cast(str, value)

    def number(self, key: str, *, least: float, most: float, default: float | None = None) -> float:
        """A number within ``least`` and ``most``, both included."""
        self._known.add(key)
        value = self._object.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self.fail(key, f"write a number from {least:g} to {most:g}")
        return float(value)

    def integer(self, key: str, *, least: int, most: int, default: int | None = None) -> int:
        """A whole number within ``least`` and ``most``, both included."""
        self._known.add(key)
        value = self._object.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.fail(key, f"write a whole number from {least} to {most}")
        return value

    def boolean(self, key: str, default: bool | None = None) -> bool:
        """True or false."""
        self._known.add(key)
        value = self._object.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, "write true or false")
        return value

    def texts(self, key: str, example: list[str], *, at_least: int = 0) -> tuple[str, ...]:
        """A list of non-empty strings, without repetition."""
        self._known.add(key)
        value = self._object.get(key)
        if isinstance(value, list):
            words = cast("list[object]", value)
            strings = tuple(word for word in words if isinstance(word, str) and word)
            if len(strings) == len(words) >= at_least and len(set(strings)) == len(strings):
                return strings
        raise self.fail(key, f"write a list of different strings such as {json.dumps(example)}")

    def fields(self, key: str) -> Fields:
        """The object below ``key``."""
        self._known.add(key)
        if key not in self._object:
            raise self.fail(key, "write a JSON object")
        return Fields(self._object[key], self._name(key), self._where, self._error)

    def mapping(self, key: str, read: Callable[[Fields, str], T]) -> dict[str, T]:
        """All entries of the object below ``key``, each read by ``read(fields, entry)``."""
        inner = self.fields(key)
        return {entry: read(inner, entry) for entry in inner._object}

    def done(self) -> None:
        """Refuse keys that nobody asked for: a misspelt key must not silently mean its default."""
        for key in self._object:
            if key not in self._known:
                known = ", ".join(sorted(self._known))
                raise self.fail(key, f"no such key; remove it or use one of: {known}")


def _show(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
