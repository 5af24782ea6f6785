"""Who runs ``pulumi`` and ``./dr``: an application in the tenant, member of the operators' group.

Its ids and secret are made once and kept, because they stand in shells that outlive the sandbox's restart.
"""

from __future__ import annotations

import json
import os
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path

from sandbox.clouds.entra import Application
from sandbox.clouds.estate import Estate

OPERATOR = "operator"
"""Stands where a machine's name stands: in tokens, and in the log of requests."""


@dataclass(frozen=True)
class Operator:
    """What both clouds know of an operator, whatever the program deploys."""

    application: Application


def operator_in(root: Path, estate: Estate) -> Operator:
    """The operator of the sandbox in ``root``; made on first use."""
    known = _kept(root / "operator.json")
    group = estate.operators_group_id
    return Operator(
        Application(
            tenant_id=estate.azure_tenant_id,
            client_id=known["client_id"],
            client_secret=known["client_secret"],
            object_id=known["object_id"],
            groups=(group,) if group else (),
            machine=OPERATOR,
        )
    )


def _kept(file: Path) -> dict[str, str]:
    if not file.exists():
        made = {
            "client_id": str(uuid.uuid4()),
            "object_id": str(uuid.uuid4()),
            "client_secret": secrets.token_urlsafe(30),
        }
        temporary = file.with_suffix(".tmp")
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as opened:
            json.dump(made, opened, indent=1)
        temporary.replace(file)
    return {name: str(value) for name, value in json.loads(file.read_text()).items()}
