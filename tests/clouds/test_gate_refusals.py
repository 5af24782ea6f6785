"""What the gate refuses, as azure-storage-blob sees it; plain Azurite would accept nearly all of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobServiceClient, ContainerSasPermissions, generate_container_sas

from sandbox.clouds.blob_endpoint import BlobRefused
from sandbox.clouds.callers import Caller
from sandbox.clouds.keys import SigningKey
from sandbox.store import Resource
from tests.clouds.azure_deployment import BLOB_CONTRIBUTOR, BLOB_READER, BLOBS, TENANT
from tests.clouds.conftest import Services

ACCOUNT = "drvault"
ADDRESS = "203.0.113.7"
KEY = "c2VjcmV0IGtleSBvZiBub2JvZHkgaW4gcGFydGljdWxhcg=="


class Token:
    """A token credential that gives out one ready-made token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **others: Any) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 3600)


class Vault:
    """The firewalled account, as the AWS machine at ADDRESS sees it with a token of ``identity``."""

    def __init__(self, clouds: Services, endpoint: str, identity: Resource) -> None:
        self.clouds, self.endpoint, self.identity = clouds, endpoint, identity

    def token(self, resource: str = "https://storage.azure.com", lifetime_s: int = 600) -> str:
        token, _ = self.clouds.entra.issue(
            self.identity, resource, machine="aws-backup", lifetime_s=lifetime_s
        )
        return token

    def client(self, credential: Any = None) -> BlobServiceClient:
        return BlobServiceClient(self.endpoint, credential=credential or Token(self.token()), retry_total=0)

    def refusal(self, container: str = "mysql-backups", credential: Any = None) -> str:
        """The error code of a small upload; fails when it is accepted."""
        with self.client(credential) as client, pytest.raises(HttpResponseError) as refused:
            client.get_blob_client(container, "b").upload_blob(b"x")
        return code(refused)


def code(refused: pytest.ExceptionInfo[Any]) -> str:
    found: Any = getattr(refused.value, "error_code")  # noqa: B009 - the SDK adds it without saying so
    return str(getattr(found, "value", found))


@pytest.fixture
def vault(clouds: Services) -> Iterator[Vault]:
    rules = {
        "defaultAction": "Deny",
        "bypass": "AzureServices",
        "ipRules": [{"iPAddressOrRange": ADDRESS, "action": "Allow"}],
        "virtualNetworkRules": [],
    }
    endpoint = clouds.open_account(ACCOUNT, "mysql-backups", "signals", "control", networkRuleSet=rules)
    clouds.azure.worm(ACCOUNT, "mysql-backups", days=14)
    identity = clouds.azure.identity("aws-backup")
    for container in ("mysql-backups", "signals"):
        clouds.azure.assign(identity, BLOB_CONTRIBUTOR, clouds.azure.container_id(ACCOUNT, container))
    clouds.places["aws-backup"] = Caller("aws", "aws-backup", public_ip=ADDRESS)
    yield Vault(clouds, endpoint, identity)


# -- retention


def test_backup_is_written_once_and_held(vault: Vault) -> None:
    with vault.client() as client:
        blob = client.get_blob_client("mysql-backups", "b")
        blob.upload_blob(b"first")
        for overwrite in (
            lambda: blob.upload_blob(b"second", overwrite=True),
            lambda: blob.stage_block("AAAA", b"second"),
            lambda: blob.set_blob_metadata({"a": "b"}),
            blob.delete_blob,
        ):
            with pytest.raises(HttpResponseError) as refused:
                overwrite()
            assert (refused.value.status_code, code(refused)) == (409, "BlobImmutableDueToPolicy")
        assert blob.download_blob().readall() == b"first"


def test_second_commit_of_blocks_is_refused(vault: Vault) -> None:
    with vault.client() as client:
        blob = client.get_blob_client("mysql-backups", "b")
        blob.stage_block("AAAA", b"first")
        blob.commit_block_list([BlobBlock("AAAA")])
        with pytest.raises(HttpResponseError) as refused:
            blob.commit_block_list([])
        assert code(refused) == "BlobImmutableDueToPolicy"
        assert blob.download_blob().readall() == b"first"


def test_delete_is_allowed_after_the_period_but_overwrite_never(vault: Vault) -> None:
    with vault.client() as client:
        blob = client.get_blob_client("mysql-backups", "b")
        blob.upload_blob(b"first")
        vault.clouds.clock_ahead = timedelta(days=14, seconds=5)
        with pytest.raises(HttpResponseError) as refused:
            blob.upload_blob(b"second", overwrite=True)
        assert code(refused) == "BlobImmutableDueToPolicy"
        blob.delete_blob()
        assert not blob.exists()


def test_retention_holds_for_the_operator_too(vault: Vault) -> None:
    gate = vault.clouds.gate
    gate.put_as_operator(ACCOUNT, "mysql-backups", "b", b"1", "text/plain")
    for attempt in (
        lambda: gate.put_as_operator(ACCOUNT, "mysql-backups", "b", b"2", "text/plain"),
        lambda: gate.delete_as_operator(ACCOUNT, "mysql-backups", "b"),
        lambda: gate.delete_container(ACCOUNT, "mysql-backups"),
    ):
        with pytest.raises(BlobRefused):
            attempt()
    assert gate.get_as_operator(ACCOUNT, "mysql-backups", "b") == b"1"


# -- roles


def test_other_container_is_refused(vault: Vault) -> None:
    assert vault.refusal("control") == "AuthorizationPermissionMismatch"


def test_reader_cannot_write_and_writer_without_delete_cannot_delete(clouds: Services, vault: Vault) -> None:
    reader = clouds.azure.identity("reader")
    clouds.azure.assign(reader, BLOB_READER, clouds.azure.container_id(ACCOUNT, "signals"))
    vault.identity = reader
    assert vault.refusal("signals") == "AuthorizationPermissionMismatch"

    writer = clouds.azure.identity("writer")
    role = clouds.azure.role({"dataActions": [f"{BLOBS}/*"], "notDataActions": [f"{BLOBS}/delete"]})
    clouds.azure.assign(writer, role, clouds.azure.container_id(ACCOUNT, "signals"))
    vault.identity = writer
    with vault.client() as client:
        blob = client.get_blob_client("signals", "x")
        blob.upload_blob(b"x")
        with pytest.raises(HttpResponseError) as refused:
            blob.delete_blob()
        assert code(refused) == "AuthorizationPermissionMismatch"


def test_role_of_another_identity_or_a_withdrawn_one_does_not_help(clouds: Services, vault: Vault) -> None:
    known = vault.identity
    vault.identity = clouds.azure.identity("stranger")
    assert vault.refusal() == "AuthorizationPermissionMismatch"
    vault.identity = known
    for assignment in clouds.azure.store.find("azure-native:authorization:RoleAssignment"):
        clouds.azure.store.remove(assignment.type, assignment.id)
    assert vault.refusal() == "AuthorizationPermissionMismatch"


def test_container_role_does_not_list_or_make_containers(vault: Vault) -> None:
    with vault.client() as client:
        for attempt in (lambda: list(client.list_containers()), lambda: client.create_container("more")):
            with pytest.raises(HttpResponseError) as refused:
                attempt()
            assert code(refused) == "AuthorizationPermissionMismatch"


# -- tokens


def test_wrong_audience(vault: Vault) -> None:
    token = Token(vault.token("https://vault.azure.net"))
    assert vault.refusal(credential=token) == "InvalidAuthenticationInfo"


def test_expired(vault: Vault) -> None:
    assert vault.refusal(credential=Token(vault.token(lifetime_s=-1))) == "InvalidAuthenticationInfo"


def test_signed_by_somebody_else(clouds: Services, vault: Vault) -> None:
    clouds.azure.account(ACCOUNT)  # no firewall, so that the signature alone decides
    now = int(time.time())
    claims = {
        "aud": "https://storage.azure.com",
        "iss": f"https://sts.windows.net/{TENANT}/",
        "oid": vault.identity.outputs["principalId"],
        "tid": TENANT,
        "nbf": now,
        "exp": now + 600,
    }
    assert vault.refusal(credential=Token(SigningKey().sign(claims))) == "InvalidAuthenticationInfo"
    assert vault.refusal(credential=Token("no token at all")) == "InvalidAuthenticationInfo"


def test_no_token(clouds: Services, vault: Vault) -> None:
    clouds.azure.account(ACCOUNT)
    with (
        BlobServiceClient(vault.endpoint, retry_total=0) as client,
        pytest.raises(HttpResponseError) as refused,
    ):
        client.get_blob_client("signals", "x").download_blob()
    assert code(refused) == "NoAuthenticationInformation"


def test_account_key_and_sas_are_refused(clouds: Services, vault: Vault) -> None:
    clouds.azure.account(ACCOUNT)
    sas = generate_container_sas(
        ACCOUNT,
        "signals",
        account_key=KEY,
        permission=ContainerSasPermissions(write=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    for credential in (AzureNamedKeyCredential(ACCOUNT, KEY), AzureSasCredential(sas)):
        assert vault.refusal("signals", credential) == "KeyBasedAuthenticationNotPermitted"


# -- addresses


@pytest.mark.parametrize("address", ["203.0.113.8", None])
def test_wrong_address(clouds: Services, vault: Vault, address: str | None) -> None:
    clouds.places["aws-backup"] = Caller("aws", "aws-backup", public_ip=address)
    assert vault.refusal() == "AuthorizationFailure"


def test_a_site_can_lose_a_container_while_the_other_reaches_it(clouds: Services, vault: Vault) -> None:
    """A partition between one cloud and the control blobs: no answer, or a firewall's."""
    clouds.faults.set(blob_cut={"aws": ["signals"]}, blob_denied={"aws": ["control"], "azure": ["*"]})
    with vault.client() as client:
        with pytest.raises(AzureError):
            client.get_blob_client("signals", "b").upload_blob(b"x")
        assert vault.refusal("control") == "AuthorizationFailure"
        client.get_blob_client("mysql-backups", "b").upload_blob(b"x")
        clouds.faults.clear("blob_cut")
        clouds.faults.set(blob_put_cut={"aws": ["signals/heartbeat"]})
        assert not client.get_blob_client("signals", "heartbeat-aws").exists()
        with pytest.raises(AzureError):
            client.get_blob_client("signals", "heartbeat-aws").upload_blob(b"x")
        client.get_blob_client("signals", "b").upload_blob(b"x")
    assert any(line["error"] == "blob_cut" and line["side"] == "aws" for line in clouds.requests())


def test_azure_machine_needs_a_rule_for_its_subnet(clouds: Services, vault: Vault) -> None:
    bare, served = clouds.azure.subnet("bare"), clouds.azure.subnet("app", "Microsoft.Storage")
    for subnet, expected in ((bare, "AuthorizationFailure"), (served, "AuthorizationFailure")):
        clouds.places["aws-backup"] = Caller("azure", "dr-app", public_ip=ADDRESS, subnet_id=subnet.id)
        assert vault.refusal() == expected
    rules = [{"virtualNetworkResourceId": one.id} for one in (bare, served)]
    clouds.azure.account(ACCOUNT, networkRuleSet={"defaultAction": "Deny", "virtualNetworkRules": rules})
    with vault.client() as client:
        client.get_blob_client("signals", "x").upload_blob(b"x")
    clouds.places["aws-backup"] = Caller(
        "azure", "dr-app", subnet_id=bare.id
    )  # a rule, but no service endpoint
    assert vault.refusal() == "AuthorizationFailure"


# -- beyond the simulation


def test_operations_that_are_not_simulated_say_so(vault: Vault) -> None:
    with vault.client() as client, pytest.raises(HttpResponseError) as refused:
        client.get_blob_client("signals", "copy").start_copy_from_url("https://elsewhere.example/x")
    assert (refused.value.status_code, code(refused)) == (501, "NotSimulated")


def test_unknown_container_and_role_condition(clouds: Services, vault: Vault) -> None:
    clouds.azure.assign(vault.identity, BLOB_READER, clouds.azure.account(ACCOUNT).id)
    with vault.client() as client, pytest.raises(ResourceNotFoundError) as missing:
        client.get_blob_client("nowhere", "x").download_blob()
    assert code(missing) == "ContainerNotFound"
    clouds.azure.assign(
        vault.identity, BLOB_CONTRIBUTOR, clouds.azure.account(ACCOUNT).id, condition="@Resource..."
    )
    assert vault.refusal("control") == "NotSimulated"
