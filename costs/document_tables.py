"""The reference tables at the end of COST_ANALYSIS.md: free types, assumptions, estimates, sources."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from costs import usage
from costs.assumptions import Assumptions
from costs.catalogue import CATALOGUE
from costs.catalogue_types import Free
from costs.markdown import paragraph, table
from costs.prices import PriceTable
from costs.ranges import Range
from costs.resources import Resource


def sections(
    normal: Sequence[Resource], emergency: Sequence[Resource], a: Assumptions, prices: PriceTable
) -> list[str]:
    return [*_free(normal, emergency), *_assumptions(a), *_prices(prices), *_left_out()]


def _free(normal: Sequence[Resource], emergency: Sequence[Resource]) -> list[str]:
    present = sorted({resource.type for resource in (*normal, *emergency)})
    entries = [(token, CATALOGUE[token]) for token in present]
    rows = [(f"`{token}`", entry.reason) for token, entry in entries if isinstance(entry, Free)]
    return [
        "## Resources that cost nothing",
        "",
        "A type that is neither priced nor named here is an error, never free in silence.",
        "",
        *table(("type", "reason"), rows, "ll"),
    ]


def _assumptions(a: Assumptions) -> list[str]:
    rows: list[tuple[str, str]] = []
    for field in dataclasses.fields(a):
        value: object = getattr(a, field.name)
        text = f"{value:g}" if isinstance(value, int | float) else ""
        if isinstance(value, Range):
            text = f"{value.low:g} / {value.expected:g} / {value.high:g}"
        rows.append((f"`{field.name}`", text))
    return [
        "## Assumptions",
        "",
        *paragraph(
            f"""Meaning and reason of each: `costs/assumptions.yaml`. Three numbers are low / expected / high.
            Reference size: a clinic with 40 visits a working day, ten years of them (5,000 owners, 10,000
            pets, 100,000 visits): {a.dump_sql_mb:g} MB of SQL, {usage.dump_gb(a) * 1000:.1f} MB compressed,
            measured on a generated dump."""
        ),
        *table(("assumption", "value"), rows, "lr"),
    ]


def _prices(prices: PriceTable) -> list[str]:
    estimates = [
        (
            f"`{price.key}`",
            f"{price.amount.expected:g}",
            f"{price.amount.low:g} to {price.amount.high:g}",
            price.unit,
            price.source,
            price.derivation,
        )
        for price in prices.prices.values()
        if price.estimate
    ]
    known = len(prices.prices) - len(estimates)
    return [
        "## Estimated prices",
        "",
        *paragraph(
            f"""{known} prices were read for their own region and product. These {len(estimates)} were not,
            and show how they were derived. Replace one by a figure for koreacentral in `costs/prices.yaml`
            and write this file anew."""
        ),
        *table(("price", "USD", "range", "unit", "source", "derivation"), estimates, "lrrlll"),
        "### Sources",
        "",
        *table(("name", "what it is"), list(prices.sources.items()), "ll"),
    ]


def _left_out() -> list[str]:
    return [
        "## Not in these sums",
        "",
        "- Production itself: EKS, RDS, load balancer, NAT, the hosted zone. They cost the same without it.",
        "- The database account's secret in AWS (0.40 USD a month), which exists before this stack.",
        "- Snapshots of RDS, one before each failback, kept until somebody deletes them: billed as backup",
        "  storage, at a price that is not verified here.",
        "- Taxes, support plans, discounts, reservations, free tiers of new accounts. Of the lasting free",
        "  allowances AWS egress, Route 53 checks, Azure log ingestion, API requests and mails are used; the",
        "  ten free alarms and ten free metrics of CloudWatch are not: production may need them.",
        "- People.",
        "",
    ]
