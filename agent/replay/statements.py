"""SQL statements of the log, taken apart only as far as the replay must: what they are, and whose.

A tokenizer, because data looks like SQL: a comment of an event may say ENABLE, a default may say DEFINER=.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

_TOKEN = re.compile(
    rb"""
    (?P<space> \s+ | --(?=\s|\Z)[^\n]* | \#[^\n]* | /\*[!+]?\d{5,6}(?=\D) | /\*! | \*/ | /\*.*?\*/ )
  | (?P<name> `(?:[^`]|``)*` )
  | (?P<string> '(?:[^'\\]|\\.|'')*' )
  | (?P<double> "(?:[^"\\]|\\.|"")*" )
  | (?P<word> [0-9A-Za-z_$\x80-\xff]+ )
  | (?P<other> . )
    """,
    re.DOTALL | re.VERBOSE,
)
_TOKEN_NO_BACKSLASH = re.compile(
    _TOKEN.pattern.replace(rb"[^'\\]|\\.|", b"[^']|").replace(rb'[^"\\]|\\.|', b'[^"]|'), _TOKEN.flags
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a statement that is neither space nor comment.

    Attributes:
        text: words in capitals, names without their quotes.
        spelled: the same, words as they are.
    """

    kind: str
    text: str
    spelled: str
    start: int
    end: int


class Kind(Enum):
    """What the replay does with a statement."""

    BEGIN = auto()
    END = auto()
    IGNORED = auto()
    """Nothing that a copy needs: SAVEPOINT, ANALYZE, temporary tables."""
    ACCOUNTS = auto()
    """Accounts, rights and the server's own objects: not part of a dump either."""
    DDL = auto()
    CHANGE = auto()
    """Rows changed by a statement instead of row events."""
    DISTRIBUTED = auto()
    """XA transactions."""


_CONTROL = {
    "BEGIN": Kind.BEGIN,
    "COMMIT": Kind.END,
    "ROLLBACK": Kind.IGNORED,
    "SAVEPOINT": Kind.IGNORED,
    "RELEASE": Kind.IGNORED,
    "ANALYZE": Kind.IGNORED,
    "OPTIMIZE": Kind.IGNORED,
    "REPAIR": Kind.IGNORED,
    "FLUSH": Kind.IGNORED,
    "XA": Kind.DISTRIBUTED,
    "GRANT": Kind.ACCOUNTS,
    "REVOKE": Kind.ACCOUNTS,
    "SET": Kind.ACCOUNTS,
    "INSTALL": Kind.ACCOUNTS,
    "UNINSTALL": Kind.ACCOUNTS,
    "TRUNCATE": Kind.DDL,
}
_OBJECTS = frozenset(
    (
        *("TABLE", "TABLES", "INDEX", "VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"),
        *("DATABASE", "SCHEMA"),
    )
)
_SERVER_OBJECTS = frozenset(
    (
        *("USER", "ROLE", "SERVER", "TABLESPACE", "UNDO", "LOGFILE", "RESOURCE", "REFERENCE"),
        *("INSTANCE", "LIBRARY"),
    )
)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a statement is. ``object``: TABLE, VIEW, EVENT ...; empty for what has none."""

    kind: Kind
    verb: str
    object: str


def tokens(statement: bytes, *, ansi_quotes: bool = False, backslash: bool = True) -> Iterator[Token]:
    """The pieces of a statement in order. What stands in a version comment (/*!80000 ... */) counts."""
    pattern = _TOKEN if backslash else _TOKEN_NO_BACKSLASH
    for found in pattern.finditer(statement):
        kind = found.lastgroup or ""
        if kind == "space":
            continue
        text = spelled = found[0].decode("utf-8", "surrogateescape")
        if kind == "word":
            text = text.upper()
        elif kind == "name":
            text = spelled = text[1:-1].replace("``", "`")
        elif kind == "double":
            kind = "name" if ansi_quotes else "string"
            text = spelled = text[1:-1].replace('""', '"') if ansi_quotes else text
        yield Token(kind, text, spelled, found.start(), found.end())


def describe(statement: bytes) -> Statement:
    """Say what ``statement`` is, from its first words."""
    head = (token for token in tokens(statement) if token.kind == "word")
    verb = next(head, Token("", "", "", 0, 0)).text
    if verb in _CONTROL:
        return Statement(_CONTROL[verb], verb, "TABLE" if verb == "TRUNCATE" else "")
    if verb not in ("CREATE", "ALTER", "DROP", "RENAME"):
        return Statement(Kind.CHANGE, verb, "")
    return _describe_definition(verb, head)


def _describe_definition(verb: str, head: Iterator[Token]) -> Statement:
    temporary = False
    for token in head:
        temporary |= token.text == "TEMPORARY"
        if token.text in _SERVER_OBJECTS:
            return Statement(Kind.ACCOUNTS, verb, token.text)
        if token.text in _OBJECTS:
            if token.text == "FUNCTION" and any(word.text == "SONAME" for word in head):
                return Statement(Kind.ACCOUNTS, verb, "FUNCTION")
            name = {"SCHEMA": "DATABASE", "TABLES": "TABLE"}.get(token.text, token.text)
            return Statement(Kind.IGNORED if temporary else Kind.DDL, verb, name)
    return Statement(Kind.CHANGE, verb, "")


def without_definer(statement: bytes, *, ansi_quotes: bool = False) -> bytes:
    """The statement without its DEFINER clause: setting another needs a right that Azure does not give."""
    found = list(_head(statement, ansi_quotes))
    for i, token in enumerate(found):
        if token.kind == "word" and token.text == "DEFINER" and found[i + 1].text == "=":
            last = i + 2
            if found[last + 1].text in ("@", "("):  # user@host, or CURRENT_USER()
                last += 2
            return statement[: token.start] + statement[found[last].end :].lstrip()
    return statement


def _head(statement: bytes, ansi_quotes: bool) -> Iterator[Token]:
    """The tokens up to the word that says what the statement creates, and the one after it."""
    for token in tokens(statement, ansi_quotes=ansi_quotes):
        yield token
        if token.kind == "word" and token.text in _OBJECTS:
            return


@dataclass(frozen=True, slots=True)
class EventState:
    """What CREATE EVENT or ALTER EVENT says of the event's state.

    Attributes:
        schema, name: which event; ``schema`` empty: the session's.
        enabled: None where it says nothing.
        renamed: (schema, name) it has afterwards, or None.
        statement: the same, leaving the event disabled.
    """

    schema: str
    name: str
    enabled: bool | None
    renamed: tuple[str, str] | None
    statement: bytes


def disabled_event(statement: bytes, *, ansi_quotes: bool, backslash: bool) -> EventState:
    """Take CREATE EVENT or ALTER EVENT apart: two writing copies of a schedule would both fire."""
    found = list(tokens(statement, ansi_quotes=ansi_quotes, backslash=backslash))
    words = [token.text if token.kind == "word" else "" for token in found]
    at = words.index("EVENT") + 1
    if words[at] == "IF":
        at += 3
    schema, name, at = qualified(found, at)
    body = next((i for i in _outside(found, at) if words[i] == "DO"), len(found))
    state = renamed = None
    comment = body
    for i in _outside(found[:body], at):
        if words[i] == "COMMENT":
            comment = min(comment, i)
        elif words[i] in ("ENABLE", "DISABLE"):
            state = i
        elif words[i] == "RENAME":
            new_schema, new_name, _ = qualified(found, i + 2)
            renamed = (new_schema, new_name)
    if state is not None:
        end = state
        if words[state] == "DISABLE" and words[state + 1 : state + 2] == ["ON"]:  # DISABLE ON REPLICA
            end = state + 2
        changed = statement[: found[state].start] + b"DISABLE" + statement[found[end].end :]
        return EventState(schema, name, words[state] == "ENABLE", renamed, changed)
    if words[0] == "CREATE":
        place = found[comment].start if comment < len(found) else len(statement)
        changed = statement[:place] + b" DISABLE " + statement[place:]
        return EventState(schema, name, True, renamed, changed)
    return EventState(schema, name, None, renamed, statement)


def subject(statement: bytes) -> tuple[str, str]:
    """(schema or empty, name) of the first object that DDL names; empty where it names none."""
    found = list(tokens(statement))
    at = next((i + 1 for i, t in enumerate(found) if t.kind == "word" and t.text in _OBJECTS), len(found))
    while at < len(found) and found[at].kind == "word" and found[at].text in ("IF", "NOT", "EXISTS"):
        at += 1
    return qualified(found, at)[:2] if at < len(found) else ("", "")


def qualified(found: list[Token], at: int) -> tuple[str, str, int]:
    """(schema or empty, name, next position) of the possibly qualified name at ``at``."""
    first = found[at].spelled
    if at + 2 < len(found) and found[at + 1].text == ".":
        return first, found[at + 2].spelled, at + 3
    return "", first, at + 1


def _outside(found: list[Token], start: int) -> Iterator[int]:
    """Positions from ``start`` on that are in no parentheses."""
    depth = 0
    for i in range(start, len(found)):
        if found[i].text == "(" and found[i].kind == "other":
            depth += 1
        elif found[i].text == ")" and found[i].kind == "other":
            depth -= 1
        elif not depth:
            yield i
