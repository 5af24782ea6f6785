"""Who runs ``pulumi`` and ``./dr``: an application in the tenant, and a role in the AWS account.

Ids and secrets are made once and kept, because they stand in shells that outlive the sandbox's restart.
"""

from __future__ import annotations

import json
import os
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sandbox.clouds.aws_credentials import Session
from sandbox.clouds.entra import Application
from sandbox.clouds.estate import Estate

OPERATOR = "operator"
"""Stands where a machine's name stands: in tokens, and in the log of requests."""


_AWS_LIFETIME = timedelta(days=365)
"""Real sessions last hours at most; here a shell may stay open as long as the sandbox."""


@dataclass(frozen=True)
class Operator:
    """What both clouds know of an operator, whatever the program deploys.

    Attributes:
        aws_key_id: of the keys that ``aws`` is the session of.
    """

    application: Application
    aws_key_id: str
    aws_secret_key: str
    aws: Session


def aws_rights(zone_id: str) -> tuple[dict[str, object], ...]:
    """What ``./dr adopt dns`` needs, as docs/rights.md lists it; a person may of course have more."""
    return (
        {
            "Effect": "Allow",
            "Action": ["route53:ListResourceRecordSets", "route53:ChangeResourceRecordSets"],
            "Resource": f"arn:aws:route53:::hostedzone/{zone_id}",
        },
        {
            "Effect": "Allow",
            "Action": ["route53:GetHealthCheck", "route53:GetHealthCheckStatus"],
            "Resource": "arn:aws:route53:::healthcheck/*",
        },
        {"Effect": "Allow", "Action": "route53:GetChange", "Resource": "arn:aws:route53:::change/*"},
    )


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
        ),
        aws_key_id=known["aws_key_id"],
        aws_secret_key=known["aws_secret_key"],
        aws=Session(
            machine=OPERATOR,
            role_arn=f"arn:aws:iam::{estate.account_id}:role/operators",
            account_id=estate.account_id,
            token=known["aws_token"],
            expires=datetime.now(UTC) + _AWS_LIFETIME,
            statements=aws_rights(estate.zone_id),
        ),
    )


def _kept(file: Path) -> dict[str, str]:
    if not file.exists():
        made = {
            "client_id": str(uuid.uuid4()),
            "object_id": str(uuid.uuid4()),
            "client_secret": secrets.token_urlsafe(30),
            "aws_key_id": f"ASIA{secrets.token_hex(8).upper()}",
            "aws_secret_key": secrets.token_urlsafe(30),
            "aws_token": secrets.token_urlsafe(64),
        }
        temporary = file.with_suffix(".tmp")
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as opened:
            json.dump(made, opened, indent=1)
        temporary.replace(file)
    return {name: str(value) for name, value in json.loads(file.read_text()).items()}
