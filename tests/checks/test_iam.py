"""The IAM policies against parliament: known actions, resources and conditions that fit, no typing error."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from tests.checks.linters import environment
from tests.checks.registered import resources

_JUDGE = Path(__file__).with_name("parliament_judge.py")
_TRUST = "MALFORMED: Statement contains neither Resource nor NotResource"
"""parliament takes every policy for one of an identity; a role's trust policy has no resource. The emulator
in test_aws_inputs.py reads those."""


def _judge(policies: dict[str, str]) -> dict[str, list[str]]:
    done = subprocess.run(
        [environment("iam"), _JUDGE], input=json.dumps(policies), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _policies() -> dict[str, str]:
    keys = ("policy", "assumeRolePolicy")
    return {f"{r.name}.{k}": r.inputs[k] for r in resources("aws") for k in keys if k in r.inputs}


def test_parliament_finds_nothing() -> None:
    policies = _policies()
    assert any(name.endswith(".policy") for name in policies)
    found = _judge(policies)
    for name in (each for each in policies if each.endswith("assumeRolePolicy")):
        found[name].remove(_TRUST)
    assert {name: findings for name, findings in found.items() if findings} == {}


def test_parliament_finds_mistakes() -> None:
    good = _policies()["backup-instance-policy.policy"]
    mistakes = {
        "UNKNOWN_ACTION": ("secretsmanager:GetSecretValue", "secretsmanager:GetSecret"),
        "UNKNOWN_CONDITION_FOR_ACTION": ("sts:DurationSeconds", "sts:Duration"),
        "RESOURCE_MISMATCH": ("arn:aws:s3:::", "arn:aws:sns:::"),
        "MISMATCHED_TYPE": (
            '"NumericLessThanEquals": {"sts:DurationSeconds": "300"',
            '"NumericLessThanEquals": {"sts:DurationSeconds": "soon"',
        ),
        "DUPLICATE_SID": ("FetchAgent", "TakeAddress"),
        "MALFORMED_JSON": ("]}", "]"),
    }
    for right, _ in mistakes.values():
        assert right in good
    found = _judge({issue: good.replace(right, wrong) for issue, (right, wrong) in mistakes.items()})
    assert {issue for issue, findings in found.items() if not re.search(issue, " ".join(findings))} == set()
