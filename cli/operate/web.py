"""What the world sees: DNS answers for the public name, and pages over HTTPS. Needs no credential."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import dns.exception
import dns.resolver

from cli.problem import Problem
from sandbox.network import local_port

SANDBOX_WEB = "DR_SANDBOX_WEB"
"""Only ``./dr sandbox env`` sets it: JSON with ``network`` (the file that leads simulated hosts to this
machine's loopback addresses, docs/adr/0002), ``resolver`` (``address:port``) and ``ca`` (a PEM file)."""
PAGE_WORDS = "PetClinic is being restored"  # the headline of components/azure/page.html
_TIMEOUT_S = 10.0
_LONGEST_PAGE = 100_000  # bytes


class NoAnswer(ConnectionError):
    """The name or the page cannot be had; the text says why."""


@dataclass(frozen=True)
class Page:
    """An HTTP answer."""

    status: int
    body: str


def addresses(name: str) -> tuple[str, ...]:
    """The IPv4 addresses that DNS answers for ``name`` now, sorted.

    Raises:
        NoAnswer: none.
    """
    try:
        answer = _resolver().resolve(name, "A", lifetime=_TIMEOUT_S)
    except (dns.exception.DNSException, OSError) as error:
        raise NoAnswer(f"{name} has no address: {error}") from error
    return tuple(sorted(record.to_text() for record in answer))


def _resolver() -> dns.resolver.Resolver:
    simulated = _simulated()
    if simulated is None:
        return dns.resolver.get_default_resolver()
    host, _, port = str(simulated["resolver"]).rpartition(":")
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [host], int(port)
    return resolver


def get(host: str, path: str, *, at: str = "") -> Page:
    """GET ``https://<host><path>``; the certificate has to be good for ``host``.

    Args:
        at: connect to this address or name instead; what is asked for stays ``host``.

    Raises:
        NoAnswer: no connection, a bad certificate, no HTTP.
    """
    where = at or host
    try:
        with (
            socket.create_connection(_route(where), timeout=_TIMEOUT_S) as plain,
            _tls().wrap_socket(plain, server_hostname=host) as connection,
        ):
            client = http.client.HTTPConnection(host)
            client.sock = connection
            client.request("GET", path, headers={"Host": host, "User-Agent": "petclinic-dr"})
            response = client.getresponse()
            return Page(response.status, response.read(_LONGEST_PAGE).decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"https://{host}{path} at {where}: {error or repr(error)}") from error


def _route(host: str) -> tuple[str, int]:
    simulated = _simulated()
    if simulated is None:
        return host, 443
    network: dict[str, Any] = json.loads(Path(simulated["network"]).read_text(encoding="utf-8"))
    number = network["hosts"].get(host.lower().rstrip("."))
    if number is None:
        raise NoAnswer(f"this shell belongs to a sandbox, which has no host {host}")
    return f"{network['prefix']}.{number}", local_port(443)


def _tls() -> ssl.SSLContext:
    simulated = _simulated()
    return ssl.create_default_context(cafile=str(simulated["ca"]) if simulated else None)


def _simulated() -> dict[str, Any] | None:
    text = os.environ.get(SANDBOX_WEB)
    if text is None:
        return None
    try:
        document: object = json.loads(text)
        found = cast("dict[str, Any]", document)
        return {key: found[key] for key in ("network", "resolver", "ca")}
    except (ValueError, KeyError, TypeError) as error:
        raise Problem(
            f'{SANDBOX_WEB} is {text!r}, not what a sandbox sets: run eval "$(./dr sandbox env)"'
        ) from error
