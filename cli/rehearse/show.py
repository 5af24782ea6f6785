"""The end of a rehearsal on the terminal: figures, invariants, and where the report is."""

from __future__ import annotations

from pathlib import Path

from cli.rehearse.progress import Progress
from cli.report.model import Report
from cli.report.write import duration, write


def show_report(progress: Progress, report: Report, parent: Path) -> None:
    """Write the report and print what matters of it.

    Raises:
        OSError: the report cannot be written.
    """
    folder = write(report, parent)
    progress.phase("measured")
    for figure in report.measured:
        progress.say(f"  {figure.name:<54} {figure.value}")
    progress.phase("modelled, from elsewhere")
    for modelled in report.modelled:
        low, high = duration(modelled.low_s), duration(modelled.high_s)
        progress.say(f"  {modelled.name:<54} {low if low == high else f'{low} to {high}'}")
    if report.served_s:
        low, high = (duration(seconds) for seconds in report.served_s)
        progress.say(f"  {'command to first visitor: model plus what was measured':<54} {low} to {high}")
    progress.phase("writes")
    for name, count in report.writes.items():
        progress.say(f"  {name:<54} {count:g}")
    progress.phase("what had to hold")
    for check in report.checks:
        progress.say(f"  {'ok  ' if check.held else 'FAIL'} {check.name}: {check.detail}")
    broken = sum(not check.held for check in report.checks)
    failed = sum(not step.passed for step in report.steps)
    progress.say(
        f"\nPASSED in {duration(report.seconds)}: every step went as it must and every invariant held"
        if report.passed
        else f"\nFAILED after {duration(report.seconds)}: {failed} steps failed, {broken} invariants broken"
    )
    progress.say(f"report: {folder / 'report.html'}")


def show_processes(progress: Progress, report: Report) -> None:
    """Only the last invariant, for a run whose report was written while everything still ran."""
    check = report.checks[-1]
    progress.say(f"{'ok  ' if check.held else 'FAIL'} {check.name}: {check.detail}")
