"""The gate before Azurite: HTTPS listeners for the blobs and for the site of every deployed storage account.

Azurite knows nothing of roles, firewalls, retention and identities; ``blob_endpoint.py`` and
``static_site.py`` decide those from the program's own resources. Here are the listeners, and a trusted path
for what the deployer's tools do with blobs (``storage.Blob`` resources, uploads of the application's CI): it
goes by no role and no firewall, but retention holds for it as for everybody.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from html import unescape
from http.client import HTTPResponse
from urllib.parse import urlsplit

from sandbox.ca import Authority
from sandbox.clouds import azure_resources as azure
from sandbox.clouds.authorization import Retention
from sandbox.clouds.blob_backend import Azurite, BlobBackend, backend_name
from sandbox.clouds.blob_endpoint import BlobEndpoint, BlobRefused
from sandbox.clouds.entra import Entra
from sandbox.clouds.http_server import HttpServer
from sandbox.clouds.request_log import RequestLog
from sandbox.clouds.static_site import StaticSite
from sandbox.faults import Faults
from sandbox.network import Network
from sandbox.store import Store

_WEB_ZONE = (
    "z12"  # Korea Central's part of a static site's host name, used when the account's outputs do not say
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Gate:
    """All storage accounts' data planes.

    Args:
        store: resources of azure-native.
        azurite: the running Azurite.
        now: the clock that retention goes by, in UTC.
    """

    def __init__(
        self,
        *,
        store: Store,
        network: Network,
        authority: Authority,
        azurite: Azurite,
        entra: Entra,
        faults: Faults,
        log: RequestLog,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._store = store
        self._network = network
        self._authority = authority
        self._backend = BlobBackend(azurite)
        self._entra = entra
        self._faults = faults
        self._log = log
        self._now = now
        self._mutex = threading.Lock()
        self._servers: dict[str, list[HttpServer]] = {}

    def start(self) -> None:
        """Open every account that is already deployed."""
        for account in self._store.find(azure.STORAGE_ACCOUNT):
            self.open_account(account.inputs["accountName"])

    def stop(self) -> None:
        """Close all listeners."""
        for name in list(self._servers):
            self.close_account(name)
        self._backend.close()

    # -- accounts and containers, as resources come and go --------------------

    def open_account(self, name: str) -> None:
        """Start answering for a storage account; nothing happens when it is open."""
        with self._mutex:
            if name in self._servers:
                return
            blob_host, web_host = self.hosts(name)
            endpoint = BlobEndpoint(
                name,
                store=self._store,
                backend=self._backend,
                entra=self._entra,
                faults=self._faults,
                now=self._now,
            )
            known_as = frozenset((web_host, self._network.address(web_host)))
            site = StaticSite(name, hosts=known_as, store=self._store, backend=self._backend)
            self._servers[name] = [
                self._listen("blob", blob_host, endpoint),
                self._listen("site", web_host, site),
            ]

    def close_account(self, name: str) -> None:
        """Stop answering for an account; its blobs stay in Azurite until its containers are deleted."""
        with self._mutex:
            for server in self._servers.pop(name, []):
                server.stop()

    def hosts(self, name: str) -> tuple[str, str]:
        """The host names of an account's blob and static site endpoints."""
        account = azure.find_account(self._store, name)
        endpoints: Mapping[str, str] = (account.outputs.get("primaryEndpoints") or {}) if account else {}
        blob = urlsplit(endpoints.get("blob", "")).hostname or f"{name}.blob.core.windows.net"
        web = urlsplit(endpoints.get("web", "")).hostname or f"{name}.{_WEB_ZONE}.web.core.windows.net"
        return blob, web

    def create_container(self, account: str, container: str) -> None:
        """Make a container (``$web`` for a static site); nothing happens when it exists."""
        with self._send("PUT", account, container, query={"restype": "container"}) as response:
            _expect(response, 201, 409)

    def delete_container(self, account: str, container: str) -> None:
        """Delete a container and its blobs; nothing happens when there is none.

        Raises:
            BlobRefused: it holds blobs under a retention policy.
        """
        if self._retention(account, container) and self.list_as_operator(account, container):
            message = "The container is protected from deletion due to its immutability policy."
            raise BlobRefused(409, "ContainerProtectedFromDeletion", message)
        with self._send("DELETE", account, container, query={"restype": "container"}) as response:
            _expect(response, 202, 404)

    # -- blobs, as the deployer's tools handle them --------------------

    def put_as_operator(
        self, account: str, container: str, blob: str, data: bytes, content_type: str
    ) -> None:
        """Write a block blob whole.

        Raises:
            BlobRefused: no such container, or the blob exists under a retention policy.
        """
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": content_type}
        if self._retention(account, container):
            headers["If-None-Match"] = "*"
        with self._send("PUT", account, container, blob, headers=headers, body=data) as response:
            _expect(response, 201)

    def get_as_operator(self, account: str, container: str, blob: str) -> bytes | None:
        """A blob's content, None when there is no such blob or container."""
        with self._send("GET", account, container, blob) as response:
            data = _expect(response, 200, 404)
            return data if response.status == 200 else None

    def delete_as_operator(self, account: str, container: str, blob: str) -> None:
        """Delete a blob; nothing happens when there is none.

        Raises:
            BlobRefused: it is held by a retention policy.
        """
        retention = self._retention(account, container)
        if retention and self.get_as_operator(account, container, blob) is not None:
            # Nothing the program deploys is ever old enough, so the operator's path does not ask for its age.
            message = "This operation is not permitted as the blob is immutable due to a policy."
            raise BlobRefused(409, "BlobImmutableDueToPolicy", message)
        with self._send("DELETE", account, container, blob) as response:
            _expect(response, 202, 404)

    def list_as_operator(self, account: str, container: str, prefix: str = "") -> list[str]:
        """The names of a container's blobs, in the service's order; empty when there is no such container."""
        names: list[str] = []
        marker = ""
        while True:
            query = {"restype": "container", "comp": "list", "prefix": prefix, "marker": marker}
            with self._send("GET", account, container, query=query) as response:
                xml = _expect(response, 200, 404).decode()
            names += [unescape(name) for name in re.findall(r"<Blob><Name>([^<]*)</Name>", xml)]
            following = re.search(r"<NextMarker>([^<]+)</NextMarker>", xml)
            if not following:
                return names
            marker = unescape(following[1])

    def _listen(self, service: str, host: str, answer: BlobEndpoint | StaticSite) -> HttpServer:
        endpoint = self._network.endpoint(host, 443)
        certificate = self._authority.issue([host, endpoint[0]])
        server = HttpServer(service, endpoint, answer, log=self._log, certificate=certificate)
        server.start()
        return server

    def _retention(self, account: str, container: str) -> Retention | None:
        return Retention.of_container(
            self._store.find(azure.IMMUTABILITY_POLICY, accountName=account, containerName=container)
        )

    def _send(
        self,
        method: str,
        account: str,
        container: str,
        blob: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> AbstractContextManager[HTTPResponse]:
        return self._backend.send(
            method, backend_name(account, container), blob, query=query, headers=headers, body=body
        )


def _expect(response: HTTPResponse, *statuses: int) -> bytes:
    """The body of an answer with one of the expected statuses; BlobRefused for any other."""
    body = response.read()
    if response.status not in statuses:
        code = response.headers.get("x-ms-error-code", "")
        raise BlobRefused(response.status, code, f"Azurite answered {response.status} {response.reason}")
    return body
