"""TLS of storage and database, and less than that."""

from __future__ import annotations

from policies import tokens
from policies.rules.transport_encrypted import RULE
from tests.policies.case import GONE, Break, Case, Thing

PARAMETER = Thing(
    type=tokens.DATABASE_PARAMETER, inputs={"configurationName": "require_secure_transport", "value": "ON"}
)
CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.STORAGE_ACCOUNT,
            inputs={"enableHttpsTrafficOnly": True, "minimumTlsVersion": "TLS1_2"},
        ),
        breaks=[
            Break(at={"enableHttpsTrafficOnly": False}, says="enableHttpsTrafficOnly is not true"),
            Break(at={"minimumTlsVersion": "TLS1_0"}, says="minimumTlsVersion is below"),
            Break(at={"minimumTlsVersion": GONE}, says="minimumTlsVersion is below"),
        ],
    ),
    Case(
        rule=RULE,
        good=PARAMETER,
        breaks=[Break(at={"value": "OFF"}, says="require_secure_transport is off")],
    ),
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.DATABASE_PARAMETER,
            inputs={"configurationName": "tls_version", "value": "TLSv1.2,TLSv1.3"},
        ),
        breaks=[Break(at={"value": "TLSv1.1,TLSv1.2"}, says="tls_version admits TLSv1.1,TLSv1.2")],
    ),
]
