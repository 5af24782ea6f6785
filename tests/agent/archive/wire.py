"""A TCP connection between two programs that can be cut, or go silent without a word."""

from __future__ import annotations

import contextlib
import socket
import threading


class Wire:
    """Forwards everything that comes to ``address`` to ``target``, port by port the same.

    Attributes:
        connections: how many were made so far.
    """

    def __init__(self, address: str, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server((address, target[1]))
        self._open = threading.Event()
        self._open.set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._sockets: list[socket.socket] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections and refuse new ones."""
        self._open.clear()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def mend(self) -> None:
        """Accept and forward again."""
        self._open.set()
        self._flowing.set()

    def silence(self) -> None:
        """Forward nothing, without an end of the connection: the peer's machine is gone."""
        self._flowing.clear()

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self._open.is_set():
                    client.close()
                    continue
                self.connections += 1
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for pair in (client, server), (server, client):
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
