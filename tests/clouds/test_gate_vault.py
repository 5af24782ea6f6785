"""Key Vault's data plane: secrets by token and role, imported certificates as PKCS #12."""

from __future__ import annotations

import base64

import pytest
import requests
from cryptography.hazmat.primitives.serialization import pkcs12

from sandbox.clouds.callers import Caller
from sandbox.clouds.vault_endpoint import VaultRefused
from sandbox.store import Resource
from tests.clouds.azure_deployment import SECRETS_USER
from tests.clouds.conftest import Services

VAULT = "drkeys"


@pytest.fixture
def identity(clouds: Services) -> Resource:
    """An identity that may read one secret of the open vault, and the certificate."""
    vault = clouds.azure.vault(VAULT)
    clouds.azure.secret(VAULT, "database-admin-password", "s3cret/+")
    clouds.azure.secret(VAULT, "other", "hidden")
    clouds.vaults.open_vault(VAULT)
    identity = clouds.azure.identity("dr-app")
    for name in ("database-admin-password", "petclinic-tls"):
        clouds.azure.assign(identity, SECRETS_USER, f"{vault.id}/secrets/{name}")
    clouds.places["dr-app"] = Caller("azure", "dr-app")
    return identity


def read(
    clouds: Services, name: str, identity: Resource, audience: str = "https://vault.azure.net"
) -> requests.Response:
    token, _ = clouds.entra.issue(identity, audience, machine="dr-app", lifetime_s=60)
    url = f"{clouds.url(f'{VAULT}.vault.azure.net')}/secrets/{name}"
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(url, params={"api-version": "7.4"}, headers=headers, timeout=10)


def test_secret_is_read_with_its_role(clouds: Services, identity: Resource) -> None:
    answer = read(clouds, "database-admin-password", identity)
    assert (answer.status_code, answer.json()["value"]) == (200, "s3cret/+")
    assert answer.json()["id"].startswith(f"https://{VAULT}.vault.azure.net/secrets/database-admin-password/")
    version = answer.json()["id"].rsplit("/", 1)[-1]
    assert read(clouds, f"database-admin-password/{version}", identity).status_code == 200
    assert read(clouds, "database-admin-password/0000", identity).status_code == 404
    assert "s3cret" not in (clouds.root / "requests.jsonl").read_text()


def test_other_secret_wrong_audience_and_no_token(clouds: Services, identity: Resource) -> None:
    refused = read(clouds, "other", identity)
    assert (refused.status_code, refused.json()["error"]["innererror"]) == (403, {"code": "ForbiddenByRbac"})
    assert read(clouds, "database-admin-password", identity, "https://storage.azure.com").status_code == 401
    url = f"{clouds.url(f'{VAULT}.vault.azure.net')}/secrets/other?api-version=7.4"
    bare = requests.get(url, timeout=10)
    assert bare.status_code == 401
    assert 'resource="https://vault.azure.net"' in bare.headers["WWW-Authenticate"]


def test_firewall(clouds: Services, identity: Resource) -> None:
    subnet = clouds.azure.subnet("app", "Microsoft.KeyVault")
    acls = {"defaultAction": "Deny", "bypass": "None", "virtualNetworkRules": [{"id": subnet.id}]}
    clouds.azure.vault(VAULT, networkAcls=acls)
    refused = read(clouds, "database-admin-password", identity)
    assert refused.json()["error"]["innererror"] == {"code": "ForbiddenByFirewall"}
    clouds.places["dr-app"] = Caller("azure", "dr-app", subnet_id=subnet.id)
    assert read(clouds, "database-admin-password", identity).status_code == 200


def test_imported_certificate_is_a_secret_for_the_gateway(clouds: Services, identity: Resource) -> None:
    certificate_file, key_file = clouds.authority.issue(["petclinic.example.org"])
    clouds.vaults.import_certificate(
        VAULT, "petclinic-tls", certificate_file.read_bytes(), key_file.read_bytes()
    )

    answer = read(clouds, "petclinic-tls", identity).json()
    assert answer["contentType"] == "application/x-pkcs12"
    bundle = pkcs12.load_pkcs12(base64.b64decode(answer["value"]), None)
    assert bundle.cert is not None
    chain, key = clouds.vaults.certificate_for(identity.outputs["principalId"], VAULT, "petclinic-tls")
    assert chain == certificate_file.read_bytes()
    assert key == key_file.read_bytes()
    with pytest.raises(VaultRefused, match="ForbiddenByRbac"):
        clouds.vaults.certificate_for("00000000-0000-0000-0000-000000000000", VAULT, "petclinic-tls")
    with pytest.raises(VaultRefused, match="not a certificate"):
        clouds.vaults.certificate_for(identity.outputs["principalId"], VAULT, "database-admin-password")


def test_gateway_passes_a_closed_firewall_only_as_trusted_service(
    clouds: Services, identity: Resource
) -> None:
    principal = identity.outputs["principalId"]
    clouds.azure.vault(VAULT, networkAcls={"defaultAction": "Deny", "bypass": "None"})
    with pytest.raises(VaultRefused, match="ForbiddenByFirewall"):
        clouds.vaults.secret_for(principal, VAULT, "database-admin-password")
    clouds.azure.vault(VAULT, networkAcls={"defaultAction": "Deny", "bypass": "AzureServices"})
    assert clouds.vaults.secret_for(principal, VAULT, "database-admin-password").value == "s3cret/+"


def test_vault_without_role_based_access_is_refused(clouds: Services, identity: Resource) -> None:
    clouds.azure.vault(VAULT, enableRbacAuthorization=False)
    refused = read(clouds, "database-admin-password", identity)
    assert "enableRbacAuthorization" in refused.json()["error"]["message"]
