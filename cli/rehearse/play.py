"""From a running world to a report: play the steps, draw up the account, whatever happens on the way."""

from __future__ import annotations

import secrets
from itertools import groupby

from cli.rehearse.ledger import Ledger
from cli.rehearse.progress import Progress
from cli.rehearse.stage import Stage, StepFailed, Story
from cli.rehearse.stories import STORIES
from cli.rehearse.verdict import draw_up, report
from cli.report.model import Report
from cli.world import World

_KEPT = ("ledger.jsonl", "client.jsonl", "client-internal.jsonl")


def rehearse(world: World, progress: Progress, story_name: str) -> Report:
    """Play the story of that name in ``world``; a step that fails ends it, and is in the report.

    Raises:
        KeyboardInterrupt: the operator had enough.
    """
    for name in _KEPT:  # the last run's stay beside this one's
        file = world.root / name
        if file.exists():
            file.replace(file.with_stem(f"{file.stem}-previous"))
    ledger = Ledger(world.root / _KEPT[0])
    stage = Stage(world=world, progress=progress, ledger=ledger, run=secrets.token_hex(4))
    try:
        story = STORIES[story_name]
        completed = _play(stage, story)
        for client in stage.clients:
            client.stop()
        return report(stage, draw_up(stage), story=f"{story_name}: {story.about}", completed=completed)
    finally:
        stage.halt()
        ledger.close()


def _play(stage: Stage, story: Story) -> bool:
    for phase, steps in groupby(story.steps, key=lambda step: step.phase):
        stage.progress.phase(phase)
        for step in steps:
            try:
                stage.play(step)
            except StepFailed:
                stage.progress.say(f"\nThe story ends here. Logs of all that ran: {stage.world.root}")
                return False
    return True
