"""Which Blob operation a request is, and which rights it needs.

The table follows "Permissions for calling data operations" in
learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory. An operation that is not
in the table is refused: a gate that guesses would let things through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_SERVICE = "Microsoft.Storage/storageAccounts/blobServices"
_CONTAINER = f"{_SERVICE}/containers"
_BLOB = f"{_CONTAINER}/blobs"

WRITE = f"{_BLOB}/write"
ADD = f"{_BLOB}/add/action"

Effect = Literal["read", "put", "stage", "append", "change", "attend", "delete"]
"""What an operation does to a blob, as far as retention cares: ``put`` makes it whole in one go, ``stage``
prepares that, ``change`` touches what exists or its metadata, ``attend`` its tier, lease or tags."""


class NotSimulatedError(LookupError):
    """The request is no operation of the table."""


@dataclass(frozen=True)
class Operation:
    """One Blob service operation.

    Attributes:
        name: as the REST reference calls it.
        action: the right it needs.
        or_add: whether ``add/action`` is enough as long as nothing that exists is replaced.
        data: whether ``action`` is a data action.
    """

    name: str
    action: str
    effect: Effect
    or_add: bool = False
    data: bool = True


def _management(name: str, action: str) -> Operation:
    return Operation(name, action, "read", data=False)


# (level, method, comp) -> operation; HEAD counts as GET.
_TABLE: Mapping[tuple[str, str, str], Operation] = {
    ("service", "GET", "list"): _management("ListContainers", f"{_CONTAINER}/read"),
    ("service", "GET", "properties"): _management("GetBlobServiceProperties", f"{_SERVICE}/read"),
    ("service", "PUT", "properties"): _management("SetBlobServiceProperties", f"{_SERVICE}/write"),
    ("container", "PUT", ""): _management("CreateContainer", f"{_CONTAINER}/write"),
    ("container", "DELETE", ""): _management("DeleteContainer", f"{_CONTAINER}/delete"),
    ("container", "GET", ""): _management("GetContainerProperties", f"{_CONTAINER}/read"),
    ("container", "GET", "metadata"): _management("GetContainerMetadata", f"{_CONTAINER}/read"),
    ("container", "PUT", "metadata"): _management("SetContainerMetadata", f"{_CONTAINER}/write"),
    ("container", "GET", "list"): Operation("ListBlobs", f"{_BLOB}/read", "read"),
    ("blob", "GET", ""): Operation("GetBlob", f"{_BLOB}/read", "read"),
    ("blob", "GET", "metadata"): Operation("GetBlobMetadata", f"{_BLOB}/read", "read"),
    ("blob", "GET", "blocklist"): Operation("GetBlockList", f"{_BLOB}/read", "read"),
    ("blob", "GET", "tags"): Operation("GetBlobTags", f"{_BLOB}/tags/read", "read"),
    ("blob", "PUT", ""): Operation("PutBlob", WRITE, "put", or_add=True),
    ("blob", "PUT", "block"): Operation("PutBlock", WRITE, "stage"),
    ("blob", "PUT", "blocklist"): Operation("PutBlockList", WRITE, "put"),
    ("blob", "PUT", "appendblock"): Operation("AppendBlock", WRITE, "append", or_add=True),
    ("blob", "PUT", "metadata"): Operation("SetBlobMetadata", WRITE, "change"),
    ("blob", "PUT", "properties"): Operation("SetBlobProperties", WRITE, "change"),
    ("blob", "PUT", "snapshot"): Operation("SnapshotBlob", WRITE, "change"),
    ("blob", "PUT", "tier"): Operation("SetBlobTier", WRITE, "attend"),
    ("blob", "PUT", "lease"): Operation("LeaseBlob", WRITE, "attend"),
    ("blob", "PUT", "tags"): Operation("SetBlobTags", f"{_BLOB}/tags/write", "attend"),
    ("blob", "DELETE", ""): Operation("DeleteBlob", f"{_BLOB}/delete", "delete"),
}


def operation(
    method: str, container: str, blob: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> Operation:
    """The operation behind a request to ``container`` and ``blob`` (empty when the path has none).

    Raises:
        NotSimulatedError: for everything else, with the file to extend.
    """
    level = "blob" if blob else "container" if container else "service"
    key = (level, "GET" if method == "HEAD" else method, query.get("comp", ""))
    found = _TABLE.get(key)
    restype = {"service": ("", "service"), "container": ("container",), "blob": ("",)}[level]
    special = [name for name in headers if name.lower() == "x-ms-copy-source"]
    special += [name for name in query if name in ("versionid", "deletetype")]
    if found is None or query.get("restype", "") not in restype or special:
        raise NotSimulatedError(
            f"{method} on a {level} with comp={key[2]!r} {' '.join(special)} is not simulated: "
            "extend sandbox/clouds/blob_operations.py"
        )
    return found
