"""The metadata services: tokens only for identities of that machine, keys only in an IMDSv2 session."""

from __future__ import annotations

import boto3
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential

from tests.clouds.conftest import REGION, Services

SCOPE = "https://storage.azure.com/.default"


def test_managed_identity_of_this_machine_only(clouds: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    own, second, other = (clouds.azure.identity(name) for name in ("own", "second", "other"))
    metadata = clouds.azure_machine("dr-app", own, second)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", metadata.url)

    with ManagedIdentityCredential(client_id=own.outputs["clientId"]) as credential:
        claims = clouds.entra.verify(credential.get_token(SCOPE).token, ["https://storage.azure.com"])
    assert claims["oid"] == own.outputs["principalId"]
    for client_id in (other.outputs["clientId"], None):  # not attached; ambiguous among two
        with (
            ManagedIdentityCredential(client_id=client_id) as credential,
            pytest.raises((CredentialUnavailableError, ClientAuthenticationError)),
        ):
            credential.get_token(SCOPE)


def test_azure_metadata_wants_its_header(clouds: Services) -> None:
    url = clouds.azure_machine("dr-app", clouds.azure.identity("own")).url + "/metadata/identity/oauth2/token"
    query = {"api-version": "2018-02-01", "resource": "https://storage.azure.com/"}
    assert requests.get(url, params=query, timeout=10).status_code == 400
    answer = requests.get(url, params=query, headers={"Metadata": "true"}, timeout=10)
    assert (answer.status_code, answer.json()["token_type"]) == (200, "Bearer")
    assert isinstance(answer.json()["expires_on"], str)  # as the real service writes it


def test_ec2_metadata_gives_role_keys_in_a_session_only(
    clouds: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = clouds.ec2_machine("aws-backup")
    assert requests.get(f"{metadata.url}/latest/meta-data/instance-id", timeout=10).status_code == 401

    headers = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    session = requests.put(f"{metadata.url}/latest/api/token", headers=headers, timeout=10).text
    headers = {"X-aws-ec2-metadata-token": session}
    for path, expected in (("placement/region", REGION), ("placement/availability-zone", f"{REGION}a")):
        answer = requests.get(f"{metadata.url}/latest/meta-data/{path}", headers=headers, timeout=10)
        assert answer.text == expected
    assert requests.get(f"{metadata.url}/latest/user-data", headers=headers, timeout=10).status_code == 404

    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)
    keys = boto3.Session().get_credentials()
    assert keys is not None
    assert keys.get_frozen_credentials().access_key.startswith("ASIA")
    assert keys.get_frozen_credentials().access_key not in (clouds.root / "requests.jsonl").read_text()
