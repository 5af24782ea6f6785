"""HTTP(S) requests to simulated hosts, as a service of the sandbox makes them."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.parse
from pathlib import Path

from sandbox.network import Network


class Unreachable(OSError):
    """No answer: no connection, a bad certificate, or not in time."""


def get(
    network: Network,
    url: str,
    *,
    ca_file: Path,
    timeout_s: float,
    host: str | None = None,
    limit: int = 1 << 20,
) -> tuple[int, bytes]:
    """GET ``url`` at the local address that stands for its host.

    Args:
        network: where hosts are.
        url: http or https.
        ca_file: what an HTTPS certificate must chain to.
        timeout_s: for connecting and for each read.
        host: Host header and server name where they differ from the URL's.
        limit: at most so many bytes of the body are read.

    Returns:
        Status and body.

    Raises:
        Unreachable: nothing usable came back.
    """
    parts = urllib.parse.urlsplit(url)
    secure = parts.scheme == "https"
    place = parts.hostname or ""
    name = host or place
    where = network.endpoint(place, parts.port or (443 if secure else 80))
    client = http.client.HTTPConnection(name)
    try:
        connection = socket.create_connection(where, timeout_s)
        client.sock = connection
        if secure:
            context = ssl.create_default_context(cafile=str(ca_file))
            client.sock = context.wrap_socket(connection, server_hostname=name)
        client.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        answer = client.getresponse()
        return answer.status, answer.read(limit)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{url} (at {where[0]}:{where[1]}): {error or type(error).__name__}") from error
    finally:
        client.close()
