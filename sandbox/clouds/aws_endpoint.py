"""The one endpoint behind every AWS API that a simulated machine calls (``AWS_ENDPOINT_URL``).

A call must carry keys that a metadata service handed out, and the role's policies, as the program deployed
them, must allow it. STS is answered here (``web_identity.py``), Route 53 by ``route53_api.py``, Secrets
Manager, S3, EC2, CloudWatch and RDS by moto. While the fault ``aws_down`` is on, every connection is closed
without an answer and the log says who asked.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from sandbox.ca import Authority
from sandbox.clouds import aws_policies
from sandbox.clouds.authorization import UndecidableError
from sandbox.clouds.aws_calls import AccountPlace, Call, call_of, demands, members, signed_for
from sandbox.clouds.aws_credentials import AwsCredentials, Session
from sandbox.clouds.callers import Locate
from sandbox.clouds.http_server import Exchange, HttpServer
from sandbox.clouds.request_log import RequestLog
from sandbox.clouds.web_identity import DEFAULT_SECONDS, AwsRefused, WebIdentity
from sandbox.faults import Faults
from sandbox.network import Network
from sandbox.store import Store

if TYPE_CHECKING:
    from sandbox.clouds.aws_services import AwsServices

_ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
_SERVICES = ("sts", "secretsmanager", "s3", "ec2", "monitoring", "rds", "route53")
DnsApi = Callable[[Call, Exchange, bytes], bytes]
_STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


class AwsEndpoint:
    """The AWS APIs of one account in one region.

    Args:
        store: resources of aws: role policies, web identity federation.
        locate: where a machine is now.
    """

    def __init__(
        self,
        *,
        store: Store,
        network: Network,
        authority: Authority,
        faults: Faults,
        log: RequestLog,
        locate: Locate,
        region: str,
        account_id: str,
    ) -> None:
        self.credentials = AwsCredentials()
        self.web_identity = WebIdentity(store)
        self._store = store
        self._faults = faults
        self._locate = locate
        self._region = region
        self._account_id = account_id
        host = f"{region}.amazonaws.com"
        endpoint = network.endpoint(host, 443)
        certificate = authority.issue([host, endpoint[0]])
        self._dns: DnsApi | None = None
        self._server = HttpServer("aws", endpoint, self._answer, log=log, certificate=certificate)
        self.url = self._server.url
        self._mutex = threading.Lock()
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="moto")
        self._loading: Future[AwsServices] | None = None

    @property
    def services(self) -> AwsServices:
        """moto's services, for the world to put resources into; waits until they are loaded."""
        return self._load().result()

    def attach_dns(self, answer: DnsApi) -> None:
        """Let ``answer`` have the authorized calls of Route 53."""
        self._dns = answer

    def start(self) -> None:
        """Start answering."""
        self._load()
        self._server.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.stop()
        self._loader.shutdown()  # waits: a thread in the middle of an import must not outlive the sandbox

    def _load(self) -> Future[AwsServices]:
        with self._mutex:
            if self._loading is None:
                self._loading = self._loader.submit(_load_services, self._region, self._account_id)
            return self._loading

    # -- one call --------------------

    def _answer(self, exchange: Exchange) -> None:
        body = exchange.body.read()  # signed as a whole, and small
        service, key_id = signed_for(exchange)
        call = call_of(exchange, service, body)
        exchange.target = f"{call.service}:{call.name}"
        session = self.credentials.find(key_id, exchange.headers.get("X-Amz-Security-Token", ""))
        if session:
            # A machine that lives keeps its place; the log must name it even if the world has forgotten it.
            exchange.caller = replace(self._locate(session.machine), machine=session.machine)
        if self._faults.aws_down:
            exchange.error = "aws_down"
            exchange.hang_up()
            return
        try:
            if session is None:
                raise AwsRefused(
                    403, _UNKNOWN_KEYS.get(service, "InvalidClientTokenId"), "Unknown or expired keys"
                )
            self._authorize(call, session)
            if service == "sts":
                exchange.reply(200, self._sts(call, session), kind="text/xml")
            elif service == "route53" and self._dns is not None:
                exchange.reply(200, self._dns(call, exchange, body), kind="text/xml")
            else:
                status, headers, answer = self.services.call(exchange, body)
                kept = {name: value for name, value in headers.items() if name.lower() != "content-length"}
                exchange.reply(status, answer, kept)
        except UndecidableError as error:
            self._refuse(exchange, service, AwsRefused(501, "NotSimulated", str(error)))
        except AwsRefused as refusal:
            self._refuse(exchange, service, refusal)

    def _authorize(self, call: Call, session: Session) -> None:
        if call.service not in _SERVICES:
            message = f"{call.service}:{call.name} is not simulated: extend sandbox/clouds/aws_endpoint.py"
            raise AwsRefused(501, "NotSimulated", message)
        if call.action == "sts:GetCallerIdentity":
            return  # needs no permission (its API reference)
        statements = session.statements
        if statements is None:
            statements = aws_policies.statements_of(session.role_arn, self._store.find(_ROLE_POLICY))
        account = AccountPlace(self._region, self._account_id)
        for action, resource, context in demands(call, account, lambda: self.services):
            if not aws_policies.allowed(statements, action, resource, context):
                message = (
                    f"User: {session.role_arn} is not authorized to perform: {action} on "
                    f"resource: {resource} because no identity-based policy allows it"
                )
                code = "UnauthorizedOperation" if call.service == "ec2" else "AccessDenied"
                raise AwsRefused(403, code, message)

    def _sts(self, call: Call, session: Session) -> bytes:
        if call.name == "GetCallerIdentity":
            role = session.role_arn.rsplit("/", 1)[-1]
            who = session.instance.instance_id if session.instance else session.machine
            arn = f"arn:aws:sts::{session.account_id}:assumed-role/{role}/{who}"
            return _sts_result(
                call.name, {"Arn": arn, "UserId": f"AROASIMULATED:{who}", "Account": session.account_id}
            )
        if call.name != "GetWebIdentityToken":
            message = f"sts:{call.name} is not simulated: extend sandbox/clouds/aws_endpoint.py"
            raise AwsRefused(501, "NotSimulated", message)
        token = self.web_identity.token(
            session,
            audiences=members(call.parameters, "Audience"),
            algorithm=call.parameters.get("SigningAlgorithm", ""),
            seconds=int(call.parameters.get("DurationSeconds", DEFAULT_SECONDS)),
        )
        expires = datetime.fromtimestamp(token.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return _sts_result(call.name, {"WebIdentityToken": token.token, "Expiration": expires})

    def _refuse(self, exchange: Exchange, service: str, refusal: AwsRefused) -> None:
        """An error in the form that the service's protocol has for it, so that botocore reads its code."""
        exchange.error = refusal.code
        request_id, message = str(uuid.uuid4()), escape(refusal.message)
        error = f"<Error><Type>Sender</Type><Code>{refusal.code}</Code><Message>{message}</Message></Error>"
        if "X-Amz-Target" in exchange.headers:
            document = {"__type": refusal.code, "message": refusal.message}
            exchange.reply(refusal.status, json.dumps(document).encode(), kind="application/x-amz-json-1.1")
            return
        if service == "ec2":
            xml = f"<Response><Errors>{error}</Errors><RequestID>{request_id}</RequestID></Response>"
        elif service == "s3":
            xml = f"<Error><Code>{refusal.code}</Code><Message>{message}</Message></Error>"
        else:
            xml = f"<ErrorResponse>{error}<RequestId>{request_id}</RequestId></ErrorResponse>"
        exchange.reply(refusal.status, xml.encode(), kind="text/xml")


_UNKNOWN_KEYS = {
    "ec2": "AuthFailure",
    "monitoring": "InvalidClientTokenId",
    "s3": "InvalidAccessKeyId",
    "secretsmanager": "UnrecognizedClientException",
}


def _load_services(region: str, account_id: str) -> AwsServices:
    from sandbox.clouds.aws_services import AwsServices  # noqa: PLC0415 - importing moto takes seconds

    return AwsServices(region, account_id)


def _sts_result(name: str, fields: Mapping[str, str]) -> bytes:
    members = "".join(f"<{field}>{escape(value)}</{field}>" for field, value in fields.items())
    return (
        f'<{name}Response xmlns="{_STS_NAMESPACE}"><{name}Result>{members}</{name}Result>'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{name}Response>"
    ).encode()
