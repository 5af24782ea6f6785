"""The stories: plain sequences of steps. Read one from top to bottom."""

from cli.rehearse.stories import again, disaster, split

STORIES = {"disaster": disaster.STORY, "split": split.STORY, "again": again.STORY}
