"""The whole simulated world: two clouds, and what happens to them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from components.names import Names
from sandbox.ca import Authority
from sandbox.clinic import jar as clinic_jar
from sandbox.clouds import azure_resources as azure
from sandbox.clouds.aws_side import AwsSide
from sandbox.clouds.azure_side import AzureSide
from sandbox.clouds.callers import INTERNET, Caller
from sandbox.clouds.common import Common
from sandbox.clouds.effects_aws import BACKUP_MACHINE
from sandbox.clouds.estate import Estate, read_estate
from sandbox.clouds.gate import Gate
from sandbox.clouds.machine import Machine
from sandbox.clouds.machine_software import Programs
from sandbox.clouds.operator import OPERATOR, Operator, operator_in
from sandbox.clouds.request_log import RequestLog
from sandbox.clouds.route53 import Route53
from sandbox.clouds.waiting import wait_for
from sandbox.faults import Faults
from sandbox.mysql import MySqlServer
from sandbox.network import Network
from sandbox.providers.effects import Effects
from sandbox.store import Store
from sandbox.tools import Tools

_CLONE = Path(__file__).resolve().parents[2]
_ARTIFACTS = "artifacts"


class WorldError(RuntimeError):
    """The world is not in a state in which that can be done; says what to do first."""


class Clouds:
    """Both clouds on one machine, on the resources that ``root`` remembers; a context manager.

    Args:
        root: the sandbox's folder.
        tools: brought by set-up.
        time_factor: how many times faster intervals, TTLs and the agents' dumps go.
        app_jar: a real Spring PetClinic, run by ``java`` on PATH; None for the stand-in.
        project: the program, for the names of what exists already.

    Attributes:
        network: hosts and their loopback addresses.
        ca: the authority that every simulated endpoint's certificate comes from.
        stores: resources by provider package.
        faults: what is broken on purpose.
        effects: what the providers call when a resource changes.
        machines: running virtual machines: ``aws-backup``, ``dr-app``, ``dr-web``.
        estate: names of what existed before the program.
        operator: who runs ``pulumi`` and ``./dr``.
        app_jar_sha256: checksum of the application that ``upload_app_jar`` uploads.
    """

    def __init__(
        self,
        root: Path,
        tools: Tools,
        *,
        time_factor: float = 30.0,
        app_jar: Path | None = None,
        project: Path = _CLONE,
    ) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root = root
        self.estate: Estate = read_estate(project)
        self._jar = root / "artifacts" / "petclinic.jar"
        self.app_jar_sha256 = self._prepare_jar(app_jar)
        self._stack = ExitStack()
        self.network = Network(root)
        self._stack.callback(self.network.close)
        log = RequestLog(root / "requests.jsonl")
        self._stack.callback(log.close)
        self.ca = Authority(root / "ca")
        self.faults = Faults(root)
        self.stores = {
            package: Store(root / "clouds" / f"{package}.json")
            for package in ("aws", "azure-native", "random")
        }
        self._common = Common(
            root=root,
            tools=tools,
            network=self.network,
            authority=self.ca,
            faults=self.faults,
            stores=self.stores,
            log=log,
            time_factor=time_factor,
            programs=Programs(bin=tools.bin, nginx=tools.nginx, real_java=app_jar is not None),
            locate=self._locate,
        )
        self.aws = AwsSide(
            self._common, self.estate, jar=self._jar, authority_host=lambda: self.azure.entra.url
        )
        self.operator: Operator = operator_in(root, self.estate)
        self.aws.endpoint.credentials.admit(self.operator.aws_key_id, self.operator.aws)
        self.azure = AzureSide(
            self._common, self.aws.endpoint.web_identity.public_keys, self.operator.application
        )
        self.effects: Effects = {**self.aws.effects, **self.azure.effects}

    def _prepare_jar(self, app_jar: Path | None) -> str:
        self._jar.parent.mkdir(exist_ok=True, mode=0o700)
        if app_jar is None:
            return clinic_jar.build(self._jar)
        shutil.copyfile(app_jar, self._jar)
        return hashlib.sha256(self._jar.read_bytes()).hexdigest()

    def _locate(self, machine: str) -> Caller:
        if machine == BACKUP_MACHINE:
            return self.aws.groups.locate()
        if machine == OPERATOR:
            return Caller("operator", OPERATOR, public_ip=self.estate.operator_address or None)
        return self.azure.virtual_machines.locate(machine) if machine in self.machines else INTERNET

    # --- life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything that exists: AWS's own part, and what ``root`` remembers of earlier runs.

        Raises:
            MySqlError, NginxError, AzuriteError, EstateStartError, OSError: a part did not start; what had
                started is stopped again.
        """
        try:
            self._stack.callback(self.azure.azurite.stop)
            self._stack.callback(self.aws.home.stop)
            with ThreadPoolExecutor(max_workers=2) as pool:
                slow = [pool.submit(self.azure.azurite.start), pool.submit(self.aws.start_database)]
                for work in slow:
                    work.result()
            self.aws.start(self._stack)
            self.azure.start(self._stack)
            if not self.faults.aws_down:
                self.aws.groups.restore()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything in the reverse order; data and resources stay in ``root``."""
        self._stack.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- what is there ----------------------------------------------------------------------------------

    @property
    def machines(self) -> dict[str, Machine]:
        """Running virtual machines by role."""
        return self._common.machines

    @property
    def primary(self) -> MySqlServer:
        """The RDS server."""
        return self.aws.home.primary

    @property
    def standby(self) -> MySqlServer | None:
        """The Azure flexible server, while there is one; the oldest when a drill has its own."""
        return next(iter(self.azure.servers.all()), None)

    @property
    def gate(self) -> Gate:
        """Storage accounts' data planes."""
        return self.azure.gate

    @property
    def route53(self) -> Route53:
        """The name server and its health checkers."""
        return self.aws.route53

    @property
    def dns(self) -> tuple[str, int]:
        """Address and port of the name server."""
        return self.aws.route53.dns

    def endpoints(self) -> Mapping[str, str]:
        """Where a person can look: what it is, and its local address."""
        address, port = self.network.endpoint(self.estate.alb_name, 443)
        found = {
            "name server": "{}:{}".format(*self.dns),
            "load balancer in AWS": f"https://{address}:{port}",
            "RDS": f"{self.primary.address}:{self.primary.port}",
        }
        for server in self.azure.servers.all():
            found[f"MySQL {server.name}"] = f"{server.address}:{server.port}"
        for gateway in self.azure.gateways.all():
            for name, url in gateway.urls().items():
                found[f"gateway {name}"] = url
        for name, machine in self.machines.items():
            found[f"machine {name} ({machine.state})"] = machine.address
        return found

    def operator_environment(self) -> dict[str, str]:
        """Variables that lead the Azure SDKs of an operator's programs to this world's Entra and blobs.

        Those of ``./dr`` beside them: names of simulated hosts are in no DNS, so ``cli/operate`` is told
        where they are (docs/adr/0002), and how much faster time passes here.
        """
        application = self.operator.application
        web = {
            "network": str(self.network.file),
            "resolver": "{}:{}".format(*self.dns),
            "ca": str(self.ca.ca_file),
        }
        return {
            "AZURE_TENANT_ID": application.tenant_id,
            "AZURE_CLIENT_ID": application.client_id,
            "AZURE_CLIENT_SECRET": application.client_secret,
            "AZURE_AUTHORITY_HOST": self.azure.entra.url,
            "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",  # never a sign-in of this machine's real user
            "REQUESTS_CA_BUNDLE": str(self.ca.ca_file),
            "DR_SANDBOX_ENDPOINTS": json.dumps(self._blob_endpoints()),
            "DR_SANDBOX_WEB": json.dumps(web),
            "DR_PACE": f"{self._common.time_factor:g}",
        }

    def operator_aws_environment(self) -> dict[str, str]:
        """Variables that let an operator's programs call this world's Route 53.

        Apart from the others, because no failover may need them.
        """
        return {
            "AWS_ACCESS_KEY_ID": self.operator.aws_key_id,
            "AWS_SECRET_ACCESS_KEY": self.operator.aws_secret_key,
            "AWS_SESSION_TOKEN": self.operator.aws.token,
            "AWS_ENDPOINT_URL": self.aws.endpoint.url,
            "AWS_DEFAULT_REGION": self.estate.region,
            "AWS_CA_BUNDLE": str(self.ca.ca_file),
        }

    def _blob_endpoints(self) -> dict[str, str]:
        """Where the production stack's storage accounts answer, deployed or not yet, by host name."""
        names = Names(subscription_id=self.estate.azure_subscription_id, stack="normal")
        hosts = [f"{name}.blob.core.windows.net" for name in (names.vault_account, names.site_account)]
        return {host: "https://{}:{}".format(*self.network.endpoint(host, 443)) for host in hosts}

    # --- what happens to it -----------------------------------------------------------------------------

    def aws_dies(self) -> float:
        """The region is gone: every API refuses, RDS, application, load balancer and instances get SIGKILL.

        Route 53's data plane (answers and health checks) is global and goes on.

        Returns:
            Unix time at which RDS was cut.
        """
        return self.aws.die()

    def aws_returns(self, *, serve: bool, backup: bool = True) -> None:
        """The region is back: APIs, RDS with the data that it had, a new backup instance.

        Args:
            serve: also start the application and its load balancer, and wait until they answer.
            backup: False leaves the instance dead, so that nobody closes RDS to the application yet.
                What was left out may be asked for later by a second call.
        """
        self.aws.come_back(serve=serve, backup=backup)

    def aws_application_starts(self) -> None:
        """EKS starts PetClinic again, whether its database lets it in or not; nobody waits for it."""
        self.aws.home.start_app(wait=False)

    def adopt(self, public_name: str) -> None:
        """The operator's one change batch: the public name becomes an alias of the stack's DNS tree.

        Raises:
            RecordError: the tree does not exist yet.
        """
        self.aws.route53.adopt(public_name, self.estate.dr_name)

    def import_certificate(self, vault: str, name: str) -> None:
        """The operator's import of the public name's TLS certificate into a key vault."""
        certificate, key = self.ca.issue([self.estate.public_name])
        self.azure.vaults.import_certificate(vault, name, certificate.read_bytes(), key.read_bytes())

    def upload_app_jar(self) -> None:
        """The application's own CI: put the jar into the ``artifacts`` container.

        Raises:
            WorldError: there is no such container yet.
        """
        containers = self.stores["azure-native"].find(azure.CONTAINER, containerName=_ARTIFACTS)
        if not containers:
            raise WorldError(f"no container {_ARTIFACTS} exists yet: run 'pulumi up' first")
        account = containers[0].inputs["accountName"]
        self.gate.put_as_operator(
            account, _ARTIFACTS, self.estate.app_jar, self._jar.read_bytes(), "application/java-archive"
        )

    @staticmethod
    def wait_for(condition: Callable[[], bool], timeout_s: float, what: str) -> float:
        """Seconds until ``condition`` was true; WaitTimeout naming ``what`` after ``timeout_s``."""
        return wait_for(condition, timeout_s, what)
