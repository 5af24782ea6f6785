"""Which tables had another definition at an earlier point of the log than they have now.

The log describes columns by type and mostly without names; names, keys and what is generated come from the
server's present dictionary. Where a definition changed in between, that is not what the rows were written to.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.replay.statements import Statement, tokens

# Words of an ALTER TABLE that can change columns or keys: no list of harmless ones would stay complete.
_HARMLESS_ADD = frozenset(("INDEX", "KEY", "CONSTRAINT", "FOREIGN", "CHECK", "FULLTEXT", "SPATIAL"))
_HARMLESS_DROP = frozenset(("INDEX", "KEY", "CONSTRAINT", "FOREIGN", "CHECK"))
_HARMFUL = frozenset(
    (
        "COLUMN",
        "CHANGE",
        "MODIFY",
        "RENAME",
        "UNIQUE",
        "PRIMARY",
        "CONVERT",
        "PARTITION",
        "CHARACTER",
        "CHARSET",
    )
)


@dataclass
class Reshaped:
    """Names -> the last transaction, counted in the log's order, that changed the definition."""

    tables: dict[str, int] = field(default_factory=dict[str, int])
    schemas: dict[str, int] = field(default_factory=dict[str, int])

    def learn(self, text: bytes, statement: Statement, ordinal: int) -> None:
        """Remember a definition that ran in transaction ``ordinal``."""
        if not _reshapes(text, statement):
            return
        target = self.schemas if statement.object == "DATABASE" else self.tables
        for token in tokens(text):
            # Every name that it holds: rather one table too many than one too few.
            if token.kind in ("word", "name", "double"):
                target[token.spelled.strip('"').lower()] = ordinal

    def later(self, schema: str, table: str, ordinal: int) -> bool:
        """Whether the definition changed after transaction ``ordinal``."""
        return max(self.tables.get(table.lower(), 0), self.schemas.get(schema.lower(), 0)) > ordinal


def _reshapes(text: bytes, statement: Statement) -> bool:
    words = [token.text for token in tokens(text) if token.kind == "word"]
    if statement.object == "INDEX":  # a unique one that is new was no key before
        return statement.verb == "CREATE" and "UNIQUE" in words
    if statement.object == "DATABASE":
        return statement.verb == "DROP"
    if statement.object != "TABLE" or statement.verb in ("CREATE", "TRUNCATE"):
        # Where a CREATE TABLE made a table anew, there is a DROP or a RENAME of the old one, too.
        return False
    if statement.verb != "ALTER":
        return True
    if _HARMFUL.intersection(words):
        return True
    following = zip(words, [*words[1:], ""], strict=True)
    return any(
        (word == "ADD" and after not in _HARMLESS_ADD) or (word == "DROP" and after not in _HARMLESS_DROP)
        for word, after in following
    )
