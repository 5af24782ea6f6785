"""The simulated Azure subscription: identities, storage, vaults, and what the program deploys there."""

from __future__ import annotations

from contextlib import ExitStack

from sandbox.azurite import Azurite
from sandbox.clouds import azure_resources as azure
from sandbox.clouds.common import Common
from sandbox.clouds.effects_mysql import NEW_SERVER, FlexibleServers, mysql_effects, restore_mysql
from sandbox.clouds.effects_servers import GATEWAY, Gateways, VirtualMachines, certificate_reader
from sandbox.clouds.effects_storage import storage_effects
from sandbox.clouds.entra import Application, Entra
from sandbox.clouds.gate import Gate
from sandbox.clouds.gateway import Gateway
from sandbox.clouds.imds import AzureMetadata
from sandbox.clouds.keys import KeysOfIssuer
from sandbox.clouds.machine import Machine, MachineSpec
from sandbox.clouds.vault_endpoint import KeyVaults
from sandbox.mysql import MySqlServer
from sandbox.providers.effects import Handler


class AzureSide:
    """Everything in Azure.

    Args:
        common: shared services.
        assertion_keys: finds the public keys of a token issuer elsewhere (AWS's outbound web identity).
        operator: the tenant's one application with a secret.
    """

    def __init__(self, common: Common, assertion_keys: KeysOfIssuer, operator: Application) -> None:
        self._common = common
        self._store = common.stores["azure-native"]
        self.azurite = Azurite(
            tools=common.tools, folder=common.root / "azurite", address=common.network.address("azurite")
        )
        self.entra = Entra(
            store=self._store,
            network=common.network,
            authority=common.authority,
            log=common.log,
            locate=common.locate,
            assertion_keys=assertion_keys,
            applications=[operator],
        )
        self.gate = Gate(
            store=self._store,
            network=common.network,
            authority=common.authority,
            azurite=self.azurite,
            entra=self.entra,
            faults=common.faults,
            log=common.log,
        )
        self.vaults = KeyVaults(
            store=self._store,
            network=common.network,
            authority=common.authority,
            entra=self.entra,
            log=common.log,
            folder=common.root / "keyvault",
        )
        self.servers = FlexibleServers(self._server)
        self.virtual_machines = VirtualMachines(
            self._store,
            make_metadata=self._metadata,
            make_machine=self._machine,
            machines=common.machines,
        )
        self.gateways = Gateways(self._store, self._gateway)
        self.effects: dict[str, Handler] = {
            **storage_effects(self.gate, self.vaults, common.project),
            **mysql_effects(self.servers),
            azure.VIRTUAL_MACHINE: self.virtual_machines,
            GATEWAY: self.gateways,
        }

    def _metadata(self, machine: str, vm_id: str) -> AzureMetadata:
        return AzureMetadata(
            machine=machine,
            vm_id=vm_id,
            store=self._store,
            network=self._common.network,
            entra=self.entra,
            log=self._common.log,
        )

    def _machine(self, spec: MachineSpec) -> Machine:
        return self._common.machine(spec, self.entra.url)

    def _server(self, name: str, host: str) -> MySqlServer:
        return MySqlServer(
            tools=self._common.tools,
            folder=self._common.root / "mysql" / name,
            address=self._common.network.address(host),
            flavor="azure",
            name=host,
            ca=self._common.authority,
            parameters=NEW_SERVER,
        )

    def _gateway(self, name: str) -> Gateway:
        return Gateway(
            self._common.tools.nginx,
            self._common.root / "nginx" / name,
            self._common.network,
            ca_file=self._common.authority.ca_file,
            certificate_for=certificate_reader(self._store, self.vaults),
            time_factor=self._common.time_factor,
        )

    def start(self, stack: ExitStack) -> None:
        """Start identities, storage (Azurite must run) and vaults, then what earlier runs deployed.

        Args:
            stack: gets what ends each part.
        """
        for service in (self.entra, self.gate, self.vaults):
            stack.callback(service.stop)
            service.start()
        stack.callback(self.servers.stop)
        restore_mysql(self._store, self.servers)
        stack.callback(self.virtual_machines.stop)
        self.virtual_machines.restore()
        stack.callback(self.gateways.stop)
        self.gateways.restore()
