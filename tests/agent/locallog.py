"""A test server's binary log, read from its files: transactions without a network and without an archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent.binlog.events import HEADER_BYTES, MAGIC, Event, Type, decode, is_checksummed, read_gtid
from agent.binlog.transactions import Transaction
from agent.gtid import GtidSet
from agent.replay.progress import contains
from sandbox.mysql import MySqlServer


def files(server: MySqlServer) -> list[Path]:
    """The server's log files, the one in use last."""
    folder = server.folder / "data"
    index = next(folder.glob("*bin*.index"))
    return [folder / Path(line).name for line in index.read_text().splitlines()]


def events(file: Path) -> Iterator[Event]:
    checksummed = False
    with file.open("rb") as stream:
        assert stream.read(4) == MAGIC
        while head := stream.read(HEADER_BYTES):
            raw = head + stream.read(int.from_bytes(head[9:13], "little") - HEADER_BYTES)
            event = decode(raw, checksummed=checksummed and raw[4] != Type.FORMAT_DESCRIPTION)
            if event.type == Type.FORMAT_DESCRIPTION:
                checksummed = is_checksummed(event)
            yield event


def transactions(
    server: MySqlServer, after: str = "", chosen: list[Path] | None = None
) -> Iterator[Transaction]:
    """Every transaction whose GTID is not in ``after``; each must be read to its end."""
    done = GtidSet.parse(after)
    for file in chosen or files(server):
        current: Transaction | None = None
        held: list[Event] = []
        for event in events(file):
            if event.type == Type.GTID:
                if current is not None:
                    yield current
                head = read_gtid(event)
                held = []
                current = None
                if not contains(done, head.gtid):
                    current = Transaction(head.gtid, head.committed_us, iter(held))
            elif event.type in (Type.ROTATE, Type.PREVIOUS_GTIDS, Type.FORMAT_DESCRIPTION):
                continue
            else:
                held.append(event)
        if current is not None:
            yield current
