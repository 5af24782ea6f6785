"""A TCP connection between two programs that can be cut, or go silent without a word."""

from __future__ import annotations

import contextlib
import socket
import threading


class Wire:
    """Forwards everything that comes to ``address`` to ``target``, port by port the same."""

    def __init__(self, address: str, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server((address, target[1]))
        self._open = threading.Event()
        self._open.set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._sockets: list[socket.socket] = []
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
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self._open.is_set():
                client.close()
                continue
            server = socket.create_connection(self._target)
            self._sockets += [client, server]
            ends = [
                threading.Thread(target=self._copy, args=pair, daemon=True)
                for pair in ((client, server), (server, client))
            ]
            for end in ends:
                end.start()
            threading.Thread(target=self._close_after, args=(ends, client, server), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _close_after(ends: list[threading.Thread], *sockets: socket.socket) -> None:
        for end in ends:
            end.join()
        for one in sockets:
            one.close()
