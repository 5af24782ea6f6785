"""The simulated AWS account: its APIs, PetClinic's home, DNS, and what the program deploys there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from sandbox.clouds import route53_rules
from sandbox.clouds.aws_credentials import Ec2Instance
from sandbox.clouds.aws_endpoint import AwsEndpoint
from sandbox.clouds.aws_estate import AwsEstate
from sandbox.clouds.common import Common
from sandbox.clouds.effects_aws import Groups, aws_effects, restore_aws
from sandbox.clouds.estate import Estate
from sandbox.clouds.imds import Ec2Metadata
from sandbox.clouds.machine import Machine, MachineSpec
from sandbox.clouds.route53 import Route53
from sandbox.clouds.route53_api import Route53Api


class AwsSide:
    """Everything in AWS.

    Args:
        common: shared services.
        estate: names of what exists already.
        jar: the application that runs in EKS.
        authority_host: the simulated Entra's URL, asked when a machine is made.
    """

    def __init__(
        self, common: Common, estate: Estate, *, jar: Path, authority_host: Callable[[], str]
    ) -> None:
        self._common = common
        self._estate = estate
        self._authority_host = authority_host
        store = common.stores["aws"]
        self.endpoint = AwsEndpoint(
            store=store,
            network=common.network,
            authority=common.authority,
            faults=common.faults,
            log=common.log,
            locate=common.locate,
            region=estate.region,
            account_id=estate.account_id,
        )
        self.home = AwsEstate(
            common.root,
            common.tools,
            common.network,
            common.authority,
            estate,
            jar=jar,
            real_java=common.programs.real_java,
            time_factor=common.time_factor,
        )
        balancer = self.home.balancer
        public = route53_rules.Record(
            estate.public_name, "A", alias=route53_rules.Alias(balancer.name, evaluate_target_health=False)
        )
        self.route53 = Route53(
            common.root,
            store,
            common.network,
            zone_id=estate.zone_id,
            zone_name=estate.zone_name,
            time_factor=common.time_factor,
            load_balancers=lambda: {balancer.name: balancer.view()},
            unmanaged=(public,),
            balancer_zones={balancer.name: estate.alb_zone_id},
        )
        self.endpoint.attach_dns(Route53Api(self.route53, store).answer)
        self.groups = Groups(
            store,
            self.endpoint,
            make_metadata=self._metadata,
            make_machine=self._machine,
            machines=common.machines,
            account_id=estate.account_id,
            region=estate.region,
        )
        self.effects = aws_effects(store, self.endpoint, self.route53.checkers, self.groups, common.project)

    def _metadata(self, machine: str, instance: Ec2Instance) -> Ec2Metadata:
        return Ec2Metadata(
            machine=machine,
            instance=instance,
            network=self._common.network,
            credentials=self.endpoint.credentials,
            log=self._common.log,
        )

    def _machine(self, spec: MachineSpec) -> Machine:
        return self._common.machine(spec, self._authority_host())

    def start_database(self) -> None:
        """Start RDS, unless the region is down. The slowest part: others may start beside it."""
        if not self._common.faults.aws_down:
            self.home.start_database()

    def start(self, stack: ExitStack) -> None:
        """Start APIs and DNS and, unless the region is down, the application and the backup instance.

        Args:
            stack: gets what ends each part.
        """
        for service in (self.endpoint, self.route53):
            stack.callback(service.stop)
            service.start()
        secret = self.home.passwords["backup"]
        self.endpoint.services.put_secret(self._estate.rds_secret_arn, self._estate.rds_secret_name, secret)
        if self._estate.rds_instance_id:
            self.endpoint.services.put_database(self._estate.rds_instance_id)
        restore_aws(self._common.stores["aws"], self.effects)
        stack.callback(self.groups.stop)
        if not self._common.faults.aws_down:
            self.home.start_app()

    def die(self) -> float:
        """Every API refuses; RDS, application, load balancer and instances get SIGKILL. DNS goes on.

        Returns:
            Unix time at which RDS was cut.
        """
        self._common.faults.set(aws_down=True)
        cut = self.home.kill()
        self.groups.lose_all()
        return cut

    def come_back(self, *, serve: bool, backup: bool = True) -> None:
        """APIs and RDS; with ``backup`` a new instance, with ``serve`` the application and its balancer."""
        self._common.faults.clear("aws_down")
        self.home.start_database()
        if backup:
            self.groups.restore()
        if serve:
            self.home.start_app()
