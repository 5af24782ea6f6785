"""The picture of the steps: a lane for each component, a column for each step, a dot for each resource."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_NAMES, _COLUMN, _LANE, _DOT, _TOP = 190, 66, 26, 5, 84
_COLOURS = {"AWS": "#b45309", "Azure": "#1d4ed8"}


@dataclass(frozen=True)
class Made:
    """One resource.

    Attributes:
        component: logical name of the component that it belongs to.
        step: from 1; everything in one step can be made at the same time.
    """

    name: str
    component: str
    cloud: str
    step: int


def drawing(normal: Sequence[Made], emergency: Sequence[Made]) -> str:
    """An SVG of both: what is always there, and below it what an emergency adds, from a step 1 of its own."""
    panels = [("normal: all that is always there", normal), ("emergency adds", emergency)]
    steps = max(made.step for _, each in panels for made in each)
    width = _NAMES + steps * _COLUMN + 20
    body: list[str] = []
    top = 0
    for title, each in panels:
        first = sorted(each, key=lambda made: (made.step, made.component))
        lanes = list(dict.fromkeys(made.component for made in first))
        body += _panel(f"{title} ({_count(each)})", each, lanes, top, width)
        top += _TOP + len(lanes) * _LANE
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" height="{top}" '
        'font-family="sans-serif" font-size="12">'
    )
    return "\n".join([head, f'<rect width="{width}" height="{top}" fill="#ffffff"/>', *body, "</svg>"]) + "\n"


def _count(each: Sequence[Made]) -> str:
    clouds = {cloud: sum(made.cloud == cloud for made in each) for cloud in _COLOURS}
    parts = ", ".join(f"{count} in {cloud}" for cloud, count in clouds.items() if count)
    return f"{len(each)} resources: {parts}, in {max(made.step for made in each)} steps"


def _panel(title: str, each: Sequence[Made], lanes: Sequence[str], top: int, width: int) -> list[str]:
    drawn = [f'<text x="10" y="{top + 28}" font-size="15" font-weight="bold">{escape(title)}</text>']
    for step in range(1, max(made.step for made in each) + 1):
        x = _NAMES + (step - 1) * _COLUMN
        drawn.append(f'<text x="{x}" y="{top + 56}" fill="#6b7280">{step}</text>')
    for number, lane in enumerate(lanes):
        y = top + _TOP - 10 + number * _LANE
        drawn.append(f'<text x="10" y="{y + 4}">{escape(lane)}</text>')
        drawn.append(f'<line x1="{_NAMES}" y1="{y}" x2="{width - 10}" y2="{y}" stroke="#e5e7eb"/>')
        for step in sorted({made.step for made in each if made.component == lane}):
            here = [made for made in each if made.component == lane and made.step == step]
            drawn += _dots(here, _NAMES + (step - 1) * _COLUMN + _DOT, y)
    return drawn


def _dots(here: Sequence[Made], x: int, y: int) -> list[str]:
    """Up to four dots side by side, more with their number; each tells its name when pointed at."""
    shown = [
        f'<circle cx="{x + place * 12}" cy="{y}" r="{_DOT}" fill="{_COLOURS[made.cloud]}">'
        f"<title>{escape(made.name)}</title></circle>"
        for place, made in enumerate(here[:4])
    ]
    if len(here) > 4:
        rest = ", ".join(made.name for made in here[4:])
        more = f"<title>{escape(rest)}</title>+{len(here) - 4}"
        shown.append(f'<text x="{x + 43}" y="{y + 4}" font-size="10">{more}</text>')
    return shown
