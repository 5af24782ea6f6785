"""The agent's own storage code, keyless through the gate: what the backup identity may do and may not.

The rights are those that components/azure/access.py gives to the backup instance.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Callable

import pytest

from agent.archive import segment
from agent.archive.segment import Segment, metadata_of
from agent.config import AwsWebIdentity
from agent.credentials import storage_credential
from agent.errors import CredentialError, StorageError
from agent.storage import BlobChangedError, BlobExistsError, BlobStore
from agent.weekly import keep_weekly
from sandbox.clouds.callers import Caller
from sandbox.store import Resource
from tests.agent.samples import manifest
from tests.clouds.azure_deployment import BLOB_READER, BLOBS, TENANT
from tests.clouds.conftest import ISSUER, REGION, ROLE_ARN, Services

ACCOUNT, ADDRESS = "drvault", "203.0.113.7"
AUDIENCE = "api://AzureADTokenExchange"
SERVER = "00000000-0000-0000-0000-000000000001"
PACK = f"packs/1/{SERVER}/mysql-bin-changelog.000007.000000000004.gz"
EARLIER = "backup_20260101T000000Z"


class Instance:
    """The backup instance: its identity, and the agent's view of each container."""

    def __init__(self, clouds: Services, endpoint: str, identity: Resource) -> None:
        self.clouds, self.identity, self._endpoint = clouds, identity, endpoint

    def store(self, container: str = "mysql-backups") -> BlobStore:
        """The container, opened anew: a token that was fetched before a refusal would hide it."""
        identity = AwsWebIdentity(REGION, TENANT, self.identity.outputs["clientId"])
        return BlobStore(self._endpoint, container, storage_credential(identity), retries=0)


@pytest.fixture
def instance(clouds: Services, monkeypatch: pytest.MonkeyPatch) -> Instance:
    clouds.enable_web_identity()
    clouds.grant({"Effect": "Allow", "Action": "sts:GetWebIdentityToken", "Resource": "*"})
    identity = clouds.azure.identity("backup")
    clouds.azure.federate(identity, ISSUER, ROLE_ARN, AUDIENCE)
    metadata = clouds.ec2_machine("aws-backup", public_ip=ADDRESS)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)
    rules = {"defaultAction": "Deny", "bypass": "None", "ipRules": [{"iPAddressOrRange": ADDRESS}]}
    containers = ("mysql-backups", "signals", "control", "strange")
    endpoint = clouds.open_account(ACCOUNT, *containers, networkRuleSet=rules)
    clouds.azure.worm(ACCOUNT, "mysql-backups", days=14)
    writer = clouds.azure.role({"dataActions": [f"{BLOBS}/{one}" for one in ("read", "write", "add/action")]})
    for container, role in (("mysql-backups", writer), ("signals", writer), ("control", BLOB_READER)):
        clouds.azure.assign(identity, role, clouds.azure.container_id(ACCOUNT, container))
    return Instance(clouds, endpoint, identity)


def a_segment(start: int = 4) -> tuple[str, bytes]:
    """A stored segment and its name; what the log in it says does not matter to the gate."""
    described = Segment(
        epoch=1,
        server_uuid=SERVER,
        file="mysql-bin-changelog.000007",
        start=start,
        end=start + 100,
        before="",
        gtids=f"{SERVER}:1-3",
        previous="",
        open_gtid="",
        open_us=0,
        first_us=1,
        last_us=2,
        schemas=("petclinic",),
        flaw="",
    )
    return described.name, segment.encode(described, os.urandom(100))


def test_a_segment_is_one_create_only_put(instance: Instance) -> None:
    name, stored = a_segment()
    instance.store().create(name, stored, metadata_of(stored))
    assert instance.store().read(name)[0] == stored
    puts = [line for line in instance.clouds.requests() if line["service"] == "blob" and name in str(line)]
    assert len(puts) == 2, "the write and the read, nothing else: no blocks, no look before"


def test_a_second_writer_of_a_segment_learns_that_the_name_is_taken(instance: Instance) -> None:
    """Two agents race by this; and a retry after a lost acknowledgement must find its own blob."""
    name, stored = a_segment()
    instance.store().create(name, stored)
    with pytest.raises(BlobExistsError):
        instance.store().create(name, b"of a second agent")
    assert instance.store().read(name)[0] == stored


def test_packs_dumps_and_weekly_copies_go_in_as_blocks(instance: Instance) -> None:
    content = gzip.compress(os.urandom(9_000_000))  # more than two blocks
    for name in (PACK, f"{EARLIER}.sql.gz", f"weekly/{EARLIER}.sql.gz"):
        with instance.store().upload(name) as upload:
            upload.write(content)
            upload.commit()
        assert b"".join(instance.store().chunks(name)) == content
        with pytest.raises(StorageError), instance.store().upload(name) as upload:
            upload.write(b"shorter")
            upload.commit()
        assert b"".join(instance.store().chunks(name)) == content


def test_the_weekly_copy_of_a_chain_is_made_once(instance: Instance) -> None:
    content = gzip.compress(os.urandom(5_000_000))
    described = manifest(
        f"{EARLIER}.sql.gz", stored_bytes=len(content), stored_sha256=hashlib.sha256(content).hexdigest()
    )
    with instance.store().upload(described.backup) as upload:
        upload.write(content)
        upload.commit()
    instance.store().create(described.name, described.to_json(), described.metadata())
    assert keep_weekly(instance.store(), described, {"ok": True}) == f"weekly/{EARLIER}.json"
    assert b"".join(instance.store().chunks(f"weekly/{EARLIER}.sql.gz")) == content
    assert keep_weekly(instance.store(), described, {"ok": True}) is None


@pytest.mark.parametrize("name", [a_segment()[0], PACK, f"{EARLIER}.json", f"weekly/{EARLIER}.json"])
def test_what_was_written_is_neither_replaced_nor_deleted(instance: Instance, name: str) -> None:
    store = instance.store()
    store.create(name, b"first")
    etag = store.read(name)[1]
    attempts: tuple[Callable[[], object], ...] = (
        lambda: store.replace(name, b"second"),
        lambda: store.put(name, b"second", etag=etag),
        lambda: store._blob(name).delete_blob(),  # the agent has no method for it
    )
    for attempt in attempts:
        with pytest.raises(Exception, match=r"BlobImmutableDueToPolicy|AuthorizationPermissionMismatch"):
            attempt()
    assert store.read(name)[0] == b"first"


def test_signals_are_replaced_and_never_deleted(instance: Instance) -> None:
    store = instance.store("signals")
    for content in (b"1", b"2"):
        store.replace("heartbeat-aws.json", content)
    assert store.read("heartbeat-aws.json")[0] == b"2"
    with pytest.raises(Exception, match="AuthorizationPermissionMismatch"):
        store._blob("heartbeat-aws.json").delete_blob()


def test_the_epoch_is_read_and_not_written(instance: Instance) -> None:
    instance.clouds.gate.put_as_operator(ACCOUNT, "control", "epoch.json", b"{}", "application/json")
    control = instance.store("control")
    content, etag = control.read("epoch.json")
    assert content == b"{}"
    with pytest.raises(StorageError, match="AuthorizationPermissionMismatch"):
        control.put("epoch.json", b'{"epoch": 2}', etag=etag)
    with pytest.raises(StorageError, match="AuthorizationPermissionMismatch") as refused:
        control.put("new.json", b"{}", etag=None)
    assert not isinstance(refused.value, BlobChangedError)


def test_another_container_is_closed(instance: Instance) -> None:
    strange = instance.store("strange")
    name, stored = a_segment()
    for attempt in (lambda: strange.create(name, stored), lambda: list(strange.entries(""))):
        with pytest.raises(StorageError, match="AuthorizationPermissionMismatch"):
            attempt()


@pytest.mark.parametrize("address", ["203.0.113.8", None])
def test_from_another_address_nothing_passes(instance: Instance, address: str | None) -> None:
    instance.clouds.places["aws-backup"] = Caller("aws", "aws-backup", public_ip=address)
    name, stored = a_segment()
    with pytest.raises(StorageError, match="AuthorizationFailure"):
        instance.store().create(name, stored)
    with pytest.raises(StorageError, match="AuthorizationFailure"):
        list(instance.store().entries("binlog/"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": f"{ISSUER}/another"},
        {"subject": f"{ROLE_ARN}-another"},
        {"audience": "api://another"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_another_role_issuer_or_audience_gets_no_token(instance: Instance, wrong: dict[str, str]) -> None:
    trusted = {"issuer": ISSUER, "subject": ROLE_ARN, "audience": AUDIENCE, **wrong}
    instance.clouds.azure.federate(instance.identity, **trusted)
    name, stored = a_segment()
    with pytest.raises((StorageError, CredentialError), match="AADSTS7002"):
        instance.store().create(name, stored)
