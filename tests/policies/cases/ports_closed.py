"""What the internet may reach, and what it may not."""

from __future__ import annotations

from policies import tokens
from policies.rules.ports_closed import RULE
from tests.policies.case import GONE, Break, Case, Thing

USERS = {
    "name": "users",
    "direction": "Inbound",
    "access": "Allow",
    "sourceAddressPrefix": "Internet",
    "destinationPortRanges": ["80", "443"],
}
OTHERS = [
    {
        **USERS,
        "name": "azure",
        "sourceAddressPrefix": "GatewayManager",
        "destinationPortRanges": ["65200-65535"],
    },
    {**USERS, "name": "out", "direction": "Outbound", "destinationPortRanges": ["*"]},
    {**USERS, "name": "closed", "access": "Deny", "destinationPortRanges": ["22"]},
]
ANYWHERE = "0.0.0.0/0"
AWS_RULE = {"cidrIpv4": "10.0.0.0/16", "fromPort": 22, "toPort": 22, "ipProtocol": "tcp"}
CASES = [
    Case(
        rule=RULE,
        good=Thing(type=tokens.NETWORK_SECURITY_GROUP, inputs={"securityRules": [USERS, *OTHERS]}),
        breaks=[
            Break(at={"securityRules.0.destinationPortRanges.0": "22"}, says="rule 'users' opens port 22"),
            Break(at={"securityRules.0.destinationPortRanges.0": "*"}, says="rule 'users' opens port *"),
            Break(at={"securityRules.0.destinationPortRanges.0": "80-3389"}, says="opens port 80-3389"),
            Break(at={"securityRules.1.sourceAddressPrefix": "*"}, says="rule 'azure' opens port 65200"),
            Break(at={"securityRules.2.direction": "Inbound"}, says="rule 'out' opens port *"),
            Break(at={"securityRules.3.access": "Allow"}, says="rule 'closed' opens port 22"),
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(type=tokens.NETWORK_SECURITY_RULE, inputs=USERS),
        breaks=[Break(at={"destinationPortRange": "3306"}, says="rule 'users' opens port 3306")],
    ),
    Case(
        rule=RULE,
        good=Thing(type=tokens.SECURITY_GROUP_INGRESS, inputs=AWS_RULE),
        breaks=[
            Break(at={"cidrIpv4": ANYWHERE}, says="opens ports 22-22 to the internet"),
            Break(at={"cidrIpv6": "::/0"}, says="opens ports 22-22 to the internet"),
            Break(at={"cidrIpv4": ANYWHERE, "fromPort": GONE, "toPort": GONE}, says="opens ports all-all"),
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.SECURITY_GROUP,
            inputs={"ingress": [{"cidrBlocks": [ANYWHERE], "fromPort": 443, "toPort": 443}]},
        ),
        breaks=[Break(at={"ingress.0.fromPort": 0}, says="opens ports 0-443 to the internet")],
    ),
]
