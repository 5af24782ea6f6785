"""Temporary keys of roles, recognised by the AWS endpoint.

An instance's are handed out by its metadata service, an operator's by a sign-in that is not simulated.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_LIFETIME = timedelta(hours=6)  # what EC2 gives


@dataclass(frozen=True)
class Ec2Instance:
    """What an instance knows of itself.

    Attributes:
        role_arn: the role in its instance profile.
        zone: its availability zone, such as ``ap-northeast-2a``.
    """

    instance_id: str
    region: str
    zone: str
    account_id: str
    role_arn: str
    private_ip: str

    @property
    def arn(self) -> str:
        """The instance's ARN."""
        return f"arn:aws:ec2:{self.region}:{self.account_id}:instance/{self.instance_id}"


@dataclass(frozen=True)
class Session:
    """One set of temporary keys and whom it was given to.

    Attributes:
        instance: None where a person has the keys.
        statements: the policies of a role that the program does not make; None: those that it deployed count.
    """

    machine: str
    role_arn: str
    account_id: str
    token: str
    expires: datetime
    instance: Ec2Instance | None = None
    statements: Sequence[Mapping[str, Any]] | None = None


class AwsCredentials:
    """All keys in circulation, by access key id; safe for threads."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def issue(self, machine: str, instance: Ec2Instance) -> dict[str, str]:
        """New keys of the instance's role, in the shape of the metadata service."""
        now = datetime.now(UTC)
        key_id = f"ASIA{secrets.token_hex(8).upper()}"
        session = Session(
            machine,
            instance.role_arn,
            instance.account_id,
            secrets.token_urlsafe(64),
            now + _LIFETIME,
            instance,
        )
        with self._mutex:
            self._sessions[key_id] = session
        return {
            "Code": "Success",
            "LastUpdated": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Type": "AWS-HMAC",
            "AccessKeyId": key_id,
            "SecretAccessKey": secrets.token_urlsafe(30),
            "Token": session.token,
            "Expiration": session.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def admit(self, key_id: str, session: Session) -> None:
        """Let keys be known that no metadata service handed out."""
        with self._mutex:
            self._sessions[key_id] = session

    def find(self, key_id: str, token: str) -> Session | None:
        """The session of a key id and its token, None when they do not belong together or are expired.

        Signatures are not verified: the session token alone proves possession here.
        """
        with self._mutex:
            session = self._sessions.get(key_id)
        if session is None or not secrets.compare_digest(session.token, token):
            return None
        return session if datetime.now(UTC) < session.expires else None
