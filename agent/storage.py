"""The Blob endpoint: create-only and conditional writes, complete listings, streams."""

from __future__ import annotations

import base64
import uuid
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobClient, BlobPrefix, BlobServiceClient, ContainerClient, ContentSettings

from agent.credentials import StorageCredential
from agent.errors import StorageError

# 50,000 blocks of 4 MiB make 195 GiB, far above what a pilot light dumps; small blocks keep memory small.
_BLOCK_BYTES = 4 * 1024 * 1024
_PARALLEL_BLOCKS = 4
_RETRIES = 5  # within about 40 s by the pauses below; the SDK's own first pause alone is 15 s
_ONE_REQUEST_BYTES = 2**30  # Put Blob takes up to 5,000 MiB; staged blocks need another right than creation
_CREATE_TIMEOUT_S = 30
_THROTTLED = (429, 500, 503)  # 500 is the service's "operation timed out"
_RUN = "run"  # metadata key by which a writer knows its own blob again


class BlobExistsError(StorageError):
    """A create-only write found the name taken by somebody else's blob."""


class BlobChangedError(StorageError):
    """A conditional write found that the blob had changed since it was read."""


class BlobMissingError(StorageError):
    """There is no blob of that name."""


class BlobThrottledError(StorageError):
    """The service is too busy; ``retry_after_s`` is how long it asks to wait, 0 where it does not say."""

    retry_after_s = 0.0


@dataclass(frozen=True)
class BlobEntry:
    """One line of a listing."""

    name: str
    size: int
    metadata: Mapping[str, str]


class BlobStore:
    """One container. Every method raises StorageError when the service refuses or cannot be reached."""

    def __init__(
        self, endpoint: str, container: str, credential: StorageCredential, *, retries: int = _RETRIES
    ) -> None:
        self._where = f"{endpoint}/{container}"
        service = BlobServiceClient(
            endpoint,
            credential,
            max_block_size=_BLOCK_BYTES,
            max_single_put_size=_ONE_REQUEST_BYTES,
            max_single_get_size=2 * _BLOCK_BYTES,
            max_chunk_get_size=2 * _BLOCK_BYTES,
            retry_total=retries,
            initial_backoff=1,
            increment_base=2,
            connection_timeout=10,
            read_timeout=60,
        )
        self._container: ContainerClient = service.get_container_client(container)

    @contextmanager
    def _errors(self, action: str) -> Generator[None]:
        try:
            yield
        except ResourceNotFoundError as error:
            # Only a missing blob is an answer. A missing container is a mistake, and must not read as
            # "no epoch was ever written".
            kind = BlobMissingError if _code(error) == "BlobNotFound" else StorageError
            raise kind(f"cannot {action}: {self._where}: {_reason(error)}") from error
        except ResourceExistsError as error:
            raise BlobExistsError(f"cannot {action}: {self._where}: {_reason(error)}") from error
        except ResourceModifiedError as error:
            raise BlobChangedError(f"cannot {action}: {self._where}: {_reason(error)}") from error
        except ClientAuthenticationError as error:
            raise StorageError(
                f"cannot {action}: {self._where} refuses this identity: {_reason(error)}; "
                "check its role assignments and the account's firewall"
            ) from error
        except AzureError as error:
            message = f"cannot {action}: {self._where}: {_reason(error)}"
            if _code(error) == "BlobImmutableDueToPolicy":  # what retention answers to an overwrite
                raise BlobExistsError(message) from error
            if isinstance(error, HttpResponseError) and error.status_code in _THROTTLED:
                busy = BlobThrottledError(message)
                busy.retry_after_s = _retry_after(error)
                raise busy from error
            raise StorageError(message) from error

    def _blob(self, name: str) -> BlobClient:
        return self._container.get_blob_client(name)

    def entries(self, prefix: str) -> Iterator[BlobEntry]:
        """All blobs whose names begin with ``prefix``, with metadata.

        The service answers at most 5,000 a page; the iterator follows the pages to the end.
        """
        with self._errors(f"list {prefix}*"):
            for blob in self._container.list_blobs(name_starts_with=prefix, include=["metadata"]):
                metadata = cast("dict[str, str] | None", blob.metadata)
                yield BlobEntry(str(blob.name), int(blob.size or 0), metadata or {})

    def folders(self, prefix: str, delimiter: str) -> Iterator[str]:
        """The different beginnings of names, up to the next ``delimiter`` behind ``prefix``.

        Few answers however many blobs there are.
        """
        with self._errors(f"list {prefix}*"):
            for found in self._container.walk_blobs(name_starts_with=prefix, delimiter=delimiter):
                if isinstance(found, BlobPrefix):
                    yield str(found.name)

    def read_start(self, name: str, length: int) -> bytes:
        """At most the first ``length`` bytes of a blob."""
        with self._errors(f"read {name}"):
            return self._blob(name).download_blob(offset=0, length=length).readall()

    def read(self, name: str) -> tuple[bytes, str]:
        """A small blob's content and ETag."""
        with self._errors(f"read {name}"):
            download = self._blob(name).download_blob()
            return download.readall(), str(download.properties.etag)

    def chunks(self, name: str) -> Iterator[bytes]:
        """A large blob's content, piece by piece."""
        with self._errors(f"read {name}"):
            yield from self._blob(name).download_blob(max_concurrency=2).chunks()

    def create(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write a new blob; never overwrites.

        Raises:
            BlobExistsError: the name is taken. A blob that this very call wrote before its acknowledgement
                got lost is recognised and counts as success.
        """
        run = uuid.uuid4().hex
        with self._own_blob_is_no_conflict(name, run), self._errors(f"create {name}"):
            self._blob(name).upload_blob(
                data,
                overwrite=False,
                metadata={**(metadata or {}), _RUN: run},
                content_settings=_content_settings(name),
            )

    def create_once(self, name: str, data: bytes, metadata: Mapping[str, str]) -> None:
        """Write a new blob by one single request, whose MD5 the service checks; not repeated here.

        Whoever calls knows best how long to wait, and what a name that is taken means: this very blob, when
        the answer to an earlier call was lost.

        Raises:
            BlobExistsError: the name is taken.
            BlobThrottledError: the service is busy.
        """
        with self._errors(f"create {name}"):
            self._blob(name).upload_blob(
                data,
                overwrite=False,
                metadata=dict(metadata),
                content_settings=_content_settings(name),
                validate_content="md5",
                retry_total=0,
                connection_timeout=_CREATE_TIMEOUT_S,
                read_timeout=_CREATE_TIMEOUT_S,
            )

    def put(self, name: str, data: bytes, *, etag: str | None) -> str:
        """Write a small blob only if it is still what was read; ``etag`` None: only if it is not there.

        Returns the new ETag.

        Raises:
            BlobChangedError: somebody else wrote it meanwhile.
        """
        conditions: dict[str, Any] = {"overwrite": False}
        if etag is not None:
            conditions = {
                "overwrite": True,
                "etag": etag,
                "match_condition": MatchConditions.IfNotModified,
            }
        try:
            with self._errors(f"write {name}"):
                answer = self._blob(name).upload_blob(
                    data, content_settings=_content_settings(name), **conditions
                )
        except BlobExistsError as error:
            raise BlobChangedError(str(error)) from error
        return str(answer["etag"])

    def replace(self, name: str, data: bytes) -> None:
        """Write a small blob whatever was there (signals, which only ever say the latest)."""
        with self._errors(f"write {name}"):
            self._blob(name).upload_blob(data, overwrite=True, content_settings=_content_settings(name))

    def upload(self, name: str) -> BlockUpload:
        """Begin a streamed upload of a new blob; nothing is visible before its ``commit``."""
        return BlockUpload(self, name)

    @contextmanager
    def _own_blob_is_no_conflict(self, name: str, run: str) -> Generator[None]:
        """A write whose answer was lost is refused as existing when the SDK repeats it."""
        try:
            yield
        except BlobExistsError:
            with self._errors(f"look at {name}"):
                properties = self._blob(name).get_blob_properties()
            if properties.metadata.get(_RUN) != run:
                raise

    def stage_block(self, name: str, block: str, data: bytes) -> None:
        """Send one block of a blob that does not exist yet."""
        with self._errors(f"upload {name}"):
            self._blob(name).stage_block(block, data, length=len(data))

    def commit_blocks(self, name: str, blocks: list[str], metadata: Mapping[str, str]) -> None:
        """Make the staged blocks a new blob, unless the name is taken."""
        run = uuid.uuid4().hex
        with self._own_blob_is_no_conflict(name, run), self._errors(f"create {name}"):
            self._blob(name).commit_block_list(
                cast("list[Any]", blocks),
                match_condition=MatchConditions.IfMissing,
                metadata={**metadata, _RUN: run},
                content_settings=_content_settings(name),
            )


class BlockUpload:
    """A blob of unknown length, sent block by block while it is produced.

    ``commit`` is a separate step on purpose: a stream that merely ended is not one that ended well, and the
    SDK's own ``upload_blob(stream)`` commits whatever it got from a producer that died. Blocks that are never
    committed vanish by themselves after a week.

    Use as a context manager; leaving it ends the threads.
    """

    def __init__(self, store: BlobStore, name: str) -> None:
        self._store = store
        self._name = name
        self._run = uuid.uuid4().hex
        self._buffer = bytearray()
        self._blocks: list[str] = []
        self._threads = ThreadPoolExecutor(_PARALLEL_BLOCKS, thread_name_prefix="upload")
        self._pending: deque[Future[None]] = deque()

    def __enter__(self) -> BlockUpload:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def write(self, data: bytes) -> None:
        """Take more of the content; blocks while ``_PARALLEL_BLOCKS`` blocks are under way.

        Raises:
            StorageError: an earlier block could not be sent.
        """
        self._buffer += data
        while len(self._buffer) >= _BLOCK_BYTES:
            self._send(bytes(self._buffer[:_BLOCK_BYTES]))
            del self._buffer[:_BLOCK_BYTES]

    def _send(self, data: bytes) -> None:
        if len(self._pending) >= _PARALLEL_BLOCKS:
            self._pending.popleft().result()
        # All ids of one blob must have the same length. Blocks that wait belong to a name, not to an upload:
        # with the same ids, another upload of this name would replace ours before they are committed.
        block = base64.b64encode(f"{self._run}-{len(self._blocks):08d}".encode()).decode()
        self._blocks.append(block)
        self._pending.append(self._threads.submit(self._store.stage_block, self._name, block, data))

    def commit(self, metadata: Mapping[str, str] | None = None) -> None:
        """Make everything written so far a blob.

        Raises:
            BlobExistsError: the name is taken.
        """
        if self._buffer:
            self._send(bytes(self._buffer))
            self._buffer.clear()
        while self._pending:
            self._pending.popleft().result()
        self._store.commit_blocks(self._name, self._blocks, metadata or {})


def _content_settings(name: str) -> ContentSettings:
    kind = "application/json" if name.endswith(".json") else "application/gzip"
    return ContentSettings(content_type=kind)


def _code(error: AzureError) -> str:
    """The service's own name of the error, such as ``BlobNotFound``; empty where it gave none."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _retry_after(error: HttpResponseError) -> float:
    """Seconds; the header's other form, a date, is not one that this service uses."""
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    text = str(headers.get("Retry-After", ""))
    return float(text) if text.isdigit() else 0.0


def _reason(error: AzureError) -> str:
    """The service's own code and one line, without the request's headers."""
    status = error.status_code if isinstance(error, HttpResponseError) else None
    text = str(error).strip().split("\n", 1)[0][:300]
    known = " ".join(str(part) for part in (status, _code(error)) if part)
    return f"{text} ({known})" if known else text
