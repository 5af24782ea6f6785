"""A CREATE TABLE statement of mysqldump, taken apart: what rows need, and what is built faster after them.

Secondary indexes built over loaded rows are sorted once instead of searched for every row; foreign keys added
while ``foreign_key_checks`` is off cost nothing and let tables be loaded in any order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.dumplines import IDENTIFIER

_HEAD = re.compile(rb"CREATE TABLE " + IDENTIFIER)
_COLUMN = re.compile(rb"  " + IDENTIFIER + rb" ")
_TYPE = re.compile(rb"[a-z]+")
_PLAIN = frozenset(
    b"tinyint smallint mediumint int bigint decimal float double date datetime timestamp time year char"
    b" varchar tinytext text mediumtext longtext enum set json".split()
)
_KEY = re.compile(
    rb"  (?P<kind>UNIQUE |FULLTEXT |SPATIAL )?KEY `(?:[^`]|``)+` \((?:`(?P<first>(?:[^`]|``)+)`)?"
)
_PRIMARY = re.compile(rb"  PRIMARY KEY \(`(?P<first>(?:[^`]|``)+)`")
_FOREIGN = re.compile(rb"  CONSTRAINT `(?:[^`]|``)+` FOREIGN KEY ")


@dataclass(frozen=True)
class Table:
    """One table, in the order of its making.

    Attributes:
        create: the statement without what comes later.
        indexes: ALTER TABLE statements for its secondary indexes, one after the other.
        foreign_keys: one ALTER TABLE statement; empty when it has none.
        keyed: has a primary key. Without one the rows have an order that only loading them in order keeps,
            and one of the other keys may be what InnoDB stores them by; so none of those is postponed.
        plain: LOAD DATA reads its values, as mysqldump writes them, as INSERT does: numbers, words in quotes,
            NULL. It would take the hexadecimal form of binary values for text.
        takes_no_generated_key: a server that makes up invisible primary keys would refuse it (error 4108 for
            an AUTO_INCREMENT column, 1235 for partitions).
    """

    create: bytes
    indexes: tuple[bytes, ...]
    foreign_keys: bytes
    keyed: bool
    plain: bool
    takes_no_generated_key: bool


def take_apart(lines: Sequence[bytes]) -> Table:
    """The table that ``lines``, a whole CREATE TABLE statement with its line ends, makes."""
    end = next(at for at in range(1, len(lines)) if not lines[at].startswith(b" "))
    parts = [line.rstrip().removesuffix(b",").rstrip() for line in lines[1:end]]
    keys = [part for part in parts if _KEY.match(part)]
    foreign = [part for part in parts if _FOREIGN.match(part)]
    primary = next(filter(None, map(_PRIMARY.match, parts)), None)
    counter = _counter(parts)
    later = keys[_needed(keys, primary, counter) :] if primary else []
    kept = [part for part in parts if part not in later and part not in foreign]
    head = _HEAD.match(lines[0])
    alter = b"ALTER TABLE `" + (head[1] if head else b"") + b"` "
    return Table(
        create=lines[0] + b",\n".join(kept) + b"\n" + b"".join(lines[end:]),
        indexes=tuple(alter + _added(group) for group in _groups(later)),
        foreign_keys=alter + _added(foreign) if foreign else b"",
        keyed=primary is not None,
        plain=all(_is_plain(part) for part in parts),
        takes_no_generated_key=primary is None
        and (counter is not None or any(b" PARTITION BY " in line for line in lines[end + 1 :])),
    )


def _counter(parts: Sequence[bytes]) -> bytes | None:
    """The AUTO_INCREMENT column; such a column has no text before a comment of its own."""
    for part in parts:
        column = _COLUMN.match(part)
        if column and b" AUTO_INCREMENT" in part[column.end() - 1 :].split(b"'", 1)[0]:
            return column[1]
    return None


def _is_plain(part: bytes) -> bool:
    column = _COLUMN.match(part)
    kind = _TYPE.match(part, column.end()) if column else None
    return not column or (kind is not None and kind[0] in _PLAIN)


def _needed(keys: Sequence[bytes], primary: re.Match[bytes] | None, counter: bytes | None) -> int:
    """How many of the first keys the rows need: an AUTO_INCREMENT column must be the first of some key.

    All keys before that one stay too: the server lists keys of a kind in the order in which they were made.
    """
    if counter is None or (primary and primary["first"] == counter):
        return 0
    for at, key in enumerate(keys):
        found = _KEY.match(key)
        if found and found["first"] == counter:
            return at + 1
    return len(keys)


def _groups(keys: Sequence[bytes]) -> list[list[bytes]]:
    """One statement for all but the full-text indexes, of which InnoDB builds one at a time."""
    plain = [key for key in keys if not key.startswith(b"  FULLTEXT ")]
    return [*([plain] if plain else []), *([key] for key in keys if key.startswith(b"  FULLTEXT "))]


def _added(parts: Sequence[bytes]) -> bytes:
    return b", ".join(b"ADD " + part.strip() for part in parts)
