"""How the tool fails: one clear sentence and a status, no traceback (unless DR_DEBUG=1 asks for it)."""

from __future__ import annotations


class Problem(RuntimeError):
    """Something the operator can act on; the message says what is wrong and what to do."""


def sentence(error: BaseException) -> str:
    """The text of an error as one paragraph; an operating system's error names its file."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        hint = {28: "; make room on the disk and run the command again"}.get(error.errno or 0, "")
        return f"{where}{error.strerror}{hint}"
    return str(error) or type(error).__name__
