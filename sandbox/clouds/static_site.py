"""The static website endpoint of one storage account: ``$web``, readable by everybody.

learn.microsoft.com/azure/storage/blobs/storage-blob-static-website: GET and HEAD only, index document per
folder, error document with status 404. The account's firewall holds here too, so the site needs an open
account.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from http.client import HTTPResponse
from typing import Any

from sandbox.clouds import azure_resources as azure
from sandbox.clouds.authorization import NetworkRules
from sandbox.clouds.blob_backend import BlobBackend, backend_name
from sandbox.clouds.callers import INTERNET
from sandbox.clouds.http_server import Exchange
from sandbox.store import Store

_PASSED_ON = ("range", "if-none-match", "if-match", "if-modified-since", "if-unmodified-since")
_PASSED_BACK = (
    "content-type",
    "content-encoding",
    "content-range",
    "cache-control",
    "etag",
    "last-modified",
    "accept-ranges",
)
_FOUND = (200, 206, 304)


class StaticSite:
    """Answers requests to ``https://<account>.<zone>.web.core.windows.net``.

    Args:
        account: the storage account's name.
        hosts: Host headers (without port) that mean this site: its name, and the loopback address that stands
            for it. Any other is refused, as by Azure's shared front end, which then does not know the
            account.
    """

    def __init__(self, account: str, *, hosts: frozenset[str], store: Store, backend: BlobBackend) -> None:
        self._account = account
        self._hosts = hosts
        self._store = store
        self._backend = backend

    def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        exchange.target = f"{self._account}{exchange.path}"
        host = exchange.headers.get("Host", "").rpartition(":")[0] or exchange.headers.get("Host", "")
        account = azure.find_account(self._store, self._account)
        site = next(iter(self._store.find(azure.STATIC_WEBSITE, accountName=self._account)), None)
        if host.lower() not in self._hosts:
            _fail(exchange, 400, "InvalidUri", f"No account is known by the host name {host}.")
        elif account is None or site is None:
            _fail(exchange, 404, "WebsiteDisabled", "The web site is not enabled on the storage account.")
        elif not NetworkRules.of_account(account.inputs).admit(
            INTERNET, service="Microsoft.Storage", subnets=()
        ):
            _fail(
                exchange,
                403,
                "AuthorizationFailure",
                "This request is not authorized to perform this operation.",
            )
        elif exchange.method not in ("GET", "HEAD"):
            _fail(
                exchange, 405, "UnsupportedHttpVerb", "The resource doesn't support the specified HTTP verb."
            )
        else:
            self._serve(exchange, site.inputs)

    def _serve(self, exchange: Exchange, site: Mapping[str, Any]) -> None:
        blob = exchange.path.lstrip("/")
        if not blob or blob.endswith("/"):
            blob += site.get("indexDocument") or ""
        if blob and not blob.endswith("/") and self._send(exchange, blob, as_status=None):
            return
        exchange.error = "WebContentNotFound"
        error_document = site.get("error404Document")
        if error_document and self._send(exchange, error_document, as_status=404):
            return
        _fail(exchange, 404, "WebContentNotFound", "The requested content does not exist.")

    def _send(self, exchange: Exchange, blob: str, *, as_status: int | None) -> bool:
        """Send a blob of ``$web``, with another status if given; False when there is none."""
        headers = {name: exchange.headers[name] for name in _PASSED_ON if name in exchange.headers}
        container = backend_name(self._account, "$web")
        with self._backend.send(
            exchange.method, container, blob, headers={} if as_status else headers
        ) as response:
            if response.status in _FOUND:
                self._pass_back(exchange, response, as_status or response.status)
                return True
            response.read()
            if response.status == 404:
                return False
            _fail(exchange, response.status, response.headers.get("x-ms-error-code", ""), response.reason)
            return True

    def _pass_back(self, exchange: Exchange, response: HTTPResponse, status: int) -> None:
        headers = {name: response.headers[name] for name in _PASSED_BACK if name in response.headers}
        length = response.headers.get("Content-Length")
        exchange.relay(status, headers, self._backend.pieces(response), int(length) if length else None)


def _fail(exchange: Exchange, status: int, code: str, message: str) -> None:
    exchange.error = code
    page = (
        f"<!DOCTYPE html><html><head><title>{code}</title></head><body><h1>{escape(message)}</h1>"
        f"<ul><li>HttpStatusCode: {status}</li><li>ErrorCode: {code}</li></ul></body></html>"
    )
    exchange.reply(status, page.encode(), {"x-ms-error-code": code}, kind="text/html")
