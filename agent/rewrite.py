"""Changes to a dump on its way into a server; the stored backup stays as mysqldump wrote it.

- DEFINER clauses go: setting another definer needs a privilege that Azure's administrator does not have
  (error 1227), and the account would not exist. The restoring administrator becomes the definer.
- Events come disabled: two writing copies of a schedule would both fire. They are switched on when the site
  becomes the writer.
- A negative zero is written as a DOUBLE: as mysqldump writes it, -0, it is a whole number that has no sign.
- Names get the capitals back that a server with lower_case_table_names=1 took from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from agent.dumplines import IDENTIFIER, Classifier, Kind, name, stored_head

_VIEW_DEFINER = re.compile(rb"(/\*!50013 )DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*` ?(SQL SECURITY \w+ \*/)")
_EVENT_ENABLED = re.compile(rb"( ON COMPLETION (?:NOT )?PRESERVE )ENABLE\b")
_TABLE_START = re.compile(
    rb"((?:/\*!\d{5} )?(?:INSERT INTO|CREATE TABLE|DROP TABLE IF EXISTS|LOCK TABLES|ALTER TABLE"
    rb"|DROP VIEW IF EXISTS|CREATE VIEW|VIEW) )" + IDENTIFIER
)
_REFERENCES = re.compile(rb"( REFERENCES )(?:" + IDENTIFIER + rb"(\.))?" + IDENTIFIER)
_TRIGGER_TABLE = re.compile(rb"( ON )" + IDENTIFIER + rb"(?= FOR EACH ROW)")
_SCHEMA = re.compile(rb"((?:USE|CREATE DATABASE /\*!32312 IF NOT EXISTS\*/) )" + IDENTIFIER)
# Of no other type does mysqldump write a negative zero. Names and strings are passed over.
_NEGATIVE_ZERO = re.compile(
    rb"`(?:[^`]|``)+`|'(?:[^'\\]++|\\.)*+'|(?<=[(,])(?P<zero>-0(?:\.0+)?)(?=[,)])", re.DOTALL
)
# The words of a view's text: strings, and identifiers with what stands before them. A column follows a dot
# and an output name follows AS; every other identifier may be a table.
_IN_VIEW = re.compile(rb"'(?:[^'\\]|\\.|'')*'|(\.| AS )?" + IDENTIFIER, re.DOTALL)


class Rewriter:
    """Call it with every line of one stream, in order.

    Args:
        names: lower-case table and view names -> how this server shall spell them.
        schemas: the same for schemas.

    Attributes:
        kind: what the last line was.
    """

    def __init__(self, names: Mapping[str, str], schemas: Mapping[str, str]) -> None:
        self._lines = Classifier()
        self._names = names
        self._schemas = schemas
        self.kind = Kind.OTHER

    def __call__(self, line: bytes) -> bytes:
        """The line to send instead of ``line``."""
        self.kind = kind = self._lines.kind(line)
        match kind:
            case Kind.BODY | Kind.COMPLETED:
                return line
            case Kind.STORED:
                return self._stored(line)
            case Kind.VIEW_DEFINER:
                return _VIEW_DEFINER.sub(rb"\1\2", line, count=1)
            case Kind.USE | Kind.CREATE_DATABASE:
                return _SCHEMA.sub(_spelling(self._schemas), line, count=1)
            case Kind.INSERT if b",-0" in line or b"(-0" in line:
                line = _NEGATIVE_ZERO.sub(_signed, line)
            case _:
                pass
        return self._cased(kind, line) if self._names else line

    def _stored(self, line: bytes) -> bytes:
        head = stored_head(line)
        if head is None:
            return line
        start, rest = line[: head.end()], line[head.end() :]
        if head["definer"]:
            start = start.replace(head["definer"], b"", 1)
        if head["type"] == b"EVENT":
            rest = _EVENT_ENABLED.sub(rb"\1DISABLE", rest, count=1)
        if head["type"] == b"TRIGGER" and self._names:
            rest = _TRIGGER_TABLE.sub(_spelling(self._names), rest, count=1)
        return start + rest

    def _cased(self, kind: Kind, line: bytes) -> bytes:
        spelling = _spelling(self._names)
        if kind is Kind.VIEW:
            return _IN_VIEW.sub(lambda found: found[0] if found[1] or not found[2] else spelling(found), line)
        if kind is Kind.TABLE_PART:
            return _REFERENCES.sub(self._reference, line) if b" FOREIGN KEY " in line else line
        head = _TABLE_START.match(line)
        return spelling(head) + line[head.end() :] if head else line

    def _reference(self, found: re.Match[bytes]) -> bytes:
        """A foreign key's table, with its schema where that is another one."""
        kept = found[1]
        if found[2]:
            kept += _respelt(found[2], self._schemas) + b"."
        return kept + _respelt(found[4], self._names)


def _signed(found: re.Match[bytes]) -> bytes:
    return found[0] + b"e0" if found["zero"] else found[0]


def _spelling(names: Mapping[str, str]) -> Callable[[re.Match[bytes]], bytes]:
    """A replacement for matches of two groups: what is kept, and an identifier."""

    def replace(found: re.Match[bytes]) -> bytes:
        return (found[1] or b"") + _respelt(found[2], names)

    return replace


def _respelt(quoted: bytes, names: Mapping[str, str]) -> bytes:
    """In backticks, what stood between backticks."""
    known = names.get(name(quoted).lower())
    return b"`" + (known.replace("`", "``").encode() if known else quoted) + b"`"
