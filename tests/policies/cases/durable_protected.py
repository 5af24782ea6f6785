"""What lasts, with and without protection, in production and in a drill."""

from __future__ import annotations

from policies import tokens
from policies.rules.durable_protected import RULE
from tests.policies.case import Break, Case, Thing

DRILL = {"purpose": "drill", "mode": "emergency"}
SAYS = "is durable but not protected"
ALWAYS = (
    tokens.STORAGE_ACCOUNT,
    tokens.BLOB_SERVICE,
    tokens.STATIC_WEBSITE,
    tokens.IMMUTABILITY_POLICY,
    tokens.KEY_VAULT,
    tokens.NETWORK,
    tokens.SUBNET,
    tokens.PRIVATE_ZONE,
    tokens.PRIVATE_ZONE_LINK,
    tokens.WEB_IDENTITY_FEDERATION,
)
PRODUCTION = (tokens.RESOURCE_GROUP, tokens.BLOB_CONTAINER, tokens.KEY_VAULT_SECRET)
NORMAL = (tokens.PUBLIC_ADDRESS, tokens.RANDOM_PASSWORD)
CASES = [
    *(
        Case(rule=RULE, good=Thing(type=token), breaks=[Break(but={"protect": False}, says=SAYS)])
        for token in (*ALWAYS, *PRODUCTION, *NORMAL)
    ),
    *(
        Case(rule=RULE, good=Thing(type=token, protect=False), config=DRILL, breaks=[])
        for token in (*PRODUCTION, *NORMAL)
    ),
    *(
        Case(rule=RULE, good=Thing(type=token, protect=False), config={"mode": "emergency"}, breaks=[])
        for token in NORMAL
    ),
]
