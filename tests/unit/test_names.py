"""Names against the clouds' own limits, for any stack name and any occasion."""

from __future__ import annotations

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from components.names import Names, slug

STACKS = st.from_regex(r"[A-Za-z0-9._-]{1,100}", fullmatch=True)
OCCASIONS = st.from_regex(r"[a-z0-9]{0,12}", fullmatch=True)
NAMES = st.builds(Names, subscription_id=st.uuids().map(str), stack=STACKS, occasion=OCCASIONS)


@given(NAMES)
def test_storage_accounts(names: Names) -> None:
    for account in (names.vault_account, names.site_account):
        assert re.fullmatch(r"[a-z0-9]{3,24}", account)
    assert names.vault_account != names.site_account


@given(NAMES)
def test_key_vault(names: Names) -> None:
    assert re.fullmatch(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]", names.key_vault)


@given(NAMES)
def test_mysql_server(names: Names) -> None:
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]", names.database_server)


@given(NAMES)
def test_bucket(names: Names) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", names.bucket)
    assert not names.bucket.startswith("xn--") and not names.bucket.endswith("-s3alias")


@given(NAMES)
def test_iam_role(names: Names) -> None:
    assert re.fullmatch(r"[\w+=,.@-]{1,64}", names.backup_role)


@given(NAMES)
def test_topic_and_action_group(names: Names) -> None:
    """SNS: 256 letters, digits, hyphens and underscores. Action group: 260, none of ``%&\\?/``."""
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", names.alarms)


@given(NAMES)
def test_firewall_policy_and_workspace(names: Names) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,127}", names.firewall_policy)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]", names.azure("log"))


@given(NAMES)
def test_resource_group(names: Names) -> None:
    assert re.fullmatch(r"[\w().-]{1,90}", names.resource_group)
    assert not names.resource_group.endswith(".")


@given(NAMES)
def test_private_zone(names: Names) -> None:
    assert names.private_zone.endswith(".mysql.database.azure.com")
    assert names.private_zone != f"{names.database_server}.mysql.database.azure.com"
    assert "_" not in names.private_zone
    for label in names.private_zone.split("."):
        assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", label)


@given(NAMES)
def test_secrets_and_containers(names: Names) -> None:
    assert re.fullmatch(r"[0-9a-zA-Z-]{1,127}", names.secret("database-admin-password"))
    assert re.fullmatch(r"[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]", names.container("mysql-backups"))


@given(NAMES)
def test_names_inside_the_resource_group(names: Names) -> None:
    machine = names.azure("vm", "app")
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,62}[a-zA-Z0-9]", machine)  # Linux machine: 1-64
    assert re.fullmatch(r"[A-Za-z0-9][\w.-]{1,126}", names.azure("id", "gateway"))  # identity: 3-128


@given(NAMES)
def test_the_role_definition_id_is_a_guid(names: Names) -> None:
    assert str(uuid.UUID(names.writer_role_id)) == names.writer_role_id


@given(NAMES, NAMES)
def test_stacks_subscriptions_and_occasions_do_not_share_global_names(one: Names, other: Names) -> None:
    if one != other:
        assert one.vault_account != other.vault_account
        assert one.database_server != other.database_server
        assert one.key_vault != other.key_vault


def test_names_do_not_change() -> None:
    """In state: another name is another account, and this one's backups are gone."""
    names = Names(subscription_id="11111111-2222-3333-4444-555555555555", stack="normal")
    assert names.vault_account == "drvault1f9d6f13f6"
    assert names.key_vault == "kv-dr-1f9d6f13f6"
    assert names.database_server == "mysql-petclinic-1f9d6f13f6"
    assert names.bucket == "petclinic-dr-artifacts-1f9d6f13f6"
    assert names.resource_group == "rg-petclinic-dr-normal"
    assert names.azure("pip", "gateway") == "pip-petclinic-gateway"
    assert names.secret("database-admin-password") == "database-admin-password"
    assert names.writer_role_id == "c124c962-7378-535a-97df-5a8b12d2fc6a"


def test_the_case_of_a_subscription_id_does_not_matter() -> None:
    lower = Names(subscription_id="aaaaaaaa-2222-3333-4444-555555555555", stack="normal")
    upper = Names(subscription_id="AAAAAAAA-2222-3333-4444-555555555555", stack="normal")
    assert lower.digest == upper.digest


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_slug(text: str, limit: int) -> None:
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", slug(text, limit))
    assert len(slug(text, limit)) <= limit
