"""Passwords and tokens, fetched when needed and kept nowhere."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import botocore.session
from azure.core import PipelineClient
from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.rest import HttpRequest
from azure.identity import ClientAssertionCredential, ManagedIdentityCredential
from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError, ClientError

from agent.config import (
    AccountKey,
    AwsSecret,
    AwsWebIdentity,
    AzureSecret,
    Emulator,
    FileSecret,
    Identity,
    PasswordSource,
)
from agent.errors import CredentialError

# What Entra ID expects in a federated token:
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust-user-assigned-managed-identity
_AUDIENCE = "api://AzureADTokenExchange"
_ASSERTION_SECONDS = 300  # STS allows 60 to 3600; the token is exchanged at once
_VAULT_API = "7.4"
# https://learn.microsoft.com/azure/storage/common/storage-connect-azurite: the same for everybody, no secret.
_EMULATOR = (
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
)
# https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
_PUBLIC_AUTHORITIES = {
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
}
_METADATA_S, _METADATA_ATTEMPTS = 5, 3
_BOTO = BotoConfig(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})

StorageCredential = AzureNamedKeyCredential | TokenCredential


def storage_credential(identity: Identity) -> StorageCredential:
    """What the Blob SDK signs its requests with; a token credential fetches and renews by itself.

    Raises:
        CredentialError: an account key's file cannot be read.
    """
    if isinstance(identity, Emulator):
        return AzureNamedKeyCredential(*_EMULATOR)
    if isinstance(identity, AccountKey):
        return AzureNamedKeyCredential(
            identity.account, _read_secret_file(identity.key_file, "the account key")
        )
    return token_credential(identity)


def token_credential(identity: Identity) -> TokenCredential:
    """The credential for Entra ID tokens.

    Raises:
        CredentialError: the identity is an account key, which cannot have tokens.
    """
    if isinstance(identity, AccountKey | Emulator):
        raise CredentialError(
            "identity.kind account_key or emulator opens the storage account only; "
            "for a password in Key Vault use azure_managed_identity or aws_web_identity"
        )
    if isinstance(identity, AwsWebIdentity):
        return ClientAssertionCredential(
            identity.tenant_id,
            identity.client_id,
            _web_identity_token(identity.region),
            disable_instance_discovery=_private_authority(),
        )
    return ManagedIdentityCredential(client_id=identity.client_id)


def _private_authority() -> bool:
    """Whether AZURE_AUTHORITY_HOST names an authority that Microsoft's own discovery does not know."""
    named = os.environ.get("AZURE_AUTHORITY_HOST", "")
    host = urlsplit(named if "://" in named else f"https://{named}").hostname
    return bool(named) and host not in _PUBLIC_AUTHORITIES


def aws_session() -> boto3.Session:
    """A session that asks the instance's metadata service patiently: botocore gives it one second, once."""
    patient = botocore.session.get_session()
    patient.set_config_variable("metadata_service_timeout", _METADATA_S)
    patient.set_config_variable("metadata_service_num_attempts", _METADATA_ATTEMPTS)
    return boto3.Session(botocore_session=patient)


@contextmanager
def _aws(service: str, region: str) -> Generator[Any]:
    """A client of its own session: boto3's shared one is not for several threads."""
    client: Any = aws_session().client(cast(Any, service), region_name=region, config=_BOTO)
    try:
        yield client
    finally:
        client.close()


def _web_identity_token(region: str) -> Callable[[], str]:
    """A function that has STS sign a fresh token for this machine's role.

    IAM outbound identity federation is offered by STS's regional endpoints only.
    """

    def fetch() -> str:
        try:
            with _aws("sts", region) as sts:
                answer = sts.get_web_identity_token(
                    Audience=[_AUDIENCE], SigningAlgorithm="RS256", DurationSeconds=_ASSERTION_SECONDS
                )
        except (BotoCoreError, ClientError) as error:
            raise CredentialError(
                f"AWS STS in {region} gave no web identity token: {error}; the instance's role needs "
                "sts:GetWebIdentityToken and the account needs outbound identity federation enabled"
            ) from error
        return str(answer["WebIdentityToken"])

    return fetch


def read_password(source: PasswordSource, identity: Identity, name: str) -> str:
    """The password that ``source`` names; ``name`` is the configuration key, for messages.

    Raises:
        CredentialError: it cannot be had, or is empty.
    """
    match source:
        case AwsSecret():
            password = _from_secrets_manager(source, name)
        case AzureSecret():
            password = _from_key_vault(source, identity, name)
        case FileSecret():
            password = _read_secret_file(source.path, name)
    if not password or "\n" in password or "\0" in password:
        raise CredentialError(
            f"{name}: the secret is empty or has more than one line; store the password alone"
        )
    return password


def _from_secrets_manager(source: AwsSecret, name: str) -> str:
    try:
        with _aws("secretsmanager", source.region) as secrets:
            text = str(secrets.get_secret_value(SecretId=source.arn).get("SecretString", ""))
    except (BotoCoreError, ClientError) as error:
        raise CredentialError(f"{name}: AWS Secrets Manager did not give {source.arn}: {error}") from error
    if not text.startswith("{"):
        return text
    # Secrets that RDS manages are JSON: {"username": ..., "password": ...}
    try:
        document = cast("dict[str, Any]", json.loads(text))
    except ValueError:
        return text  # a password may begin with a brace
    password = document.get("password")
    if not isinstance(password, str):
        raise CredentialError(f'{name}: the secret {source.arn} is JSON without the key "password"; add it')
    return password


def _from_key_vault(source: AzureSecret, identity: Identity, name: str) -> str:
    vault = source.url.split("/secrets/")[0]
    policies = [
        RetryPolicy(retry_total=5),
        BearerTokenCredentialPolicy(token_credential(identity), "https://vault.azure.net/.default"),
    ]
    try:
        with PipelineClient(vault, policies=policies) as client:
            response: Any = client.send_request(HttpRequest("GET", f"{source.url}?api-version={_VAULT_API}"))
            response.raise_for_status()
            document = cast("dict[str, Any]", response.json())
    except (AzureError, ValueError) as error:
        raise CredentialError(
            f"{name}: Key Vault did not give {source.url}: {_one_line(error)}; "
            'the identity needs the role "Key Vault Secrets User"'
        ) from error
    return str(document.get("value", ""))


def _read_secret_file(path: Path, name: str) -> str:
    try:
        text = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        exposed = path.stat().st_mode & 0o007
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialError(f"{name}: cannot read {path}: {error}") from error
    if exposed:
        raise CredentialError(f"{name}: {path} is open to every user of this machine; run: chmod 600 {path}")
    return text


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:400]
