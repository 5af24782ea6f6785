"""Rule: users speak current TLS with the gateway, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.limits import TLS_POLICIES
from policies.rule import Rule
from policies.seen import Seen


def problems(gateway: Seen) -> Iterator[str]:
    """TLS versions, listeners, certificates."""
    yield from _policy(gateway)
    yield from _listeners(gateway)
    for certificate in gateway.parts("sslCertificates"):
        if certificate.differs("data", None):
            yield f"certificate {certificate.text('name')!r} lies in the state: name it by keyVaultSecretId"


def _policy(gateway: Seen) -> Iterator[str]:
    if gateway.get("sslPolicy") is None:
        yield "sslPolicy is not set: the default admits TLS 1.0"
    elif gateway.text("sslPolicy.policyType") == "Predefined":
        if gateway.differs("sslPolicy.policyName", *sorted(TLS_POLICIES)):
            yield f"sslPolicy.policyName is not one of {', '.join(sorted(TLS_POLICIES))}"
    elif not gateway.unknown("sslPolicy.policyType") and gateway.differs(
        "sslPolicy.minProtocolVersion", "TLSv1_2", "TLSv1_3"
    ):
        yield "sslPolicy.minProtocolVersion is below TLSv1_2"


def _listeners(gateway: Seen) -> Iterator[str]:
    """A plain listener may do one thing: move users to HTTPS. Rules name their listener by its id, a part of
    which is unknown before the first update."""
    redirects: dict[str, list[bool]] = {}
    for rule in gateway.parts("requestRoutingRules"):
        if rule.unknown("httpListener", "httpListener.id"):
            return
        listener = rule.text("httpListener.id").rpartition("/")[2]
        redirects.setdefault(listener, []).append(rule.get("redirectConfiguration") is not None)
    if gateway.unknown("requestRoutingRules"):
        return
    for listener in gateway.parts("httpListeners"):
        name = listener.text("name")
        known = not listener.unknown("name")
        if known and listener.differs("protocol", "Https") and not all(redirects.get(name, [False])):
            yield f"listener {name!r} serves plain HTTP: make it redirect to HTTPS"


RULE = Rule(
    name="gateway-tls",
    what="The gateway's TLS policy is current, its certificate is in the key vault, port 80 only redirects.",
    why="Without a policy of its own Azure's gateway speaks TLS 1.0.",
    types=frozenset({tokens.APPLICATION_GATEWAY}),
    problems=problems,
)
