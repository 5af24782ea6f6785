"""Compressing and uploading beside the reader: what leaves the GIL leaves it to the others."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

from agent.storage import BlobStore
from agent.streams import Gzip

_WAITING = 8  # pieces of at most 1 MiB each


class Outflow(AbstractContextManager["Outflow"]):
    """A gzip blob that is compressed in a thread and sent by others; invisible until ``commit``.

    Use as a context manager; leaving it ends the threads.
    """

    def __init__(self, store: BlobStore, name: str) -> None:
        self._upload = store.upload(name)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gzip")
        self._pending: deque[Future[None]] = deque()
        self.gzip = Gzip()

    def __exit__(self, *error: object) -> None:
        self._thread.shutdown(cancel_futures=True)
        self._upload.__exit__(*error)

    def write(self, data: bytes) -> None:
        """Take more; blocks while enough of it waits.

        Raises:
            StorageError: earlier content could not be sent.
        """
        if len(self._pending) >= _WAITING:
            self._pending.popleft().result()
        self._pending.append(self._thread.submit(self._pass_on, data))

    def _pass_on(self, data: bytes) -> None:
        self._upload.write(self.gzip.feed(data))

    def commit(self) -> None:
        """Send the rest and make it a blob.

        Raises:
            BlobExistsError: the name is taken.
            StorageError: it could not be sent.
        """
        while self._pending:
            self._pending.popleft().result()
        self._upload.write(self.gzip.finish())
        self._upload.commit()
