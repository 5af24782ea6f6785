"""``./dr cost``: what the stack costs a month, an emergency an hour, a drill, a year."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.places import CLONE
from costs import assumptions, prices, usage
from costs.assumptions import Assumptions
from costs.document import document
from costs.errors import CostError
from costs.model import PROMISE_USD, Estimate, LineItem, estimate, over_budget
from costs.prices import HOURS_PER_MONTH
from costs.ranges import Range
from costs.resources import REFERENCE, Resource, from_state, load_list
from costs.scenarios import Scenarios, scenarios

DOCUMENT = CLONE / "docs" / "COST_ANALYSIS.md"
MODES = ("normal", "emergency")
_EPILOG = """\
Examples:
  ./dr cost                                        the reference stack: every line, every sum
  ./dr cost --dump-mb 50 --change-mb-per-day 200   the same with your own database
  ./dr cost --set aws_free_egress_gb=0             any assumption of costs/assumptions.yaml
  pulumi stack export > state.json && ./dr cost --state state.json
  ./dr cost --write                                renew docs/COST_ANALYSIS.md from the program

Prices marked * are estimates: costs/prices.yaml says how each was derived.
"""


def add(commands: Any) -> None:
    """Register ``cost``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "cost",
        help="what the stack costs a month, an emergency an hour",
        description=(__doc__ or "").replace("``", "'"),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="price the stack of a `pulumi stack export`"
    )
    parser.add_argument(
        "--write", action="store_true", help="renew the resource lists and docs/COST_ANALYSIS.md"
    )
    parser.add_argument("--dump-mb", type=float, metavar="MB", help="size of one compressed dump")
    parser.add_argument(
        "--change-mb-per-day", type=float, metavar="MB", help="binary log a day, uncompressed"
    )
    parser.add_argument("--interval", type=float, metavar="SECONDS", help="from one dump to the next")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="any other assumption of costs/assumptions.yaml; may be repeated",
    )
    parser.set_defaults(run=main)


add_parser = add
"""The contract's name for it."""


def main(arguments: argparse.Namespace) -> int:
    """Run the command; 0, or 1 when the standby state is dearer than promised.

    Raises:
        CostError: for what cannot be priced; its text is the answer.
    """
    if arguments.write:
        return write()
    a = _assumptions(arguments)
    table = prices.load()
    if arguments.state:
        return _show_state(arguments.state, a, as_json=arguments.json)
    s = scenarios(load_list(_list("normal")), load_list(_list("emergency")), a, table)
    print(json.dumps(_json(s), indent=2) if arguments.json else _text(s, _advice(a)))
    return _verdict(s.normal)


def write() -> int:
    """Renews the lists from the program and the document from the lists.

    The lists come first: a document written from old ones would be stale at once.
    """
    for mode in MODES:
        _list(mode).write_text(recorded(mode), encoding="utf-8")
    DOCUMENT.write_text(fresh_document(), encoding="utf-8")
    print(
        f"written: {', '.join(str(_list(mode).relative_to(CLONE)) for mode in MODES)}, docs/{DOCUMENT.name}"
    )
    return 0


def recorded(mode: str) -> str:
    """What the program registers in `mode`, as the committed list's text.

    Raises:
        CostError: with the program's own last words when it does not run.
    """
    done = subprocess.run(
        [sys.executable, "-m", "cli.cost_recorder", mode],
        cwd=CLONE,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CostError(
            f"the program does not run under mocks in mode {mode}:\n{done.stderr.strip()[-3000:]}"
        )
    return done.stdout


def fresh_document() -> str:
    """COST_ANALYSIS.md as it should be, from the committed lists, assumptions and prices."""
    lists = [load_list(_list(mode)) for mode in MODES]
    return document(lists[0], lists[1], assumptions.load(), prices.load())


def _list(mode: str) -> Path:
    return REFERENCE / f"{mode}.json"


def _assumptions(arguments: argparse.Namespace) -> Assumptions:
    a = assumptions.load()
    changes: dict[str, float | Range] = {}
    for pair in arguments.set:
        name, _, value = str(pair).partition("=")
        try:
            changes[name] = float(value)
        except ValueError:
            raise CostError(f"--set {pair}: write it as NAME=NUMBER, for example drills_a_year=12") from None
    a = a.but(**changes)
    if arguments.dump_mb is not None:
        a = a.but(dump_sql_mb=arguments.dump_mb * a.dump_compression)
    if arguments.change_mb_per_day is not None:
        a = a.but(change_mb_per_day=arguments.change_mb_per_day)
    if arguments.interval is not None:
        a = a.but(dump_interval_seconds=arguments.interval)
    return a


def _show_state(file: Path, a: Assumptions, *, as_json: bool) -> int:
    stack: Sequence[Resource] = from_state(file.read_text(encoding="utf-8"))
    priced = estimate(stack, a, prices.load())
    if as_json:
        print(
            json.dumps({"lines": _lines_json(priced.lines), "monthly": _range_json(priced.monthly)}, indent=2)
        )
    else:
        print("\n".join([*_lines_text(f"{file.name}: {len(stack)} resources, a month", priced.lines, 1), ""]))
        print(_sum_text("a month", priced.monthly))
        print(_sum_text("an hour", priced.hourly))
    return 0


def _verdict(normal: Estimate) -> int:
    problem = over_budget(normal.monthly, PROMISE_USD)
    if problem:
        print(f"dr: {problem}", file=sys.stderr)
    return 1 if problem else 0


def _advice(a: Assumptions) -> str:
    """What the agent makes of its egress budget under these assumptions."""
    interval, budget = usage.interval_kept(a), f"{a.dump_egress_gb_per_month:g} GB a month"
    if not a.dump_egress_gb_per_month:
        return f"A dump every {interval:g} s while data changes, whatever it sends out of AWS."
    if interval <= a.dump_interval_seconds:
        return f"A dump every {interval:g} s keeps inside its egress budget of {budget}."
    return (
        f"Its egress budget of {budget} makes the agent dump every {interval:,.0f} s instead of "
        f"{a.dump_interval_seconds:g} s while data changes."
    )


def _text(s: Scenarios, advice: str) -> str:
    return "\n".join(
        [
            *_lines_text("Normal, a month", s.normal.lines, 1),
            "",
            *_lines_text("Emergency, an hour on top", s.emergency.lines, HOURS_PER_MONTH),
            "",
            f"{'USD':41}{'expected':>10}   {'range'}",
            _sum_text("normal, a month", s.normal.monthly),
            _sum_text("emergency, an hour on top", s.emergency.hourly),
            _sum_text(f"a drill of {s.hours:g} hours", s.drill),
            _sum_text(f"a year with {s.drills:g} drills", s.year),
            _sum_text("Plan A, cheapest sizes, a month", s.plan_a_lean.monthly),
            "",
            advice,
            "* estimate: see costs/prices.yaml. Everything in detail: docs/COST_ANALYSIS.md",
        ]
    )


def _lines_text(title: str, lines: Sequence[LineItem], divide: float) -> list[str]:
    rows = [title]
    for line in lines:
        if line.usd.high / divide < 0.005:
            continue
        mark = "*" if line.estimate else " "
        rows.append(f"  {line.usd.expected / divide:8.3f}{mark} {line.resource:34} {line.what}")
    return rows


def _sum_text(name: str, value: Range) -> str:
    return f"{name:41}{value.expected:10,.2f}   {value.low:,.2f} to {value.high:,.2f}"


def _json(s: Scenarios) -> dict[str, object]:
    return {
        "currency": "USD",
        "normal_monthly": _range_json(s.normal.monthly),
        "emergency_hourly": _range_json(s.emergency.hourly),
        "drill": {"hours": s.hours, **_range_json(s.drill)},
        "year": {"drills": s.drills, **_range_json(s.year)},
        "plan_a_lean_monthly": _range_json(s.plan_a_lean.monthly),
        "plan_a_equal_monthly": _range_json(s.plan_a_equal.monthly),
        "promise_kept": over_budget(s.normal.monthly) is None,
        "normal": _lines_json(s.normal.lines),
        "emergency": _lines_json(s.emergency.lines),
    }


def _range_json(value: Range) -> dict[str, float]:
    return {name: round(getattr(value, name), 4) for name in ("low", "expected", "high")}


def _lines_json(lines: Sequence[LineItem]) -> list[dict[str, object]]:
    return [
        {
            "resource": line.resource,
            "type": line.type,
            "what": line.what,
            "quantity": _range_json(line.quantity),
            "unit": line.unit,
            "price_key": line.price_key,
            "usd_monthly": _range_json(line.usd),
            "estimate": line.estimate,
        }
        for line in lines
    ]
