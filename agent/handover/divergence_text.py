"""Head and end of an export: what it is, how to use it, and the triggers that are off in between."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from agent.config import Site
from agent.database import OWN_SCHEMA, quoted
from agent.epoch import Epoch
from agent.handover.order import Divergence
from agent.handover.session_text import trigger_text
from agent.replay.triggers import Trigger

_HOW = """\
To get the state that {site} had: restore a copy of the fork into a server of your own (a snapshot taken \
before, or 'agent restore --to' with the GTID set of the fork), and run
    zcat THIS_FILE | mysql --binary-mode --default-character-set=utf8mb4 --max-allowed-packet=1G ...
as an administrator. The client stops at the first statement that does not fit.

To carry single transactions over to the present writer, cut them out, from BEGIN to COMMIT, and put the \
settings (SET SESSION ...) that stand before the first BEGIN in front of them. Compare the lines that begin \
with 'was:' with what the writer holds now: a row may have been changed there since. A line that begins with \
a table's name says a change in words, long values cut; 'was:' says the old values in full.

Triggers are dropped at the beginning and made again at the end, because the rows that they wrote are among \
the changes. If you cut out transactions, triggers on the writer will fire for them."""


def head(
    site: Site,
    epoch: Epoch,
    found: Divergence,
    triggers: Sequence[Trigger],
    dropped: Iterable[tuple[str, str]],
) -> bytes:
    """What the file begins with. The same export gives the same text: nothing in it is of the present."""
    total = sum(found.statements.values())
    what = (
        f"Transactions that the database of {site} committed and that epoch {epoch.epoch}, whose writer is "
        f"{epoch.writer}, does not hold. They were kept before that database was replaced."
    )
    lines = [
        what,
        "",
        f"{found.transactions} transactions, {total} changes"
        + (f", committed from {found.first} to {found.last}" if found.first else ""),
        *(f"    {table}: {count}" for table, count in sorted(found.statements.items())),
        f"GTIDs: {found.gtid}",
        f"Fork: {epoch.fork_gtid}",
    ]
    if found.unreadable:
        lines += ["", f"NOT COMPLETE: {found.unreadable}"]
    lines += ["", *_HOW.format(site=site).splitlines()]
    text = b"".join(_comment(line) for line in lines) + b"\n"
    places = sorted({*dropped, *((trigger.schema, trigger.name) for trigger in triggers)})
    for schema, name in places:
        text += f"DROP TRIGGER IF EXISTS {quoted(schema)}.{quoted(name)};\n".encode()
    return text


def tail(triggers: Iterable[Trigger], functions: Iterable[str]) -> bytes:
    """What the file ends with."""
    text = b"\n-- The end: what was off, on again.\n"
    text += b"".join(f"DROP FUNCTION IF EXISTS {name};\n".encode() for name in functions)
    return text + b"".join(map(trigger_text, triggers))


def transaction_head(gtid: str, committed_us: int, changes: int, flaw: str) -> bytes:
    """The comment before a transaction."""
    text = f"\n-- Transaction {gtid}, committed {iso(committed_us)}: {changes} changes\n"
    if flaw:
        text += f"-- NOT COMPLETE: it is {flaw}\n"
    return text.encode()


def functions_text(functions: Mapping[str, str]) -> bytes:
    """What values of JSON documents in the next transaction need: only a function gives them their type."""
    if not functions:
        return b""
    text = f"CREATE DATABASE IF NOT EXISTS {quoted(OWN_SCHEMA)};\n"
    for name, definition in sorted(functions.items()):
        text += f"DROP FUNCTION IF EXISTS {name};\n{definition};\n"
    return text.encode()


def iso(time_us: int) -> str:
    """A commit time in UTC, ISO 8601."""
    moment = datetime.fromtimestamp(time_us / 1e6, UTC)
    return moment.isoformat(timespec="milliseconds")


def _comment(line: str) -> bytes:
    """A line as a comment; what has no space to break at stays whole."""
    wrapped = textwrap.wrap(line, 110, break_long_words=False, break_on_hyphens=False) or [""]
    if line.startswith(" "):
        wrapped = [" ".join(line.splitlines())]  # a table's name may hold a line end
    return "".join(f"-- {part}".rstrip() + "\n" for part in wrapped).encode()
