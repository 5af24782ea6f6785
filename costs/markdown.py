"""Small helpers for generated Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from costs.ranges import Range

WIDTH = 118


def table(head: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> list[str]:
    """A Markdown table; `align` has one letter a column, l or r.

    Raises:
        ValueError: when a row has another number of cells than the head.
    """
    marks = {"l": "---", "r": "---:"}
    lines = [_row(head), _row([marks[letter] for letter in align])]
    for row in rows:
        if len(row) != len(head) or len(align) != len(head):
            raise ValueError(f"row {row!r} does not fit the columns {head!r}")
        lines.append(_row(row))
    return [*lines, ""]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def paragraph(text: str) -> list[str]:
    """Wrapped text (line breaks of the source do not matter) and the blank line after it."""
    return [*textwrap.wrap(" ".join(text.split()), WIDTH, break_on_hyphens=False), ""]


def usd(value: float) -> str:
    return f"{value:,.2f}"


def spread(value: Range) -> str:
    """Low to high, empty when certain to the cent."""
    low, high = usd(value.low), usd(value.high)
    return "" if low == high else f"{low} to {high}"


def quantity(value: Range) -> str:
    return f"{value.expected:,.2f}".rstrip("0").rstrip(".")
