"""The Azure address plan. Pure: checks it and derives the servers' fixed private addresses."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from ipaddress import IPv4Network

RESERVED_HEAD = 4
"""Azure keeps the first four addresses of a subnet (network, gateway, two for DNS) and the last one."""
_SMALLEST = {
    "gatewaySubnetCidr": 26,  # 2 instances + rolling update + 5 reserved, with room; /24 is recommended
    "webSubnetCidr": 27,
    "appSubnetCidr": 27,
    "databaseSubnetCidr": 29,  # the service's own minimum for a delegated subnet
}
_DRILL_OFFSET = 8  # a drill's servers stand beside production's in the same subnet


class NetworkPlanError(ValueError):
    """One entry of the plan is wrong. ``key`` is the setting, ``fix`` a value that would do."""

    def __init__(self, key: str, value: str, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.key, self.value, self.reason, self.fix = key, value, reason, fix


def parse(key: str, text: str, example: str) -> IPv4Network:
    """An IPv4 network in CIDR notation.

    Raises:
        NetworkPlanError: not a CIDR, or host bits set.
    """
    try:
        if "/" not in text:
            raise ValueError("no prefix length")
        return IPv4Network(text)
    except ValueError as error:
        try:
            fix = str(IPv4Network(text, strict=False)) if "/" in text else example
        except ValueError:
            fix = example
        raise NetworkPlanError(key, text, f"is not an IPv4 network in CIDR notation ({error})", fix) from None


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """The virtual network and its four subnets.

    ``second_set`` moves the servers' addresses, so that a drill can stand in production's network.
    """

    vnet: IPv4Network
    gateway: IPv4Network
    web: IPv4Network
    app: IPv4Network
    database: IPv4Network
    second_set: bool = False

    @property
    def web_server(self) -> str:
        """Fixed private address of the web server."""
        return self._host(self.web)

    @property
    def app_server(self) -> str:
        """Fixed private address of the application server."""
        return self._host(self.app)

    def _host(self, subnet: IPv4Network) -> str:
        return str(subnet[RESERVED_HEAD + (_DRILL_OFFSET if self.second_set else 0)])

    def problems(self) -> list[NetworkPlanError]:
        """Everything wrong with the plan; empty when it can be built."""
        named = {
            "gatewaySubnetCidr": self.gateway,
            "webSubnetCidr": self.web,
            "appSubnetCidr": self.app,
            "databaseSubnetCidr": self.database,
        }
        found: list[NetworkPlanError] = []
        if not self.vnet.is_private:
            reason = "is not a private network (RFC 1918)"
            found.append(NetworkPlanError("vnetCidr", str(self.vnet), reason, "10.80.0.0/16"))
        for position, (key, subnet) in enumerate(named.items()):
            fix = self._suggestion(position)
            if not subnet.subnet_of(self.vnet):
                reason = f"lies outside vnetCidr {self.vnet}"
                found.append(NetworkPlanError(key, str(subnet), reason, fix))
            if subnet.prefixlen > _SMALLEST[key]:
                reason = f"is too small: at least /{_SMALLEST[key]}"
                found.append(NetworkPlanError(key, str(subnet), reason, fix))
            for other_key, other in list(named.items())[:position]:
                if subnet.overlaps(other):
                    reason = f"overlaps {other_key} {other}"
                    found.append(NetworkPlanError(key, str(subnet), reason, fix))
        return found

    def _suggestion(self, position: int) -> str:
        size = max(24, self.vnet.prefixlen + 2)
        if size > 26:
            return "a network inside a vnetCidr of at least /24"
        first = int(self.vnet.network_address) + position * 2 ** (32 - size)
        return f"{ipaddress.IPv4Address(first)}/{size}"
