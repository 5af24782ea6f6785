"""The Application Gateway: a real nginx made from the resource's own inputs.

Health: one prober thread per gateway asks every server of every pool as its probe says (interval divided by
the time factor), and leaves a file beside nginx's configuration for each pool without a healthy server; nginx
looks for that file on every request and answers 502 itself, with the custom page. Within a pool of several
servers nginx passes a failed attempt on to the next one. A network security group's source addresses are not
enforced: every client here comes from 127.0.0.1.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.clouds.gateway_plan import GatewayPlan, GatewayRefused, Listener, Probe, Route, Settings
from sandbox.clouds.nginx import Nginx, quoted
from sandbox.clouds.web_client import Unreachable, get
from sandbox.network import Network

_PAGE_LIMIT = 1 << 20  # custom-error.md: less than 1 MB
_SHORTEST_INTERVAL_S = 0.2
_LONGEST_PROBE_S = 5.0  # a probe that hangs must not hold up the others for the full 30 s


@dataclass(frozen=True)
class Pem:
    """A certificate chain and its key, PEM."""

    certificate: bytes
    key: bytes


class Gateway:
    """One running gateway.

    Args:
        program: argv prefix of nginx.
        folder: nginx's folder.
        network: where backends and the public address are.
        ca_file: what HTTPS backends and error pages must chain to.
        certificate_for: reads a certificate by its key vault URL with one of the gateway's identities; raises
            GatewayRefused when it cannot.
        time_factor: divides probe intervals.
    """

    def __init__(
        self,
        program: Sequence[str],
        folder: Path,
        network: Network,
        *,
        ca_file: Path,
        certificate_for: Callable[[str, tuple[str, ...]], Pem],
        time_factor: float,
    ) -> None:
        self.folder = folder
        self._network = network
        self._ca_file = ca_file
        self._certificate_for = certificate_for
        self._time_factor = time_factor
        self._nginx = Nginx(program, folder / "nginx")
        self._mutex = threading.Lock()
        self._plan: GatewayPlan | None = None
        self._stopped = threading.Event()
        self._prober: threading.Thread | None = None
        for name in ("pages", "certificates", "unhealthy"):
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def running(self) -> bool:
        """Whether nginx lives."""
        return self._nginx.running

    def apply(self, plan: GatewayPlan) -> None:
        """Create or update: fetch pages and certificates, probe once, then switch nginx over.

        Raises:
            GatewayRefused: an error page or a certificate cannot be read; what ran before goes on.
            NginxError: nginx refuses the configuration; what ran before goes on.
        """
        with self._mutex:
            for listener in plan.listeners:
                for url in listener.error_pages.values():
                    self._fetch_page(url)
                if listener.secret_url:
                    self._write_certificate(listener.secret_url, plan.identities)
            self._end_prober()
            failures = {route: self._first_look(route) for route in _probed(plan)}
            self._nginx.start(self._config(plan))
            self._plan = plan
            self._stopped = threading.Event()
            self._prober = threading.Thread(
                target=self._probe_forever, args=(failures, self._stopped), name="gateway prober", daemon=True
            )
            self._prober.start()

    def stop(self) -> None:
        """End nginx and the prober."""
        with self._mutex:
            self._end_prober()
            self._nginx.stop()

    def _end_prober(self) -> None:
        self._stopped.set()
        if self._prober is not None:
            self._prober.join()
            self._prober = None

    # --- what the gateway downloads ---------------------------------------------------------------------

    def _page_file(self, url: str) -> Path:
        return self.folder / "pages" / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.html"

    def _fetch_page(self, url: str) -> None:
        """Once per URL: the gateway caches a page, and a new one needs a new URL (custom-error.md)."""
        file = self._page_file(url)
        if file.exists():
            return
        try:
            status, body = get(self._network, url, ca_file=self._ca_file, timeout_s=5, limit=_PAGE_LIMIT)
        except Unreachable as error:
            raise GatewayRefused(f"ApplicationGatewayCustomErrorPageUnreachable: {error}") from error
        if status != 200 or len(body) >= _PAGE_LIMIT:
            raise GatewayRefused(
                f"ApplicationGatewayCustomErrorPageUnreachable: {url}: {status} with {len(body)} bytes"
            )
        temporary = file.with_suffix(".tmp")
        temporary.write_bytes(body)
        temporary.replace(file)

    def _certificate_files(self, secret_url: str) -> tuple[Path, Path]:
        stem = self.folder / "certificates" / hashlib.sha256(secret_url.encode()).hexdigest()[:16]
        return stem.with_suffix(".pem"), stem.with_suffix(".key")

    def _write_certificate(self, secret_url: str, identities: tuple[str, ...]) -> None:
        pem = self._certificate_for(secret_url, identities)
        for file, content in zip(
            self._certificate_files(secret_url), (pem.certificate, pem.key), strict=True
        ):
            file.touch(mode=0o600)
            file.write_bytes(content)

    # --- health -----------------------------------------------------------------------------------------

    def _flag(self, route: Route) -> Path:
        settings = route.settings
        return self.folder / "unhealthy" / f"{route.pool}--{settings.name if settings else ''}"

    def _first_look(self, route: Route) -> dict[str, int]:
        assert route.settings is not None  # noqa: S101 - _probed leaves redirects out
        threshold = route.settings.probe.threshold
        failures = {
            server: 0 if self._answers(server, route.settings) else threshold for server in route.servers
        }
        self._mark(route, failures)
        return failures

    def _mark(self, route: Route, failures: dict[str, int]) -> None:
        assert route.settings is not None  # noqa: S101 - _probed leaves redirects out
        threshold = route.settings.probe.threshold
        if any(count < threshold for count in failures.values()):
            self._flag(route).unlink(missing_ok=True)
        else:
            self._flag(route).touch(mode=0o600)

    def _probe_forever(self, failures: dict[Route, dict[str, int]], stopped: threading.Event) -> None:
        due = {route: time.monotonic() + self._interval(route) for route in failures}
        while not stopped.is_set():
            for route, counts in failures.items():
                if due[route] > time.monotonic() or route.settings is None:
                    continue
                for server in counts:
                    counts[server] = 0 if self._answers(server, route.settings) else counts[server] + 1
                if not stopped.is_set():
                    self._mark(route, counts)
                due[route] = time.monotonic() + self._interval(route)
            stopped.wait(max(0.05, min(due.values(), default=time.monotonic() + 1) - time.monotonic()))

    def _interval(self, route: Route) -> float:
        wanted = route.settings.probe.interval_s if route.settings else 30.0
        return max(wanted / self._time_factor, _SHORTEST_INTERVAL_S)

    def _answers(self, server: str, settings: Settings) -> bool:
        probe: Probe = settings.probe
        host = probe.host or settings.host or server
        url = f"{settings.protocol}://{server}:{settings.port}{probe.path}"
        try:
            status, _ = get(
                self._network,
                url,
                ca_file=self._ca_file,
                timeout_s=min(probe.timeout_s, _LONGEST_PROBE_S),
                host=host,
                limit=1024,
            )
        except Unreachable:
            return False
        return any(low <= status <= high for low, high in probe.statuses)

    def health(self) -> dict[str, bool]:
        """Per pool and settings (``pool--settings``): is any server healthy? Redirects are left out."""
        plan = self._plan
        routes = _probed(plan) if plan else []
        return {self._flag(route).name: not self._flag(route).exists() for route in routes}

    def urls(self) -> dict[str, str]:
        """Local address of each listener, by its name."""
        found: dict[str, str] = {}
        for listener in self._plan.listeners if self._plan else ():
            address, port = self._network.endpoint(listener.public_ip, listener.port)
            found[listener.name] = f"{'https' if listener.secure else 'http'}://{address}:{port}"
        return found

    # --- nginx ------------------------------------------------------------------------------------------

    def _config(self, plan: GatewayPlan) -> str:
        seen: set[tuple[str, int]] = set()
        parts = [self._upstream(route) for route in _probed(plan) if route.servers]
        for listener in plan.listeners:
            place = self._network.endpoint(listener.public_ip, listener.port)
            parts.append(self._server(listener, plan, place, first=place not in seen))
            seen.add(place)
        return "\n".join(parts)

    def _upstream(self, route: Route) -> str:
        assert route.settings is not None  # noqa: S101 - _probed leaves redirects out
        lines = ""
        for server in route.servers:
            address, port = self._network.endpoint(server, route.settings.port)
            lines += f" server {address}:{port} max_fails=0;"
        return f"upstream {quoted(self._flag(route).name)} {{{lines} }}"

    def _server(self, listener: Listener, plan: GatewayPlan, place: tuple[str, int], *, first: bool) -> str:
        lines = [
            f"listen {place[0]}:{place[1]}{' ssl' * listener.secure}{' reuseport' * first};",
            f"server_name {' '.join(quoted(host) for host in listener.hosts) or '_'};",
            "client_max_body_size 0;",
        ]
        if listener.secret_url:
            certificate, key = self._certificate_files(listener.secret_url)
            lines += [
                f"ssl_certificate {quoted(certificate)};",
                f"ssl_certificate_key {quoted(key)};",
                f"ssl_protocols {plan.tls_protocols};",
            ]
        for status, url in sorted(listener.error_pages.items()):
            page = f"/.gateway-error-{status}.html"
            lines += [
                f"error_page {status} {page};",
                f"location = {page} {{ internal; alias {quoted(self._page_file(url))}; }}",
            ]
        lines.append("location / {\n    " + "\n    ".join(self._location(listener)) + "\n  }")
        return "server {\n  " + "\n  ".join(lines) + "\n}"

    def _location(self, listener: Listener) -> list[str]:
        route = listener.route
        if route.redirect:
            return [f'return {route.redirect[0]} "{route.redirect[1]}";']
        settings = route.settings
        if not route.servers or settings is None:
            return ["return 502;"]  # a pool without servers has no healthy one
        host = settings.host or (route.servers[0] if settings.pick_host else "$host")
        lines = [
            f"if (-f {quoted(self._flag(route))}) {{ return 502; }}",
            f"proxy_pass {settings.protocol}://{self._flag(route).name}{settings.path};",
            "proxy_http_version 1.1;",
            f"proxy_set_header Host {host};",
            'proxy_set_header Connection "";',
            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
            f"proxy_set_header X-Forwarded-Proto {'https' if listener.secure else 'http'};",
            f"proxy_set_header X-Forwarded-Port {listener.port};",
            "proxy_set_header X-Original-Host $host;",
            f"proxy_read_timeout {settings.timeout_s:g}s;",
            "proxy_connect_timeout 5s;",
        ]
        if settings.protocol == "https":
            lines += [
                "proxy_ssl_server_name on;",
                f"proxy_ssl_name {host};",
                "proxy_ssl_verify on;",
                "proxy_ssl_verify_depth 3;",
                f"proxy_ssl_trusted_certificate {quoted(self._ca_file)};",
            ]
        return lines


def _probed(plan: GatewayPlan) -> list[Route]:
    """Every pair of pool and settings once, redirects left out."""
    routes = (listener.route for listener in plan.listeners)
    return list(dict.fromkeys(route for route in routes if route.settings is not None))
