"""What the agents say to the outside: a heartbeat a site, and a report a restore."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agent.config import Site
from agent.storage import BlobStore


def write_heartbeat(signals: BlobStore, site: Site, state: Mapping[str, Any]) -> None:
    """Say that this site's agent lives, and what it is doing; replaces the last one."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    document = {"site": site, "at": now, **state}
    signals.replace(f"heartbeat-{site}.json", json.dumps(document, indent=1).encode())


def write_restore_report(signals: BlobStore, report: Mapping[str, Any]) -> str:
    """Keep a restore's report for good; returns the blob's name."""
    name = f"restore-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.json"
    signals.create(name, json.dumps(report, indent=1).encode())
    return name
