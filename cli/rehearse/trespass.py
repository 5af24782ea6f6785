"""What a site's identity is refused at the vault. The text of this file runs on the simulated machine.

Words: the agent's configuration, a complete backup, and two tokens of the same identity: one that belongs on
this machine, and one that is used from another address. Prints JSON: attempt -> "done", or status and code.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient

from agent.config import load
from agent.credentials import storage_credential


class _Token:
    """A token credential that gives out one ready-made token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **others: Any) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 600)


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except HttpResponseError as error:
        code: Any = getattr(error, "error_code", "")  # the SDK adds it without saying so
        return f"{error.status_code} {getattr(code, 'value', code)}"
    return "done"


def _attempts(config_file: str, backup: str, here: str, elsewhere: str) -> dict[str, str]:
    config = load(Path(config_file))
    storage = config.storage

    def vault(credential: Any) -> BlobServiceClient:
        return BlobServiceClient(storage.endpoint, credential=credential, retry_total=0)

    def read(credential: Any) -> Callable[[], object]:
        return lambda: vault(credential).get_blob_client(storage.backups, backup).download_blob().readall()

    own = storage_credential(config.identity)
    blob = vault(own).get_blob_client(storage.backups, backup)
    epoch = vault(own).get_blob_client(storage.control, "epoch.json")
    return {
        "read": _outcome(read(own)),
        "read by a token": _outcome(read(_Token(here))),
        "read by its token from another address": _outcome(read(_Token(elsewhere))),
        "overwrite": _outcome(lambda: blob.upload_blob(b"other", overwrite=True)),
        "delete": _outcome(blob.delete_blob),
        "write another container": _outcome(lambda: epoch.upload_blob(b"{}", overwrite=True)),
        "make a container": _outcome(lambda: vault(own).create_container("strange")),
    }


if __name__ == "__main__":
    print(json.dumps(_attempts(*sys.argv[1:])))
