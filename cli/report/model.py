"""The report as data: what `report.json` holds and the page shows. Times are seconds since the start."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from cli.rehearse.account import Check
from cli.report.modelled import Modelled


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """One step of the story.

    Attributes:
        phase: the part of the story, e.g. ``failover``.
        title: what was done, in an operator's words.
        commands: the commands exactly as typed.
        began: seconds since the start of the story.
        seconds: how long it took.
        result: one line on what came out, or the error.
        passed: whether it went as it must.
    """

    phase: str
    title: str
    commands: tuple[str, ...]
    began: float
    seconds: float
    result: str
    passed: bool


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A moment worth a line in the picture."""

    at: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One figure that this run measured, and how. ``headline``: it also stands on top of the page."""

    name: str
    value: str
    how: str
    headline: bool = False


@dataclass(frozen=True, kw_only=True)
class Span:
    """Attempts of the client with one outcome in a row: ``written``, ``page`` or ``nothing``."""

    began: float
    ended: float
    outcome: str
    cloud: str
    attempts: int


@dataclass(frozen=True, kw_only=True)
class OutageRecord:
    """A time without acknowledged writes."""

    began: float
    seconds: float
    attempts: int
    unanswered: int
    phase: str


@dataclass(frozen=True, kw_only=True)
class LostWrite:
    """An acknowledged write that the final database does not hold, and where it is kept instead."""

    token: str
    acknowledged: float
    kept: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole rehearsal."""

    story: str
    started_utc: str
    seconds: float
    passed: bool
    time_factor: float
    application: str
    environment: dict[str, str]
    steps: tuple[StepRecord, ...]
    marks: tuple[Mark, ...]
    spans: tuple[Span, ...]
    outages: tuple[OutageRecord, ...]
    checks: tuple[Check, ...]
    measured: tuple[Measured, ...]
    modelled: tuple[Modelled, ...]
    served_s: tuple[float, float] | None
    """Command to first visitor in real clouds, low and high: modelled creation plus measured rest."""
    writes: dict[str, float]
    lost: tuple[LostWrite, ...]
    simulated: tuple[tuple[str, str], ...]
    version: int = field(default=1)

    def as_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return asdict(self)
