"""The binary log as the server sends it to a replica (COM_BINLOG_DUMP), by file and position.

Needs REPLICATION SLAVE, and REPLICATION CLIENT for the list of files: what the administrators of RDS and of
Azure's servers have. Protocol:
https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_binlog_dump.html
"""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import COMMAND

from agent.binlog.events import MAGIC, Event, Type, decode, is_checksummed, read_rotate
from agent.binlog.tagged import read_set
from agent.database import Login, connect, interrupt, where
from agent.errors import DatabaseError, LogError
from agent.gtid import GtidSet

HEARTBEAT_S = 1.0
_READ_TIMEOUT_S = 10.0  # ten heartbeats missed in a row: the peer is dead
_FARTHEST = 2**32 - 1  # the command's position has four bytes
_HEARTBEATS = (Type.HEARTBEAT, Type.HEARTBEAT_V2)


@dataclass(frozen=True, slots=True)
class Placed:
    """One event and its place in the server's files.

    ``start`` and ``end`` are equal for what is in no file: a heartbeat (the server has nothing beyond), and
    the FORMAT_DESCRIPTION that a server puts before an entry in the middle of a file.
    """

    event: Event
    file: str
    start: int
    end: int

    @property
    def is_heartbeat(self) -> bool:
        """Whether the server says that it has nothing to send."""
        return self.event.type in _HEARTBEATS


class LogStream:
    """One connection that the server sends its log to, without end; iterate once. Close it at the end.

    Args:
        file, position: where to begin: at an event's first byte.

    Raises:
        DatabaseError: the server cannot be reached, or refuses.
    """

    def __init__(self, account: Login, file: str, position: int) -> None:
        self._where = where(account.database)
        self._connection = connect(account, time.monotonic(), _READ_TIMEOUT_S)
        self._file = file
        # Farther into a huge file than the command can say: everything before is read once more.
        self._position = position if position <= _FARTHEST else len(MAGIC)
        self._wanted = position
        self._checksummed = True  # said below; the first event, made up by the server, goes by it
        try:
            with self._connection.cursor() as cursor:
                for name in ("master", "source"):  # until 8.0.25, and since
                    cursor.execute(f"SET @{name}_binlog_checksum = 'CRC32'")
                    cursor.execute(f"SET @{name}_heartbeat_period = %s", [int(HEARTBEAT_S * 1e9)])
            self._ask()
        except (pymysql.Error, OSError) as error:
            self.close()
            raise self._failed(error) from error

    def _ask(self) -> None:
        # Another replica with the same number would be thrown out by the server, or throw this one out.
        number = secrets.randbelow(2**31 - 2) + 2**31
        request = struct.pack("<IHI", self._position, 0, number) + self._file.encode()
        connection: Any = self._connection  # the command is not in PyMySQL's public interface
        connection._execute_command(COMMAND.COM_BINLOG_DUMP, request)

    def _failed(self, error: Exception) -> DatabaseError:
        said = " ".join(str(part) for part in error.args) or type(error).__name__
        return DatabaseError(f"{self._where}: the binary log at {self._file}:{self._position}: {said}")

    def __iter__(self) -> Iterator[Placed]:
        """Every event from the position on, each with its checksum proved; heartbeats while there is none.

        Raises:
            DatabaseError: the server went away or cannot send (a purged file: error 1236).
            LogError: an event is damaged, or not where it should be.
        """
        while True:
            event = decode(self._packet(), checksummed=self._checksummed)
            if event.type == Type.ROTATE and (event.artificial or event.end == 0):
                file, self._position = read_rotate(event)
                if file != self._file:
                    self._file, self._wanted = file, 0
                continue
            placed = self._place(event)
            if placed.start >= self._wanted:
                yield placed
            elif event.type == Type.FORMAT_DESCRIPTION:
                # Read once more to get behind the farthest position, the rest of which is left out.
                yield Placed(event, placed.file, self._wanted, self._wanted)

    def _packet(self) -> bytes:
        connection: Any = self._connection
        try:
            data: bytes = connection._read_packet().get_all_data()
        except (pymysql.Error, OSError, ValueError, AttributeError) as error:
            # The last two are PyMySQL's when another thread closes the connection meanwhile.
            raise self._failed(error) from error
        if data[:1] != b"\0":
            raise DatabaseError(f"{self._where}: the server ended its binary log's stream; try again")
        return data[1:]

    def _place(self, event: Event) -> Placed:
        if event.type == Type.FORMAT_DESCRIPTION:
            self._checksummed = is_checksummed(event)
        start = self._position
        made_up = event.type in _HEARTBEATS or (event.type == Type.FORMAT_DESCRIPTION and event.end == 0)
        if made_up:
            return Placed(event, self._file, start, start)
        self._position += len(event.raw)
        if event.end != self._position & 0xFFFFFFFF:
            raise LogError(
                f"{self._where}: an event at {self._file}:{start} says that it ends at {event.end}, "
                f"and it ends at {self._position}; read it again"
            )
        return Placed(event, self._file, start, self._position)

    def interrupt(self) -> None:
        """Let whoever waits in the iteration, on another thread, get a DatabaseError now."""
        interrupt(self._connection)

    def close(self) -> None:
        """End the connection without a word: the server notices when it next sends."""
        connection: Any = self._connection
        connection._force_close()


def read_previous_gtids(account: Login, file: str) -> GtidSet:
    """What was committed on the server before ``file`` began, as the file's head says.

    Raises:
        DatabaseError: it cannot be read, or it was purged meanwhile.
        LogError: the file was written without GTIDs.
    """
    stream = LogStream(account, file, len(MAGIC))
    try:
        for placed in stream:
            if placed.event.type == Type.PREVIOUS_GTIDS:
                return read_set(placed.event.body)
            if placed.event.type != Type.FORMAT_DESCRIPTION:
                break
    finally:
        stream.close()
    raise LogError(f"the log file {file} does not say which GTIDs came before it; it was written without")
