"""The services of both clouds in one small world: real sockets, a real Azurite, resources put in by hand."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from sandbox.azurite import Azurite
from sandbox.ca import Authority
from sandbox.clouds.aws_credentials import Ec2Instance
from sandbox.clouds.aws_endpoint import AwsEndpoint
from sandbox.clouds.callers import INTERNET, Caller
from sandbox.clouds.entra import Application, Entra
from sandbox.clouds.gate import Gate
from sandbox.clouds.imds import AzureMetadata, Ec2Metadata
from sandbox.clouds.request_log import RequestLog
from sandbox.clouds.vault_endpoint import KeyVaults
from sandbox.faults import Faults
from sandbox.network import Network
from sandbox.store import Resource, Store
from sandbox.tools import Tools, find_or_bring
from tests.clouds.azure_deployment import TENANT, AzureDeployment

REGION = "ap-northeast-2"
ACCOUNT_ID = "111122223333"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/petclinic-backup"
ISSUER = "https://0b2f1c5e-0000-4000-8000-000000000001.tokens.sts.global.api.aws"

GROUP_OF_OPERATORS = "77777777-0000-4000-8000-000000000001"
OPERATOR = Application(
    tenant_id=TENANT,
    client_id="77777777-0000-4000-8000-000000000002",
    client_secret="a secret with ~ and +/=",
    object_id="77777777-0000-4000-8000-000000000003",
    groups=(GROUP_OF_OPERATORS,),
    machine="operator",
)


class Services:
    """Everything that GATE's half of the clouds offers, started on demand and stopped at the end."""

    def __init__(self, root: Path, azurite: Azurite, stack: ExitStack) -> None:
        root.mkdir()
        self.root = root
        self.stack = stack
        self.azurite = copy.copy(azurite)
        self.network = Network(root)
        self.authority = Authority(root / "ca")
        self.faults = Faults(root)
        self.places: dict[str, Caller] = {}
        self.clock_ahead = timedelta()
        self._aws_started = False
        self.aws_store = Store(root / "clouds" / "aws.json")
        self.azure = AzureDeployment(Store(root / "clouds" / "azure-native.json"))
        self._log = RequestLog(root / "requests.jsonl")
        self.aws = AwsEndpoint(
            store=self.aws_store,
            network=self.network,
            authority=self.authority,
            faults=self.faults,
            log=self._log,
            locate=self.locate,
            region=REGION,
            account_id=ACCOUNT_ID,
        )
        self.entra = Entra(
            store=self.azure.store,
            network=self.network,
            authority=self.authority,
            log=self._log,
            locate=self.locate,
            assertion_keys=self.aws.web_identity.public_keys,
            applications=[OPERATOR],
        )
        self.gate = Gate(
            store=self.azure.store,
            network=self.network,
            authority=self.authority,
            azurite=self.azurite,
            entra=self.entra,
            faults=self.faults,
            log=self._log,
            now=lambda: datetime.now(UTC) + self.clock_ahead,
        )
        self.vaults = KeyVaults(
            store=self.azure.store,
            network=self.network,
            authority=self.authority,
            entra=self.entra,
            log=self._log,
            folder=root / "keyvault",
        )
        stack.callback(self.network.close)
        stack.callback(self._log.close)
        for service in (self.entra, self.gate, self.vaults):
            service.start()
            stack.callback(service.stop)

    def locate(self, machine: str) -> Caller:
        return self.places.get(machine, INTERNET)

    def requests(self) -> list[dict[str, Any]]:
        """The request log."""
        return [json.loads(line) for line in (self.root / "requests.jsonl").read_text().splitlines()]

    def url(self, host: str) -> str:
        """``https://host`` as a simulated machine's network would resolve it."""
        self.network.address(host)
        return self.network.translate(f"https://{host}")

    def open_account(self, name: str, *containers: str, **inputs: Any) -> str:
        """Deploy and open a storage account; its blob endpoint."""
        self.azure.account(name, **inputs)
        self.gate.open_account(name)
        for container in containers:
            self.gate.create_container(name, container)
        return self.url(f"{name}.blob.core.windows.net")

    def azure_machine(
        self, name: str, *identities: Resource, subnet: Resource | None = None
    ) -> AzureMetadata:
        """A virtual machine with its metadata service, in a subnet if given."""
        machine = self.azure.machine(name, *identities)
        self.places[name] = Caller("azure", name, subnet_id=subnet.id if subnet else None)
        metadata = AzureMetadata(
            machine=name,
            vm_id=machine.id,
            store=self.azure.store,
            network=self.network,
            entra=self.entra,
            log=self._log,
        )
        metadata.start()
        self.stack.callback(metadata.stop)
        return metadata

    def ec2_machine(self, name: str, public_ip: str | None = None) -> Ec2Metadata:
        """An EC2 instance with its metadata service, known to EC2; the first one starts the AWS APIs."""
        if not self._aws_started:
            self._aws_started = True
            self.aws.start()
            self.stack.callback(self.aws.stop)
        self.places[name] = Caller("aws", name, public_ip=public_ip)
        instance = Ec2Instance(
            f"i-0{name.encode().hex()[:16]}", REGION, f"{REGION}a", ACCOUNT_ID, ROLE_ARN, "10.0.1.9"
        )
        metadata = Ec2Metadata(
            machine=name,
            instance=instance,
            network=self.network,
            credentials=self.aws.credentials,
            log=self._log,
        )
        metadata.start()
        self.stack.callback(metadata.stop)
        self.aws.services.put_instance(
            instance.instance_id, instance.private_ip, {"Name": "petclinic-dr-backup"}
        )
        return metadata

    def grant(self, *statements: dict[str, Any]) -> None:
        """Give the role one inline policy, replacing the one before."""
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        inputs = {"role": "petclinic-backup", "policy": policy}
        self.aws_store.put(
            Resource("aws:iam/rolePolicy:RolePolicy", "petclinic-backup:inline", "urn:p", inputs)
        )

    def enable_web_identity(self) -> None:
        """Deploy outbound web identity federation."""
        kind = "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation"
        self.aws_store.put(Resource(kind, ACCOUNT_ID, "urn:f", {}, {"issuerIdentifier": ISSUER}))


@pytest.fixture(scope="session")
def tools() -> Tools:
    return find_or_bring(print)


@pytest.fixture(scope="session")
def azurite(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    root = tmp_path_factory.mktemp("azurite with space")
    network = Network(root)
    server = Azurite(tools=tools, folder=root / "azurite", address=network.address("azurite"))
    server.start()
    yield server
    server.stop()
    network.close()


@pytest.fixture
def clouds(azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The services, and the environment that a simulated machine gives to its programs."""
    with BlobServiceClient(f"{azurite.endpoint}?{azurite.sas}") as emptied:
        for container in emptied.list_containers():
            emptied.delete_container(container.name)
    with ExitStack() as stack:
        services = Services(tmp_path / "sand box", azurite, stack)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(services.authority.ca_file))
        monkeypatch.setenv("AWS_CA_BUNDLE", str(services.authority.ca_file))
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", services.entra.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL", services.aws.url)
        monkeypatch.setenv("AWS_REGION", REGION)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setenv("AWS_METADATA_SERVICE_TIMEOUT", "10")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        yield services
