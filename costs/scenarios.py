"""The states an operator pays for: quiet months, emergency hours, a drill, a year. And Plan A beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costs import usage
from costs.assumptions import Assumptions
from costs.azure import DATABASE, GATEWAY, SERVER
from costs.catalogue_types import HEALTH_CHECK
from costs.model import Estimate, LineItem, estimate
from costs.prices import PriceTable
from costs.ranges import Range, total
from costs.resources import Resource

MONTHS = 12


@dataclass(frozen=True, kw_only=True)
class Scenarios:
    """Everything the table and the document show."""

    normal: Estimate
    emergency: Estimate
    """What runs on top of `normal` during an emergency."""
    once: tuple[LineItem, ...]
    """What one emergency or drill costs however long it lasts."""
    plan_a_lean: Estimate
    """The seed's warm standby, always on, in the cheapest sizes that run."""
    plan_a_equal: Estimate
    """The same in the sizes of our emergency."""
    plan_a_gateway: Estimate
    """The gateway that Plan A needs to serve in five minutes, and that the seed's list leaves out."""
    hours: float
    drills: float

    @property
    def drill(self) -> Range:
        return self.emergency_of(self.hours)

    def emergency_of(self, hours: float) -> Range:
        """USD for one emergency of so many hours, on top of the month's standby cost."""
        return self.emergency.hourly * hours + total(line.usd for line in self.once)

    @property
    def year(self) -> Range:
        """Twelve months of standby and the drills."""
        return self.normal.monthly * MONTHS + self.drill * self.drills


def scenarios(
    normal: Sequence[Resource], emergency: Sequence[Resource], assumptions: Assumptions, prices: PriceTable
) -> Scenarios:
    """Raises CostError for whatever cannot be priced."""
    quiet = estimate(normal, assumptions, prices)
    running = [r for r in emergency if r.type in (SERVER, DATABASE)]
    return Scenarios(
        normal=quiet,
        emergency=estimate(emergency, assumptions, prices).beyond(quiet),
        once=tuple(_once(assumptions, prices)),
        plan_a_lean=estimate([*_LEAN, *_plan_a(normal, "Basic")], assumptions, prices),
        plan_a_equal=estimate([*running, *_plan_a(normal, "VpnGw1")], assumptions, prices),
        plan_a_gateway=estimate([r for r in emergency if r.type == GATEWAY], assumptions, prices),
        hours=assumptions.emergency_hours,
        drills=assumptions.drills_a_year,
    )


def _once(a: Assumptions, prices: PriceTable) -> list[LineItem]:
    """The data carried home, and the backups that the standby database made meanwhile."""
    home = Range.exactly(a.failback_copies * usage.dump_gb(a))
    # While users work, every interval has a change in it.
    made = a.emergency_hours * 3600 / a.dump_interval_seconds * usage.dump_gb(a)
    kept = Range.exactly(made * a.retention_days / usage.DAYS_PER_MONTH)
    return [
        _line("failback: full copies sent to AWS", home, "azure.egress.internet", prices),
        _line("backups of the standby database, kept", kept, "azure.blob.hot.Standard_ZRS", prices),
    ]


def _line(what: str, quantity: Range, key: str, prices: PriceTable) -> LineItem:
    price = prices[key]
    return LineItem(
        resource="one emergency",
        type="azure-native:",
        what=what,
        quantity=quantity,
        unit=price.unit,
        price_key=key,
        usd=quantity * price.amount,
        estimate=price.estimate,
    )


_LEAN = (
    Resource(SERVER, "web", {"hardwareProfile": {"vmSize": "Standard_B1ms"}}),
    Resource(SERVER, "app", {"hardwareProfile": {"vmSize": "Standard_B1ms"}}),
    Resource(DATABASE, "db", {"sku": {"name": "Standard_B2s"}, "storage": {"storageSizeGB": 20}}),
)


def _plan_a(normal: Sequence[Resource], vpn: str) -> list[Resource]:
    """The rest of the seed's list for Plan A: VPN always up, DMS replicating. Health checks as in Plan B."""
    checks = [r for r in normal if r.type == HEALTH_CHECK]
    return [
        *checks,
        Resource("aws:ec2/vpnConnection:VpnConnection", "vpn"),
        Resource("azure-native:network:VirtualNetworkGateway", "vpn", {"sku": {"name": vpn}}),
        Resource("azure-native:network:PublicIPAddress", "vpn"),
        Resource(
            "aws:dms/replicationInstance:ReplicationInstance",
            "dms",
            {"replicationInstanceClass": "dms.t3.small", "allocatedStorage": 50},
        ),
    ]
