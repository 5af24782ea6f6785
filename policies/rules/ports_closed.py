"""Rule: the internet reaches the web ports of the gateway, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.limits import PUBLIC_PORTS
from policies.rule import Rule
from policies.seen import Seen

ANYWHERE = frozenset({"*", "Internet", "Any", "0.0.0.0/0", "::/0"})
_EVERY_PORT = (0, 65535)


def problems(resource: Seen) -> Iterator[str]:
    """Rules inside a group, and rules that are resources of their own."""
    if resource.type == tokens.NETWORK_SECURITY_GROUP:
        for rule in resource.parts("securityRules"):
            yield from _azure(rule)
    elif resource.type == tokens.NETWORK_SECURITY_RULE:
        yield from _azure(resource)
    elif resource.type == tokens.SECURITY_GROUP:
        for rule in resource.parts("ingress"):
            yield from _aws(rule, [*rule.texts("cidrBlocks"), *rule.texts("ipv6CidrBlocks")])
    else:
        yield from _aws(resource, [resource.text("cidrIpv4"), resource.text("cidrIpv6")])


def _azure(rule: Seen) -> Iterator[str]:
    if rule.get("direction") != "Inbound" or rule.get("access") != "Allow":
        return
    sources = [*rule.texts("sourceAddressPrefix"), *rule.texts("sourceAddressPrefixes")]
    if not ANYWHERE & set(sources):
        return
    for span in [*rule.texts("destinationPortRange"), *rule.texts("destinationPortRanges")]:
        low, high = _span(span)
        if low != high or low not in PUBLIC_PORTS:
            yield f"rule {rule.text('name')!r} opens port {span} to the internet: only {_public()}"


def _aws(rule: Seen, sources: list[str]) -> Iterator[str]:
    if not ANYWHERE & set(sources) or rule.unknown("fromPort", "toPort"):
        return
    low, high = rule.number("fromPort"), rule.number("toPort")
    # Nothing listens for users in AWS on this stack's behalf, but the web ports would be no management ports.
    if low is None or low != high or low not in PUBLIC_PORTS:
        yield f"opens ports {_shown(low)}-{_shown(high)} to the internet: only {_public()}"


def _span(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    try:
        return (int(low), int(high or low))
    except ValueError:
        return _EVERY_PORT


def _shown(port: float | None) -> str:
    return "all" if port is None else f"{port:g}"


def _public() -> str:
    return " and ".join(str(port) for port in sorted(PUBLIC_PORTS))


RULE = Rule(
    name="ports-closed",
    what=f"From the internet only ports {_public()} are open: no SSH, no RDP, no database.",
    why="Operators come in by Session Manager and run-command; an open management port is found in minutes.",
    types=frozenset(
        {
            tokens.NETWORK_SECURITY_GROUP,
            tokens.NETWORK_SECURITY_RULE,
            tokens.SECURITY_GROUP,
            tokens.SECURITY_GROUP_INGRESS,
        }
    ),
    problems=problems,
)
