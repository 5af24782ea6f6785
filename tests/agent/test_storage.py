"""The Blob endpoint under cuts, races, lost answers and many blobs."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError

from agent.catalog import newest, survey
from agent.config import AccountKey
from agent.coverage import has_base
from agent.credentials import storage_credential
from agent.epoch import read_epoch, take_over
from agent.errors import NotWriterError, StorageError
from agent.storage import BlobChangedError, BlobExistsError, BlobStore
from sandbox.azurite import Azurite
from sandbox.network import Network
from tests.agent.conftest import AZURITE_KEY, World, add_owners, clinic
from tests.agent.samples import UUID, manifest
from tests.agent.test_restore_chain import verification


@pytest.fixture
def store(world: World) -> BlobStore:
    return world.aws.context.backups


def test_a_listing_goes_beyond_five_thousand_blobs(world: World, azurite: Azurite, store: BlobStore) -> None:
    shares = [range(first, 5_002, 4) for first in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda share: put_empty_blobs(azurite, world.containers["backups"], share), shares))
    newest_manifest = manifest("backup_005001.sql.gz", epoch=1, sequence=1)
    store.create(newest_manifest.name, newest_manifest.to_json(), newest_manifest.metadata())
    listing = survey(store)
    assert len(listing.incomplete) == 5_001
    assert newest(store) == newest_manifest


def put_empty_blobs(azurite: Azurite, container: str, numbers: range) -> None:
    """Without the SDK, which needs four times as long."""
    connection = http.client.HTTPConnection(azurite.address, azurite.port)
    for number in numbers:
        path = f"/{azurite.account}/{container}/backup_{number:06d}.sql.gz?{azurite.sas}"
        connection.request("PUT", path, headers={"x-ms-blob-type": "BlockBlob", "Content-Length": "0"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 201
    connection.close()


def put(store: BlobStore, backup: str, *, metadata: bool = True, **others: Any) -> None:
    made = manifest(backup, **others)
    store.create(backup, b"data")
    store.create(made.name, made.to_json(), made.metadata() if metadata else None)


def test_the_newest_is_decided_by_epoch_and_gtid_never_by_name(store: BlobStore) -> None:
    put(store, "backup_20991231T235959Z.sql.gz", epoch=1, sequence=9)  # a clock that ran ahead
    put(store, "backup_20260101T000500Z.sql.gz", epoch=2, sequence=11, gtid_before=f"{UUID}2:1-90")
    # Several agents at once gave the same sequence: what a snapshot holds decides.
    for minute, last in (1, 98), (2, 100), (3, 99):
        put(
            store,
            f"backup_20260101T00{minute:02d}00Z.sql.gz",
            epoch=2,
            sequence=12,
            gtid_before=f"{UUID}2:1-{last}",
        )
    store.create("backup_20991231T235959Z.json.tmp", b"not a manifest")
    store.create("backup_20980101T000000Z.sql.gz", b"no manifest")
    assert newest(store).backup == "backup_20260101T000200Z.sql.gz"
    # A copying tool may lose metadata; then the manifest itself is asked.
    put(store, "backup_20200101T000000Z.sql.gz", metadata=False, epoch=3, sequence=13)
    assert newest(store).backup == "backup_20200101T000000Z.sql.gz"


def test_the_log_has_a_base_when_one_says_exactly_what_it_holds_and_nobody_found_it_bad(world: World) -> None:
    store, signals = world.aws.context.backups, world.aws.context.signals
    put(store, "backup_20260101T000000Z.sql.gz", epoch=1, sequence=1, gtid_exact=f"{UUID}2:1-9")
    assert has_base(store, signals, 1) and not has_base(store, signals, 2)
    put(store, "backup_20260101T000500Z.sql.gz", epoch=2, sequence=2, metadata=False)
    put(store, "backup_20260101T001000Z.sql.gz", epoch=2, sequence=3, metadata=False)
    assert not has_base(store, signals, 2), "neither knows what it holds of tables without a key"
    exact = "backup_20260101T001500Z.sql.gz"
    put(store, exact, epoch=2, sequence=4, gtid_exact=f"{UUID}2:1-100")
    assert has_base(store, signals, 2)
    verification(world, "backup_20260101T000000Z.sql.gz", ok=False)
    assert not has_base(store, signals, 1)


def test_writes_never_overwrite(store: BlobStore) -> None:
    store.create("x.json", b"first")
    with pytest.raises(BlobExistsError):
        store.create("x.json", b"second")
    with store.upload("x.json") as upload:
        upload.write(b"third")
        with pytest.raises(BlobExistsError):
            upload.commit()
    assert store.read("x.json")[0] == b"first"


def test_an_upload_that_is_not_committed_leaves_nothing(world: World, store: BlobStore) -> None:
    with store.upload("x.sql.gz") as upload:
        upload.write(os.urandom(10_000_000))
    assert world.names() == []


def test_two_uploads_of_one_name_do_not_mix(store: BlobStore) -> None:
    """Two agents that begin a dump in the same second give it the same name."""
    ours, theirs = os.urandom(10_000_000), os.urandom(10_000_000)
    with store.upload("x.sql.gz") as first, store.upload("x.sql.gz") as second:
        for at in range(0, len(ours), 1_000_000):
            first.write(ours[at : at + 1_000_000])
            second.write(theirs[at : at + 1_000_000])
        first.commit()
        with pytest.raises(StorageError):
            second.commit()
    assert b"".join(store.chunks("x.sql.gz")) == ours


def test_a_lost_answer_is_not_taken_for_a_conflict(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first try succeeded, its answer got lost, and the SDK's second try met the blob."""
    from azure.storage.blob import BlobClient  # noqa: PLC0415

    for name in ("upload_blob", "commit_block_list"):
        real = getattr(BlobClient, name)

        def lost(self: BlobClient, *args: Any, real: Any = real, **kwargs: Any) -> None:
            real(self, *args, **kwargs)
            raise ResourceExistsError("BlobAlreadyExists")

        monkeypatch.setattr(BlobClient, name, lost)
    store.create("x.json", b"mine")
    with store.upload("y.sql.gz") as upload:
        upload.write(b"mine")
        upload.commit()
    monkeypatch.undo()
    assert store.read("y.sql.gz")[0] == b"mine"


def test_the_epoch_goes_to_one_of_two_who_want_it(world: World) -> None:
    control = world.aws.context.control
    for number in (1, 2):  # the blob's first writing and a later one
        seen = read_epoch(control)
        assert seen.epoch == number
        assert take_over(control, seen, "azure").epoch == number + 1
        with pytest.raises(NotWriterError, match=f"epoch {number + 1} with azure"):
            take_over(control, seen, "aws")
        assert read_epoch(control).writer == "azure"


def test_a_lost_epoch_is_noticed(world: World) -> None:
    """epoch.json vanished: the first epoch again, it seems. New backups would stand behind the old ones."""
    clinic(world.aws.server)
    put(world.aws.context.backups, "backup_20260101T000000Z.sql.gz", epoch=3)
    finished = world.aws.run("dump")
    assert finished.code == 5 and "there is a backup of epoch 3" in finished.said


def test_a_missing_container_is_not_taken_for_the_first_epoch(world: World) -> None:
    clinic(world.aws.server)
    world.container("control").delete_container()
    finished = world.aws.run("dump")
    assert finished.code == 5 and "ContainerNotFound" in finished.said
    assert world.names() == []


def test_a_control_blob_that_changed_is_not_overwritten(store: BlobStore) -> None:
    etag = store.put("x.json", b"1", etag=None)
    store.put("x.json", b"2", etag=etag)
    with pytest.raises(BlobChangedError):
        store.put("x.json", b"3", etag=etag)
    with pytest.raises(BlobChangedError):
        store.put("x.json", b"3", etag=None)
    assert store.read("x.json")[0] == b"2"


class Cut:
    """A network between agent and Blob endpoint that breaks for good after so many bytes of upload."""

    def __init__(self, address: str, target: tuple[str, int], limit: int) -> None:
        self._target, self._left = target, limit
        self._listener = socket.create_server((address, 10_000))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(self._target) as server:
            if self._left <= 0:
                return
            threading.Thread(target=self._copy, args=(server, client, False), daemon=True).start()
            self._copy(client, server, True)

    def _copy(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if counted:
                    self._left -= len(data)
                    if self._left <= 0:
                        target.close()
                        source.close()
                        return
                target.sendall(data)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def cut(network: Network, azurite: Azurite) -> Iterator[Cut]:
    made = Cut(network.address("cut.test"), (azurite.address, azurite.port), 6_000_000)
    yield made
    made.close()


@pytest.mark.usefixtures("cut")
def test_an_upload_cut_in_the_middle_is_no_backup(world: World, network: Network) -> None:
    clinic(world.aws.server)
    add_owners(world.aws.server, 10_000, padding=900)  # about 10 MB compressed
    storage = world.aws.document["storage"]
    beyond = re.sub(r"//[^:]+", f"//{network.address('cut.test')}", storage["endpoint"])
    world.aws.document["storage"] = {**storage, "endpoint": beyond}
    finished = world.aws.run("dump")
    assert finished.code == 5, finished.said
    assert world.names() == []
    world.aws.document["storage"] = storage
    world.aws.works("dump")


def test_an_endpoint_that_is_not_there_is_one_sentence(network: Network, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(AZURITE_KEY)
    nowhere = f"http://{network.address('nowhere.test')}:10000/devstoreaccount1"
    store = BlobStore(nowhere, "backups", storage_credential(AccountKey("devstoreaccount1", key)), retries=0)
    with pytest.raises(StorageError, match=r"cannot read x.*nowhere|cannot read x.*refused"):
        store.read("x")
