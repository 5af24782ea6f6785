"""Where transactions begin and end in a stream of events."""

from __future__ import annotations

import re
from typing import Literal

from agent.binlog.events import Event, Query, Type, read_query
from agent.errors import LogError

# begin: the transaction's GTID. inside: one of its events, more follow. end: its last event.
# between: belongs to no transaction (a file's head, its ROTATE or STOP).
Place = Literal["begin", "inside", "end", "between"]

GTIDS = frozenset({Type.GTID, Type.GTID_TAGGED, Type.ANONYMOUS_GTID})
_BETWEEN = frozenset({Type.FORMAT_DESCRIPTION, Type.PREVIOUS_GTIDS, Type.ROTATE, Type.STOP})
_ENDS = frozenset({Type.XID, Type.XA_PREPARE, Type.TRANSACTION_PAYLOAD})
_ENDING_QUERY = re.compile(rb"\s*(?:COMMIT|ROLLBACK)\s*(?:/\*.*\*/)?\s*;?\s*", re.IGNORECASE | re.DOTALL)
_OPENING_QUERY = re.compile(rb"\s*(?:BEGIN\b|XA\s+START\b)", re.IGNORECASE)


class Boundaries:
    """Follows a log event by event.

    Args:
        inside: the log is entered inside a transaction, behind its BEGIN (a segment that continues one).

    Attributes:
        query: the statement of the event that was placed last, if it was a QUERY event.
    """

    def __init__(self, *, inside: bool = False) -> None:
        self._state: Literal["between", "head", "body"] = "body" if inside else "between"
        self.query: Query | None = None

    @property
    def is_inside(self) -> bool:
        """Whether a transaction has begun that did not end yet."""
        return self._state != "between"

    def place(self, event: Event) -> Place:
        """Where ``event`` stands.

        Raises:
            LogError: it cannot follow what came before it.
        """
        self.query = None
        if event.type in _BETWEEN:
            if self.is_inside:
                raise LogError(f"the log has an event of type {event.type} inside a transaction")
            return "between"
        if event.type in GTIDS:
            if self.is_inside:
                raise LogError("the log has a transaction inside another one")
            self._state = "head"
            return "begin"
        if self._state == "between":
            if event.type == Type.INCIDENT:
                return "between"
            raise LogError(f"the log has an event of type {event.type} outside of a transaction")
        if self._ends(event):
            self._state = "between"
            return "end"
        return "inside"

    def _ends(self, event: Event) -> bool:
        if event.type == Type.QUERY:
            self.query = read_query(event)
            if self._state == "body":
                return _ENDING_QUERY.fullmatch(self.query.statement) is not None
            if _OPENING_QUERY.match(self.query.statement):
                self._state = "body"
                return False
            return True  # DDL and XA COMMIT stand alone
        return event.type in _ENDS or (event.type == Type.INCIDENT and self._state == "head")
