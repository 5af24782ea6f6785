"""Rule: users are moved within the time that the RTO leaves for it."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.limits import DETECTION_SECONDS, GATEWAY_EJECT_SECONDS, TTL_SECONDS
from policies.rule import Rule
from policies.seen import Seen

_PLAIN_INTERVAL, _PLAIN_THRESHOLD = 30, 3
"""Route 53's own defaults."""


def problems(resource: Seen) -> Iterator[str]:
    """Health checks, records and the gateway's probes."""
    if resource.type == tokens.HEALTH_CHECK:
        yield from _check(resource)
    elif resource.type == tokens.DNS_RECORD:
        ttl = resource.number("ttl")
        if ttl is not None and ttl > TTL_SECONDS:
            yield f"ttl is {ttl:g} s, at most {TTL_SECONDS}: so long users are sent to where nothing answers"
    else:
        for probe in resource.parts("probes"):
            if probe.unknown("interval", "unhealthyThreshold"):
                continue
            seconds = (probe.number("interval") or 30) * (probe.number("unhealthyThreshold") or 3)
            if seconds > GATEWAY_EJECT_SECONDS:
                limit = GATEWAY_EJECT_SECONDS
                yield f"probe {probe.text('name')!r} gives a server up after {seconds:g} s: {limit} at most"


def _check(check: Seen) -> Iterator[str]:
    if check.get("disabled") is True:
        yield "is disabled: Route 53 then calls it healthy whatever happens"
    if check.unknown("type", "requestInterval", "failureThreshold"):
        return
    if check.get("type") in ("CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL"):
        return
    interval = check.number("requestInterval") or _PLAIN_INTERVAL
    seconds = interval * (check.number("failureThreshold") or _PLAIN_THRESHOLD)
    if seconds > DETECTION_SECONDS:
        limit = DETECTION_SECONDS
        yield f"takes {seconds:g} s to notice: requestInterval x failureThreshold at most {limit} s"


RULE = Rule(
    name="failover-in-time",
    what=f"Checks decide within {DETECTION_SECONDS} s, records live {TTL_SECONDS} s, the gateway gives "
    f"a server up within {GATEWAY_EJECT_SECONDS} s.",
    why="These seconds come on top of everything else that users wait for.",
    types=frozenset({tokens.HEALTH_CHECK, tokens.DNS_RECORD, tokens.APPLICATION_GATEWAY}),
    problems=problems,
)
