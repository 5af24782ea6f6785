"""Blobs in order, several under way at once, within a bound of memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from agent.archive.run import Piece
from agent.storage import BlobStore

_THREADS = 8
_BYTES = 32 * 2**20  # of blobs that were asked for and not given out yet; one larger comes alone


def fetch(store: BlobStore, pieces: Iterable[Piece]) -> Generator[tuple[Piece, bytes]]:
    """Each piece with its content.

    Raises:
        BlobMissingError, StorageError: it cannot be read.
    """
    pending: deque[tuple[Piece, Future[tuple[bytes, str]]]] = deque()
    held = 0
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="log")
    try:
        for piece in pieces:
            while pending and (held + piece.size > _BYTES or len(pending) >= 2 * _THREADS):
                ready, future = pending.popleft()
                yield ready, future.result()[0]
                held -= ready.size
            pending.append((piece, threads.submit(store.read, piece.name)))
            held += piece.size
        while pending:
            ready, future = pending.popleft()
            yield ready, future.result()[0]
            held -= ready.size
    finally:
        threads.shutdown(cancel_futures=True)
