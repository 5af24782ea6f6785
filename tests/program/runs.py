"""The situations that the tests compare."""

from __future__ import annotations

from collections.abc import Callable

from tests.program.recorder import Run, run_program

DURABLE = {
    "azure-native:resources:ResourceGroup",
    "azure-native:network:VirtualNetwork",
    "azure-native:network:Subnet",
    "azure-native:privatedns:PrivateZone",
    "azure-native:privatedns:VirtualNetworkLink",
    "azure-native:storage:StorageAccount",
    "azure-native:storage:StorageAccountStaticWebsite",
    "azure-native:storage:BlobServiceProperties",
    "azure-native:storage:BlobContainer",
    "azure-native:storage:BlobContainerImmutabilityPolicy",
    "azure-native:keyvault:Vault",
    "azure-native:keyvault:Secret",
    "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation",
}
"""Types of which production makes durable ones only."""
DURABLE_NAMES = {
    "landing-zone-gateway-address",
    "key-vault-database-admin-password",
    "key-vault-application-password",
}
"""Durable ones of types that an emergency makes too."""
BILLED_BY_THE_HOUR = {
    "azure-native:network:ApplicationGateway",
    "azure-native:compute:VirtualMachine",
    "azure-native:dbformysql:Server",
}


def normal() -> Run:
    return run_program()


def emergency(**changes: str) -> Run:
    return run_program(mode="emergency", **changes)


def opened(**changes: str) -> Run:
    return emergency(enablePetclinic="true", **changes)


def failback(**changes: str) -> Run:
    return run_program(mode="failback", enablePetclinic="true", **changes)


def home(**changes: str) -> Run:
    """AWS took over from the standby."""
    return failback(cutover="cutover-1", **changes)


_PRODUCTION: dict[str, Callable[[], Run]] = {
    "normal": normal,
    "maintenance page only": lambda: emergency(emergencyScope="maintenance"),
    "emergency": emergency,
    "opened": opened,
    "closed again": lambda: opened(maintenance="true"),
    "failback": failback,
    "cut over": home,
    "AWS serves": lambda: home(awsWeight="10"),
    "released": lambda: home(awsWeight="100", releaseDatabase="cutover-1"),
}
_STANDALONE: dict[str, Callable[[], Run]] = {
    "drill": lambda: run_program("emergency"),
    "takeover": lambda: run_program("emergency", purpose="takeover", occasion="take1"),
}
SITUATIONS = tuple(_PRODUCTION)
"""Of the production stack, in the order in which they follow each other."""
STANDALONE = tuple(_STANDALONE)
"""The stack without AWS."""


def situation_called(name: str) -> Run:
    """The run of one of ``SITUATIONS`` or ``STANDALONE``."""
    return (_PRODUCTION | _STANDALONE)[name]()


def every() -> dict[str, Run]:
    """All situations of the production stack."""
    return {name: run() for name, run in _PRODUCTION.items()}


def durable(run: Run) -> dict[tuple[str, str], object]:
    """Every durable resource with its inputs."""
    return {(r.type, r.name): r.inputs for r in run if r.type in DURABLE or r.name in DURABLE_NAMES}
