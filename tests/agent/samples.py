"""Values for tests."""

from __future__ import annotations

import json
from typing import Any

from agent.manifest import Manifest

UUID = "00000000-0000-0000-0000-00000000000"
_TIME = "2026-01-01T00:00:00+00:00"


def manifest(backup: str, **others: Any) -> Manifest:
    """A manifest with plausible values, changed by ``others``; made the way a stored one is read."""
    values: dict[str, Any] = {
        "schema": 2,
        "backup": backup,
        "epoch": 1,
        "sequence": 1,
        "site": "aws",
        "server_uuid": f"{UUID}1",
        "server_version": "8.4.5",
        "producer": "mysqldump 8.4.5",
        "schemas": ["petclinic"],
        "lower_case_table_names": 0,
        "gtid_before": "",
        "gtid_after": "",
        "gtid_exact": None,
        "cascades_logged": True,
        "ordered_tables": {},
        "started": _TIME,
        "snapshot_at": _TIME,
        "finished": _TIME,
        "raw_bytes": 1,
        "stored_bytes": 1,
        "stored_sha256": "0" * 64,
        "longest_statement": 0,
        "tables": {},
        "views": {},
        "events": {},
        "objects": {},
        "time_zones": [],
        "original_names": {},
        "warnings": [],
        **others,
    }
    return Manifest.from_json(json.dumps(values).encode(), backup)
