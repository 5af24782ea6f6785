"""The recorder itself: an assertion inside an apply must be seen to run, or all other tests prove nothing."""

from __future__ import annotations

import pytest

from tests.program.recorder import config_of
from tests.program.runs import emergency, normal


def test_outputs_are_known_so_assertions_run() -> None:
    assert normal().outputs["gateway_ip"] == "198.51.100.7"
    assert emergency().outputs["database_host"].endswith(".mysql.database.azure.com")


def test_options_are_recorded() -> None:
    account = normal().one("backup-vault-account")
    assert (account.protect, account.retain) == (True, True)
    assert account.parent.endswith("pilotlight:azure:BackupVault::backup-vault")


def test_a_missing_resource_is_noticed() -> None:
    with pytest.raises(AssertionError, match="0 resources"):
        normal().one("no-such-resource")


def test_the_committed_configuration_holds_no_secret_and_every_key_is_declared() -> None:
    declared = set(config_of("normal"))
    assert declared == set(config_of("emergency"))
