"""How long the real clouds take for what the sandbox does in no time. None of it was measured by us.

Every figure names its source and that source's date; where documentation is silent it says so. They stand
in a table of their own in every report and are never added to a measured time without saying so.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Modelled:
    """One figure from elsewhere.

    Attributes:
        name: what takes the time.
        low_s: the shortest time that the source supports, in seconds.
        high_s: the longest one, in seconds.
        source: where the figure stands.
        date: of the source, as it gives it.
    """

    name: str
    low_s: float
    high_s: float
    source: str
    date: str


DETECTION = Modelled(
    name="Route 53 sees that the origin is gone (3 failed checks)",
    low_s=30,
    high_s=90,
    source="Amazon Route 53 Developer Guide, health checks: intervals of 10 or 30 s, failure threshold 3 "
    "(awsdocs/amazon-route53-docs @2c31968)",
    date="2023-04-07",
)
GATEWAY = Modelled(
    name="Application Gateway v2 is created",
    low_s=6 * 60,
    high_s=6 * 60,
    source='"most v2 deployments around 6 minutes", longer with several zones '
    "(MicrosoftDocs/azure-docs, application-gateway-faq.yml)",
    date="2023-08",
)
DATABASE = Modelled(
    name="MySQL Flexible Server is created",
    low_s=10 * 60,
    high_s=16 * 60,
    source="documentation gives no figure; one user reports 16 min with zone-redundant HA "
    "(terraform-provider-azurerm #15322); the lower end is our assumption",
    date="2022",
)
RESOLVERS = Modelled(
    name="Resolvers forget the old address (TTL)",
    low_s=0,
    high_s=60,
    source="TTL of the stack's own records; an alias to a load balancer answers 60 s (not verified)",
    date="2026-11",
)
MODELLED = (DETECTION, GATEWAY, DATABASE, RESOLVERS)


def time_to_serve(measured_s: float) -> tuple[float, float]:
    """Seconds from `pulumi up` to the first visitor served, low and high: the model plus what was measured.

    Args:
        measured_s: restore, application start and opening as measured here. The gateway and the database are
            created side by side, so the slower one counts; machines start while the database is made.
    """
    return (
        max(GATEWAY.low_s, DATABASE.low_s) + measured_s,
        max(GATEWAY.high_s, DATABASE.high_s) + measured_s,
    )
