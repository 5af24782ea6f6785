"""The story as one picture: inline SVG, nothing from outside, colours from the page's style sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from cli.report.model import Mark, Report, Span, StepRecord

_WIDTH = 1180
_LEFT = 10
_RIGHT = 10
_PHASE_TOP = 64  # three rows of mark labels fit above
_PHASE_HEIGHT = 24
_ROW = 17
_STRIP = 18
_LETTER = 6.3  # average width of a letter at 11 px, enough to decide on which side a label fits
_BOLD = 1.15  # labels of marks are bold
_TICKS_S = (5, 10, 15, 20, 30, 60, 120, 300, 600, 1200)


def timeline(report: Report) -> str:
    """An ``<svg>`` element: phases, one bar per step, what the client met, and marks, over seconds."""
    return _Drawing(report).draw()


class _Drawing:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._scale = (_WIDTH - _LEFT - _RIGHT) / max(report.seconds, 1.0)
        self._steps_top = _PHASE_TOP + _PHASE_HEIGHT + 8
        self._strip_top = self._steps_top + _ROW * len(report.steps) + 26
        self._bottom = self._strip_top + 2 * _STRIP + 34

    def _x(self, seconds: float) -> float:
        return _LEFT + seconds * self._scale

    def draw(self) -> str:
        size = f'viewBox="0 0 {_WIDTH} {self._bottom}" xmlns="http://www.w3.org/2000/svg"'
        parts = [
            f'<svg class="timeline" {size} role="img" aria-label="Timeline of the rehearsal">',
            *self._axis(),
            *self._phases(),
            *self._marks(self._report.marks),
            *self._steps(self._report.steps),
            *self._client(self._report.spans),
            "</svg>",
        ]
        return "\n".join(parts)

    def _axis(self) -> Iterator[str]:
        step = next((s for s in _TICKS_S if self._report.seconds / s <= 14), 3600)
        bottom = self._bottom - 22
        for second in range(0, int(self._report.seconds) + 1, step):
            x = self._x(second)
            yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_PHASE_TOP}" y2="{bottom}"/>'
            label = f"{second // 60}:{second % 60:02d}"
            anchor = "start" if second == 0 else "middle"
            yield f'<text class="tick" x="{x:.1f}" y="{bottom + 15}" text-anchor="{anchor}">{label}</text>'

    def _phases(self) -> Iterator[str]:
        groups = [list(group) for _, group in groupby(self._report.steps, key=lambda s: s.phase)]
        for number, group in enumerate(groups):
            last = group[-1]
            begin, end = self._x(group[0].began), self._x(last.began + last.seconds)
            name = group[0].phase
            yield (
                f'<g class="phase phase{number % 2}"><title>{escape(name)}</title>'
                f'<rect x="{begin:.1f}" y="{_PHASE_TOP}" width="{max(end - begin - 1, 2):.1f}" '
                f'height="{_PHASE_HEIGHT}" rx="3"/>'
            )
            if len(name) * _LETTER * 1.1 < end - begin:
                yield (
                    f'<text x="{(begin + end) / 2:.1f}" y="{_PHASE_TOP + 16}" '
                    f'text-anchor="middle">{escape(name)}</text>'
                )
            yield "</g>"

    def _marks(self, marks: Sequence[Mark]) -> Iterator[str]:
        row_ends = [0.0, 0.0, 0.0]
        for mark in sorted(marks, key=lambda m: m.at):
            x = self._x(mark.at)
            width = len(mark.label) * _LETTER * _BOLD
            left = min(max(x - 4, 0), _WIDTH - width)
            row = next((n for n, end in enumerate(row_ends) if end < left), 0)
            row_ends[row] = left + width + 8
            y = 14 + 17 * row
            yield f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{y + 4}" y2="{self._bottom - 22}"/>'
            yield f'<text class="marklabel" x="{left:.1f}" y="{y}">{escape(mark.label)}</text>'

    def _steps(self, steps: Sequence[StepRecord]) -> Iterator[str]:
        for number, step in enumerate(steps):
            top = self._steps_top + number * _ROW
            begin, end = self._x(step.began), self._x(step.began + step.seconds)
            kind = "step" if step.passed else "step failed"
            label = f"{step.title}  {step.seconds:.1f} s"
            before = end + 5 + len(label) * _LETTER > _WIDTH
            x, anchor = (begin - 5, "end") if before else (end + 5, "start")
            yield (
                f'<g class="{kind}"><title>{escape(step.title)}: {escape(step.result)}</title>'
                f'<rect x="{begin:.1f}" y="{top + 2}" width="{max(end - begin, 1.5):.1f}" '
                f'height="{_ROW - 5}" rx="2"/>'
                f'<text x="{x:.1f}" y="{top + 12}" text-anchor="{anchor}">{escape(label)}</text></g>'
            )

    def _client(self, spans: Sequence[Span]) -> Iterator[str]:
        yield f'<text class="tick" x="{_LEFT}" y="{self._strip_top - 5}">the client\'s writes</text>'
        for span in spans:
            begin, end = self._x(span.began), self._x(span.ended)
            size = f'x="{begin:.2f}" width="{max(end - begin, 0.8):.2f}"'
            asked = span.cloud or "no address"
            yield (
                f'<rect class="{escape(span.outcome)}" {size} y="{self._strip_top}" height="{_STRIP}">'
                f"<title>{span.attempts} attempts, {escape(span.outcome)}, {escape(asked)}</title></rect>"
            )
            yield (
                f'<rect class="cloud-{escape(span.cloud or "none")}" {size} '
                f'y="{self._strip_top + _STRIP + 2}" height="5"/>'
            )
