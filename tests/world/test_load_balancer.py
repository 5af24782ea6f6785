"""The load balancer before PetClinic in AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.ca import Authority
from sandbox.clouds.load_balancer import AppLoadBalancer, Target
from sandbox.clouds.route53_rules import load_balancer_healthy
from sandbox.clouds.waiting import wait_for
from sandbox.clouds.web_client import Unreachable, get
from sandbox.network import Network
from sandbox.tools import Tools

NAME, ALB, ADDRESSES = "petclinic.example.com", "k8s.elb.amazonaws.com", ("203.0.113.20", "203.0.113.21")


@pytest.fixture
def balancer(
    tmp_path: Path, network: Network, authority: Authority, tools: Tools
) -> Iterator[AppLoadBalancer]:
    service = AppLoadBalancer(
        tools.nginx,
        tmp_path / "alb",
        network,
        name=ALB,
        addresses=ADDRESSES,
        target=Target("10.0.1.10", 8080, "/actuator/health"),
        certificate=authority.issue([NAME, ALB]),
        time_factor=30.0,
    )
    service.start()
    yield service
    service.stop()


def test_serves_and_reports_its_targets_health(
    balancer: AppLoadBalancer, network: Network, authority: Authority, serve: Callable[..., Any]
) -> None:
    def ask(address: str) -> int:
        return get(network, f"https://{address}/", ca_file=authority.ca_file, timeout_s=30, host=NAME)[0]

    assert ask(ADDRESSES[0]) == 502
    assert not load_balancer_healthy(balancer.view())
    app = serve(network.endpoint("10.0.1.10", 8080))
    wait_for(lambda: balancer.healthy, 60, "the target passes two checks")
    assert [ask(address) for address in ADDRESSES] == [200, 200]
    assert app.headers["Host"] == NAME
    app.status = 500
    wait_for(lambda: not balancer.healthy, 60, "the target fails two checks")
    assert ask(ADDRESSES[0]) == 500, "fails open: no healthy target, so the request goes to an unhealthy one"
    balancer.kill()
    assert not balancer.view().target_groups[0][0]
    with pytest.raises(Unreachable):
        ask(ADDRESSES[0])
