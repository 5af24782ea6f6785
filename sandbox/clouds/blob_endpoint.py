"""The Blob endpoint of one storage account: judges a request by what is deployed, then streams it to Azurite.

The order is the service's own: firewall, authentication, role, retention. Error codes are those of
learn.microsoft.com/rest/api/storageservices/blob-service-error-codes.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from html import escape
from http.client import HTTPResponse

from sandbox.clouds import azure_resources as azure
from sandbox.clouds.authorization import NetworkRules, Retention, UndecidableError, role_allows
from sandbox.clouds.blob_backend import (
    BackendGoneError,
    BlobBackend,
    ContainerNameError,
    backend_name,
    blob_list,
    container_list,
)
from sandbox.clouds.blob_operations import ADD, NotSimulatedError, Operation, operation
from sandbox.clouds.callers import INTERNET
from sandbox.clouds.entra import Entra, TokenRefused, groups_of
from sandbox.clouds.http_server import Exchange
from sandbox.faults import Faults
from sandbox.store import Resource, Store

_XML = "application/xml"
_MAX_LISTING = 64 * 1024 * 1024  # a page of 5,000 entries is far below; listings alone are held whole
_NOT_PASSED_ON = {"authorization", "host", "connection", "content-length", "transfer-encoding", "expect"}
_NOT_PASSED_BACK = {"connection", "keep-alive", "content-length", "transfer-encoding", "server", "date"}


class BlobRefused(Exception):
    """A request that the account refuses, with Azure's status and code."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


class _CutOffError(Exception):
    """The fault ``blob_cut``: nothing comes back."""


class BlobEndpoint:
    """Answers requests to ``https://<account>.blob.core.windows.net``.

    Args:
        account: the storage account's name.
        now: the clock that retention goes by, in UTC.
    """

    def __init__(
        self,
        account: str,
        *,
        store: Store,
        backend: BlobBackend,
        entra: Entra,
        faults: Faults,
        now: Callable[[], datetime],
    ) -> None:
        self._account = account
        self._store = store
        self._backend = backend
        self._entra = entra
        self._faults = faults
        self._now = now

    def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        if latency := self._faults.get("blob_latency_ms", 0.0):
            time.sleep(latency / 1000)
        comp = exchange.query.get("comp")
        exchange.target = f"{self._account}{exchange.path}{f' comp={comp}' if comp else ''}"
        try:
            self._answer(exchange)
        except BlobRefused as refusal:
            self._refuse(exchange, refusal)
        except _CutOffError:
            exchange.error = "blob_cut"
            exchange.hang_up()
        except (NotSimulatedError, ContainerNameError, UndecidableError) as error:
            self._refuse(exchange, BlobRefused(501, "NotSimulated", str(error)))
        except BackendGoneError as error:
            self._refuse(exchange, BlobRefused(500, "InternalError", str(error)))

    def _answer(self, exchange: Exchange) -> None:
        _, container, blob = (*exchange.path.split("/", 2), "", "")[:3]
        wanted = operation(exchange.method, container, blob, exchange.query, dict(exchange.headers.items()))
        if exchange.body.length is None:
            raise BlobRefused(
                411, "MissingContentLengthHeader", "The Content-Length header was not specified."
            )
        if random.random() < self._faults.get("blob_503_rate", 0.0):
            raise BlobRefused(503, "ServerBusy", "The server is busy.")
        account = azure.find_account(self._store, self._account)
        if account is None:
            raise BlobRefused(404, "ResourceNotFound", "The specified resource does not exist.")
        creating_only = self._authorize(exchange, wanted, account, container, blob)
        retention = self._retention(container)
        if retention:
            self._enforce_retention(retention, wanted, container, blob)
        self._forward(exchange, wanted, container, blob, creating_only, held=retention is not None)

    # -- who may --------------------

    def _authorize(
        self, exchange: Exchange, wanted: Operation, account: Resource, container: str, blob: str
    ) -> bool:
        """Refuse, or say whether the caller may only create and not replace."""
        claims, refusal = self._authenticate(exchange, account)
        exchange.caller = self._entra.caller(claims) if claims else INTERNET
        side = exchange.caller.side
        writes = exchange.method == "PUT"
        if self._faults.strikes("blob_cut", side, container, blob) or (
            writes and self._faults.strikes("blob_put_cut", side, container, blob)
        ):
            raise _CutOffError
        subnets = self._store.find(azure.SUBNET)
        rules = NetworkRules.of_account(account.inputs)
        admitted = rules.admit(exchange.caller, service="Microsoft.Storage", subnets=subnets)
        if not admitted or self._faults.strikes("blob_denied", side, container, blob):
            raise BlobRefused(
                403, "AuthorizationFailure", "This request is not authorized to perform this operation."
            )
        if refusal:
            raise refusal

        resource_id = f"{account.id}/blobServices/default/containers/{container}" if container else account.id

        def allowed(action: str, *, data: bool) -> bool:
            return role_allows(
                action,
                data=data,
                principal_id=str((claims or {}).get("oid", "")),
                groups=groups_of(claims or {}),
                resource_id=resource_id,
                assignments=self._store.find(azure.ROLE_ASSIGNMENT),
                definitions=self._store.find(azure.ROLE_DEFINITION),
            )

        if allowed(wanted.action, data=wanted.data):
            return False
        if wanted.or_add and allowed(ADD, data=True):
            return True
        raise _permission_mismatch()

    def _authenticate(
        self, exchange: Exchange, account: Resource
    ) -> tuple[Mapping[str, object] | None, BlobRefused | None]:
        """The token's claims if its signature is good, and why the request is refused, if it is."""
        scheme, _, credential = exchange.headers.get("Authorization", "").partition(" ")
        if "sig" in exchange.query or scheme in ("SharedKey", "SharedKeyLite"):
            if account.inputs.get("allowSharedKeyAccess", True):
                message = (
                    "The sandbox's accounts have no keys: use a token (sandbox/clouds/blob_endpoint.py)."
                )
                return None, BlobRefused(403, "AuthenticationFailed", message)
            message = "Key based authentication is not permitted on this storage account."
            return None, BlobRefused(403, "KeyBasedAuthenticationNotPermitted", message)
        challenge = {
            "WWW-Authenticate": f"Bearer authorization_uri={self._entra.authorization_uri()} "
            "resource_id=https://storage.azure.com"
        }
        if scheme != "Bearer":
            message = (
                "Server failed to authenticate the request. Please refer to the www-authenticate header."
            )
            return None, BlobRefused(401, "NoAuthenticationInformation", message, challenge)
        audiences = ("https://storage.azure.com", f"https://{self._account}.blob.core.windows.net")
        try:
            return self._entra.verify(credential, audiences), None
        except TokenRefused as error:
            message = f"Server failed to authenticate the request: {error}"
            return error.claims, BlobRefused(401, "InvalidAuthenticationInfo", message, challenge)

    # -- what is held --------------------

    def _retention(self, container: str) -> Retention | None:
        policies = self._store.find(
            azure.IMMUTABILITY_POLICY, accountName=self._account, containerName=container
        )
        return Retention.of_container(policies)

    def _enforce_retention(self, retention: Retention, wanted: Operation, container: str, blob: str) -> None:
        if wanted.name == "DeleteContainer" and not self._is_empty(container):
            raise BlobRefused(
                409,
                "ContainerProtectedFromDeletion",
                "The container is protected from deletion due to its immutability policy.",
            )
        if wanted.effect in ("read", "put", "attend"):
            return  # a put is made create-only on its way to Azurite, which decides it without a race
        if wanted.effect == "append" and retention.append_allowed:
            return
        created = self._creation_time(container, blob)
        if created is None:
            return
        if wanted.effect == "delete" and not retention.forbids_delete(created, self._now()):
            return
        raise _immutable()

    def _creation_time(self, container: str, blob: str) -> datetime | None:
        with self._backend.send("HEAD", backend_name(self._account, container), blob) as response:
            created = response.headers.get("x-ms-creation-time")
            return parsedate_to_datetime(created) if response.status == 200 and created else None

    def _is_empty(self, container: str) -> bool:
        query = {"restype": "container", "comp": "list", "maxresults": "1"}
        with self._backend.send("GET", backend_name(self._account, container), query=query) as response:
            return b"<Blob>" not in response.read(_MAX_LISTING)

    # -- on to Azurite --------------------

    def _forward(
        self,
        exchange: Exchange,
        wanted: Operation,
        container: str,
        blob: str,
        creating_only: bool,
        *,
        held: bool,
    ) -> None:
        headers = {
            name: value for name, value in exchange.headers.items() if name.lower() not in _NOT_PASSED_ON
        }
        query = dict(exchange.query)
        own_condition = exchange.headers.get("If-None-Match")
        if wanted.effect == "put" and (held or creating_only):
            if exchange.headers.get("If-Match"):  # only of something that exists, so an overwrite
                raise _immutable() if held else _permission_mismatch()
            headers = {name: value for name, value in headers.items() if name.lower() != "if-none-match"}
            headers["If-None-Match"] = "*"
        if wanted.name == "ListContainers":
            query["prefix"] = (
                self._account if not query.get("prefix") else f"{self._account}-{query['prefix']}"
            )
        with self._backend.send(
            exchange.method,
            backend_name(self._account, container) if container else "",
            blob,
            query=query,
            headers=headers,
            body=exchange.body,
        ) as response:
            exchange.error = response.headers.get("x-ms-error-code")
            if exchange.error == "BlobAlreadyExists" and own_condition is None:
                response.read(_MAX_LISTING)
                raise _immutable() if held else _permission_mismatch()
            self._pass_back(exchange, wanted, container, response)

    def _pass_back(
        self, exchange: Exchange, wanted: Operation, container: str, response: HTTPResponse
    ) -> None:
        headers = {
            name: value for name, value in response.headers.items() if name.lower() not in _NOT_PASSED_BACK
        }
        if wanted.name in ("ListContainers", "ListBlobs") and response.status == 200:
            endpoint = f"https://{self._account}.blob.core.windows.net/"
            xml = response.read(_MAX_LISTING).decode()
            if wanted.name == "ListBlobs":
                xml = blob_list(container, xml, endpoint)
            else:
                xml = container_list(self._account, xml, endpoint, exchange.query.get("prefix", ""))
            exchange.reply(200, xml.encode(), headers)
            return
        announced = response.headers.get("Content-Length")
        length = int(announced) if announced else None
        exchange.relay(response.status, headers, self._backend.pieces(response), length)

    def _refuse(self, exchange: Exchange, refusal: BlobRefused) -> None:
        request_id = str(uuid.uuid4())
        exchange.error = refusal.code
        body = (
            f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{refusal.code}</Code>'
            f"<Message>{escape(refusal.message)}\nRequestId:{request_id}\nTime:{self._now().isoformat()}</Message></Error>"
        ).encode()
        headers = {"x-ms-error-code": refusal.code, "x-ms-request-id": request_id, **refusal.headers}
        exchange.reply(refusal.status, body, headers, kind=_XML)


def _immutable() -> BlobRefused:
    return BlobRefused(
        409,
        "BlobImmutableDueToPolicy",
        "This operation is not permitted as the blob is immutable due to a policy.",
    )


def _permission_mismatch() -> BlobRefused:
    return BlobRefused(
        403,
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
    )
