"""A request's body, read piece by piece whatever its framing."""

from __future__ import annotations

from email.message import Message
from io import BufferedIOBase
from typing import Protocol

_PIECE = 64 * 1024
_MAX_LINE = 8 * 1024


class BadFraming(ConnectionError):
    """The body is not framed as HTTP/1.1 wants it (RFC 9112, section 7.1): the connection is lost."""


class _Source(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...
    def readline(self, size: int = ..., /) -> bytes: ...


class RequestBody:
    """Reads exactly one body from a connection.

    Attributes:
        length: its size in bytes, or None when it comes in chunks.
    """

    def __init__(self, source: _Source | BufferedIOBase, length: int | None) -> None:
        self._source = source
        self.length = length
        self._left = length or 0  # of the body, or of the current chunk
        self._ended = length == 0

    @classmethod
    def of(cls, headers: Message, source: _Source | BufferedIOBase) -> RequestBody:
        """The body that these headers announce; no framing header means no body.

        Raises:
            BadFraming: the announced length is not a number.
        """
        if headers.get("Transfer-Encoding", "").lower() == "chunked":
            return cls(source, None)
        length = headers.get("Content-Length", "0")
        if not length.isdecimal():
            raise BadFraming(f"Content-Length {length!r} is not a number")
        return cls(source, int(length))

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, everything when negative, b"" at the end.

        Raises:
            BadFraming: the client's chunks make no sense.
            ConnectionError: the client went away in the middle.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(_PIECE), b""))
        if self._ended or size == 0:
            return b""
        if self.length is None and self._left == 0:
            self._next_chunk()
            if self._ended:
                return b""
        piece = self._source.read(min(size, self._left))
        if not piece:
            raise ConnectionError("the client closed the connection in the middle of a body")
        self._left -= len(piece)
        if self._left == 0:
            if self.length is None:
                self._source.readline(_MAX_LINE)  # the CRLF behind a chunk
            else:
                self._ended = True
        return piece

    def drain(self) -> None:
        """Read what is left and forget it."""
        while self.read(_PIECE):
            pass

    def _next_chunk(self) -> None:
        line = self._source.readline(_MAX_LINE)
        size = line.split(b";")[0].strip()
        if not size or size.strip(b"0123456789abcdefABCDEF"):
            raise BadFraming(f"chunk size {line[:40]!r} is not a hexadecimal number")
        self._left = int(size, 16)
        if self._left == 0:
            while self._source.readline(_MAX_LINE).strip():
                pass  # trailers
            self._ended = True
