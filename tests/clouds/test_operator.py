"""The operator's tool reaches the vault as a member of the operators' group, and as nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import EnvironmentCredential

from agent.errors import StorageError
from agent.storage import BlobStore
from cli.operate import blobs
from cli.problem import Problem
from sandbox.clouds.callers import Caller
from tests.clouds.azure_deployment import BLOB_READER, BLOBS, TENANT
from tests.clouds.conftest import GROUP_OF_OPERATORS, OPERATOR, Services

ADDRESS = "192.0.2.10"
ACCOUNT = "drvault"
ENDPOINT = f"https://{ACCOUNT}.blob.core.windows.net"
Open = Callable[[str], BlobStore]


@pytest.fixture
def vault(clouds: Services, monkeypatch: pytest.MonkeyPatch) -> Open:
    """``cli.operate.blobs.store`` on a deployed account, in an operator's shell."""
    clouds.places["operator"] = Caller("operator", "operator", public_ip=ADDRESS)
    rules = {"defaultAction": "Deny", "ipRules": [{"iPAddressOrRange": ADDRESS}]}
    url = clouds.open_account(ACCOUNT, "control", "signals", networkRuleSet=rules)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", OPERATOR.client_id)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", OPERATOR.client_secret)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    host = ENDPOINT.removeprefix("https://")
    monkeypatch.setenv(blobs.SANDBOX_ENDPOINTS, json.dumps({host: url}))
    blobs.credential.cache_clear()
    return lambda container: blobs.store(ENDPOINT, container)


def _grant(clouds: Services, role: str, container: str) -> None:
    clouds.azure.assign(GROUP_OF_OPERATORS, role, clouds.azure.container_id(ACCOUNT, container))


def test_a_role_of_the_group_is_the_operators(clouds: Services, vault: Open) -> None:
    writer = clouds.azure.role({"dataActions": [f"{BLOBS}/read", f"{BLOBS}/write", f"{BLOBS}/add/action"]})
    _grant(clouds, writer, "control")
    _grant(clouds, BLOB_READER, "signals")
    etag = vault("control").put("epoch.json", b"{}", etag=None)
    vault("control").put("epoch.json", b'{"epoch": 2}', etag=etag)
    assert vault("control").read("epoch.json")[0] == b'{"epoch": 2}'
    assert list(vault("signals").entries("")) == []
    with pytest.raises(StorageError, match="AuthorizationPermissionMismatch"):
        vault("signals").replace("heartbeat-aws.json", b"{}")
    assert {line["machine"] for line in clouds.requests() if line["service"] in ("blob", "entra")} >= {
        "operator"
    }
    assert OPERATOR.client_secret not in (clouds.root / "requests.jsonl").read_text()


def test_without_the_groups_role_nothing_opens(clouds: Services, vault: Open) -> None:
    _grant(clouds, BLOB_READER, "signals")
    with pytest.raises(StorageError, match="AuthorizationPermissionMismatch"):
        vault("control").read("epoch.json")


def test_the_firewall_wants_an_address_of_an_operator(clouds: Services, vault: Open) -> None:
    _grant(clouds, BLOB_READER, "control")
    clouds.places["operator"] = Caller("operator", "operator", public_ip="198.51.100.1")
    with pytest.raises(StorageError, match="AuthorizationFailure"):
        vault("control").read("epoch.json")


def test_a_wrong_secret_gets_no_token(vault: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "guessed")
    with (
        EnvironmentCredential(disable_instance_discovery=True, retry_total=0) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        credential.get_token("https://storage.azure.com/.default")


def test_no_call_leaves_a_sandboxs_shell(vault: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Problem, match="has no account at https://real"):
        blobs.store("https://real.blob.core.windows.net", "control")
    monkeypatch.setenv(blobs.SANDBOX_ENDPOINTS, "nothing")
    with pytest.raises(Problem, match="not a JSON object"):
        vault("control")
