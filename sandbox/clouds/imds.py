"""The metadata services at 169.254.169.254: one server per simulated machine, so that it knows who asks.

Azure: learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token.
EC2 (version 2 only): docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from sandbox.clouds import azure_resources as azure
from sandbox.clouds.aws_credentials import AwsCredentials, Ec2Instance
from sandbox.clouds.callers import Caller
from sandbox.clouds.entra import MANAGED_IDENTITY_LIFETIME_S, Entra, EntraRefused
from sandbox.clouds.http_server import Exchange, HttpServer
from sandbox.clouds.request_log import RequestLog
from sandbox.network import Network
from sandbox.store import Resource, Store

_MAX_SESSION_S = 21_600


class AzureMetadata:
    """Managed identity tokens for one virtual machine.

    Args:
        machine: the machine's name for ``locate``.
        vm_id: the ARM id of its VirtualMachine resource; its identities are read anew for every request.
    """

    def __init__(
        self, *, machine: str, vm_id: str, store: Store, network: Network, entra: Entra, log: RequestLog
    ) -> None:
        self._caller = Caller("azure", machine)
        self._vm_id = vm_id
        self._store = store
        self._entra = entra
        endpoint = network.endpoint(f"metadata.{machine}", 80)
        self._server = HttpServer("azure-metadata", endpoint, self._answer, log=log)
        self.url = self._server.url

    def start(self) -> None:
        """Start answering."""
        self._server.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.stop()

    def _answer(self, exchange: Exchange) -> None:
        exchange.caller = self._caller
        if exchange.headers.get("Metadata", "").lower() != "true" or "X-Forwarded-For" in exchange.headers:
            _refuse(exchange, 400, "bad_request_102", "Required metadata header not specified")
        elif exchange.method != "GET" or exchange.path != "/metadata/identity/oauth2/token":
            _refuse(exchange, 404, "not_simulated", "see sandbox/clouds/imds.py")
        elif not exchange.query.get("resource") or not exchange.query.get("api-version"):
            _refuse(exchange, 400, "invalid_request", "Required query variables: 'resource', 'api-version'")
        else:
            self._token(exchange)

    def _token(self, exchange: Exchange) -> None:
        resource = exchange.query["resource"]
        attached = self._attached()
        wanted = {
            "client_id": "clientId",
            "object_id": "principalId",
            "principal_id": "principalId",
        }
        for parameter, output in wanted.items():
            if parameter in exchange.query:
                attached = [one for one in attached if one.outputs[output] == exchange.query[parameter]]
        for parameter in ("mi_res_id", "msi_res_id"):
            if parameter in exchange.query:
                identifier = exchange.query[parameter].lower()
                attached = [one for one in attached if one.id.lower() == identifier]
        if not attached:
            _refuse(exchange, 400, "invalid_request", "Identity not found")
            return
        if len(attached) > 1:
            message = "Multiple user assigned identities exist, please specify the clientId / resourceId"
            _refuse(exchange, 400, "invalid_request", f"{message} of the identity in the token request")
            return
        try:
            token, expires_on = self._entra.issue(
                attached[0], resource, machine=self._caller.machine, lifetime_s=MANAGED_IDENTITY_LIFETIME_S
            )
        except EntraRefused as refusal:
            _refuse(exchange, 400, "invalid_resource", str(refusal))
            return
        left = str(expires_on - int(time.time()))
        document = {
            "access_token": token,
            "client_id": attached[0].outputs["clientId"],
            "expires_in": left,
            "expires_on": str(expires_on),
            "ext_expires_in": left,
            "not_before": str(int(time.time())),
            "resource": resource,
            "token_type": "Bearer",
        }
        exchange.reply(200, json.dumps(document).encode(), kind="application/json")

    def _attached(self) -> list[Resource]:
        """The user-assigned identities that the VirtualMachine resource names."""
        machine = self._store.get(azure.VIRTUAL_MACHINE, self._vm_id)
        identity: Mapping[str, Any] = (machine.inputs.get("identity") or {}) if machine else {}
        ids = {str(one).lower() for one in identity.get("userAssignedIdentities") or ()}
        return [one for one in self._store.find(azure.IDENTITY) if one.id.lower() in ids]


class Ec2Metadata:
    """Instance metadata and role credentials for one EC2 instance (IMDSv2: a session token is required).

    Args:
        machine: the machine's name for ``locate``.
        credentials: who hands out the role's keys.
    """

    def __init__(
        self,
        *,
        machine: str,
        instance: Ec2Instance,
        network: Network,
        credentials: AwsCredentials,
        log: RequestLog,
    ) -> None:
        self._caller = Caller("aws", machine)
        self._instance = instance
        self._credentials = credentials
        self._sessions: dict[str, float] = {}
        endpoint = network.endpoint(f"metadata.{machine}", 80)
        self._server = HttpServer("ec2-metadata", endpoint, self._answer, log=log)
        self.url = self._server.url

    def start(self) -> None:
        """Start answering."""
        self._server.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.stop()

    def _answer(self, exchange: Exchange) -> None:
        exchange.caller = self._caller
        if exchange.path == "/latest/api/token":
            self._open_session(exchange)
            return
        session = exchange.headers.get("X-aws-ec2-metadata-token", "")
        if self._sessions.get(session, 0) < time.time():
            exchange.error = "Unauthorized"
            exchange.reply(401, kind="text/plain")
            return
        content = self._content(exchange.path.rstrip("/")) if exchange.method == "GET" else None
        if content is None:
            exchange.error = "NotFound"
            exchange.reply(404, kind="text/plain")
            return
        exchange.reply(200, content.encode(), kind="text/plain")

    def _open_session(self, exchange: Exchange) -> None:
        seconds = exchange.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if exchange.method != "PUT" or not seconds.isdecimal() or not 1 <= int(seconds) <= _MAX_SESSION_S:
            exchange.error = "BadRequest"
            exchange.reply(400, kind="text/plain")
            return
        session = secrets.token_urlsafe(40)
        self._sessions[session] = time.time() + int(seconds)
        headers = {"X-aws-ec2-metadata-token-ttl-seconds": seconds}
        exchange.reply(200, session.encode(), headers, kind="text/plain")

    def _content(self, path: str) -> str | None:
        """The text of one metadata item, None when there is no such item."""
        instance = self._instance
        role = instance.role_arn.rsplit("/", 1)[-1]
        roles = "/latest/meta-data/iam/security-credentials"
        if path == f"{roles}/{role}":
            return json.dumps(self._credentials.issue(str(self._caller.machine), instance))
        document = {
            "accountId": instance.account_id,
            "availabilityZone": instance.zone,
            "instanceId": instance.instance_id,
            "privateIp": instance.private_ip,
            "region": instance.region,
        }
        return {
            roles: role,
            "/latest/meta-data/instance-id": instance.instance_id,
            "/latest/meta-data/local-ipv4": instance.private_ip,
            "/latest/meta-data/placement/region": instance.region,
            "/latest/meta-data/placement/availability-zone": instance.zone,
            "/latest/dynamic/instance-identity/document": json.dumps(document),
        }.get(path)


def _refuse(exchange: Exchange, status: int, error: str, description: str) -> None:
    exchange.error = error
    body = json.dumps({"error": error, "error_description": description}).encode()
    exchange.reply(status, body, kind="application/json")
