"""What runs behind the AWS resources: the backup instance, its address, the agent's bucket, DNS checks."""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.clouds.aws_credentials import Ec2Instance
from sandbox.clouds.aws_endpoint import AwsEndpoint
from sandbox.clouds.callers import Caller
from sandbox.clouds.imds import Ec2Metadata
from sandbox.clouds.machine import Machine, MachineSpec
from sandbox.clouds.route53_health import HEALTH_CHECK, Checkers
from sandbox.providers.assets import asset_bytes
from sandbox.providers.effects import Handler
from sandbox.store import Resource, Store

BUCKET = "aws:s3/bucket:Bucket"
BUCKET_OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
EIP = "aws:ec2/eip:Eip"
GROUP = "aws:autoscaling/group:Group"
_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
_PROFILE = "aws:iam/instanceProfile:InstanceProfile"
_ROLE = "aws:iam/role:Role"
BACKUP_MACHINE = "aws-backup"
_PRIVATE_IP = "10.0.21.14"
# What a subnet gives an instance before it takes its elastic IP: the firewall of the vault does not know it.
_PASSING_IP = "203.0.113.251"


class LaunchError(RuntimeError):
    """An instance that EC2 could not launch."""


class Buckets(Handler):
    """S3 buckets."""

    def __init__(self, aws: AwsEndpoint) -> None:
        self._aws = aws

    def created(self, resource: Resource) -> None:
        self._aws.services.put_bucket(resource.inputs["bucket"])

    def deleted(self, resource: Resource) -> None:
        self._aws.services.delete_bucket(resource.inputs["bucket"])


class BucketObjects(Handler):
    """S3 objects that the program writes."""

    def __init__(self, aws: AwsEndpoint, project: Path) -> None:
        self._aws = aws
        self._project = project

    def created(self, resource: Resource) -> None:
        inputs = resource.inputs
        if inputs.get("contentBase64") is not None:
            data = base64.b64decode(inputs["contentBase64"])
        elif inputs.get("content") is not None:
            data = str(inputs["content"]).encode()
        else:
            data = asset_bytes(inputs.get("source"), self._project)
        self._aws.services.put_object(inputs["bucket"], inputs["key"], data)

    def updated(self, old: Resource, new: Resource) -> None:
        self.created(new)


class Addresses(Handler):
    """Elastic IPs."""

    def __init__(self, aws: AwsEndpoint) -> None:
        self._aws = aws

    def created(self, resource: Resource) -> None:
        self._aws.services.put_address(resource.id, resource.outputs["publicIp"])

    def deleted(self, resource: Resource) -> None:
        self._aws.services.remove_address(resource.id)


class HealthChecks(Handler):
    """Route 53 health checks: the checkers look at the store again after every change."""

    def __init__(self, store: Store, checkers: Checkers) -> None:
        self._store = store
        self._checkers = checkers

    def created(self, resource: Resource) -> None:
        self._checkers.sync()

    def updated(self, old: Resource, new: Resource) -> None:
        self._checkers.sync()

    def deleted(self, resource: Resource) -> None:
        self._checkers.sync(without=resource.id)


@dataclass
class _Instance:
    """One running instance and its metadata service."""

    id: str
    machine: Machine
    metadata: Ec2Metadata


class Groups(Handler):
    """Auto Scaling groups of one instance.

    An instance that is gone, by a disaster or because the sandbox was stopped, is replaced by a new one with
    an empty disk, as the group does.

    Args:
        store: the simulated account.
        aws: knows instances and hands out their role's keys.
        make_metadata: a metadata service for an instance.
        make_machine: a machine for what EC2 knows.
        machines: the world's machines, by role.
        account_id, region: for the instance's identity.
    """

    def __init__(
        self,
        store: Store,
        aws: AwsEndpoint,
        *,
        make_metadata: Callable[[str, Ec2Instance], Ec2Metadata],
        make_machine: Callable[[MachineSpec], Machine],
        machines: dict[str, Machine],
        account_id: str,
        region: str,
    ) -> None:
        self._store = store
        self._aws = aws
        self._make_metadata = make_metadata
        self._make_machine = make_machine
        self._machines = machines
        self._account_id = account_id
        self._region = region
        self._mutex = threading.RLock()
        self._running: dict[str, _Instance] = {}

    def created(self, resource: Resource) -> None:
        self._launch(resource)

    def updated(self, old: Resource, new: Resource) -> None:
        """A new version of the launch template replaces the instance only by an instance refresh."""
        if old.inputs.get("launchTemplate") != new.inputs.get("launchTemplate") and new.inputs.get(
            "instanceRefresh"
        ):
            self._terminate(new.id)
            self._launch(new)

    def deleted(self, resource: Resource) -> None:
        self._terminate(resource.id)

    def restore(self) -> None:
        """Launch what should run and does not."""
        for group in self._store.find(GROUP):
            if group.id not in self._running:
                self._launch(group)

    def lose_all(self) -> None:
        """SIGKILL to every instance."""
        for group_id in list(self._running):
            self._terminate(group_id)

    def stop(self) -> None:
        """End every instance cleanly."""
        with self._mutex:
            for instance in self._running.values():
                instance.machine.stop()
                instance.metadata.stop()
            self._running.clear()
            self._machines.pop(BACKUP_MACHINE, None)

    def locate(self) -> Caller:
        """Where the backup instance is on the network now."""
        with self._mutex:
            for instance in self._running.values():
                address = self._aws.services.address_of(instance.id) or _PASSING_IP
                return Caller("aws", BACKUP_MACHINE, public_ip=address)
        return Caller("aws", BACKUP_MACHINE)

    def _launch(self, group: Resource) -> None:
        template = self._template(group)
        role_arn = self._role_arn(template)
        instance_id = f"i-0{secrets.token_hex(8)}"
        subnets: list[str] = group.inputs.get("vpcZoneIdentifiers") or [""]
        instance = Ec2Instance(
            instance_id=instance_id,
            region=self._region,
            zone=f"{self._region}{'abcd'[(len(subnets) - 1) % 4]}",
            account_id=self._account_id,
            role_arn=role_arn,
            private_ip=_PRIVATE_IP,
        )
        with self._mutex:
            if self._running:
                raise LaunchError(f"{group.id}: a second Auto Scaling group is not simulated; see {__file__}")
            tags = {
                str(tag["key"]): str(tag["value"])
                for tag in group.inputs.get("tags") or []
                if tag.get("propagateAtLaunch")
            }
            self._aws.services.put_instance(instance_id, _PRIVATE_IP, tags)
            metadata = self._make_metadata(BACKUP_MACHINE, instance)
            metadata.start()
            machine = self._make_machine(
                MachineSpec(
                    name=BACKUP_MACHINE,
                    cloud="aws",
                    user_data=str(template.inputs.get("userData") or ""),
                    private_ip=_PRIVATE_IP,
                    environment={
                        "AWS_ENDPOINT_URL": self._aws.url,
                        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url,
                    },
                )
            )
            self._running[group.id] = _Instance(instance_id, machine, metadata)
            self._machines[BACKUP_MACHINE] = machine
        machine.boot()

    def _template(self, group: Resource) -> Resource:
        wanted: dict[str, Any] = group.inputs.get("launchTemplate") or {}
        template = self._store.get(_TEMPLATE, str(wanted.get("id")))
        if template is None:
            raise LaunchError(f"{group.id}: launch template {wanted.get('id')} does not exist")
        return template

    def _role_arn(self, template: Resource) -> str:
        profile: dict[str, Any] = template.inputs.get("iamInstanceProfile") or {}
        for known in self._store.find(_PROFILE):
            if known.outputs.get("arn") == profile.get("arn") or known.id == profile.get("name"):
                for role in self._store.find(_ROLE):
                    if known.inputs.get("role") in (role.id, role.inputs.get("name")):
                        return str(role.outputs["arn"])
        raise LaunchError(f"launch template {template.id}: no role behind its instance profile {profile}")

    def _terminate(self, group_id: str) -> None:
        with self._mutex:
            instance = self._running.pop(group_id, None)
            if instance is not None:
                self._machines.pop(BACKUP_MACHINE, None)
        if instance is not None:
            instance.machine.kill()
            instance.metadata.stop()
            self._aws.services.remove_instance(instance.id)


def aws_effects(
    store: Store, aws: AwsEndpoint, checkers: Checkers, groups: Groups, project: Path
) -> dict[str, Handler]:
    """Handlers by type token."""
    return {
        BUCKET: Buckets(aws),
        BUCKET_OBJECT: BucketObjects(aws, project),
        EIP: Addresses(aws),
        HEALTH_CHECK: HealthChecks(store, checkers),
        GROUP: groups,
    }


def restore_aws(store: Store, effects: dict[str, Handler]) -> None:
    """Fill the services' memory from the store after a restart of the sandbox; instances come later."""
    for token in (BUCKET, BUCKET_OBJECT, EIP):
        for resource in store.find(token):
            effects[token].created(resource)
