"""What a verification that failed says: that the chain is bad, or only that this machine could not prove it.

A chain that is called bad comes after all others in a restore, for good (``agent.candidate``). So only what
comes from the stored data itself counts; a full disk or a killed program proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pymysql
from pymysql.constants import ER

from agent.errors import AgentError, DatabaseError, LogError, RestoreError, VerificationError
from agent.storage import BlobMissingError

# Below are the file system's (https://dev.mysql.com/doc/mysql-errors/8.4/en/global-error-reference.html: 3 is
# "Error writing file", 20 "Disk is full"); from 2000 to 2999 the client library's: the session was lost.
_FIRST_OF_THE_SERVER = 1000
_OF_THE_CLIENT = range(2000, 3000)
_TEMPORARY_FILE = 1878  # ER_TEMP_FILE_WRITE_FAILURE, which PyMySQL does not name
# The server's, for want of room, memory or time, whatever the statement was.
_OF_THE_MACHINE = frozenset(
    (
        ER.CANT_CREATE_FILE,
        ER.CANT_OPEN_FILE,
        ER.DISK_FULL,
        ER.ERROR_ON_READ,
        ER.ERROR_ON_WRITE,
        ER.GET_ERRNO,
        ER.OUTOFMEMORY,
        ER.OUT_OF_SORTMEMORY,
        ER.CON_COUNT_ERROR,
        ER.OUT_OF_RESOURCES,
        ER.SERVER_SHUTDOWN,
        ER.RECORD_FILE_FULL,
        ER.CANT_CREATE_THREAD,
        ER.ERROR_DURING_COMMIT,
        ER.LOCK_WAIT_TIMEOUT,
        ER.LOCK_TABLE_FULL,
        ER.LOCK_DEADLOCK,
        ER.QUERY_INTERRUPTED,
        _TEMPORARY_FILE,
    )
)
_NO_ROOM = re.compile(r"\berr(?:no|or):? 28\b|No space left on device")
# As agent.load says it; a client that was killed names no error.
_CLIENT = re.compile(r"mysql ended with status .*?(?:\bERROR (?P<number>\d+)\b|$)", re.DOTALL)


def condemns(error: AgentError, *, server_lives: bool) -> bool:
    """Whether ``error`` shows that the chain is bad.

    Args:
        error: what the load, the replay or the comparison on a scratch server ended with.
        server_lives: that server still answered afterwards.
    """
    if isinstance(error, VerificationError | BlobMissingError):
        return True
    # A dump of the copy that failed (DumpError) compared nothing.
    if not server_lives or not isinstance(error, RestoreError | LogError):
        return False
    return _is_of_the_content(error)


def _is_of_the_content(error: AgentError) -> bool:
    """Whether the data was found bad without a server, or a server refused it for what it is."""
    if client := _CLIENT.match(str(error)):
        return _is_refusal(int(client["number"] or 0), str(error))
    for cause in _causes(error):
        if isinstance(cause, DatabaseError):
            said = cause.__cause__
            number = said.args[0] if isinstance(said, pymysql.Error) and said.args else 0
            return isinstance(number, int) and _is_refusal(number, str(said))
    return True


def _is_refusal(number: int, text: str) -> bool:
    """Whether a server's error is about the statement."""
    return (
        number >= _FIRST_OF_THE_SERVER
        and number not in _OF_THE_CLIENT
        and number not in _OF_THE_MACHINE
        and not _NO_ROOM.search(text)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
