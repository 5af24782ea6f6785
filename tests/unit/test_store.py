"""A simulated cloud keeps what exists, across runs and without sharing its insides."""

from pathlib import Path

from sandbox.store import Resource, Store


def test_resources_and_soft_deleted_names_survive_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path / "clouds" / "azure-native.json")
    store.put(
        Resource("azure-native:keyvault:Vault", "/vaults/kv", "urn:kv", {"vaultName": "kv"}, {"id": "kv"})
    )
    store.remember_deleted("kv-old")
    again = Store(tmp_path / "clouds" / "azure-native.json")
    assert again.find("azure-native:keyvault:Vault", vaultName="kv")[0].outputs == {"id": "kv"}
    assert again.is_soft_deleted("kv-old") and not again.is_soft_deleted("kv")


def test_a_reader_cannot_change_what_exists(tmp_path: Path) -> None:
    store = Store(tmp_path / "aws.json")
    store.put(Resource("t", "i", "u", {"list": [1]}))
    store.find("t")[0].inputs["list"].append(2)
    found = store.get("t", "i")
    assert found is not None and found.inputs == {"list": [1]}


def test_removed_is_gone_and_removing_twice_is_harmless(tmp_path: Path) -> None:
    store = Store(tmp_path / "aws.json")
    store.put(Resource("t", "i", "u"))
    store.remove("t", "i")
    store.remove("t", "i")
    assert store.all() == []


def test_state_with_secrets_is_not_readable_by_others(tmp_path: Path) -> None:
    store = Store(tmp_path / "aws.json")
    store.put(Resource("t", "i", "u", {"password": "x"}))
    assert (tmp_path / "aws.json").stat().st_mode & 0o077 == 0
