"""Reads single configuration values and collects everything wrong with them. Pure: no Pulumi.

Pulumi hands every value over as text (numbers and booleans too, lists as JSON), so this is where text
becomes types. Nothing is raised while reading: an operator in a hurry should see all mistakes at once.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from enum import StrEnum
from ipaddress import IPv4Network
from typing import TypeVar

from components.network_plan import NetworkPlanError, parse

Choice = TypeVar("Choice", bound=StrEnum)
Get = Callable[[str], str | None]


class SettingsError(ValueError):
    """All that is wrong with the configuration, one line for each problem; each names key, value and fix."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "1 setting is" if len(problems) == 1 else f"{len(problems)} settings are"
        super().__init__(f"{count} wrong; nothing was changed.\n" + "\n".join(f"  - {p}" for p in problems))


class Reader:
    """Typed look-ups in one stack's configuration.

    Args:
        get: the value of a key as text, or None when it is not set (``pulumi.Config().get``).
    """

    def __init__(self, get: Get) -> None:
        self._get = get
        self.problems: list[str] = []

    def wrong(self, key: str, value: str, reason: str, fix: str) -> None:
        """Note a problem. ``fix`` is a value that would do, or a whole command."""
        command = fix if fix.startswith("pulumi ") else f"pulumi config set {key} {fix}"
        self.problems.append(f"{key} is {value!r}: {reason}. Fix: {command}")

    def text(self, key: str, *, example: str, pattern: str = "", required: bool = True) -> str:
        """Text; ``pattern`` must match all of it. Empty only when not required."""
        value = (self._get(key) or "").strip()
        if not value:
            if required:
                self.wrong(key, value, "it is not set and this stack needs it", example)
        elif pattern and not re.fullmatch(pattern, value):
            self.wrong(key, value, f"it does not look like {example!r}", example)
        return value

    def integer(self, key: str, *, low: int, high: int, example: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        value = self._get(key) or ""
        if re.fullmatch(r"-?\d{1,9}", value) and low <= int(value) <= high:
            return int(value)
        self.wrong(key, value, f"must be a whole number from {low} to {high}", str(example))
        return example

    def flag(self, key: str) -> bool:
        """``true`` or ``false``."""
        value = self._get(key) or ""
        if value.lower() not in ("true", "false"):
            self.wrong(key, value, "must be true or false", "false")
        return value.lower() == "true"

    def choice(self, key: str, kind: type[Choice]) -> Choice:
        """One member of an enumeration."""
        value = self._get(key) or ""
        members = list(kind)
        if value in members:
            return kind(value)
        self.wrong(key, value, "must be one of " + ", ".join(members), members[0])
        return members[0]

    def texts(self, key: str, *, example: list[str], pattern: str, required: bool = True) -> tuple[str, ...]:
        """A list of texts, each matching ``pattern``."""
        raw = self._get(key) or "[]"
        command = f"pulumi config set --path '{key}[0]' {example[0]}"
        try:
            value = json.loads(raw)
        except json.JSONDecodeError:
            value = None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.wrong(key, raw, f"must be a list of texts like {json.dumps(example)}", command)
            return ()
        items = tuple(str(item) for item in value)
        if required and not items:
            self.wrong(key, raw, "it is empty and this stack needs it", command)
        for position, item in enumerate(items):
            if not re.fullmatch(pattern, item):
                fix = f"pulumi config set --path '{key}[{position}]' {example[0]}"
                self.wrong(f"{key}[{position}]", item, f"it does not look like {example[0]!r}", fix)
        return items

    def public_addresses(self, key: str) -> tuple[str, ...]:
        """Public IPv4 addresses; Azure's storage firewall takes no /31, no /32 and no private address."""
        found = self.texts(key, example=["192.0.2.10"], pattern=r"[0-9./]+", required=False)
        for position, item in enumerate(found):
            fix = f"pulumi config set --path '{key}[{position}]' 192.0.2.10"
            try:
                network = ipaddress.IPv4Network(item)
            except ValueError as error:
                self.wrong(f"{key}[{position}]", item, f"is not an IPv4 address or range ({error})", fix)
                continue
            if network.is_private and not any(network.subnet_of(block) for block in _DOCUMENTATION):
                self.wrong(f"{key}[{position}]", item, "is a private address, clouds see the public one", fix)
            if "/" in item and network.prefixlen > 30:
                self.wrong(f"{key}[{position}]", item, "write a single address without /31 or /32", fix)
        return found

    def network(self, key: str, *, example: str) -> IPv4Network | None:
        """An IPv4 network, or None after noting the problem."""
        try:
            return parse(key, self._get(key) or "", example)
        except NetworkPlanError as error:
            self.wrong(key, error.value, error.reason, error.fix)
            return None


# RFC 5737: what the committed examples use
_DOCUMENTATION = tuple(map(IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))
