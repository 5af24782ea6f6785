"""What in a log cannot be replayed, and which schemas an event changes."""

from __future__ import annotations

import re

from agent.binlog.events import Event, Query, Type, read_table_map_schema, updated_schemas
from agent.binlog.rows import KINDS, are_whole

_BY_STATEMENT = "rows changed by a statement; set binlog_format to ROW, and let no session change it"
_DISTRIBUTED = "distributed (XA), whose outcome a copy cannot know"
_PARTS = "parts of rows only; set binlog_row_image to FULL, and let no session change it"
_FLAWS: dict[int, str] = {
    Type.BEGIN_LOAD_QUERY: _BY_STATEMENT,
    Type.EXECUTE_LOAD_QUERY: _BY_STATEMENT,
    Type.XA_PREPARE: _DISTRIBUTED,
    Type.TRANSACTION_PAYLOAD: "compressed; set binlog_transaction_compression to OFF",
    Type.PARTIAL_UPDATE_ROWS: "parts of JSON documents only; clear binlog_row_value_options",
    Type.INCIDENT: "the server says that its log lost something here",
}
_DML = re.compile(
    rb"(?:\s|/\*(?!!).*?\*/|\()*(?:INSERT|UPDATE|DELETE|REPLACE|LOAD|CALL|WITH|DO|SELECT)\b",
    re.IGNORECASE | re.DOTALL,
)
_XA = re.compile(rb"\s*XA\s", re.IGNORECASE)


def flaw_of(event: Event, query: Query | None) -> str:
    """Why this event of a transaction cannot be replayed; empty when it can.

    Args:
        query: the event's content if it is a QUERY event.
    """
    if query is not None:
        if _XA.match(query.statement):
            return _DISTRIBUTED
        return _BY_STATEMENT if _DML.match(query.statement) else ""
    if event.type in KINDS:
        return "" if are_whole(event) else _PARTS
    return _FLAWS.get(event.type, "")


def schemas_of(event: Event, query: Query | None) -> tuple[str, ...] | None:
    """The schemas that the event changes; None where it may be any."""
    if query is not None:
        if query.statement in (b"BEGIN", b"COMMIT"):
            return ()
        if _XA.match(query.statement):
            return None  # what an XA COMMIT makes true was changed in another transaction
        return updated_schemas(query)
    if event.type == Type.TABLE_MAP:
        return (read_table_map_schema(event),)
    if event.type in (Type.TRANSACTION_PAYLOAD, Type.INCIDENT):
        return None
    return ()
