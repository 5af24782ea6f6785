"""A second look at rows with JSON in them, whose numbers may read otherwise after a load.

A DECIMAL inside JSON (what CAST and JSON_OBJECT leave there) has no form of its own in mysqldump's text: 1.50
comes back as the DOUBLE 1.5, and the copy's text differs from the backup's though no value does. So the texts
of both are read once more, with JSON by its values: numbers as MySQL's own parser takes them, all else as it
stands.
"""

from __future__ import annotations

import json
import re

from agent.dumplines import IDENTIFIER
from agent.dumpscan import INSERT, ROW, DumpScanner

_COLUMN = re.compile(rb"  " + IDENTIFIER + rb" (json\b)?")
_NAMES = re.compile(IDENTIFIER)
_VALUE = re.compile(rb"'(?:[^'\\]++|\\.)*+'|[^,'()]++", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_CHARACTERS = {b"0": b"\0", b"n": b"\n", b"r": b"\r", b"Z": b"\x1a"}
# Whole numbers outside of these are DOUBLEs for MySQL.
_LEAST, _MOST = -(2**63), 2**64 - 1


class JsonScanner(DumpScanner):
    """Like its base, but its hashes are of the values of JSON and not of its text."""

    def __init__(self) -> None:
        super().__init__(counts_rows=False)
        self._columns: list[tuple[bytes, bool]] = []

    def create_table(self, line: bytes) -> None:
        """Begin a table."""
        self._columns = []
        super().create_table(line)

    def table_part(self, line: bytes) -> None:
        """Learn which columns are JSON."""
        if column := _COLUMN.match(line):
            self._columns.append((column[1], column[2] is not None))
        super().table_part(line)

    def insert(self, line: bytes) -> None:
        """Take rows; mysqldump writes a table's right behind its definition."""
        head = INSERT.match(line)
        if head and any(is_json for _, is_json in self._columns):
            line = line[: head.end()] + _normal(line, head.end(), self._places(head[0])) + b";"
        super().insert(line)

    def _places(self, head: bytes) -> set[int]:
        """Where in a row JSON stands; with generated columns the statement names those it has."""
        known = dict(self._columns)
        named = _NAMES.findall(head)[1:]
        return {at for at, column in enumerate(named or known) if known.get(column)}


def _normal(line: bytes, at: int, places: set[int]) -> bytes:
    rows: list[bytes] = []
    while row := ROW.match(line, at):
        values = _VALUE.findall(row[0])
        for place in places:
            if values[place].startswith(b"'"):
                values[place] = _by_value(values[place])
        rows.append(b"(" + b",".join(values) + b")")
        at = row.end() + 1
    return b",".join(rows)


def _by_value(quoted: bytes) -> bytes:
    text = _ESCAPED.sub(lambda found: _CHARACTERS.get(found[1], found[1]), quoted[1:-1])
    value = json.loads(text, parse_int=_whole)
    return b"'" + json.dumps(value).replace("\\", "\\\\").replace("'", "\\'").encode() + b"'"


def _whole(digits: str) -> int | float:
    number = int(digits)
    return number if _LEAST <= number <= _MOST else float(digits)
