"""Both clouds' resources against checkov: no complaint but those that we accept with a reason."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.checks.checkov_accepted import ACCEPTED, NOT_RUN, UNKNOWN_TYPES
from tests.checks.checkov_judge import Judgement, judge
from tests.checks.registered import changed, resources
from tests.program.recorder import Recorded

_WITH_A_KEY = base64.b64encode(b"#cloud-config\nkey: AKIA" + b"ABCDEFGH23456789\n").decode()
_ALL_POWERFUL = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
MISTAKES: list[tuple[str, str, Any, str]] = [
    # public storage
    ("backup-vault-mysql-backups", "publicAccess", "Blob", "CKV_AZURE_34"),
    ("backup-vault-account", "networkRuleSet.defaultAction", "Allow", "CKV_AZURE_35"),
    ("backup-instance-artifacts-private", "blockPublicAcls", False, "CKV_AWS_53"),
    # open management port
    ("landing-zone-app-guard", "securityRules.0.sourceAddressPrefix", "Internet", "CKV_AZURE_10"),
    ("backup-instance-into-database", "cidrIpv4", "0.0.0.0/0", "CKV_AWS_24"),
    # the instance
    ("backup-instance-template", "metadataOptions.httpTokens", "optional", "CKV_AWS_79"),
    ("backup-instance-template", "blockDeviceMappings.0.ebs.encrypted", "false", "CKV_AWS_8"),
    ("backup-instance-template", "userData", _WITH_A_KEY, "CKV_AWS_46"),
    ("backup-instance-policy", "policy", _ALL_POWERFUL, "CKV_AWS_62"),
    # old TLS, none at all
    ("backup-vault-account", "minimumTlsVersion", "TLS1_0", "CKV_AZURE_44"),
    ("maintenance-site-account", "enableHttpsTrafficOnly", False, "CKV_AZURE_3"),
    ("app-gateway-gateway", "sslPolicy.policyName", "AppGwSslPolicy20150501", "CKV_AZURE_218"),
    # a key vault that can be emptied
    ("key-vault-vault", "properties.enablePurgeProtection", None, "CKV_AZURE_110"),
]
"""Resource, place, value, and the check that must see it."""
_PORT = {"CKV_AZURE_10": ("securityRules.0.destinationPortRange", "22"), "CKV_AWS_24": ("fromPort", 22)}
"""A second change that a mistake needs."""


def _registered() -> list[Recorded]:
    return [*resources("aws"), *resources("azure-native")]


def _mistaken(name: str, path: str, value: Any, check: str) -> Recorded:
    resource = next(resource for resource in _registered() if resource.name == name)
    inputs = changed(resource.inputs, path, value)
    if check in _PORT:
        inputs = changed(inputs, *_PORT[check])
    return replace(resource, inputs=inputs)


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    return judge({"program": _registered()}, tmp_path_factory.mktemp("checkov"), NOT_RUN)


@pytest.fixture(scope="session")
def mistaken(tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    """A run apart: checkov connects resources of one address over all files of a run."""
    groups = {str(number): [_mistaken(*mistake)] for number, mistake in enumerate(MISTAKES)}
    return judge(groups, tmp_path_factory.mktemp("checkov"), NOT_RUN)


def test_checkov_reads_everything(judged: Judgement) -> None:
    """Else 'nothing found' could mean 'nothing looked at'."""
    assert judged.read == judged.given
    registered = {resource.type for resource in _registered()}
    asked = {verdict.type for verdict in judged.verdicts}
    assert registered - asked == UNKNOWN_TYPES


def test_checkov_finds_only_what_is_accepted(judged: Judgement) -> None:
    found = {(each.check, each.name): each.asks for each in judged.failed("program")}
    accepted = {(check, name) for check, (_, names) in ACCEPTED.items() for name in names}
    assert {which: asks for which, asks in found.items() if which not in accepted} == {}


def test_nothing_is_accepted_that_does_not_occur(judged: Judgement) -> None:
    found = {(each.check, each.name) for each in judged.failed("program")}
    accepted = {(check, name) for check, (_, names) in ACCEPTED.items() for name in names}
    assert accepted - found == set()


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=[f"{m[0]}-{m[3]}" for m in MISTAKES])
def test_a_mistake_is_found(judged: Judgement, mistaken: Judgement, number: int) -> None:
    name, _, _, check = MISTAKES[number]
    assert (check, name) in {(each.check, each.name) for each in mistaken.failed(str(number))}
    assert (check, name) not in {(each.check, each.name) for each in judged.failed("program")}
