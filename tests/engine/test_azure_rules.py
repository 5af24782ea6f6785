"""What the simulated Azure refuses, replaces and gives back."""

from __future__ import annotations

import base64
import re
import threading
from typing import Any

import pytest

from sandbox.providers.errors import AzureError, CloudError
from sandbox.providers.wire import SIGNATURE
from tests.engine.azure_parts import GROUP, Azure, Rejected
from tests.engine.conftest import SUBSCRIPTION, Recorder, World

PREFIX = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers"


@pytest.fixture
def azure(world: World) -> Azure:
    azure = Azure(world.provider("azure-native"))
    azure.group()
    return azure


def refused(code: str) -> Any:
    return pytest.raises(AzureError, match=f'Code="{code}"')


def asset(text: str) -> dict[str, str]:
    return {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "hash": text, "text": text}


def test_shapes_of_ids_and_outputs(azure: Azure) -> None:
    network = azure.network()
    assert network.id == f"{PREFIX}/Microsoft.Network/virtualNetworks/vnet"
    assert network.outputs["location"] == "koreacentral"
    assert network.outputs["type"] == "Microsoft.Network/virtualNetworks"
    account = azure.account()
    assert account.outputs["primaryEndpoints"]["blob"] == "https://petvault.blob.core.windows.net/"
    assert account.outputs["primaryEndpoints"]["web"] == "https://petvault.z12.web.core.windows.net/"
    subnet, zone = azure.database_subnet(), azure.zone()
    azure.link(network, zone)
    server = azure.server(subnet, zone)
    assert server.outputs["fullyQualifiedDomainName"] == "mysql-pet.mysql.database.azure.com"
    assert "administratorLoginPassword" not in server.outputs
    machine = azure.machine(azure.nic(azure.subnet("app", "10.80.2.0/24")))
    assert "customData" not in machine.outputs["osProfile"]


def test_parents_and_references_must_exist(azure: Azure) -> None:
    with refused("ResourceGroupNotFound"):
        azure.make(
            "network:VirtualNetwork",
            resourceGroupName="other",
            virtualNetworkName="v",
            addressSpace={"addressPrefixes": ["10.0.0.0/16"]},
        )
    with refused("ParentResourceNotFound"):
        azure.subnet("app", "10.80.1.0/24")
    network = azure.network()
    missing = f"{network.id}/subnets/missing"
    with refused("InvalidResourceReference"):
        azure.make(
            "network:NetworkInterface",
            **GROUP,
            networkInterfaceName="nic",
            ipConfigurations=[{"name": "ip", "subnet": {"id": missing}}],
        )


def test_creating_what_exists_is_refused(azure: Azure) -> None:
    azure.network()
    with pytest.raises(CloudError, match="cannot create already existing resource"):
        azure.network()
    with pytest.raises(CloudError, match="cannot create already existing subresource"):
        azure.group()


def test_names_are_made_up_and_kept(azure: Azure) -> None:
    token = "azure-native:network:VirtualNetwork"
    inputs = {**GROUP, "addressSpace": {"addressPrefixes": ["10.80.0.0/16"]}}
    made = azure.checked(token, inputs)["virtualNetworkName"]
    assert re.fullmatch(r"logical[0-9a-f]{8}", made)
    network = azure.make("network:VirtualNetwork", **inputs)
    assert azure.checked(token, inputs, network)["virtualNetworkName"] == network.inputs["virtualNetworkName"]
    # a child keeps its logical name, a role assignment gets a GUID
    container = azure.checked("azure-native:storage:BlobContainer", {**GROUP, "accountName": "petvault"})
    assert container["containerName"] == "logical"


def test_subnets(azure: Azure) -> None:
    azure.network()
    with refused("NetcfgInvalidSubnet"):
        azure.subnet("app", "10.99.1.0/24")
    azure.subnet("app", "10.80.1.0/24")
    with refused("NetcfgSubnetRangesOverlap"):
        azure.subnet("web", "10.80.1.128/25")
    with pytest.raises(Rejected, match="InvalidCIDRNotation"):
        azure.subnet("web", "10.80.2.1/24")


def test_addresses_of_interfaces(azure: Azure) -> None:
    azure.network()
    subnet = azure.subnet("app", "10.80.1.0/24")
    assert azure.nic(subnet, name="first").outputs["ipConfigurations"][0]["privateIPAddress"] == "10.80.1.4"
    azure.nic(subnet, "10.80.1.10", name="second")
    with refused("PrivateIPAddressIsAllocated"):
        azure.nic(subnet, "10.80.1.10", name="third")
    with refused("PrivateIPAddressInReservedRange"):
        azure.nic(subnet, "10.80.1.3", name="third")
    with refused("PrivateIPAddressNotInSubnet"):
        azure.nic(subnet, "10.80.2.10", name="third")
    with refused("InUseSubnetCannotBeDeleted"):
        azure.delete(subnet)
    with pytest.raises(AzureError, match="is delegated"):
        azure.nic(azure.database_subnet(), name="third")


def test_mysql_needs_its_network_first(azure: Azure) -> None:
    network, zone = azure.network(), azure.zone()
    with refused("SubnetMissingRequiredDelegation"):
        azure.server(azure.subnet("app", "10.80.1.0/24"), zone)
    subnet = azure.database_subnet()
    with refused("VnetNotLinkedToPrivateDnsZone"):
        azure.server(subnet, zone)
    azure.link(network, zone)
    wrong = azure.zone("pet.private.example.com")
    with refused("InvalidPrivateDnsZoneName"):
        azure.server(subnet, wrong)
    server = azure.server(subnet, zone)
    with refused("CodeNotVerified"):
        azure.change(
            server, network={"delegatedSubnetResourceId": subnet.id, "privateDnsZoneResourceId": wrong.id}
        )


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"sku": {"name": "Standard_D2ds_v4", "tier": "Burstable"}}, "belongs to tier GeneralPurpose"),
        ({"sku": {"name": "Standard_D2ds_v4", "tier": "Medium"}}, "sku.tier must be one of"),
        ({"version": "10.11"}, "one of 5.7, 8.0.21, 8.4"),
        ({"administratorLogin": "admin"}, "Azure does not reserve"),
        ({"administratorLoginPassword": None}, "administratorLoginPassword is needed"),
        ({"maintenanceWindow": {"dayOfWeek": 1}}, "leave it out"),
        ({"backup": {"backupRetentionDays": 36}}, "must be 1 to 35"),
        ({"serverName": "Bad_Name"}, "3 to 63 lower-case"),
        ({"storage": {"storageSizeGb": 20}}, "storage.storageSizeGb is not a property here"),
    ],
)
def test_wrong_mysql_inputs(azure: Azure, inputs: dict[str, Any], message: str) -> None:
    azure.network()
    with pytest.raises(Rejected, match=message):
        azure.server(azure.database_subnet(), azure.zone(), **inputs)


def test_no_capacity(azure: Azure, world: World) -> None:
    azure.network()
    nic = azure.nic(azure.subnet("app", "10.80.1.0/24"))
    world.faults.set(capacity=["Standard_B2s"])
    with refused("SkuNotAvailable"):
        azure.machine(nic)
    azure.machine(nic, hardwareProfile={"vmSize": "Standard_D2s_v5"})


def test_a_machine_keeps_what_it_booted_with(azure: Azure) -> None:
    azure.network()
    machine = azure.machine(azure.nic(azure.subnet("app", "10.80.1.0/24")))
    profile = machine.inputs["osProfile"]
    changed = {**profile, "customData": base64.b64encode(b"other").decode()}
    with refused("PropertyChangeNotAllowed"):
        azure.change(machine, osProfile=changed)
    azure.change(machine, tags={"a": "b"})
    with pytest.raises(Rejected, match="must be base64"):
        azure.change(machine, osProfile={**profile, "customData": "#cloud-config"})
    with pytest.raises(Rejected, match="a public key is needed"):
        azure.change(
            machine, osProfile={**profile, "linuxConfiguration": {"disablePasswordAuthentication": True}}
        )


def test_identities_come_back_as_a_map(azure: Azure) -> None:
    azure.network()
    identity = azure.identity()
    machine = azure.machine(
        azure.nic(azure.subnet("app", "10.80.1.0/24")),
        identity={"type": "UserAssigned", "userAssignedIdentities": [identity.id]},
    )
    assert machine.outputs["identity"]["userAssignedIdentities"] == {
        identity.id: {key: identity.outputs[key] for key in ("clientId", "principalId")}
    }


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"accountName": "Pet-Vault"}, "3 to 24 lower-case"),
        ({"sku": {"name": "Standard_XRS"}}, "sku.name must be one of"),
        (
            {"networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"iPAddressOrRange": "10.0.0.1"}]}},
            "not a public",
        ),
        (
            {
                "networkRuleSet": {
                    "defaultAction": "Deny",
                    "ipRules": [{"iPAddressOrRange": "203.0.113.9/32"}],
                }
            },
            "/32",
        ),
        ({"minimumTlsVersion": "TLS1_9"}, "minimumTlsVersion must be one of"),
        ({"allowBlobPublicAccess": "no"}, "must be true or false"),
    ],
)
def test_wrong_storage_inputs(azure: Azure, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(Rejected, match=message):
        azure.account(**inputs)


def test_storage_rules(azure: Azure) -> None:
    azure.network()
    subnet = azure.subnet("app", "10.80.1.0/24")
    rules = {"defaultAction": "Deny", "virtualNetworkRules": [{"virtualNetworkResourceId": subnet.id}]}
    with refused("NetworkAclsValidationFailure"):
        azure.account(networkRuleSet=rules)
    azure.change(subnet, serviceEndpoints=[{"service": "Microsoft.Storage"}])
    azure.account(networkRuleSet=rules)
    azure.make("resources:ResourceGroup", resourceGroupName="rg2", location="koreacentral")
    with refused("StorageAccountAlreadyTaken"):
        azure.make(
            "storage:StorageAccount",
            resourceGroupName="rg2",
            accountName="petvault",
            kind="StorageV2",
            sku={"name": "Standard_LRS"},
        )


def test_retention_and_deletion(azure: Azure, world: World) -> None:
    recorder = Recorder()
    world.effects["azure-native:storage:BlobContainer"] = recorder
    account = azure.account()
    container = azure.make(
        "storage:BlobContainer", **GROUP, accountName="petvault", containerName="mysql-backups"
    )
    policy = azure.make(
        "storage:BlobContainerImmutabilityPolicy",
        **GROUP,
        accountName="petvault",
        containerName="mysql-backups",
        immutabilityPolicyName="default",
        immutabilityPeriodSinceCreationInDays=7,
    )
    with refused("PreconditionFailed"):
        azure.delete(policy)
    with refused("PreconditionFailed"):
        azure.change(policy, immutabilityPeriodSinceCreationInDays=8)
    recorder.refusal = "the container holds retained blobs"
    for resource in (container, account):
        with pytest.raises(CloudError, match="retained blobs"):
            azure.delete(resource)
    recorder.refusal = None
    azure.delete(account)
    assert [each.type for each in azure.cloud.store.all()] == ["azure-native:resources:ResourceGroup"]


def test_blobs_need_the_account_s_key(azure: Azure) -> None:
    account = azure.account(allowSharedKeyAccess=False)
    azure.make(
        "storage:StorageAccountStaticWebsite", **GROUP, accountName="petvault", indexDocument="index.html"
    )
    page = {**GROUP, "accountName": "petvault", "containerName": "$web", "source": asset("<html>")}
    with refused("KeyBasedAuthenticationNotPermitted"):
        azure.make("storage:Blob", **page, blobName="index.html")
    azure.change(account, allowSharedKeyAccess=True)
    blob = azure.make("storage:Blob", **page, blobName="index.html")
    assert blob.outputs["url"] == "https://petvault.blob.core.windows.net/$web/index.html"
    with refused("ContainerNotFound"):
        azure.make("storage:Blob", **{**page, "containerName": "control"}, blobName="x")
    changes, model = azure.provider.diff(blob.type, blob.inputs, {**blob.inputs, "source": asset("other")})
    assert [change.path for change in changes] == ["source"]
    assert "source" in model.replace_on and model.collides(blob.inputs, blob.inputs, "page")


def test_key_vault_names_stay_taken(azure: Azure) -> None:
    properties = {
        "tenantId": "t",
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
    }
    secret = {**GROUP, "vaultName": "kv-pet", "secretName": "password", "properties": {"value": "hidden"}}
    vault = azure.make("keyvault:Vault", **GROUP, vaultName="kv-pet", properties=properties)
    assert vault.outputs["properties"]["vaultUri"] == "https://kv-pet.vault.azure.net/"
    first = azure.make("keyvault:Secret", **secret)
    assert "value" not in first.outputs["properties"]
    assert first.outputs["properties"]["secretUri"] == "https://kv-pet.vault.azure.net/secrets/password"
    azure.delete(first)
    with refused("ObjectIsDeletedButRecoverable"):
        azure.make("keyvault:Secret", **secret)
    azure.delete(vault)
    with refused("ConflictError"):
        azure.make("keyvault:Vault", **GROUP, vaultName="kv-pet", properties=properties)
    azure.make(
        "keyvault:Vault", **GROUP, vaultName="kv-pet", properties={**properties, "createMode": "recover"}
    )


def test_federated_credentials_are_written_one_after_another(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.providers.azure_identity.FederatedIdentityCredential.linger_s", 2.0)
    azure.identity()

    def credential(name: str) -> dict[str, Any]:
        return {
            **GROUP,
            "resourceName": "agent",
            "federatedIdentityCredentialResourceName": name,
            "issuer": "https://issuer.example/x",
            "subject": f"arn:aws:iam::111122223333:role/{name}",
            "audiences": ["api://AzureADTokenExchange"],
        }

    errors: list[str] = []

    def make(name: str) -> None:
        try:
            azure.make("managedidentity:FederatedIdentityCredential", **credential(name))
        except AzureError as error:
            errors.append(error.code)

    threads = [threading.Thread(target=make, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == ["ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"]
    make("three")
    assert len(errors) == 1
    with pytest.raises(Rejected, match="without a slash at its end"):
        azure.make(
            "managedidentity:FederatedIdentityCredential", **{**credential("four"), "issuer": "https://x/"}
        )


def test_role_assignments(azure: Azure) -> None:
    account, identity = azure.account(), azure.identity()
    reader = (
        f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/"
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    )
    given = {
        "scope": account.id,
        "roleDefinitionId": reader,
        "principalId": identity.outputs["principalId"],
        "principalType": "ServicePrincipal",
    }
    made = azure.make("authorization:RoleAssignment", **given)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made.outputs["name"])
    with refused("RoleAssignmentExists"):
        azure.make("authorization:RoleAssignment", **given)
    with refused("PrincipalNotFound"):
        azure.make("authorization:RoleAssignment", **{**given, "principalId": "nobody"})
    with refused("RoleDefinitionDoesNotExist"):
        azure.make("authorization:RoleAssignment", **{**given, "roleDefinitionId": reader[:-1] + "0"})
    with pytest.raises(Rejected, match="PrincipalNotFound for one that was made a moment ago"):
        azure.make("authorization:RoleAssignment", **{**given, "principalType": None})


def test_deleting_the_group_deletes_everything_inside(azure: Azure) -> None:
    network = azure.network()
    azure.machine(azure.nic(azure.subnet("app", "10.80.1.0/24")))
    azure.link(network, azure.zone())
    azure.account()
    azure.delete(azure.cloud.store.find("azure-native:resources:ResourceGroup")[0])
    assert azure.cloud.store.all() == []


def test_getters_read_resources(azure: Azure) -> None:
    azure.account()
    found = azure.provider.invoke(
        "azure-native:storage:getStorageAccount", {**GROUP, "accountName": "petvault"}
    )
    assert found.outputs["name"] == "petvault"
    with pytest.raises(CloudError, match="ResourceNotFound"):
        azure.provider.invoke("azure-native:storage:getStorageAccount", {**GROUP, "accountName": "other"})
