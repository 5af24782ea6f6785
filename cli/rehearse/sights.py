"""What the steps of the story look for: writes, the maintenance page, backups, reports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cli.rehearse.browser import NoAnswer
from cli.rehearse.client import Attempt, Outcome
from cli.rehearse.stage import Stage
from cli.rehearse.vault import Backup

PAGE_WORDS = "PetClinic is being restored"  # the maintenance page's headline, components/azure/page.html


def writes_from(stage: Stage, cloud: str, *, since: float, count: int, timeout_s: float = 60) -> Attempt:
    """Wait until ``cloud`` acknowledged ``count`` writes since then; the first of them."""

    def look() -> list[Attempt] | None:
        found = [a for a in stage.client.attempts(since) if a.outcome is Outcome.WRITTEN and a.cloud == cloud]
        return found if len(found) >= count else None

    return stage.wait(f"{count} writes acknowledged by {cloud}", look, timeout_s)[0]


def page_seen(stage: Stage, since: float) -> Attempt:
    """Wait until a visitor at the Azure address met the maintenance page."""

    def look() -> Attempt | None:
        seen = stage.attempt(since, lambda a: a.outcome is Outcome.PAGE and a.cloud == "azure")
        if seen is None:
            return None
        try:
            return seen if PAGE_WORDS in stage.client.browser.get("/").body else None
        except NoAnswer:
            return None

    return stage.wait("the maintenance page", look, 60)


def newer(stage: Stage, since: float, site: str, *, count: int, until: float = float("inf")) -> list[Backup]:
    """Complete backups of ``site`` begun after ``since``, finished before ``until``; none below ``count``."""
    found = [
        b for b in stage.vault.backups() if b.site == site and b.started >= since and b.finished <= until
    ]
    return found if len(found) >= count else []


def restore_report(stage: Stage, since: float) -> dict[str, Any] | None:
    """The newest report of a restore that ended after ``since``."""
    reports = stage.vault.signals("restore-").values()
    new = [r for r in reports if datetime.fromisoformat(r["finished"]).timestamp() >= since]
    return new[-1] if new else None
