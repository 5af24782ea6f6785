"""The price table: every figure with unit, region, source and date; estimates with their derivation.

Sources are described once, under `sources` in prices.yaml. A price whose source is another region or another
product is an estimate: it carries `low`, `high` and `derivation`, and every sum it enters becomes a range.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

from costs.errors import CostError
from costs.ranges import Range

FILE = Path(__file__).parent / "prices.yaml"
HOURS_PER_MONTH = 730
"""Both clouds quote months of 730 hours (365 days * 24 / 12)."""
UNITS = frozenset(
    {"hour", "month", "GB", "GB-month", "10k operations", "1M queries", "1M requests", "vCPU-hour", "CU-hour"}
)
FIELDS = {"usd", "unit", "region", "source", "date", "estimate", "low", "high", "derivation"}


@dataclass(frozen=True, kw_only=True)
class Price:
    """One price in USD per `unit`. `amount` is certain unless `estimate`."""

    key: str
    amount: Range
    unit: str
    region: str
    source: str
    date: dt.date
    estimate: bool
    derivation: str


@dataclass(frozen=True)
class PriceTable:
    prices: Mapping[str, Price]
    sources: Mapping[str, str]

    def __getitem__(self, key: str) -> Price:
        """Raises CostError naming the file to extend, so that a new SKU is never silently free."""
        try:
            return self.prices[key]
        except KeyError:
            family = key.rsplit(".", 1)[0] + "."
            known = ", ".join(sorted(k for k in self.prices if k.startswith(family))) or "none of its kind"
            raise CostError(f"no price {key!r} (known: {known}): add it to costs/prices.yaml") from None


def load(file: Path = FILE) -> PriceTable:
    """Reads and checks the table.

    Raises:
        CostError: naming key, value and fix for every kind of bad entry.
    """
    raw: object = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(raw, dict) or set(cast("dict[str, object]", raw)) != {"sources", "prices"}:
        raise CostError(f"{file.name}: needs exactly the keys 'sources' and 'prices'")
    document = cast("dict[str, dict[str, object]]", raw)
    sources = {name: " ".join(str(text).split()) for name, text in document["sources"].items()}
    prices = {key: _price(key, value, sources) for key, value in document["prices"].items()}
    unused = set(sources) - {price.source for price in prices.values()}
    if unused:
        raise CostError(f"{file.name}: sources {sorted(unused)} back no price: remove them")
    return PriceTable(prices=prices, sources=sources)


def _price(key: str, raw: object, sources: Mapping[str, str]) -> Price:
    if not isinstance(raw, dict):
        raise CostError(f"price {key}: {raw!r} is not a mapping with usd, unit, region, source, date")
    entry = cast("dict[str, object]", raw)
    unknown = set(entry) - FIELDS
    if unknown:
        raise CostError(f"price {key}: unknown fields {sorted(unknown)}; known: {', '.join(sorted(FIELDS))}")
    missing = {"usd", "unit", "region", "source", "date"} - set(entry)
    if missing:
        raise CostError(f"price {key}: {sorted(missing)} missing")
    unit, source, date = str(entry["unit"]), str(entry["source"]), entry["date"]
    if unit not in UNITS:
        raise CostError(f"price {key}: unit {unit!r} is not one of {', '.join(sorted(UNITS))}")
    if source not in sources:
        raise CostError(f"price {key}: source {source!r} is not described under 'sources'")
    if not isinstance(date, dt.date):
        raise CostError(f"price {key}: date {date!r} is not a date: write it as 2026-10-01, without quotes")
    estimate = entry.get("estimate", False)
    if not isinstance(estimate, bool):
        raise CostError(f"price {key}: estimate {estimate!r} is not true or false")
    return Price(
        key=key,
        amount=_amount(key, entry, estimate=estimate),
        unit=unit,
        region=str(entry["region"]),
        source=source,
        date=date,
        estimate=estimate,
        derivation=str(entry.get("derivation", "")),
    )


def _amount(key: str, entry: Mapping[str, object], *, estimate: bool) -> Range:
    bounds = {"low", "high", "derivation"}
    if estimate and not bounds <= set(entry):
        raise CostError(f"price {key}: an estimate needs {', '.join(sorted(bounds - set(entry)))} as well")
    if not estimate and bounds & set(entry):
        raise CostError(
            f"price {key}: {sorted(bounds & set(entry))} given for a certain price: "
            "remove them or add 'estimate: true'"
        )
    numbers: dict[str, float] = {}
    for field in ("usd", "low", "high"):
        value = entry.get(field, entry["usd"])
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise CostError(f"price {key}: {field} {value!r} is not a number of USD >= 0")
        numbers[field] = float(value)
    try:
        return Range(numbers["low"], numbers["usd"], numbers["high"])
    except CostError as error:
        raise CostError(f"price {key}: {error}") from error
