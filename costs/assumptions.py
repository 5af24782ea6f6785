"""Usage assumptions: the model's second input beside the stack's own resources."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

from costs.errors import CostError
from costs.ranges import Range, parse

FILE = Path(__file__).parent / "assumptions.yaml"


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """See assumptions.yaml for meaning and reason of each. MB and GB are decimal, months have 30 days."""

    dump_sql_mb: float
    dump_compression: float
    dump_interval_seconds: float
    active_intervals_a_day: float
    dump_egress_gb_per_month: float
    change_mb_per_day: float
    change_compression: float
    log_segments_per_day: float
    log_packs_per_day: float
    log_files_per_day: float
    verify_interval_hours: float
    verify_full_up_to_mb: float
    restore_mb_per_cpu_second: float
    weekly_copies_kept: float
    agent_metrics: float
    protocol_overhead: float
    retention_days: float
    heartbeats_per_interval: float
    polls_per_interval: float
    dump_mb_per_cpu_second: float
    aws_free_egress_gb: Range
    aws_free_health_checks: Range
    dns_queries_millions: float
    health_checkers: float
    log_kb_per_write: float
    azure_free_log_gb: Range
    stored_artifacts_gb: float
    emergency_hours: float
    drills_a_year: float
    gateway_capacity_units: Range
    emergency_egress_gb_an_hour: float
    emergency_log_gb_an_hour: float
    emergency_io_millions_an_hour: Range
    failback_copies: float

    def __post_init__(self) -> None:
        for name in POSITIVE:
            if getattr(self, name) <= 0:
                raise CostError(f"assumption {name}: {getattr(self, name)} must be above 0")
        for field in dataclasses.fields(self):
            value: object = getattr(self, field.name)
            if isinstance(value, float | int) and value < 0:
                raise CostError(f"assumption {field.name}: {value} must not be negative")

    def but(self, **changes: float | Range) -> Assumptions:
        """The same with some figures changed; used for sweeps and by the command line.

        Raises:
            CostError: for a name that is no assumption.
        """
        names = {field.name: field.type for field in dataclasses.fields(self)}
        for name, value in changes.items():
            if name not in names:
                raise CostError(f"assumption {name!r}: unknown; known: {', '.join(names)}")
            if isinstance(value, Range) and names[name] != "Range":
                raise CostError(f"assumption {name}: {value} must be one number")
        ranged = {
            name: Range.exactly(value) if names[name] == "Range" and not isinstance(value, Range) else value
            for name, value in changes.items()
        }
        return dataclasses.replace(self, **ranged)  # pyright: ignore[reportArgumentType]


POSITIVE = (
    "dump_sql_mb",
    "dump_compression",
    "dump_interval_seconds",
    "change_compression",
    "dump_mb_per_cpu_second",
    "restore_mb_per_cpu_second",
    "emergency_hours",
)


def load(file: Path = FILE) -> Assumptions:
    """Raises CostError naming the key, its value and the fix."""
    raw: object = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(raw, dict):
        raise CostError(f"{file.name}: not a mapping of assumptions")
    document = cast("dict[str, object]", raw)
    fields = {field.name: field.type for field in dataclasses.fields(Assumptions)}
    if set(document) != set(fields):
        missing, unknown = set(fields) - set(document), set(document) - set(fields)
        raise CostError(f"{file.name}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    values: dict[str, float | Range] = {}
    for name, kind in fields.items():
        value = parse(document[name], f"assumption {name}")
        if kind == "Range":
            values[name] = value
        elif isinstance(document[name], dict):
            raise CostError(f"assumption {name}: {document[name]} must be one number, not a range")
        else:
            values[name] = value.expected
    return Assumptions(**values)  # pyright: ignore[reportArgumentType]
