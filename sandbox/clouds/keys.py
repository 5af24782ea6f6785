"""RS256 keys with which the simulated token issuers sign."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

PublicKeys = Mapping[str, rsa.RSAPublicKey]
"""Public keys by key id (the ``kid`` of a token's header)."""

KeysOfIssuer = Callable[[str], PublicKeys]
"""What fetching an issuer's JWKS would give: its public keys, none for an unknown issuer."""


class SigningKey:
    """One RSA key, made anew for every run of the sandbox and never written to disk."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.kid = secrets.token_hex(8)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A signed JWT with these claims."""
        return jwt.encode(dict(claims), self._key, algorithm="RS256", headers={"kid": self.kid})

    @property
    def public(self) -> PublicKeys:
        """The one public key, by its id."""
        return {self.kid: self._key.public_key()}

    def jwks(self) -> dict[str, Any]:
        """The JSON Web Key Set (RFC 7517) that the issuer publishes."""
        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": self.kid, "use": "sig", "alg": "RS256"}]}


def decode(token: str, keys: PublicKeys) -> dict[str, Any]:
    """The claims of a token whose RS256 signature is by one of ``keys``; nothing else is checked.

    Raises:
        jwt.InvalidTokenError: not a JWT, another algorithm, an unknown key, or a wrong signature.
    """
    kid = str(jwt.get_unverified_header(token).get("kid"))
    if kid not in keys:
        raise jwt.InvalidTokenError(f"signed with key {kid!r}, which this issuer does not publish")
    unchecked = {f"verify_{claim}": False for claim in ("aud", "exp", "nbf", "iat", "iss", "sub", "jti")}
    return jwt.decode(token, keys[kid], algorithms=["RS256"], options={**unchecked, "require": []})  # pyright: ignore[reportArgumentType]
