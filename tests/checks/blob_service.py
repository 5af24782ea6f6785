"""What the provider does at the Blob endpoint itself, judged by the enums and models of azure-storage-blob.

``storage.Blob`` and ``storage.StorageAccountStaticWebsite`` are no ARM resources; the provider turns them
into Put Blob and Set Blob Service Properties.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from azure.storage.blob import BlobType, ContentSettings, StandardBlobTier, StaticWebsite

from tests.checks.registered import whole
from tests.program.recorder import Recorded

_PLACE = {"resourceGroupName", "accountName"}
# Naming and referencing containers, blobs, and metadata: https://learn.microsoft.com/rest/api/storageservices/
_CONTAINER = r"\$web|\$root|\$logs|[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]"
_BLOB_LENGTH = 1024


def judge(resource: Recorded) -> list[str]:
    """What is wrong with the inputs of one such resource; empty: nothing was found."""
    checks: dict[str, Callable[[dict[str, Any]], list[str]]] = {
        "Blob": _blob,
        "StorageAccountStaticWebsite": _site,
    }
    inputs = whole(resource.inputs)
    missing = [f"{name} is required and missing" for name in sorted(_PLACE - set(inputs))]
    rest = {key: value for key, value in inputs.items() if key not in _PLACE}
    return missing + checks[resource.type.rsplit(":", 1)[1]](rest)


def _blob(inputs: dict[str, Any]) -> list[str]:
    known = {"type", "blobName", "containerName", "source", "accessTier", "metadata"}
    settings = {"contentType": "content_type", "contentMd5": "content_md5"}
    found = [f"{key} is not known to Put Blob" for key in sorted(set(inputs) - known - set(settings))]
    found += [
        f"{key} is no content setting" for key in settings.values() if not hasattr(ContentSettings(), key)
    ]
    if f"{inputs.get('type', 'Block')}Blob" not in [kind.value for kind in BlobType]:
        found.append(f"type is {inputs['type']!r}: Azure has no {inputs['type']}Blob")
    if inputs.get("accessTier", "Hot") not in [tier.value for tier in StandardBlobTier]:
        found.append(f"accessTier is {inputs['accessTier']!r}, not a tier")
    if not re.fullmatch(_CONTAINER, str(inputs.get("containerName", ""))):
        found.append(f"containerName {inputs.get('containerName')!r} would be refused")
    if len(str(inputs.get("blobName", ""))) > _BLOB_LENGTH:
        found.append(f"blobName is longer than {_BLOB_LENGTH}")
    return found


def _site(inputs: dict[str, Any]) -> list[str]:
    known = {"indexDocument": "index_document", "error404Document": "error_document404_path"}
    model = StaticWebsite(enabled=True)
    return [
        f"{key} is not a setting of a static website"
        for key in inputs
        if key not in known or not hasattr(model, known[key])
    ]
