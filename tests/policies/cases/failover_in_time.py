"""Health checks, records and probes within their times, and beyond."""

from __future__ import annotations

from policies import tokens
from policies.rules.failover_in_time import RULE
from tests.policies.case import Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.HEALTH_CHECK, inputs={"type": "HTTPS", "requestInterval": 30, "failureThreshold": 3}
        ),
        breaks=[
            Break(at={"failureThreshold": 5}, says="takes 150 s to notice"),
            Break(at={"disabled": True}, says="is disabled"),
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(type=tokens.HEALTH_CHECK, inputs={"type": "CALCULATED", "failureThreshold": 9}),
        breaks=[],
    ),
    Case(
        rule=RULE,
        good=Thing(type=tokens.DNS_RECORD, inputs={"ttl": 60, "records": ["192.0.2.1"]}),
        breaks=[Break(at={"ttl": 300}, says="ttl is 300 s")],
    ),
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.APPLICATION_GATEWAY,
            inputs={"probes": [{"name": "web", "interval": 5, "unhealthyThreshold": 3}]},
        ),
        breaks=[Break(at={"probes.0.interval": 30}, says="probe 'web' gives a server up after 90 s")],
    ),
]
