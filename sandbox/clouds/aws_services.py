"""moto's services behind the AWS endpoint, holding what the world put there.

Importing this module takes seconds (moto's tables), so the endpoint loads it in the background.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.ec2.models import ec2_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.rds.models import rds_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from werkzeug.test import EnvironBuilder, run_wsgi_app

from sandbox.clouds.http_server import Exchange


class AwsServices:
    """One account in one region.

    moto keeps its state per process, account and region: two of these with the same account share it. moto
    is not made for threads; here one call at a time goes in. Nothing is kept over a restart of the sandbox.
    """

    def __init__(self, region: str, account_id: str) -> None:
        self._one_at_a_time = threading.Lock()
        self._account_id = account_id
        self._region = region
        self._ec2: Any = ec2_backends[account_id][region]
        self._s3: Any = s3_backends[account_id]["aws"]
        self._secrets: Any = secretsmanager_backends[account_id][region]
        self._metrics: Any = cloudwatch_backends[account_id][region]
        self._rds: Any = rds_backends[account_id][region]
        for backend in (self._ec2, self._s3, self._secrets, self._metrics, self._rds):
            backend.reset()
        self._app = DomainDispatcherApplication(create_backend_app)

    def call(self, exchange: Exchange, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """moto's answer to a request: status, headers, body."""
        with self._one_at_a_time:
            environ = EnvironBuilder(
                path=exchange.raw_path,
                query_string=exchange.raw_query,
                method=exchange.method,
                headers=[*exchange.headers.items(), ("x-moto-account-id", self._account_id)],
                data=body,
                base_url=f"http://{exchange.headers.get('Host', 'localhost')}",
            ).get_environ()
            pieces, status, headers = run_wsgi_app(self._app, environ, buffered=True)
            return int(status.split()[0]), dict(headers.items()), b"".join(pieces)

    def metrics(self, namespace: str) -> list[tuple[str, dict[str, str], float]]:
        """What was published in a namespace, oldest first: name, dimensions, value."""
        with self._one_at_a_time:
            return [
                (datum.name, {each.name: each.value for each in datum.dimensions}, float(datum.value))
                for datum in self._metrics.metric_data
                if datum.namespace == namespace
            ]

    def put_secret(self, arn: str, name: str, value: str) -> None:
        """Create or replace a secret that has exactly this ARN."""
        with self._one_at_a_time:
            secrets = self._secrets.secrets
            secrets.pop(name)
            self._secrets.create_secret(name, value, None, None, None, None, None, [], False)
            secrets[name].arn = arn

    def secret_arn(self, secret_id: str) -> str:
        """A secret's ARN, given name or ARN; for one that does not exist, what IAM would compare with."""
        with self._one_at_a_time:
            secret = self._secrets.secrets.get(secret_id)
            if secret is not None:
                return str(secret.arn)
            if secret_id.startswith("arn:"):
                return secret_id
            return f"arn:aws:secretsmanager:{self._region}:{self._account_id}:secret:{secret_id}-??????"

    def put_bucket(self, name: str) -> None:
        """Create a bucket; nothing happens when it exists."""
        with self._one_at_a_time:
            if name not in self._s3.buckets:
                self._s3.create_bucket(name, self._region)

    def delete_bucket(self, name: str) -> None:
        """Delete a bucket and its objects; nothing happens when there is none."""
        with self._one_at_a_time:
            self._s3.buckets.pop(name, None)

    def put_object(self, bucket: str, key: str, data: bytes) -> None:
        """Write an object."""
        with self._one_at_a_time:
            self._s3.put_object(bucket, key, data)

    def put_instance(self, instance_id: str, private_ip: str, tags: Mapping[str, str]) -> None:
        """Let EC2 know an instance by its id."""
        with self._one_at_a_time:
            reservation = self._ec2.run_instances(
                image_id="ami-12345678",
                count=1,
                user_data=None,
                security_group_names=[],
                is_instance_type_default=True,
                instance_type="t4g.micro",
            )
            instance = reservation.instances[0]
            instance.id = instance_id
            instance.nics[0].private_ip_address = private_ip
            instance.add_tags(dict(tags))

    def remove_instance(self, instance_id: str) -> None:
        """Forget an instance and free its address; nothing happens when it is unknown."""
        with self._one_at_a_time:
            for address in self._ec2.addresses:
                if address.instance_id == instance_id:
                    self._ec2.disassociate_address(address=address.public_ip)
            for reservation in list(self._ec2.reservations.values()):
                reservation.instances = [one for one in reservation.instances if one.id != instance_id]

    def tags(self, instance_id: str) -> dict[str, str]:
        """An instance's tags; none when it is unknown."""
        with self._one_at_a_time:
            instance = self._ec2.get_instance_by_id(instance_id)
            return {tag["key"]: tag["value"] for tag in instance.get_tags()} if instance else {}

    def put_address(self, allocation_id: str, public_ip: str) -> None:
        """Let EC2 know an elastic IP; nothing happens when it is known."""
        with self._one_at_a_time:
            if all(address.allocation_id != allocation_id for address in self._ec2.addresses):
                address = self._ec2.allocate_address("vpc", address=public_ip)
                address.allocation_id = address.id = allocation_id

    def remove_address(self, allocation_id: str) -> None:
        """Release an elastic IP; nothing happens when it is unknown."""
        with self._one_at_a_time:
            if any(address.allocation_id == allocation_id for address in self._ec2.addresses):
                self._ec2.release_address(allocation_id=allocation_id)

    def address_of(self, instance_id: str) -> str | None:
        """The elastic IP that is associated with an instance now."""
        with self._one_at_a_time:
            for address in self._ec2.addresses:
                if address.instance_id == instance_id:
                    return str(address.public_ip)
            return None

    def put_database(self, instance_id: str) -> None:
        """Let RDS know a MySQL instance by its identifier; the server itself is the world's own."""
        with self._one_at_a_time:
            if instance_id not in self._rds.databases:
                self._rds.create_db_instance(
                    {
                        "db_instance_identifier": instance_id,
                        "db_instance_class": "db.t3.medium",
                        "engine": "mysql",
                        "allocated_storage": 20,
                        "master_username": "admin",
                        "master_user_password": "not of this world",
                    }
                )

    def snapshots(self) -> dict[str, str]:
        """The RDS snapshots that somebody took, and of which instance."""
        with self._one_at_a_time:
            found: dict[str, Any] = self._rds.database_snapshots
            return {
                name: str(each.database.db_instance_identifier)
                for name, each in found.items()
                if each.snapshot_type == "manual"
            }
