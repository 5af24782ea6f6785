"""Small pieces for byte streams: lines, gzip."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import cast

from isal import isal_zlib

from agent.errors import RestoreError

# Well compressed text grows a hundredfold: never all of a chunk at once in memory.
_PIECE = 1 << 20
LONG = 1 << 22  # mysqldump writes about 1 MB a line, and more only for a row that is longer
_GZIP = 31  # zlib's window bits for a gzip container
# isal's own middle level: within a few per cent of gzip -6 in size at several times the speed.
_LEVEL = 2
_DAMAGED = cast(
    "type[Exception]", isal_zlib.IsalError
)  # its stub says Exception where it means type[Exception]


class LineSplitter:
    """Cuts pieces of any size into lines.

    Holds a line twice at most, and that for a moment: one row may have hundreds of megabytes.

    Args:
        ends: whether the lines keep their ends.
    """

    def __init__(self, *, ends: bool = True) -> None:
        self._rest = bytearray()
        self._end = 1 if ends else 0
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that ``data`` completes."""
        self._rest += data
        start = 0
        while (end := self._rest.find(b"\n", max(start, self._searched))) >= 0:
            with memoryview(self._rest) as view:
                line = bytes(view[start : end + self._end])
            start = end + 1
            if len(line) > LONG:
                del self._rest[:start]
                start = self._searched = 0
            yield line
            del line  # before the next one is made
        del self._rest[:start]
        self._searched = len(self._rest)

    @property
    def rest(self) -> bytes:
        """What follows the last line end so far."""
        return bytes(self._rest)


class Gzip:
    """A gzip compressor that counts and hashes what it gives out."""

    def __init__(self) -> None:
        self._compressor = isal_zlib.compressobj(_LEVEL, wbits=_GZIP)
        self._hash = hashlib.sha256()
        self.bytes = 0

    def feed(self, data: bytes) -> bytes:
        """Compress more; may give out nothing yet."""
        return self._counted(self._compressor.compress(data))

    def finish(self) -> bytes:
        """The end of the file."""
        return self._counted(self._compressor.flush())

    def sha256(self) -> str:
        """Hash of everything given out so far."""
        return self._hash.hexdigest()

    def _counted(self, data: bytes) -> bytes:
        self._hash.update(data)
        self.bytes += len(data)
        return data


def gunzip(chunks: Iterable[bytes], *, sha256: str) -> Iterator[bytes]:
    """Decompress one gzip file, in pieces of a megabyte at most, and prove that it is the one meant.

    Raises:
        RestoreError: it is damaged or cut, or its hash is another.
    """
    decompressor = isal_zlib.decompressobj(wbits=_GZIP)
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        rest = chunk
        while True:
            try:
                data = decompressor.decompress(rest, _PIECE)
            except _DAMAGED as error:
                raise RestoreError(
                    f"the backup's gzip data is damaged: {error}; restore another with --backup"
                ) from error
            if data:
                yield data
            rest = decompressor.unconsumed_tail
            if not rest and len(data) < _PIECE:
                break
    if not decompressor.eof or digest.hexdigest() != sha256:
        raise RestoreError(
            "the backup's data is not what its manifest says (SHA-256); restore another with --backup"
        )
