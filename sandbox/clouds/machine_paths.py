"""What a machine's files and hosts are called here: paths below its folder, hosts on the loopback range.

A rewrite works on whole values (a JSON string, a word of a command, a value of a unit), never on raw text, so
that a folder with a space or a quote in its name does no harm.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sandbox.network import Network

PREFIXES = ("/etc", "/opt", "/run", "/var", "/usr/share")
_PRIVATE_ADDRESS = re.compile(
    r"(?<![\w.-])(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}(?![\w./-]|\.\d)"
)
_AZURE_SERVICE = re.compile(
    r"(?<![\w.-])[a-z0-9-]+\.(?:blob\.core\.windows\.net|vault\.azure\.net)(?![\w-]|\.\w)"
)


class MachinePaths:
    """The rewriting rules of one machine.

    Args:
        folder: stands for the machine's ``/``.
        network: knows the hosts; private addresses, storage accounts and key vaults in a machine's
            files get a place at once, since a server may boot before what it will talk to exists.
    """

    def __init__(self, folder: Path, network: Network) -> None:
        self.folder = folder
        self._network = network

    def path(self, text: str) -> Path:
        """Where a file of the machine really is."""
        return self.folder / text.lstrip("/")

    def is_own(self, text: str) -> bool:
        """Whether ``text`` is a path that lies below the machine's folder."""
        return any(text == prefix or text.startswith(prefix + "/") for prefix in PREFIXES)

    def hosts(self, text: str) -> str:
        """``text`` with host names and addresses translated."""
        for host in (*_PRIVATE_ADDRESS.findall(text), *_AZURE_SERVICE.findall(text)):
            self._network.address(host)
        return self._network.translate(text)

    def word(self, text: str) -> str:
        """One value: a path, ``option=path``, or anything with hosts in it."""
        if self.is_own(text):
            return str(self.path(text))
        name, equals, value = text.partition("=")
        if equals and re.fullmatch(r"-{0,2}[\w-]+", name) and self.is_own(value):
            return f"{name}={self.path(value)}"
        return self.hosts(text)

    def value(self, value: Any) -> Any:
        """A value as JSON gives it, rewritten inside."""
        if isinstance(value, str):
            return self.word(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
        return value
