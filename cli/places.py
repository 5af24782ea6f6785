"""Where things are: the clone, and the folders of sandboxes below it."""

from __future__ import annotations

import re
from pathlib import Path

from cli.problem import Problem

CLONE = Path(__file__).resolve().parents[1]


def sandbox_folder(name: str) -> Path:
    """The folder of the sandbox called ``name``, below the clone.

    Raises:
        Problem: the name would not do as a folder's name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}", name):
        raise Problem(f"sandbox name {name!r}: use letters, digits, '-' and '_', 41 at most")
    return CLONE / ".sandbox" / name
