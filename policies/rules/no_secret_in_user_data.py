"""Rule: no machine is given a secret in its user data, which every process on it can read."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen

_PATTERNS = {
    "a literal password": re.compile(r"""["']?pass(word|wd)?["']?\s*[:=]\s*["']?[^\s"'{\[]""", re.IGNORECASE),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a storage key": re.compile(r"AccountKey=|[?&]sig=[A-Za-z0-9%]"),
    "an AWS access key": re.compile(r"\bA(KIA|SIA)[A-Z0-9]{16}\b"),
}


def problems(machine: Seen) -> Iterator[str]:
    """What a preview cannot know, the update checks. Never quotes what it found: messages end up in logs."""
    if machine.type == tokens.LAUNCH_TEMPLATE:
        text, password = _decoded(machine.text("userData")), ""
    else:
        text = _decoded(machine.text("osProfile.customData") or machine.text("userData"))
        password = machine.text("osProfile.adminPassword")
    found = [what for what, pattern in _PATTERNS.items() if pattern.search(text)]
    if password and password in text:
        found.append("the machine's own console password")
    for what in found:
        yield f"carries {what} in its user data: let the machine fetch it with its identity"


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return value


RULE = Rule(
    name="no-secret-in-user-data",
    what="User data holds names of secrets, never secrets.",
    why="The metadata service shows it to every process, and the clouds' consoles to every reader.",
    types=frozenset({tokens.LAUNCH_TEMPLATE, tokens.VIRTUAL_MACHINE}),
    problems=problems,
)
