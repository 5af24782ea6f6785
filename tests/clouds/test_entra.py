"""Keyless from AWS to Azure with unmodified clients, and every way in which the exchange is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import boto3
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential
from azure.storage.blob import BlobServiceClient

from sandbox.clouds.keys import SigningKey
from sandbox.store import Resource
from tests.clouds.azure_deployment import BLOB_CONTRIBUTOR, TENANT
from tests.clouds.conftest import ISSUER, REGION, ROLE_ARN, Services

AUDIENCE = "api://AzureADTokenExchange"
SCOPE = "https://storage.azure.com/.default"
ADDRESS = "203.0.113.7"
ALLOW = {"Effect": "Allow", "Action": "sts:GetWebIdentityToken", "Resource": "*"}


def assertion(audience: str = AUDIENCE, seconds: int = 300) -> str:
    """What the agent's machine gets from STS through boto3's own settings."""
    client: Any = boto3.Session().client("sts", region_name=REGION)
    try:
        answer = client.get_web_identity_token(
            Audience=[audience], SigningAlgorithm="RS256", DurationSeconds=seconds
        )
        return str(answer["WebIdentityToken"])
    finally:
        client.close()


@pytest.fixture
def identity(clouds: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Resource]:
    """The federated identity; the test runs as the EC2 machine whose role it trusts."""
    clouds.enable_web_identity()
    clouds.grant(ALLOW)
    identity = clouds.azure.identity("aws-backup")
    clouds.azure.federate(identity, ISSUER, ROLE_ARN, AUDIENCE)
    metadata = clouds.ec2_machine("aws-backup", public_ip=ADDRESS)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)
    yield identity


def token(identity: Resource, func: Any = assertion, *, tenant: str = TENANT, scope: str = SCOPE) -> str:
    credential = ClientAssertionCredential(
        tenant, identity.outputs["clientId"], func, disable_instance_discovery=True, retry_total=0
    )
    with credential:
        return credential.get_token(scope).token


def refusal(identity: Resource, func: Any = assertion, **others: str) -> str:
    """The AADSTS number of a refused exchange."""
    with pytest.raises(ClientAuthenticationError) as refused:
        token(identity, func, **others)
    return str(refused.value.message).partition("AADSTS")[2].partition(":")[0]


def test_role_becomes_identity_and_writes_a_blob(clouds: Services, identity: Resource) -> None:
    rules = {"defaultAction": "Deny", "ipRules": [{"iPAddressOrRange": ADDRESS}]}
    endpoint = clouds.open_account("drvault", "signals", networkRuleSet=rules)
    clouds.azure.assign(identity, BLOB_CONTRIBUTOR, clouds.azure.container_id("drvault", "signals"))
    with (
        ClientAssertionCredential(
            TENANT, identity.outputs["clientId"], assertion, disable_instance_discovery=True
        ) as credential,
        BlobServiceClient(endpoint, credential=credential, retry_total=0) as client,
    ):
        client.get_blob_client("signals", "heartbeat-aws.json").upload_blob(b"{}")

    sides = {line["service"]: (line["side"], line["machine"]) for line in clouds.requests()}
    for service in ("ec2-metadata", "aws", "entra", "blob"):
        assert sides[service] == ("aws", "aws-backup")
    log = (clouds.root / "requests.jsonl").read_text()
    assert "eyJ" not in log  # how every JWT begins


def test_claims_of_the_access_token(clouds: Services, identity: Resource) -> None:
    claims = clouds.entra.verify(token(identity), ["https://storage.azure.com"])
    assert claims["oid"] == claims["sub"] == identity.outputs["principalId"]
    assert (claims["appid"], claims["tid"]) == (identity.outputs["clientId"], TENANT)
    assert 0 < claims["exp"] - time.time() <= 3600


def test_wrong_issuer_subject_audience(clouds: Services, identity: Resource) -> None:
    clouds.azure.federate(identity, ISSUER + "/", ROLE_ARN, AUDIENCE)
    assert refusal(identity) == "700211"
    clouds.azure.federate(identity, ISSUER, ROLE_ARN.upper(), AUDIENCE)
    assert refusal(identity) == "700213"
    clouds.azure.federate(identity, ISSUER, ROLE_ARN, AUDIENCE)
    assert refusal(identity, lambda: assertion("api://somewhere-else")) == "700212"
    assert token(identity)


def forged(key: SigningKey, **claims: Any) -> str:
    now = int(time.time())
    return key.sign({"iss": ISSUER, "sub": ROLE_ARN, "aud": AUDIENCE, "iat": now, "exp": now + 300, **claims})


def test_signature_is_checked_against_the_issuers_keys(identity: Resource) -> None:
    assert refusal(identity, lambda: forged(SigningKey())) == "700027"
    unsigned = jwt.encode({"iss": ISSUER, "sub": ROLE_ARN, "aud": AUDIENCE}, "", algorithm="none")
    assert refusal(identity, lambda: unsigned) == "700027"
    assert refusal(identity, lambda: "not.a.token") == "50027"


def test_expired_assertion(clouds: Services, identity: Resource) -> None:
    key = clouds.aws.web_identity._key
    hour_ago = int(time.time()) - 3600
    assert refusal(identity, lambda: forged(key, iat=hour_ago, exp=hour_ago + 300)) == "700024"


def test_unknown_tenant_application_scope_and_resource(clouds: Services, identity: Resource) -> None:
    other = "99999999-9999-9999-9999-999999999999"
    assert refusal(identity, tenant=other) == "90002"
    stranger = Resource("", "", "", {}, {"clientId": other})
    assert refusal(stranger) == "700016"
    assert refusal(identity, scope="https://graph.example/.default") == "500011"


def test_deleted_credential_stops_the_exchange(clouds: Services, identity: Resource) -> None:
    assert token(identity)
    for credential in clouds.azure.store.find("azure-native:managedidentity:FederatedIdentityCredential"):
        clouds.azure.store.remove(credential.type, credential.id)
    assert refusal(identity) == "700211"
