"""A gateway of today, and older or plainer ones."""

from __future__ import annotations

from policies import tokens
from policies.rules.gateway_tls import RULE
from tests.policies.case import GONE, HIDDEN, Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.APPLICATION_GATEWAY,
            inputs={
                "sslPolicy": {"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101"},
                "sslCertificates": [
                    {"name": "public", "keyVaultSecretId": "https://v/secrets/petclinic-tls"}
                ],
                "httpListeners": [
                    {"name": "https", "protocol": "Https"},
                    {"name": "http", "protocol": "Http"},
                ],
                "requestRoutingRules": [
                    {"name": "a", "httpListener": {"id": "/id/httpListeners/https"}},
                    {
                        "name": "b",
                        "httpListener": {"id": "/id/httpListeners/http"},
                        "redirectConfiguration": {"id": "/id/redirectConfigurations/to-https"},
                    },
                ],
            },
        ),
        breaks=[
            Break(at={"sslPolicy": GONE}, says="the default admits TLS 1.0"),
            Break(at={"sslPolicy.policyName": "AppGwSslPolicy20150501"}, says="policyName is not one of"),
            Break(
                at={"sslPolicy": {"policyType": "Custom", "minProtocolVersion": "TLSv1_0"}},
                says="minProtocolVersion is below",
            ),
            Break(at={"httpListeners.0.protocol": "Http"}, says="listener 'https' serves plain HTTP"),
            Break(
                at={"requestRoutingRules.1.redirectConfiguration": GONE},
                says="listener 'http' serves plain HTTP",
            ),
            Break(at={"sslCertificates.0.data": HIDDEN}, says="certificate 'public' lies in the state"),
        ],
    )
]
