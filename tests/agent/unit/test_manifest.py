"""A manifest says what a backup is, to this agent and to those before and after it."""

from __future__ import annotations

import json

import pytest

from agent.errors import StorageError
from agent.manifest import Manifest
from tests.agent.samples import UUID, manifest

NAME = "backup_20260101T000000Z.sql.gz"
OF_VERSION_2 = ("gtid_exact", "cascades_logged", "ordered_tables")


def test_what_was_written_is_read() -> None:
    table = {"ordered": False, "rows_sha256": "0" * 64, "bytes": 8, "rows": 2}
    written = manifest(
        NAME,
        gtid_before=f"{UUID}1:1-5",
        gtid_exact=f"{UUID}1:1-6",
        gtid_after=f"{UUID}1:1-7",
        gtid_end=f"{UUID}1:1-9",
        cascades_logged=False,
        ordered_tables={"petclinic": ["vet_specialties"]},
        tables={"petclinic": {"vet_specialties": table}},
    )
    assert Manifest.from_json(written.to_json(), NAME) == written
    assert written.gtid_end == f"{UUID}1:1-9"
    assert written.tables["petclinic"]["vet_specialties"].rows == 2


def test_no_exact_set_is_another_thing_than_an_empty_one() -> None:
    for exact in (None, ""):
        assert Manifest.from_json(manifest(NAME, gtid_exact=exact).to_json(), NAME).gtid_exact == exact


def test_the_first_version_is_read_and_trusted_with_nothing_that_it_did_not_know() -> None:
    document = json.loads(manifest(NAME).to_json())
    old = {key: value for key, value in document.items() if key not in OF_VERSION_2} | {
        "schema": 1,
        "tables": {"petclinic": {"owners": {"ordered": True, "rows_sha256": "0" * 64, "bytes": 8}}},
    }
    read = Manifest.from_json(json.dumps(old).encode(), NAME)
    assert read.gtid_exact is None and not read.cascades_logged and read.ordered_tables == {}
    assert read.tables["petclinic"]["owners"].rows is None


def test_a_manifest_that_says_nothing_of_the_dumps_end_is_taken_as_ever() -> None:
    document = json.loads(manifest(NAME, gtid_after=f"{UUID}1:1-7").to_json())
    del document["gtid_end"]
    assert Manifest.from_json(json.dumps(document).encode(), NAME).gtid_end == f"{UUID}1:1-7"


def test_a_later_version_is_refused() -> None:
    later = json.loads(manifest(NAME).to_json()) | {"schema": 3}
    with pytest.raises(StorageError, match="use the agent that wrote it"):
        Manifest.from_json(json.dumps(later).encode(), NAME)
