"""The Application Load Balancer that stands before PetClinic in AWS: nginx with real target health checks."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.clouds import route53_rules
from sandbox.clouds.nginx import Nginx, quoted
from sandbox.clouds.route53_health import Counter
from sandbox.network import Network

# Elastic Load Balancing's defaults for an instance or IP target group behind the AWS Load Balancer Controller
# (annotations healthcheck-interval-seconds 15, -timeout-seconds 5, healthy/unhealthy-threshold-count 2).
INTERVAL_S, TIMEOUT_S, THRESHOLD = 15.0, 5.0, 2
_SHORTEST_INTERVAL_S = 0.2


@dataclass(frozen=True)
class Target:
    """One registered target of the only target group."""

    host: str
    port: int
    path: str


class AppLoadBalancer:
    """TLS in, HTTP to the target; fails open (sends to unhealthy targets when all are), as the real one.

    Args:
        program: argv prefix of nginx.
        folder: nginx's folder.
        network: where the names and addresses live.
        name: the load balancer's DNS name.
        addresses: its public addresses, aliased to the same machine.
        target: where requests go.
        certificate: files of certificate chain and key for the public name and ``name``.
        time_factor: divides the interval of the target health checks.
    """

    def __init__(
        self,
        program: Sequence[str],
        folder: Path,
        network: Network,
        *,
        name: str,
        addresses: tuple[str, ...],
        target: Target,
        certificate: tuple[Path, Path],
        time_factor: float,
    ) -> None:
        self.name = name.lower().rstrip(".")
        self.addresses = addresses
        self._network = network
        self._target = target
        self._certificate = certificate
        self._interval_s = max(INTERVAL_S / time_factor, _SHORTEST_INTERVAL_S)
        self._nginx = Nginx(program, folder)
        self._counter = Counter(THRESHOLD)
        self._stopped = threading.Event()
        self._prober: threading.Thread | None = None
        network.address(self.name)
        for address in addresses:
            network.alias(address, self.name)

    def start(self) -> None:
        """Serve on ports 80 (redirect) and 443.

        Raises:
            NginxError: nginx did not start.
        """
        self._nginx.start(self._config())
        self._counter, self._stopped = Counter(THRESHOLD), threading.Event()
        self._prober = threading.Thread(
            target=self._probe, args=(self._counter, self._stopped), name="target health", daemon=True
        )
        self._prober.start()

    def _config(self) -> str:
        address, port = self._network.endpoint(self.name, 443)
        _, plain_port = self._network.endpoint(self.name, 80)
        target, target_port = self._network.endpoint(self._target.host, self._target.port)
        certificate, key = self._certificate
        return (
            f"server {{ listen {address}:{plain_port} reuseport; return 301 https://$host$request_uri; }}\n"
            "server {\n"
            f"  listen {address}:{port} ssl reuseport;\n"
            f"  ssl_certificate {quoted(certificate)};\n  ssl_certificate_key {quoted(key)};\n"
            "  ssl_protocols TLSv1.2 TLSv1.3;\n"
            "  location / {\n"
            f"    proxy_pass http://{target}:{target_port};\n"
            "    proxy_http_version 1.1;\n"
            "    proxy_set_header Host $host;\n"
            "    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
            "    proxy_set_header X-Forwarded-Proto https;\n"
            "    proxy_set_header X-Forwarded-Port 443;\n"
            "    proxy_connect_timeout 5s;\n"
            "    proxy_read_timeout 60s;\n"  # the load balancer's default idle timeout
            "  }\n}"
        )

    def _probe(self, counter: Counter, stopped: threading.Event) -> None:
        where = self._network.endpoint(self._target.host, self._target.port)
        while not stopped.is_set():
            counter.count(_target_answers(where, self._target.path))
            stopped.wait(self._interval_s)

    @property
    def healthy(self) -> bool:
        """Whether it runs and its target passed the last checks."""
        return self._nginx.running and self._counter.healthy is True

    def view(self) -> route53_rules.LoadBalancer:
        """What Route 53's alias sees."""
        return route53_rules.LoadBalancer(self.addresses, ((self.healthy,),))

    def stop(self) -> None:
        """End nginx and the target health checks."""
        self._end_prober()
        self._nginx.stop()

    def kill(self) -> None:
        """SIGKILL to nginx."""
        self._end_prober()
        self._nginx.kill()

    def _end_prober(self) -> None:
        self._stopped.set()
        if self._prober is not None:
            self._prober.join(TIMEOUT_S + 1)
            self._prober = None


def _target_answers(where: tuple[str, int], path: str) -> bool:
    client = http.client.HTTPConnection(*where, timeout=TIMEOUT_S)
    try:
        client.request("GET", path, headers={"User-Agent": "ELB-HealthChecker/2.0 (simulated)"})
        return client.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()
