"""Writes a report's two files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from cli.report.model import Report
from cli.report.timeline import timeline


def render(report: Report) -> str:
    """The whole page; everything but the picture is escaped by the template engine."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(Path(__file__).with_name("page.html.j2").read_text())
    headline = [figure for figure in report.measured if figure.headline]
    picture = Markup(timeline(report))  # noqa: S704 - our own SVG; every text in it went through html.escape
    return template.render(report=report, headline=headline, timeline=picture, duration=duration, clock=clock)


def write(report: Report, parent: Path) -> Path:
    """Write ``report.json`` and ``report.html`` into a new folder ``<parent>/<UTC time>``.

    Returns the folder.

    Raises:
        OSError: the folder cannot be made or the disk is full.
    """
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = parent / name
    number = 1
    while True:
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:  # two rehearsals that end in the same second
            number += 1
            folder = parent / f"{name}-{number}"
    (folder / "report.json").write_text(json.dumps(report.as_json(), indent=1) + "\n")
    (folder / "report.html").write_text(render(report))
    return folder


def duration(seconds: float) -> str:
    """``42 s``, ``6 min``, ``3 min 20 s``."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def clock(seconds: float) -> str:
    """``3:07``: minutes and seconds since the start."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
