"""What each line of a mysqldump stream is.

mysqldump escapes line ends inside values, so data lines begin with INSERT and end with the line; only the
bodies of triggers, events and routines hold free text over several lines, between changes of the delimiter.
Knowing that is what keeps data which looks like SQL (``-- Dump completed``, ``DEFINER=``) from being taken
for it. Read by the scanner (``dumpscan``) and by the restore's rewriter (``rewrite``).
"""

from __future__ import annotations

import re
from enum import Enum, auto

IDENTIFIER = rb"`((?:[^`]|``)+)`"


class Kind(Enum):
    """What a line is; ``OTHER`` is everything that neither reader cares about."""

    CREATE_DATABASE = auto()
    USE = auto()
    CREATE_TABLE = auto()
    TABLE_PART = auto()
    TABLE_END = auto()
    INSERT = auto()
    STORED = auto()
    """The first line of a trigger, event, procedure or function."""
    BODY = auto()
    """A further line of one."""
    TIME_ZONE = auto()
    """The time zone of an event."""
    VIEW_DEFINER = auto()
    VIEW = auto()
    """The final definition of a view."""
    COMPLETED = auto()
    OTHER = auto()


_STARTS = (
    (b"INSERT INTO `", Kind.INSERT),
    (b"CREATE TABLE `", Kind.CREATE_TABLE),
    (b"CREATE DATABASE ", Kind.CREATE_DATABASE),
    (b"USE `", Kind.USE),
    (b"/*!50013 DEFINER=", Kind.VIEW_DEFINER),
    (b"/*!50001 VIEW `", Kind.VIEW),
    (b"-- Dump completed", Kind.COMPLETED),
)
_STORED = re.compile(rb"(/\*!\d{5} )?CREATE\b")
_TIME_ZONE = re.compile(rb"/\*!\d{5} SET time_zone += '")


class Classifier:
    """Names the lines of one stream, in order."""

    def __init__(self) -> None:
        self._delimiter = b";"
        self._in_body = False
        self._in_table = False

    def kind(self, line: bytes) -> Kind:
        """What ``line`` is; without or with its line end."""
        if self._delimiter != b";":
            return self._inside_delimiter(line)
        if self._in_table:
            self._in_table = line.startswith(b" ")
            return Kind.TABLE_PART if self._in_table else Kind.TABLE_END
        if line.startswith(b"DELIMITER "):
            self._delimiter = line[10:].strip()
            return Kind.OTHER
        for start, kind in _STARTS:
            if line.startswith(start):
                self._in_table = kind is Kind.CREATE_TABLE
                return kind
        return Kind.OTHER

    def _inside_delimiter(self, line: bytes) -> Kind:
        ends = line.rstrip().endswith(self._delimiter)
        if self._in_body:
            self._in_body = not ends
            return Kind.BODY
        if line.startswith(b"DELIMITER "):
            self._delimiter = line[10:].strip()
            return Kind.OTHER
        if _STORED.match(line):
            self._in_body = not ends
            return Kind.STORED
        return Kind.TIME_ZONE if _TIME_ZONE.match(line) else Kind.OTHER


_STORED_HEAD = re.compile(
    rb"(?:/\*!\d{5} )?CREATE(?:\*/)? (?:/\*!\d{5} )?"
    rb"(?P<definer>DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*` ?)?(?:\*/ )?(?:/\*!\d{5} )?"
    rb"(?P<type>TRIGGER|EVENT|PROCEDURE|FUNCTION) " + IDENTIFIER
)


def stored_head(line: bytes) -> re.Match[bytes] | None:
    """Take a STORED line apart: groups ``definer``, ``type`` and 3, the quoted name without its backticks."""
    return _STORED_HEAD.match(line)


def name(quoted: bytes) -> str:
    """An identifier as it is, from what stood between backticks."""
    return quoted.replace(b"``", b"`").decode()
