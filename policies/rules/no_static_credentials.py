"""Rule: no provider carries a credential of its own."""

from __future__ import annotations

from collections.abc import Iterator

from components.aws.provider import PLACEHOLDER
from policies import tokens
from policies.rule import Rule
from policies.seen import Seen

CREDENTIALS = {
    tokens.AWS_PROVIDER: ("accessKey", "secretKey", "token"),
    tokens.AZURE_PROVIDER: ("clientSecret", "clientCertificatePassword", "oidcToken"),
}


def problems(provider: Seen) -> Iterator[str]:
    """Names the input, never its value."""
    for key in CREDENTIALS[provider.type]:
        if provider.differs(key, None, "", PLACEHOLDER):
            yield f"{key} is set in the program: sign in by the environment (OIDC, SSO, az login) instead"


RULE = Rule(
    name="no-static-credentials",
    what="Providers take their credentials from the environment, not from the program.",
    why="A provider's inputs are kept in the state, and are the same for everybody who may read it.",
    types=frozenset(CREDENTIALS),
    problems=problems,
)
