"""What both simulated clouds stand on, handed to each part as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sandbox.ca import Authority
from sandbox.clouds.callers import Caller
from sandbox.clouds.machine import Machine, MachineSpec
from sandbox.clouds.machine_software import Programs
from sandbox.clouds.request_log import RequestLog
from sandbox.faults import Faults
from sandbox.network import Network
from sandbox.store import Store
from sandbox.tools import Tools


@dataclass(frozen=True)
class Common:
    """Shared by all services of one sandbox.

    Attributes:
        root: the sandbox's folder.
        stores: resources by provider package.
        log: every data-plane request.
        time_factor: how many times faster intervals pass.
        programs: what packages bring onto machines.
        locate: where a machine is on the network now.
        machines: running machines by role.
    """

    root: Path
    tools: Tools
    network: Network
    authority: Authority
    faults: Faults
    stores: Mapping[str, Store]
    log: RequestLog
    time_factor: float
    programs: Programs
    locate: Callable[[str], Caller]
    machines: dict[str, Machine] = field(default_factory=dict[str, Machine])

    @property
    def project(self) -> Path:
        """The folder of the Pulumi program that the engine runs: relative assets start there."""
        return self.root / "project"

    def machine(self, spec: MachineSpec, authority_host: str) -> Machine:
        """A machine that trusts this sandbox's certificates and asks the simulated Entra for tokens."""
        ca_file = str(self.authority.ca_file)
        environment = {
            **spec.environment,
            "AZURE_AUTHORITY_HOST": authority_host,
            "REQUESTS_CA_BUNDLE": ca_file,
            "AWS_CA_BUNDLE": ca_file,
            "SSL_CERT_FILE": ca_file,
        }
        folder = self.root / "machines" / spec.name
        return Machine(
            replace(spec, environment=environment), folder, self.network, self.programs, self.time_factor
        )
