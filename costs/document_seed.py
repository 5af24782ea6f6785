"""The part of COST_ANALYSIS.md that takes the seed's contradicting sums apart."""

from __future__ import annotations

from collections.abc import Sequence

from costs import seed
from costs.markdown import paragraph, spread, table, usd
from costs.prices import PriceTable
from costs.ranges import Range, total
from costs.scenarios import Scenarios


def sections(s: Scenarios, prices: PriceTable) -> list[str]:
    return [
        "## The figures this project was asked with",
        "",
        *paragraph(
            """The request gives about 30 USD a month in its overview and 217 USD in its cost section. Both
            add up; they count different things."""
        ),
        *_difference(),
        *_normal(s, prices),
        *_emergency(s),
        *_comparison(s),
    ]


def _difference() -> list[str]:
    short, long = sum(seed.OVERVIEW.values()), sum(seed.ANALYSIS.values())
    rows = [("overview", "", usd(short), "backup EC2 15 + blob 10 + Route 53 1 + other 4")]
    running = short
    for name, difference, reason in seed.between_the_sums():
        running += difference
        rows.append((name, f"{difference:+.2f}", usd(running), reason))
    rows.append(("**cost section**", "", f"**{usd(long)}**", ""))
    return ["### From 30 to 217", "", *table(("item", "difference", "sum", "why"), rows, "lrrl")]


def _claims(claims: Sequence[seed.Claim]) -> list[str]:
    rows = [(c.item, usd(c.usd), usd(c.ours.expected), spread(c.ours), c.note) for c in claims]
    return table(("item", "seed", "here", "range", "remark"), rows, "lrrrl")


def _normal(s: Scenarios, prices: PriceTable) -> list[str]:
    claims = seed.normal_claims(s, prices)
    standby = total(c.ours for c in claims if c.item not in seed.PRODUCTION)
    production = sum(seed.ANALYSIS[item] for item in seed.PRODUCTION)
    rest = sum(seed.ANALYSIS.values()) - production
    return [
        "### Normal, item by item",
        "",
        *_claims(claims),
        *paragraph(
            f"""Without production (EKS, RDS) the items come to {usd(standby.expected)} USD here: the monthly
            sum above. Of the seed's 217 USD, {production:g} are production; its own standby part is
            {rest:g} USD, not 30."""
        ),
    ]


def _emergency(s: Scenarios) -> list[str]:
    claims = seed.emergency_claims(s)
    whole = s.emergency_of(seed.EMERGENCY_HOURS)
    ours = total(c.ours for c in claims)
    return [
        "### Four hours of emergency, item by item",
        "",
        *_claims(claims),
        *paragraph(
            f"""The seed's lines add up to its 3.30 USD. Ours come to {usd(ours.expected)}, with the items
            that the seed does not have {usd(whole.expected)} ({spread(whole)}). In the same section the seed
            prices a monthly drill at 3.30 and the monthly tabletop exercise at 0, and gives the two hours of
            the quarterly exercise the price of four."""
        ),
    ]


def _comparison(s: Scenarios) -> list[str]:
    production = sum(seed.ANALYSIS[item] for item in seed.PRODUCTION)
    long = sum(seed.ANALYSIS.values())
    lean = s.plan_a_lean.monthly
    seed_year = (long + sum(seed.EMERGENCY.values())) * 12
    rows = [
        ("Plan A, overview", usd(seed.PLAN_A_OVERVIEW), _both(lean), "standby only"),
        (
            "Plan A, cost section",
            usd(seed.PLAN_A_MONTHLY),
            _both(lean),
            f"with production; {usd(seed.PLAN_A_MONTHLY - production)} without, against 150 in the overview",
        ),
        ("Plan B, overview", usd(sum(seed.OVERVIEW.values())), _both(s.normal.monthly), "standby only"),
        (
            "Plan B, cost section",
            usd(long),
            _both(s.normal.monthly),
            f"with production; {usd(long - production)} without",
        ),
        (
            "difference a month",
            usd(seed.PLAN_A_MONTHLY - long),
            usd(lean.expected - s.normal.monthly.expected),
            "production cancels out; against the cheapest Plan A that runs",
        ),
        (
            "a year of Plan B with drills",
            usd(seed_year),
            _both(s.year),
            f"the seed counts twelve drills and production; here {s.drills:g} drills, no production",
        ),
    ]
    return [
        "### Plan A against Plan B",
        "",
        *table(("figure", "seed", "here", "remark"), rows, "lrrl"),
    ]


def _both(value: Range) -> str:
    return f"{usd(value.expected)} ({spread(value)})"
