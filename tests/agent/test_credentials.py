"""No stored secret anywhere: both clouds' ways to passwords and tokens, against the simulated services."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import AwsSecret, AwsWebIdentity, AzureManagedIdentity, AzureSecret, FileSecret
from agent.credentials import read_password, storage_credential
from agent.errors import CredentialError, StorageError
from agent.storage import BlobStore
from tests.clouds.azure_deployment import BLOB_CONTRIBUTOR, SECRETS_USER, TENANT
from tests.clouds.conftest import ISSUER, REGION, ROLE_ARN, Services, azurite, clouds, tools

__all__ = ["azurite", "clouds", "tools"]  # the simulated services' fixtures

SECRET = "arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:petclinic/backup-AbCdEf"
NOBODY = AzureManagedIdentity("00000000-0000-0000-0000-000000000000")


@pytest.fixture
def aws(clouds: Services, monkeypatch: pytest.MonkeyPatch) -> AwsWebIdentity:
    """This process is the backup instance."""
    clouds.enable_web_identity()
    clouds.grant(
        {"Effect": "Allow", "Action": "sts:GetWebIdentityToken", "Resource": "*"},
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": SECRET},
    )
    identity = clouds.azure.identity("aws-backup")
    clouds.azure.federate(identity, ISSUER, ROLE_ARN, "api://AzureADTokenExchange")
    clouds.azure.account("drvault")
    clouds.azure.assign(identity, BLOB_CONTRIBUTOR, clouds.azure.container_id("drvault", "signals"))
    metadata = clouds.ec2_machine("aws-backup", public_ip="203.0.113.7")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)
    return AwsWebIdentity(REGION, TENANT, identity.outputs["clientId"])


def test_a_role_of_aws_writes_a_blob_where_it_may(clouds: Services, aws: AwsWebIdentity) -> None:
    endpoint = clouds.open_account("drvault", "signals", "mysql-backups")
    credential = storage_credential(aws)
    BlobStore(endpoint, "signals", credential).replace("heartbeat-aws.json", b"{}")
    with pytest.raises(StorageError, match="403"):
        BlobStore(endpoint, "mysql-backups", credential).replace("x.json", b"{}")


def test_a_role_without_the_right_is_one_sentence(clouds: Services, aws: AwsWebIdentity) -> None:
    clouds.grant({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
    endpoint = clouds.open_account("drvault", "signals")
    with pytest.raises(CredentialError, match="needs sts:GetWebIdentityToken"):
        BlobStore(endpoint, "signals", storage_credential(aws)).replace("heartbeat-aws.json", b"{}")


def test_a_password_in_secrets_manager(clouds: Services, aws: AwsWebIdentity) -> None:
    source = AwsSecret(SECRET, REGION)
    for stored, password in (
        ("plain", "plain"),
        ('{"username": "admin", "password": "from RDS"}', "from RDS"),
        ("{begins with a brace", "{begins with a brace"),
    ):
        clouds.aws.services.put_secret(SECRET, "petclinic/backup", stored)
        assert read_password(source, aws, "database.password") == password
    clouds.aws.services.put_secret(SECRET, "petclinic/backup", '{"username": "admin"}')
    with pytest.raises(CredentialError, match='without the key "password"'):
        read_password(source, aws, "database.password")
    with pytest.raises(CredentialError, match=r"database\.password: AWS Secrets Manager did not give"):
        read_password(AwsSecret(SECRET.replace("backup", "other"), REGION), aws, "database.password")


def test_a_password_in_key_vault(clouds: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = clouds.azure.vault("drkeys")
    clouds.azure.secret("drkeys", "database-admin-password", "s3cret/+")
    clouds.vaults.open_vault("drkeys")
    identity = clouds.azure.identity("dr-app")
    clouds.azure.assign(identity, SECRETS_USER, f"{vault.id}/secrets/database-admin-password")
    metadata = clouds.azure_machine("dr-app", identity)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", metadata.url)
    us = AzureManagedIdentity(identity.outputs["clientId"])
    url = clouds.url("drkeys.vault.azure.net") + "/secrets/"
    assert read_password(AzureSecret(url + "database-admin-password"), us, "database.password") == "s3cret/+"
    for name, who in (("other", us), ("database-admin-password", NOBODY)):
        with pytest.raises(CredentialError, match=r"database\.password: Key Vault did not give"):
            read_password(AzureSecret(url + name), who, "database.password")


def test_a_password_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    for text, password in (("x", "x"), ("x\n", "x"), (" x \r\n", " x "), ("# x", "# x")):
        file.write_text(text)
        file.chmod(0o600)
        assert read_password(FileSecret(file), NOBODY, "database.password") == password
    for text in ("", "\n", "two\nlines\n"):
        file.write_text(text)
        with pytest.raises(CredentialError, match="store the password alone"):
            read_password(FileSecret(file), NOBODY, "database.password")
    with pytest.raises(CredentialError, match="cannot read"):
        read_password(FileSecret(tmp_path / "none"), NOBODY, "database.password")
