"""Names in DDL of a source that folds them to lower case, for a target that does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.replay.schema import Tables
from agent.replay.statements import Statement, Token, tokens

# A name after one of these is a table's.
_BEFORE = frozenset(
    (
        *("TABLE", "TABLES", "EXISTS", "LIKE", "TO", "REFERENCES", "ON", "FROM", "JOIN", "UPDATE"),
        *("INTO", "VIEW", "RENAME", "TRUNCATE"),
    )
)
_BODIES = frozenset(("VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"))


def respell(
    statement: bytes,
    what: Statement,
    tables: Tables,
    names: Mapping[str, str],
    schemas: Sequence[str],
) -> bytes:
    """The statement with table and schema names as the target spells them.

    Args:
        names: lower-case table and view names -> the target's spelling; the tables that the target has are
            known besides.
    """
    known = {**{name.lower(): name for _, name in tables.tables}, **names}
    known_schemas = {schema.lower(): schema for schema in schemas}
    found = list(tokens(statement))
    pieces: list[bytes] = []
    done = 0
    for i, token in enumerate(found):
        new = _spelling(found, i, known, known_schemas, bodies=what.object in _BODIES)
        if new is not None and new != token.spelled:
            pieces += [statement[done : token.start], b"`" + new.replace("`", "``").encode() + b"`"]
            done = token.end
    return b"".join([*pieces, statement[done:]])


def _spelling(
    found: list[Token], i: int, known: Mapping[str, str], schemas: Mapping[str, str], *, bodies: bool
) -> str | None:
    """How the name at ``i`` shall read, or None where it is no table's or schema's."""
    token = found[i]
    if token.kind not in ("word", "name"):
        return None
    folded = token.text.lower()
    before = found[i - 1] if i else None
    after = found[i + 1] if i + 1 < len(found) else None
    if after is not None and after.text == "." and folded in schemas:
        return schemas[folded]
    if folded not in known:
        return None
    if before is not None and before.text == ".":
        return known[folded] if i > 1 and found[i - 2].text.lower() in schemas else None
    if after is not None and after.text == "." and bodies:
        return known[folded]
    follows = before is not None and before.kind == "word" and before.text in _BEFORE
    listed = before is not None and before.text == "," and not _in_parentheses(found, i)
    return known[folded] if follows or listed else None


def _in_parentheses(found: list[Token], i: int) -> bool:
    depth = sum((t.text == "(") - (t.text == ")") for t in found[:i] if t.kind == "other")
    return depth > 0
