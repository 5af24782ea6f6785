"""Every wrong key is named, with its value and the fix."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import agent
from agent.config import AwsSecret, AwsWebIdentity, AzureSecret, RdsSnapshot, load, parse
from agent.errors import ConfigError

AWS: dict[str, Any] = {
    "site": "aws",
    "database": {
        "host": "db.example.org",
        "port": 3306,
        "schemas": ["petclinic"],
        "user": "backup",
        "password": {"aws_secret": "arn:aws:secretsmanager:x", "region": "ap-northeast-2"},
        "tls": "required",
        "ca_file": None,
    },
    "storage": {
        "endpoint": "https://account.blob.core.windows.net/",
        "backups": "mysql-backups",
        "signals": "signals",
        "control": "control",
    },
    "orders": None,
    "identity": {"kind": "aws_web_identity", "region": "ap-northeast-2", "tenant_id": "t", "client_id": "c"},
    "dump": {"interval_seconds": 300},
    "application": None,
    "state_dir": "/var/lib/pilotlight",
}


def test_both_sites_configurations_are_read() -> None:
    aws = parse(AWS, "agent.json")
    assert aws.database.password == AwsSecret("arn:aws:secretsmanager:x", "ap-northeast-2")
    assert aws.identity == AwsWebIdentity("ap-northeast-2", "t", "c")
    assert aws.storage.endpoint == "https://account.blob.core.windows.net"
    assert aws.storage.restore_from == "mysql-backups" and aws.application is None
    assert aws.dump.interval_s == 300 and aws.dump.stall_s == 120
    secret = "https://vault.vault.azure.net/secrets/database-admin-password"
    azure = changed({
        "site": "azure",
        "database.password": {"azure_secret": secret},
        "identity": {"kind": "azure_managed_identity", "client_id": "c"},
        "storage.restore_from": "production-backups",
        "application": {"user": "petclinic", "password": {"azure_secret": secret}, "environment_file": "/p"},
    })  # fmt: skip
    config = parse(azure, "agent.json")
    assert config.application is not None and config.application.password == AzureSecret(secret)
    assert config.storage.restore_from == "production-backups"


def test_the_example_works() -> None:
    assert load(Path(agent.__file__).parent / "example.json").database.schemas == ("petclinic",)


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    document = copy.deepcopy(AWS)
    for path, value in changes.items():
        *folders, key = path.split(".")
        inner = document
        for folder in folders:
            inner = inner[folder]
        if value is KeyError:
            del inner[key]
        else:
            inner[key] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("site", "gcp", 'site is "gcp"; write one of "aws", "azure"'),
        ("site", KeyError, "site is missing"),
        ("database.port", "3306", 'database.port is "3306"; write a whole number from 1 to 65535'),
        ("database.port", True, "database.port is true"),
        ("database.port", 70000, "database.port is 70000"),
        ("database.host", "", 'database.host is ""; write a string'),
        ("database.schemas", [], "database.schemas is []; write a list"),
        ("database.schemas", ["a", "a"], "write a list of different strings"),
        ("database.schemas", ["mysql"], "mysql belongs to the server"),
        ("database.schemas", "petclinic", 'database.schemas is "petclinic"'),
        ("database.password", {}, "database.password.aws_secret is missing; name where the password is"),
        ("database.password", {"aws_secret": "arn"}, "database.password.region is missing"),
        ("database.password", {"azure_secret": "vault/x"}, "write a secret's URL"),
        ("database.password", "secret", "write a JSON object"),
        (
            "database.pasword",
            "x",
            'database.pasword is "x"; no such key; remove it or use one of: application_users',
        ),
        ("database.tls", "off", 'write one of "required", "verify"'),
        ("database.tls", "verify", "database.ca_file is null; tls is"),
        ("storage.endpoint", "account", "write a URL"),
        ("identity.kind", "password", "identity.kind"),
        ("identity.tenant_id", None, "identity.tenant_id is null"),
        ("orders", {"container": "orders"}, "orders.endpoint is missing"),
        ("dump.interval_seconds", 0, "dump.interval_seconds is 0; write a number from 1 to 86400"),
        (
            "application",
            {"user": "a b", "password": {"file": "x"}, "environment_file": "/x"},
            "application.user",
        ),
        ("extra", 1, "extra is 1; no such key"),
    ],
)
def test_a_wrong_value_is_named_with_its_fix(path: str, value: Any, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(changed({path: value}), "agent.json")
    assert str(caught.value).startswith("agent.json: ") and sentence in str(caught.value)


def test_a_file_that_is_missing_or_not_json_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ConfigError, match="is not JSON"):
        load(tmp_path / "bad.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ConfigError, match="write a JSON object"):
        load(tmp_path / "list.json")
    (tmp_path / "good.json").write_text(json.dumps(AWS))
    assert load(tmp_path / "good.json").site == "aws"


def test_the_instance_of_a_snapshot() -> None:
    region = "ap-northeast-2"
    place = {"instance": "petclinic-1", "region": region}
    assert parse(AWS, "x").rds_snapshot is None
    assert parse(AWS | {"rds_snapshot": place}, "x").rds_snapshot == RdsSnapshot(
        "petclinic-1", "ap-northeast-2"
    )
    for wrong in ("", "-a", "a--b", "a-", "arn:aws:rds:x", "1a", "a" * 64):
        with pytest.raises(ConfigError, match=r"rds_snapshot\.instance"):
            parse(AWS | {"rds_snapshot": place | {"instance": wrong}}, "x")
