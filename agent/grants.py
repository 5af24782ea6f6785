"""What the agent's account may do, read from SHOW GRANTS.

Not from information_schema, which hides privileges held through roles (on RDS it shows one line, USAGE).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.database import Session

_GRANT = re.compile(
    r"(?P<verb>GRANT|REVOKE) (?P<what>.+?) ON (?P<scope>\S+|`.*`)\.(?P<object>\*|`.*`) (?:TO|FROM) "
)

# Without them mysqldump leaves things out and reports success (TRIGGER), or fails half-way (the others).
_FOR_DUMP = ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT")
_OF_ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE", "LOCK TABLES")
_OF_TABLES = ("CREATE", "DROP", "ALTER", "INDEX", "REFERENCES")
_OF_PROGRAMS = ("CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE", "TRIGGER", "EVENT")
_FOR_RESTORE = (*_OF_ROWS, *_OF_TABLES, *_OF_PROGRAMS)


@dataclass(frozen=True)
class Grants:
    """Privileges by scope: ``*`` for all schemas, else a schema's name or pattern as granted."""

    held: tuple[tuple[str, frozenset[str]], ...]
    revoked: tuple[tuple[str, frozenset[str]], ...]

    @classmethod
    def of(cls, session: Session) -> Grants:
        """The privileges of the session's own account with its active roles."""
        roles = str(session.value("SELECT CURRENT_ROLE()") or "NONE")
        using = "" if roles == "NONE" else f" USING {roles}"
        return cls.parse([str(row[0]) for row in session.rows(f"SHOW GRANTS FOR CURRENT_USER(){using}")])

    @classmethod
    def parse(cls, lines: Sequence[str]) -> Grants:
        """Read the lines of SHOW GRANTS; grants of roles and on single objects are left out."""
        held: list[tuple[str, frozenset[str]]] = []
        revoked: list[tuple[str, frozenset[str]]] = []
        for line in lines:
            match = _GRANT.match(line)
            if match and match["object"] == "*":
                scope = match["scope"].strip("`").replace("``", "`")
                names = frozenset(
                    part.strip().upper() for part in re.sub(r"\(.*?\)", "", match["what"]).split(",")
                )
                (held if match["verb"] == "GRANT" else revoked).append((scope, names))
        return cls(tuple(held), tuple(revoked))

    def has(self, privilege: str, schema: str) -> bool:
        """Whether ``privilege`` is held on the whole of ``schema``."""
        if any(privilege in names for scope, names in self.revoked if _covers(scope, schema)):
            return False
        return any(
            privilege in names or "ALL PRIVILEGES" in names
            for scope, names in self.held
            if _covers(scope, schema)
        )

    def has_globally(self, privilege: str) -> bool:
        """Whether ``privilege`` is held on ``*.*``."""
        return any(
            privilege in names or "ALL PRIVILEGES" in names for scope, names in self.held if scope == "*"
        )


def own_account(session: Session) -> str:
    """The session's account as statements spell it: ``'backup'@'%'``."""
    user, _, host = str(session.value("SELECT CURRENT_USER()")).rpartition("@")
    return "@".join("'{}'".format(part.replace("\\", "\\\\").replace("'", "''")) for part in (user, host))


def missing_for_dump(grants: Grants, schemas: Sequence[str]) -> list[str]:
    """What the account lacks to dump ``schemas`` whole, as the ends of GRANT statements."""
    missing = [
        f"{privilege} ON `{schema}`.*"
        for schema in schemas
        for privilege in _FOR_DUMP
        if not grants.has(privilege, schema)
    ]
    # Other accounts' routines show with a global SELECT or with SHOW_ROUTINE (MySQL 8.0.20 and later). RDS's
    # administrator holds only the first and so can grant no other; Azure's holds both.
    if not (grants.has_globally("SELECT") or grants.has_globally("SHOW_ROUTINE")):
        missing.append("SELECT ON *.*")
    return missing


def missing_for_restore(grants: Grants, schemas: Sequence[str]) -> list[str]:
    """What the account lacks to replace ``schemas``, as the ends of GRANT statements."""
    return [
        f"ALL ON `{schema}`.*"
        for schema in schemas
        if not all(grants.has(privilege, schema) for privilege in _FOR_RESTORE)
    ]


def _covers(scope: str, schema: str) -> bool:
    if scope == "*":
        return True
    # A schema in a grant is a LIKE pattern: % and _ are wildcards, escaped by a backslash.
    wildcards = {"%": ".*", "_": "."}
    parts: list[str] = re.findall(r"\\.|.", scope, re.DOTALL)
    pattern = "".join(wildcards.get(part, re.escape(part[-1])) for part in parts)
    return re.fullmatch(pattern, schema, re.IGNORECASE | re.DOTALL) is not None
