"""The archive of a server's binary log, from COMMIT to blob and back."""

from __future__ import annotations

from agent.gtid import GtidSet
from tests.agent.archive.conftest import Vault
from tests.agent.conftest import add_owners, clinic


def test_what_is_committed_is_archived_and_read_back_once(vault: Vault) -> None:
    clinic(vault.server)
    before = vault.executed()
    with vault.archiving() as archiver:
        for _ in range(20):
            add_owners(vault.server, 1)
        vault.caught_up(archiver)
        status = archiver.status()
    assert status["error"] == "" and status["segments"] > 0
    found = vault.read(base=before)
    assert GtidSet.parse(",".join(found)) == vault.executed() - before
    assert len(found) == 20
