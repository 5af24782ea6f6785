"""A server's binary log, read from its files: transactions without a network and without an archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent.binlog.boundaries import GTIDS
from agent.binlog.events import HEADER_BYTES, MAGIC, Event, Gtid, Type, decode, is_checksummed, read_gtid
from agent.binlog.transactions import Transaction
from agent.gtid import GtidSet
from sandbox.mysql import MySqlServer

_OF_THE_FILE = (Type.ROTATE, Type.PREVIOUS_GTIDS, Type.FORMAT_DESCRIPTION)


def files(server: MySqlServer) -> list[Path]:
    """The server's log files, the one in use last."""
    folder = server.folder / "data"
    index = next(folder.glob("*bin*.index"))
    return [folder / Path(line).name for line in index.read_text().splitlines()]


def events(file: Path) -> Iterator[Event]:
    """A log file's events."""
    checksummed = False
    with file.open("rb") as stream:
        stream.seek(len(MAGIC))
        while head := stream.read(HEADER_BYTES):
            raw = head + stream.read(int.from_bytes(head[9:13], "little") - HEADER_BYTES)
            event = decode(raw, checksummed=checksummed and raw[4] != Type.FORMAT_DESCRIPTION)
            if event.type == Type.FORMAT_DESCRIPTION:
                checksummed = is_checksummed(event)
            yield event


def transactions(log: list[Path], after: str = "") -> Iterator[Transaction]:
    """Every transaction in files whose GTID is not in ``after``; each must be read to its end."""
    done = GtidSet.parse(after)
    for file in log:
        head: Gtid | None = None
        held: list[Event] = []
        for event in events(file):
            if event.type in GTIDS:
                if head is not None and head.gtid not in done:
                    yield Transaction(head.gtid, head.committed_us, iter(held))
                # One without a GTID belongs to nobody's history here: it was written while GTIDs were off.
                head = None if event.type == Type.ANONYMOUS_GTID else read_gtid(event)
                held = []
            elif event.type not in _OF_THE_FILE:
                held.append(event)
        if head is not None and head.gtid not in done:
            yield Transaction(head.gtid, head.committed_us, iter(held))
