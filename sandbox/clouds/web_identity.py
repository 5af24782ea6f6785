"""AWS STS GetWebIdentityToken (outbound web identity federation), which moto does not have.

docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html; claims:
docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html. RS256 only.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.clouds.aws_credentials import Session
from sandbox.clouds.callers import MACHINE_CLAIM
from sandbox.clouds.keys import PublicKeys, SigningKey
from sandbox.store import Store

_FEDERATION = "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation"
DEFAULT_SECONDS = 300


class AwsRefused(Exception):
    """A call that an AWS service refuses, with its status and code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True)
class WebIdentityToken:
    """A signed token and when it expires (seconds since the epoch)."""

    token: str
    expires: int


class WebIdentity:
    """The account's token issuer; it exists while the program's federation resource does.

    Args:
        store: resources of aws.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = SigningKey()

    def public_keys(self, issuer: str) -> PublicKeys:
        """What the issuer's JWKS document holds; nothing for an issuer that is not this account's."""
        return self._key.public if issuer == self._issuer() else {}

    def token(
        self, session: Session, *, audiences: Sequence[str], algorithm: str, seconds: int
    ) -> WebIdentityToken:
        """A token that says which role the caller has.

        Raises:
            AwsRefused: federation is not enabled, or a parameter is out of range.
        """
        issuer, instance = self._issuer(), session.instance
        if instance is None:
            message = "A web identity token of a role that no instance has is not simulated."
            raise AwsRefused(501, "NotSimulated", message)
        if issuer is None:
            message = "Outbound web identity federation is not enabled for this account."
            raise AwsRefused(403, "OutboundWebIdentityFederationDisabledException", message)
        if not 60 <= seconds <= 3600:
            raise AwsRefused(400, "ValidationError", f"DurationSeconds {seconds} is not within 60 and 3600")
        if not 1 <= len(audiences) <= 10:
            raise AwsRefused(400, "ValidationError", "Audience must have 1 to 10 members")
        if algorithm != "RS256":
            message = f"SigningAlgorithm {algorithm!r}: the sandbox signs RS256 only, which Entra ID wants"
            raise AwsRefused(400, "ValidationError", message)
        now = int(time.time())
        claims = {
            "iss": issuer,
            "sub": instance.role_arn,
            "aud": audiences[0] if len(audiences) == 1 else list(audiences),
            "iat": now,
            "exp": now + seconds,
            "jti": str(uuid.uuid4()),
            "https://sts.amazonaws.com/": {
                "aws_account": instance.account_id,
                "source_region": instance.region,
                "ec2_source_instance_arn": instance.arn,
            },
            MACHINE_CLAIM: session.machine,
        }
        return WebIdentityToken(self._key.sign(claims), now + seconds)

    def _issuer(self) -> str | None:
        federation = next(iter(self._store.find(_FEDERATION)), None)
        return federation.outputs["issuerIdentifier"] if federation else None
