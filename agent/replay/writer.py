"""The session that writes replayed rows: settings under which a literal means one thing, and its warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.binlog.jsonb import function_definition
from agent.database import OWN_SCHEMA, Session
from agent.errors import DatabaseError, LogError

MODES = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"
LENIENT = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"
SETTINGS = (
    f"SET SESSION sql_mode = '{MODES}'",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION sql_safe_updates = 0",
    "SET SESSION sql_select_limit = DEFAULT",
    "SET SESSION unique_checks = 1",
    "SET SESSION foreign_key_checks = 0",
    # A thousand keys in one statement are found through the index, not by reading the table (warning 3170).
    "SET SESSION range_optimizer_max_mem_size = 0",
    "SET SESSION transaction_isolation = 'READ-COMMITTED'",
)
_TRUNCATED = 1265
# They are about the statement's words and not about the row: "ucs2 is deprecated", and the like.
_HARMLESS = frozenset((1287, 1681, 3719, 3778))
_STATEMENT_BYTES = 2 << 20
_STATEMENT_ROWS = 1000


class Writer:
    """Runs the statements that rows became.

    Args:
        session: its own; nobody else may use it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        for statement in SETTINGS:
            session.rows(statement)
        self._packet = int(session.value("SELECT @@max_allowed_packet"))
        self._checked = False
        self._open = False
        self._functions: list[str] = []
        self.statements = 0
        """Run in the current transaction."""
        self.where = ""
        """What is being written, for messages: transactions."""

    def checks(self, on: bool) -> None:
        """Foreign key checks on or off for what follows."""
        if on != self._checked:
            self._session.rows(f"SET SESSION foreign_key_checks = {int(on)}")
            self._checked = on

    def run(self, statement: bytes, table: str, *, enum_errors: int = 0) -> int:
        """Run one statement in the current transaction; how many rows it affected.

        Args:
            table: for messages.
            enum_errors: how many ENUM values in it are the error value 0, which can be written only with a
                warning each.

        Raises:
            LogError: the server refuses, or warns.
        """
        if len(statement) + 1024 > self._packet:
            raise LogError(
                f"{self._of(table)}: a row needs a statement of {len(statement)} bytes, and the server's "
                f"max_allowed_packet is {self._packet}; set it to 1073741824"
            )
        try:
            if not self._open:
                self._session.rows("BEGIN")
                self._open = True
            if enum_errors:
                self._session.rows(f"SET SESSION sql_mode = '{LENIENT}'")
            affected, warnings = self._change(statement)
            self.statements += 1
            if warnings or enum_errors:
                self._judge(table, warnings, enum_errors)
            if enum_errors:
                self._session.rows(f"SET SESSION sql_mode = '{MODES}'")
        except DatabaseError as error:
            raise LogError(f"{self._of(table)}: {error}") from error
        return affected

    def _change(self, statement: bytes) -> tuple[int, int]:
        """Run it; where it needs a function that gives a JSON value its type, make that first."""
        try:
            return self._session.change(statement)
        except DatabaseError as error:
            needed = function_definition(str(error))
            if needed is None or needed[0] in self._functions:
                raise
        name, definition = needed
        self._session.rows(f"CREATE DATABASE IF NOT EXISTS {OWN_SCHEMA}")
        self._session.rows(f"DROP FUNCTION IF EXISTS {name}")
        self._session.rows(definition)  # commits what the transaction did so far
        self._functions.append(name)
        self._session.rows("BEGIN")
        return self._change(statement)

    def close(self) -> None:
        """Remove what only the replay needed."""
        self.commit()
        for name in self._functions:
            self._session.rows(f"DROP FUNCTION IF EXISTS {name}")
        self._functions.clear()

    def _judge(self, table: str, warnings: int, enum_errors: int) -> None:
        found = [(int(row[1]), str(row[2])) for row in self._session.rows("SHOW WARNINGS")]
        bad = [text for code, text in found if code not in _HARMLESS and code != _TRUNCATED]
        truncated = sum(code == _TRUNCATED for code, _ in found)
        # SHOW WARNINGS keeps max_error_count of them.
        if bad or (truncated != enum_errors and warnings <= len(found)):
            said = bad or [text for code, text in found if code == _TRUNCATED]
            raise LogError(f"{self._of(table)}: the server warned: {'; '.join(said[:3])}")

    def expect(self, affected: int, expected: int, table: str, what: str) -> None:
        """Compare how many rows a statement affected.

        Raises:
            LogError: another number: the copy is not what the log was written against.
        """
        if affected != expected:
            raise LogError(
                f"{self._of(table)}: {what} of {expected} rows changed {affected}; the copy differs from the "
                "source's at that point; restore from an older backup, or to a target before it"
            )

    def _of(self, table: str) -> str:
        return f"{table} ({self.where})"

    def commit(self) -> None:
        """Make durable what was run."""
        if self._open:
            self._session.rows("COMMIT")
            self._open = False
            self.statements = 0


def batches(literals: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lists of literals that make statements of a good size."""
    batch: list[bytes] = []
    size = 0
    for literal in literals:
        if batch and (size + len(literal) > _STATEMENT_BYTES or len(batch) == _STATEMENT_ROWS):
            yield batch
            batch, size = [], 0
        batch.append(literal)
        size += len(literal)
    if batch:
        yield batch
