"""The report: complete, self-contained, safe against what stands in it, and never overwriting another one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli.rehearse.account import Check
from cli.report.model import LostWrite, Mark, Measured, OutageRecord, Report, Span, StepRecord
from cli.report.modelled import DATABASE, GATEWAY, MODELLED, time_to_serve
from cli.report.timeline import timeline
from cli.report.write import clock, duration, render, write

_STORY = (
    ("normal", "pulumi up", ("pulumi up --yes",), 14.0),
    ("normal", "public name moved onto the DNS tree", (), 2.0),
    ("abort", "maintenance page up, then back to normal", ("pulumi config set mode emergency",), 22.0),
    ("disaster", "AWS dies", (), 0.4),
    ("failover", "pulumi up", ("pulumi config set mode emergency", "pulumi up"), 24.0),
    ("failover", "enablePetclinic", ("pulumi config set enablePetclinic true", "pulumi up"), 9.0),
    ("back", "agent restore --take-over", ("python -m agent restore --take-over",), 6.0),
    ("back", "mode normal <b>&", ("pulumi config set mode normal",), 12.0),
)


def sample(*, passed: bool = True) -> Report:
    """A report as a rehearsal makes it, short."""
    steps: list[StepRecord] = []
    now = 0.0
    for phase, title, commands, seconds in _STORY:
        steps.append(
            StepRecord(
                phase=phase,
                title=title,
                commands=commands,
                began=now,
                seconds=seconds,
                result="61 resources",
                passed=True,
            )
        )
        now += seconds + 1
    return Report(
        story="disaster: a story",
        started_utc="2026-11-23T12:00:00Z",
        seconds=now,
        passed=passed,
        time_factor=30.0,
        application="the stand-in for PetClinic",
        environment={"MySQL": "9.7.0"},
        steps=tuple(steps),
        marks=(
            Mark(at=41.0, label="AWS dies"),
            Mark(at=44.0, label="maintenance page"),
            Mark(at=76, label="open"),
        ),
        spans=(
            Span(began=16, ended=41, outcome="written", cloud="aws", attempts=100),
            Span(began=41, ended=55, outcome="nothing", cloud="aws", attempts=20),
            Span(began=55, ended=76, outcome="page", cloud="azure", attempts=60),
            Span(began=76, ended=97, outcome="written", cloud="azure", attempts=90),
        ),
        outages=(OutageRecord(began=41, seconds=35, attempts=80, unanswered=20, phase="disaster"),),
        checks=(Check(name="no AWS call", held=passed, detail="0 <calls>"),),
        measured=(
            Measured(name="Lost writes", value="3 (0.8 s)", how="ledger against the database", headline=True),
        ),
        modelled=MODELLED,
        served_s=(612.0, 972.0),
        writes={"acknowledged": 190, "lost": 3},
        lost=(LostWrite(token="Wabc", acknowledged=40.6, kept="exported"),),
        simulated=(("Engine", "real"),),
    )


def test_the_page_needs_nothing_from_outside() -> None:
    page = render(sample())
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)
    assert not set(re.findall(r'https?://[^\s"<]+', page)) - {"http://www.w3.org/2000/svg"}


def test_what_stands_in_a_report_is_escaped() -> None:
    page = render(sample())
    assert "<calls>" not in page
    assert "mode normal <b>" not in page


def test_the_picture_is_well_formed_and_stays_inside_its_frame() -> None:
    root = ElementTree.fromstring(timeline(sample()))  # noqa: S314 - our own text
    _, _, width, height = (float(part) for part in root.attrib["viewBox"].split())
    bars = [element for element in root.iter() if element.tag.endswith("rect")]
    assert len(bars) > len(_STORY)
    for bar in bars:
        assert 0 <= float(bar.attrib["x"]) <= width
        assert float(bar.attrib["x"]) + float(bar.attrib["width"]) <= width + 1
        assert float(bar.attrib["y"]) <= height


def test_measured_and_modelled_figures_stand_apart() -> None:
    page = render(sample())
    measured, modelled = page.index("Measured in this run"), page.index("Modelled, not measured")
    assert measured < modelled
    assert GATEWAY.name not in page[measured:modelled]
    assert GATEWAY.name in page[modelled:]


def test_every_modelled_figure_has_a_source_and_a_date() -> None:
    for figure in MODELLED:
        assert figure.source
        assert re.match(r"20\d\d", figure.date)
        assert 0 <= figure.low_s <= figure.high_s


def test_the_slower_of_gateway_and_database_counts() -> None:
    assert time_to_serve(10) == (DATABASE.low_s + 10, DATABASE.high_s + 10)


@pytest.mark.parametrize(("passed", "word"), [(True, ">passed<"), (False, ">failed<")])
def test_the_verdict_is_on_top(passed: bool, word: str) -> None:
    assert word in render(sample(passed=passed))[:4500]


def test_reports_never_overwrite_each_other(tmp_path: Path) -> None:
    first, second = write(sample(), tmp_path / "reports"), write(sample(), tmp_path / "reports")
    assert first != second
    assert json.loads((first / "report.json").read_text())["steps"][0]["title"] == "pulumi up"
    assert (second / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_a_story_that_stopped_at_once_still_gives_a_page() -> None:
    stopped = sample(passed=False)
    empty = replace(stopped, steps=(), spans=(), checks=(), measured=(), seconds=0.0)
    assert "the story ended before anything was checked" in render(empty)


def test_times_are_written_for_people() -> None:
    assert (duration(42), duration(360), duration(200)) == ("42 s", "6 min", "3 min 20 s")
    assert clock(187.9) == "3:07"
