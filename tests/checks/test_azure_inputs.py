"""The Azure half against the published ARM operations: no input that Resource Manager would refuse."""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import replace

import pytest

from tests.checks import arm, blob_service
from tests.checks.arm_types import DATA_PLANE, NEAREST, OPERATIONS, NoReference, operation
from tests.checks.registered import changed, resources
from tests.program.recorder import Recorded


def _problems(resource: Recorded) -> list[str]:
    if resource.type.removeprefix("azure-native:") in DATA_PLANE:
        return blob_service.judge(resource)
    return arm.judge(resource).problems


def _one(name: str) -> Recorded:
    return next(resource for resource in resources("azure-native") if resource.name == name)


def test_published_types_accept_what_the_program_registers() -> None:
    registered = resources("azure-native")
    assert registered
    found = {(resource.type, resource.name): _problems(resource) for resource in registered}
    assert {which: problems for which, problems in found.items() if problems} == {}


@pytest.mark.parametrize(
    ("name", "path", "value", "complaint"),
    [
        ("backup-vault-account", "sku.name", "Standard_XRS", "not one of"),
        ("backup-vault-account", "kind", None, "kind is required"),
        ("backup-vault-account", "sku.nmae", "x", "nmae is not a field"),
        ("backup-vault-account", "accountName", "x" * 25, "longer than 24"),
        ("backup-vault-account", "accountName", "drvault_site", r"\[a-z0-9\]"),
        ("backup-vault-account", "minimumTlsVersion", "TLS12", "not one of"),
        ("backup-vault-account", "allowBlobPublicAccess", "false", "must be bool"),
        ("backup-vault-mysql-backups", "publicAccess", "none", "not one of"),
        ("backup-vault-recovery", "deleteRetentionPolicy.days", 366, "above 365"),
        ("backup-vault-recovery", "blobServicesName", "other", "not a field"),
        ("backup-vault-ageing", "policy.rules.0.definition.filters", {"prefixMatch": []}, "blobTypes is req"),
        ("key-vault-vault", "vaultName", "kv_dr", "in the URL"),
        ("key-vault-vault", "properties.sku.family", None, "family is required"),
        ("key-vault-vault", "properties.networkAcls.bypass", "Azure", "not one of"),
        ("key-vault-database-admin-password-secret", "secretName", "a_b", "in the URL"),
        ("landing-zone-vnet", "addressSpace", ["10.80.0.0/16"], "must be AddressSpace"),
        ("landing-zone-gateway-guard", "securityRules.0.direction", "In", "not one of"),
        ("landing-zone-gateway-guard", "securityRules.0.access", "Permit", "not one of"),
        ("landing-zone-gateway-subnet", "privateEndpointNetworkPolicies", "Off", "not one of"),
        ("landing-zone-gateway-address", "publicIPAllocationMethod", "Fixed", "not one of"),
        ("landing-zone-gateway-address", "provisioningState", "Succeeded", "read-only"),
        ("landing-zone-gateway-address", "idleTimeoutInMinutes", "four", "must be int"),
        ("access-aws", "audiences", "api://AzureADTokenExchange", "must be"),
        ("access-writer", "permissions.0.dataAction", [], "not a field"),
        ("access-app-reads-orders", "principalId", None, "principalId is required"),
        ("access-app-reads-orders", "principalType", "Service", "not one of"),
        ("standby-database-server", "highAvailability.mode", "On", "not one of"),
        ("standby-database-server", "sku.tier", "Cheap", "not one of"),
        ("standby-database-server", "serverName", "mysql_petclinic", "in the URL"),
        ("standby-database-petclinic", "charSet", 8, "must be str"),
        ("standby-servers-web", "storageProfile.osDisk.createOption", "Image", "not one of"),
        ("standby-servers-web", "osProfile.adminUserName", 7, "must be str"),
        ("app-gateway-gateway", "sslPolicy.policyName", "AppGwSslPolicy2099", "not one of"),
        ("app-gateway-gateway", "httpListeners.0.protocol", "HTTPS", "not one of"),
        ("app-gateway-gateway", "backendHttpSettingsCollection.0.hostname", [], "must be str"),
        ("hold-switch-blob", "type", "Blok", "BlokBlob"),
        ("hold-switch-blob", "containerName", "Web_Site", "refused"),
        ("maintenance-site-web", "indexDoc", "index.html", "not a setting"),
    ],
)
def test_a_mistake_is_found(name: str, path: str, value: object, complaint: str) -> None:
    resource = _one(name)
    broken = replace(resource, inputs=changed(resource.inputs, path, value))
    assert re.search(complaint, "; ".join(_problems(broken)))


def test_an_unknown_type_names_the_table_to_extend() -> None:
    resource = replace(_one("landing-zone-vnet"), type="azure-native:cdn:Profile")
    with pytest.raises(
        NoReference, match=r"azure-native:cdn:Profile: add it to OPERATIONS in tests/checks/arm_"
    ):
        _problems(resource)


@pytest.mark.parametrize("type_", sorted(OPERATIONS))
def test_the_reference_has_the_version_that_the_provider_sends(type_: str) -> None:
    """Else a field could be right for the judge and unknown to the service, or the other way round."""
    module, name = type_.split(":")
    sdk = getattr(importlib.import_module(f"pulumi_azure_native.{module}"), name)
    source = inspect.getsource(sdk)  # the version stands in the text of an overload, which Python forgets
    sent = re.search(r"Uses Azure REST API version ([\d-]+\d(?:-preview)?)", source)
    assert sent, f"the SDK does not say which API version {type_} uses"
    judge = operation(type_).api_version
    assert judge == NEAREST.get(type_, sent[1]), f"the provider sends {sent[1]}, the reference is {judge}"
    if type_ in NEAREST:
        assert sent[1] != judge, f"{type_} has an exact reference now: take it out of NEAREST"
