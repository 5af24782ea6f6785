"""Names and addresses of the simulated world, mapped onto this machine's loopback range.

Every simulated host (a database endpoint, a virtual machine's private address, the reserved public
address) keeps its real-looking name or address everywhere in state and configuration. Here each gets a
loopback address of its own, so that port numbers stay what they are. Only ports below 1024, which need
root, move up by 10000.
"""

from __future__ import annotations

import json
import random
import re
import socket
import threading
from pathlib import Path

PRIVILEGED_SHIFT = 10_000
_LOCK_PORT = 10_001
_SCHEME_PORTS = {"https": 443, "http": 80}


class NetworkError(RuntimeError):
    """No free loopback block, or the block ran out of addresses."""


def local_port(port: int) -> int:
    """The loopback port that stands for ``port``: unchanged from 1024 on, else 10000 higher."""
    return port if port >= 1024 else port + PRIVILEGED_SHIFT


class Network:
    """One /24 of 127.0.0.0/8, held for as long as this object lives.

    Args:
        root: the sandbox's folder; the mapping is kept in ``network.json`` there, so that a second start
            on the same folder gives every host its old address where the block is still free.

    Attributes:
        file: the mapping: ``prefix``, and the last number of each host's address in ``hosts``.

    Raises:
        NetworkError: when twenty blocks in a row were taken.
    """

    def __init__(self, root: Path) -> None:
        self.file = root / "network.json"
        self._mutex = threading.Lock()
        saved = json.loads(self.file.read_text()) if self.file.exists() else {}
        self._hosts: dict[str, int] = saved.get("hosts", {})
        self.prefix, self._holder = self._hold(saved.get("prefix"))
        self._save()

    @staticmethod
    def _hold(wanted: str | None) -> tuple[str, socket.socket]:
        candidates = [wanted] if wanted else []
        candidates += [f"127.{random.randint(16, 254)}.{random.randint(1, 254)}" for _ in range(20)]
        for prefix in candidates:
            holder = socket.socket()
            try:
                holder.bind((f"{prefix}.1", _LOCK_PORT))
                holder.listen(1)
            except OSError:
                holder.close()
                continue
            return prefix, holder
        raise NetworkError(
            "no free block of loopback addresses: stop other sandboxes with './dr sandbox down'"
        )

    def _save(self) -> None:
        temporary = self.file.with_suffix(".tmp")
        temporary.write_text(json.dumps({"prefix": self.prefix, "hosts": self._hosts}, indent=1))
        temporary.replace(self.file)

    def address(self, host: str) -> str:
        """The loopback address for ``host`` (a DNS name or an IPv4 address); made on first use."""
        host = host.lower().rstrip(".")
        with self._mutex:
            if host not in self._hosts:
                number = max(self._hosts.values(), default=1) + 1
                if number > 254:
                    raise NetworkError(f"more than 253 simulated hosts; the last one was {host}")
                self._hosts[host] = number
                self._save()
            return f"{self.prefix}.{self._hosts[host]}"

    def alias(self, name: str, host: str) -> str:
        """Let ``name`` stand for the same machine as ``host`` (an ALB's name and its addresses)."""
        address = self.address(host)
        with self._mutex:
            self._hosts[name.lower().rstrip(".")] = int(address.rsplit(".", 1)[1])
            self._save()
        return address

    def endpoint(self, host: str, port: int) -> tuple[str, int]:
        """Where a connection to ``host:port`` really goes: ``(loopback address, local port)``."""
        return self.address(host), local_port(port)

    def hosts(self) -> dict[str, str]:
        """All hosts known so far and their loopback addresses."""
        with self._mutex:
            return {host: f"{self.prefix}.{number}" for host, number in self._hosts.items()}

    def translate(self, text: str) -> str:
        """Rewrite every known host in ``text`` to its loopback address, as a machine's own routing would.

        URLs without a port get the local port of their scheme. Unknown hosts stay as they are, so a
        missing translation shows as a failed look-up and not as a call to somewhere else.
        """
        known = self.hosts()
        if not known:
            return text
        names = "|".join(re.escape(host) for host in sorted(known, key=len, reverse=True))
        edges = rf"(?<![\w.-])(?:(?P<scheme>https?)://)?(?P<host>{names})(?::(?P<port>\d+))?(?![\w-]|\.\w)"

        def swap(match: re.Match[str]) -> str:
            scheme, port = match["scheme"], match["port"]
            number = int(port) if port else _SCHEME_PORTS.get(scheme or "")
            where = known[match["host"].lower()] + (f":{local_port(number)}" if number else "")
            return f"{scheme}://{where}" if scheme else where

        return re.sub(edges, swap, text, flags=re.IGNORECASE)

    def close(self) -> None:
        """Give the block back."""
        self._holder.close()
