"""SIGKILL for the engine that holds the other end of a provider's connection.

This is how an `up` dies half-way in a rehearsal: the cloud has done the work, the engine never hears of it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path


def kill_peer(peer: str) -> None:
    """Kill the process at the other end of a loopback connection.

    Args:
        peer: gRPC's name of the peer, ``ipv4:127.0.0.1:40000``.

    Raises:
        LookupError: when no process of ours holds that end.
    """
    inode = _inode(peer)
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and process.name != str(os.getpid()) and _holds(process, inode):
            os.kill(int(process.name), signal.SIGKILL)
            return
    raise LookupError(f"no process holds the connection {peer}")


def _inode(peer: str) -> str:
    """The socket inode of the connection whose local end is ``peer`` (proc(5), net/tcp).

    The whole address: others on this machine use the same port at other loopback addresses.
    """
    _, address, port = peer.split(":")
    number = int.from_bytes(socket.inet_aton(address), sys.byteorder)
    local = f"{number:08X}:{int(port):04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == local and fields[3] == "01":  # 01: established
            return fields[9]
    raise LookupError(f"no established connection from {peer}")


def _holds(process: Path, inode: str) -> bool:
    try:
        return any(str(link.readlink()) == f"socket:[{inode}]" for link in (process / "fd").iterdir())
    except OSError:
        return False  # it ended meanwhile, or belongs to another user
