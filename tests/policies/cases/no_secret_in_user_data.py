"""User data that names secrets, and user data that holds them."""

from __future__ import annotations

import base64

from policies import tokens
from policies.rules.no_secret_in_user_data import RULE
from tests.policies.case import HIDDEN, Break, Case, Thing


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


NAMES = (
    '#cloud-config\n{"password": {"azure_secret": "https://v/secrets/database-admin-password"}}\n'
    '{"password": {"aws_secret": "arn:aws:secretsmanager:x:1:secret:y"}}'
)
SECRETS = {
    f'{{"password": "{HIDDEN}"}}': "a literal password",
    f"MYSQL_PASSWORD={HIDDEN}": "a literal password",
    "-----BEGIN RSA PRIVATE KEY-----": "a private key",
    f"DefaultEndpointsProtocol=https;AccountKey={HIDDEN}": "a storage key",
    f"https://x.blob.core.windows.net/c?sv=1&sig={HIDDEN}": "a storage key",
    "AKIAIOSFODNN7EXAMPLE": "an AWS access key",
}
MACHINE = Thing(
    type=tokens.VIRTUAL_MACHINE,
    inputs={"osProfile": {"customData": _encoded(NAMES), "adminPassword": "console-password-1"}},
)
TEMPLATE = Thing(type=tokens.LAUNCH_TEMPLATE, inputs={"userData": _encoded(NAMES)})
CASES = [
    Case(
        rule=RULE,
        good=MACHINE,
        breaks=[
            *(
                Break(at={"osProfile.customData": _encoded(text)}, says=what)
                for text, what in SECRETS.items()
            ),
            Break(
                at={"osProfile": {"customData": _encoded(f"echo {HIDDEN}"), "adminPassword": HIDDEN}},
                says="the machine's own console password",
            ),
        ],
    ),
    Case(
        rule=RULE,
        good=TEMPLATE,
        breaks=[Break(at={"userData": _encoded(text)}, says=what) for text, what in SECRETS.items()]
        + [Break(at={"userData": f"password={HIDDEN}"}, says="a literal password")],
    ),
    Case(rule=RULE, good=Thing(type=tokens.VIRTUAL_MACHINE), breaks=[]),
]
