"""Unmodified Azure SDK clients through the gate: what is allowed works, whole and streamed."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import BlobServiceClient, ContainerClient

from tests.clouds.azure_deployment import BLOB_CONTRIBUTOR, BLOBS
from tests.clouds.conftest import Services

ACCOUNT = "drvault"


@pytest.fixture
def vault(clouds: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlobServiceClient]:
    """A client on an Azure machine whose identity may do everything to blobs of the account."""
    endpoint = clouds.open_account(ACCOUNT, "mysql-backups", "signals")
    identity = clouds.azure.identity("agent")
    clouds.azure.assign(identity, BLOB_CONTRIBUTOR, clouds.azure.account(ACCOUNT).id)
    metadata = clouds.azure_machine("dr-app", identity)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", metadata.url)
    with (
        ManagedIdentityCredential(client_id=identity.outputs["clientId"]) as credential,
        BlobServiceClient(
            endpoint, credential=credential, retry_total=0, max_single_put_size=64 * 1024
        ) as client,
    ):
        yield client


def test_small_blob_goes_in_and_comes_back(vault: BlobServiceClient) -> None:
    blob = vault.get_blob_client("signals", "heartbeat-azure.json")
    blob.upload_blob(b'{"ok": true}', overwrite=True, metadata={"site": "azure"})
    blob.upload_blob(b'{"ok": 1}', overwrite=True, metadata={"site": "azure"})

    assert blob.download_blob().readall() == b'{"ok": 1}'
    assert blob.get_blob_properties().metadata == {"site": "azure"}
    blob.delete_blob()
    assert not blob.exists()


def test_large_stream_of_unknown_length_is_staged_in_parallel(vault: BlobServiceClient) -> None:
    content = bytes(range(256)) * 4096 * 9  # 9 MiB

    class Pipe(io.RawIOBase):
        """Neither seekable nor of known length, like the output of a dump."""

        left = io.BytesIO(content)

        def read(self, size: int = -1) -> bytes:
            return self.left.read(size)

    blob = vault.get_blob_client("mysql-backups", "backup_20260101T000000Z.sql.gz")
    blob.upload_blob(Pipe(), overwrite=False, max_concurrency=4)

    assert blob.get_blob_properties().size == len(content)
    assert blob.download_blob(max_concurrency=4).readall() == content


def test_names_with_spaces_percent_signs_and_umlauts(vault: BlobServiceClient) -> None:
    blob = vault.get_blob_client("signals", "a b/50% & ü+#.json")
    blob.upload_blob(b"x")

    assert [one.name for one in vault.get_container_client("signals").list_blobs()] == ["a b/50% & ü+#.json"]
    assert blob.download_blob().readall() == b"x"


def test_listing_pages_and_names_are_the_accounts_own(clouds: Services, vault: BlobServiceClient) -> None:
    clouds.open_account("drvaultother", "secrets")  # shares Azurite, and even a prefix
    clouds.gate.create_container(ACCOUNT, "$web")
    container = vault.get_container_client("mysql-backups")
    for number in range(5):
        container.upload_blob(f"b{number}", b"")

    assert {one.name for one in vault.list_containers()} == {"$web", "mysql-backups", "signals"}
    assert [one.name for one in vault.list_containers(name_starts_with="sig")] == ["signals"]
    pages = list(container.list_blobs(results_per_page=2).by_page())
    assert [[blob.name for blob in page] for page in pages] == [["b0", "b1"], ["b2", "b3"], ["b4"]]


def test_create_only_upload_refuses_the_second_writer(vault: BlobServiceClient) -> None:
    blob = vault.get_blob_client("signals", "once")
    blob.upload_blob(b"1", overwrite=False)
    with pytest.raises(HttpResponseError) as refusal:
        blob.upload_blob(b"2", overwrite=False)
    assert refusal.value.error_code == "BlobAlreadyExists"  # type: ignore[attr-defined]


def test_conditional_write_by_etag(vault: BlobServiceClient) -> None:
    blob = vault.get_blob_client("signals", "epoch.json")
    etag = blob.upload_blob(b"1")["etag"]
    blob.upload_blob(b"2", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(HttpResponseError) as refusal:
        blob.upload_blob(b"3", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)
    assert refusal.value.status_code == 412


def test_append_blobs(vault: BlobServiceClient) -> None:
    blob = vault.get_blob_client("signals", "log")
    blob.create_append_blob()
    blob.append_block(b"one ")
    blob.append_block(b"two")
    assert blob.download_blob().readall() == b"one two"


def test_create_only_role_can_make_but_not_replace(
    clouds: Services, vault: BlobServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = clouds.azure.identity("creator")
    role = clouds.azure.role({"dataActions": [f"{BLOBS}/add/action", f"{BLOBS}/read"], "notDataActions": []})
    clouds.azure.assign(identity, role, clouds.azure.container_id(ACCOUNT, "signals"))
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", clouds.azure_machine("other", identity).url)
    with (
        ManagedIdentityCredential(client_id=identity.outputs["clientId"]) as credential,
        ContainerClient(vault.url, "signals", credential=credential, retry_total=0) as client,
    ):
        client.upload_blob("new", b"1", overwrite=True)
        with pytest.raises(HttpResponseError) as refusal:
            client.upload_blob("new", b"2", overwrite=True)
        assert refusal.value.error_code == "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]
        assert client.download_blob("new").readall() == b"1"


def test_chunked_body_is_refused_and_leaves_the_connection_usable(
    clouds: Services, vault: BlobServiceClient
) -> None:
    token = vault.credential.get_token("https://storage.azure.com/.default").token
    headers = {
        "Authorization": f"Bearer {token}",
        "x-ms-version": "2024-11-04",
        "x-ms-blob-type": "BlockBlob",
    }
    where = urlsplit(vault.url)
    trust = ssl.create_default_context(cafile=str(clouds.authority.ca_file))
    connection = http.client.HTTPSConnection(str(where.hostname), where.port, context=trust)
    try:
        connection.request("PUT", "/signals/x", iter([b"one ", b"two"]), headers)  # Azure wants a length
        answer = connection.getresponse()
        assert (b"MissingContentLengthHeader" in answer.read(), answer.status) == (True, 411)
        for number in range(3):
            connection.request("PUT", "/signals/x", b"%d" % number, headers)
            assert connection.getresponse().read() == b""
            connection.request("GET", "/signals/x", headers=headers)
            assert connection.getresponse().read() == b"%d" % number
    finally:
        connection.close()


def test_faults_slow_and_refuse(clouds: Services, vault: BlobServiceClient) -> None:
    blob = vault.get_blob_client("signals", "x")
    blob.upload_blob(b"1")
    clouds.faults.set(blob_latency_ms=300)
    before = time.monotonic()
    blob.download_blob().readall()
    assert time.monotonic() - before >= 0.3
    clouds.faults.set(blob_latency_ms=0, blob_503_rate=1.0)
    with pytest.raises(HttpResponseError) as refusal:
        blob.download_blob()
    assert refusal.value.error_code == "ServerBusy"  # type: ignore[attr-defined]


def test_log_names_the_caller_and_no_secret(clouds: Services, vault: BlobServiceClient) -> None:
    vault.get_blob_client("signals", "x").upload_blob(b"1")

    token = vault.credential.get_token("https://storage.azure.com/.default").token
    lines = clouds.requests()
    put = next(line for line in lines if line["method"] == "PUT" and line["service"] == "blob")
    assert (put["side"], put["machine"], put["target"], put["status"]) == (
        "azure",
        "dr-app",
        "drvault/signals/x",
        201,
    )
    assert token not in (clouds.root / "requests.jsonl").read_text()
    assert (clouds.root / "requests.jsonl").stat().st_mode & 0o777 == 0o600


def test_dead_azurite_is_an_error_of_the_service(clouds: Services, vault: BlobServiceClient) -> None:
    clouds.azurite.address = clouds.network.address("nobody-listens-here")
    clouds.gate.stop()  # which gives up the connections to the living one
    clouds.gate.start()
    with pytest.raises(HttpResponseError) as refusal:
        vault.get_blob_client("signals", "x").upload_blob(b"1")
    assert (refusal.value.status_code, "Azurite" in str(refusal.value.message)) == (500, True)


def test_client_that_leaves_in_the_middle_of_an_upload_leaves_nothing(
    clouds: Services, vault: BlobServiceClient
) -> None:
    token = vault.credential.get_token("https://storage.azure.com/.default").token
    where = urlsplit(vault.url)
    trust = ssl.create_default_context(cafile=str(clouds.authority.ca_file))
    with (
        socket.create_connection((str(where.hostname), int(where.port or 0))) as plain,
        trust.wrap_socket(plain, server_hostname=where.hostname) as connection,
    ):
        connection.sendall(
            b"PUT /signals/cut HTTP/1.1\r\nHost: x\r\nx-ms-blob-type: BlockBlob\r\n"
            b"x-ms-version: 2024-11-04\r\nContent-Length: 1000000\r\nAuthorization: Bearer "
            + token.encode()
            + b"\r\n\r\n"
            + bytes(5000)
        )
    assert not vault.get_blob_client("signals", "cut").exists()
    vault.get_blob_client("signals", "cut").upload_blob(b"whole")
