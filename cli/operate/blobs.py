"""The blobs through which the operator's tool talks to the agents, opened as whoever runs the tool."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any, cast
from urllib.parse import urlsplit

from azure.identity import DefaultAzureCredential

from agent.storage import BlobStore
from cli.problem import Problem

SANDBOX_ENDPOINTS = "DR_SANDBOX_ENDPOINTS"
"""Only ``./dr sandbox env`` sets it: a JSON object that leads host names of blob endpoints to URLs on this
machine, because names of the simulated clouds are in no DNS (docs/adr/0002)."""


def store(endpoint: str, container: str) -> BlobStore:
    """One container, with the operator's own identity (``az login``, or the variables of the Azure SDKs).

    Args:
        endpoint: as the stack's outputs name it, such as ``https://<account>.blob.core.windows.net``.

    Raises:
        Problem: in a sandbox's shell, for an account that this sandbox does not have: no call leaves it.
    """
    simulated = _simulated_endpoints()
    if simulated is None:
        return BlobStore(endpoint, container, credential(simulated=False))
    host = urlsplit(endpoint).hostname or ""
    if host not in simulated:
        raise Problem(
            f"this shell belongs to a sandbox, which has no account at {endpoint}: "
            'run eval "$(./dr sandbox env)" again, or open a shell of your own for the real one'
        )
    return BlobStore(simulated[host], container, credential(simulated=True))


@cache
def credential(*, simulated: bool) -> DefaultAzureCredential:
    """One for all containers, so that one token serves them.

    Microsoft's list of authorities does not know the simulated one that AZURE_AUTHORITY_HOST names.
    """
    return DefaultAzureCredential(disable_instance_discovery=simulated)


def _simulated_endpoints() -> Mapping[str, str] | None:
    text = os.environ.get(SANDBOX_ENDPOINTS)
    if text is None:
        return None
    try:
        document: object = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Problem(f'{SANDBOX_ENDPOINTS} is {text!r}, not a JSON object; run eval "$(./dr sandbox env)"')
    return {host: str(url) for host, url in cast("dict[str, Any]", document).items()}
