"""A connection to the server and the questions the agent asks it."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import CLIENT, COMMAND, CR, ER
from pymysql.protocol import OKPacketWrapper

from agent.config import Database, Identity
from agent.credentials import read_password
from agent.errors import BusyError, DatabaseError

# The agent's own schema on a restored server; never dumped.
OWN_SCHEMA = "pilotlight"
# Not there yet, rather than wrong: a server that boots, a name that has not spread.
_NOT_YET = {CR.CR_CONN_HOST_ERROR, CR.CR_CONNECTION_ERROR, CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR}
_VALUES = re.compile(rb" (?:VALUES|SET|WHERE) ")
_RETRY_S = 2.0
_CONNECT_TIMEOUT_S = 10.0
# A session that holds a lock or a place has nothing to say for hours while a dump or a load goes on
# elsewhere; pings keep it alive, also where a server ends idle ones after seconds. When its machine dies, the
# server gives its locks after this time to the machine that replaces it: else it would wait for eight hours
# (wait_timeout), or for two until TCP notices (tcp_keepalive_time).
_DEAD_S = 120
_PING_S = 30.0
_CLOSE_PATIENCE_S = 5.0  # for a ping that a dead server does not answer
_ROWS_PACKET = 1 << 20  # below any server's max_allowed_packet
# For what a loop asks in passing: while a server that fell silent is waited for, nothing else goes on.
PASSING_READ_S = 30.0
_READ_TIMEOUT_S = 600.0  # dropping a schema of large tables takes long; for ever is no answer either


@dataclass(frozen=True)
class Login:
    """Everything a client needs to open a session, the password included: never log or print it."""

    database: Database
    password: str

    def __repr__(self) -> str:
        return f"Login({self.database.user}@{self.database.host}:{self.database.port})"


def login(database: Database, identity: Identity) -> Login:
    """Fetch the password of the configured account.

    Raises:
        CredentialError: it cannot be had.
    """
    return Login(database, read_password(database.password, identity, "database.password"))


class Session:
    """One open session in autocommit mode. Errors of the server become DatabaseError, with its number.

    One thread may work with it, while another one keeps it alive.
    """

    def __init__(self, connection: pymysql.connections.Connection[Any], where: str) -> None:
        self._connection = connection
        self._where = where
        self._busy = threading.Lock()

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement; all rows of its answer."""
        try:
            with self._busy, self._connection.cursor() as cursor:
                # Without parameters a per cent sign in the statement is just that.
                cursor.execute(statement, tuple(parameters) or None)
                return list(cursor.fetchall())
        except (pymysql.Error, OSError) as error:
            # The statement without its parameters: they may hold a password.
            raise DatabaseError(f"{self._where}: {_message(error)} in: {statement[:200]}") from error

    def run(self, statement: bytes) -> None:
        """Run one statement of any size that answers nothing; it is not repeated in the error."""
        try:
            with self._busy:
                self._connection.query(statement)
        except (pymysql.Error, OSError) as error:
            raise DatabaseError(f"{self._where}: {_message(error)}") from error

    def load(self, statement: bytes, rows: memoryview) -> str:
        """Run one LOAD DATA LOCAL statement with ``rows`` as its file; what the server says of them.

        Only in a session opened with ``sends_rows``.
        """
        connection: Any = self._connection  # sending what is no file is not in PyMySQL's public interface
        try:
            with self._busy:
                connection._execute_command(COMMAND.COM_QUERY, statement)
                if not connection._read_packet().is_load_local_packet():
                    raise DatabaseError(f"{self._where}: the server did not ask for the rows it was offered")
                for at in range(0, len(rows), _ROWS_PACKET):
                    connection.write_packet(rows[at : at + _ROWS_PACKET])
                connection.write_packet(b"")
                said: bytes = OKPacketWrapper(connection._read_packet()).message
        except (pymysql.Error, OSError) as error:
            raise DatabaseError(f"{self._where}: {_message(error)}") from error
        return said.decode(errors="replace")

    def value(self, statement: str, parameters: Sequence[object] = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(statement, parameters)
        return found[0][0] if found else None

    def change(self, statement: bytes) -> tuple[int, int]:
        """Run one statement as it is; (rows it affected, warnings it gave)."""
        try:
            with self._busy, self._connection.cursor() as cursor:
                affected = cursor.execute(statement)  # type: ignore[arg-type]  # PyMySQL takes bytes as well
                return affected, cursor.warning_count
        except (pymysql.Error, OSError) as error:
            # Without the row's values: they are nobody's business who reads the log.
            head = _VALUES.split(statement, 1)[0][:200].decode(errors="replace")
            raise DatabaseError(f"{self._where}: {_message(error)} in: {head}") from error

    def variable(self, name: str) -> str | None:
        """A system variable as SHOW VARIABLES spells it, or None where the server has no such variable."""
        found = self.rows("SHOW GLOBAL VARIABLES WHERE Variable_name = %s", [name])
        return str(found[0][1]) if found else None

    def gtid_executed(self) -> str:
        """All transactions committed on this server; empty without GTIDs."""
        return str(self.value("SELECT @@GLOBAL.gtid_executed") or "").replace("\n", "").replace(" ", "")

    def keep_alive(self, ended: threading.Event) -> None:
        """Until ``ended`` is set: say something to the server whenever nobody else does."""
        while not ended.wait(_PING_S):
            if self._busy.acquire(blocking=False):
                try:
                    self._connection.ping(reconnect=False)
                except (pymysql.Error, OSError):
                    return  # whoever works with it is told by the next statement
                finally:
                    self._busy.release()

    def close(self) -> None:
        """End the session."""
        if not self._busy.acquire(timeout=_CLOSE_PATIENCE_S):
            interrupt(self._connection)  # PyMySQL's close() would wait until the ping's read ends
            self._busy.acquire()
        self._connection.close()
        self._busy.release()


@contextmanager
def session(
    account: Login,
    *,
    patience_s: float = 0,
    read_timeout_s: float | None = _READ_TIMEOUT_S,
    sends_rows: bool = False,
) -> Generator[Session]:
    """An open session.

    Args:
        patience_s: for how many seconds to try again while nothing answers. A refused login is final at once.
        read_timeout_s: for how many seconds one statement may take; None: as long as the server lives.
        sends_rows: ``Session.load`` is to be used.

    Raises:
        DatabaseError: nothing answers, or the login is refused.
    """
    connection = connect(account, time.monotonic() + patience_s, read_timeout_s, sends_rows=sends_rows)
    opened, ended = Session(connection, where(account.database)), threading.Event()
    keeper = threading.Thread(target=opened.keep_alive, args=(ended,), name="session-keeper", daemon=True)
    keeper.start()
    try:
        yield opened
    finally:
        ended.set()
        opened.close()


@contextmanager
def server_lock(database: Session, name: str, patience_s: float, busy: str) -> Generator[None]:
    """Hold the server's lock ``name``, which ends with the session.

    Raises:
        BusyError: another session held it for all of ``patience_s``; ``busy`` is what it says.
    """
    if database.value("SELECT GET_LOCK(%s, %s)", [name, patience_s]) != 1:
        raise BusyError(busy)
    try:
        yield
    finally:
        # A session that is gone has lost its lock, and must not hide what went wrong.
        with suppress(DatabaseError):
            database.value("SELECT RELEASE_LOCK(%s)", [name])


def where(database: Database) -> str:
    """The server, for messages."""
    return f"MySQL {database.user}@{database.host}:{database.port}"


def connect(
    account: Login,
    deadline: float,
    read_timeout_s: float | None = _READ_TIMEOUT_S,
    *,
    sends_rows: bool = False,
) -> pymysql.connections.Connection[Any]:
    """A connection as ``session`` uses it.

    Args:
        deadline: until when (``time.monotonic``) to try again while nothing answers.
        read_timeout_s: after which silence counts as a dead server; None: never.
        sends_rows: see ``session``.

    Raises:
        DatabaseError: see ``session``.
    """
    database = account.database
    while True:
        connection = pymysql.connect(
            host=database.host,
            port=database.port,
            user=database.user,
            password=account.password,
            ssl=_tls(database),  # a context makes PyMySQL insist on TLS
            charset="utf8mb4",
            autocommit=True,
            init_command=f"SET SESSION wait_timeout = {_DEAD_S}",
            read_timeout=read_timeout_s,
            program_name="pilotlight-agent",
            # The capability alone: with ``local_infile`` PyMySQL would send any file that a server asks for.
            client_flag=CLIENT.LOCAL_FILES if sends_rows else 0,
            defer_connect=True,
        )
        try:
            connection.connect(_socket(database))
        except (pymysql.Error, OSError) as error:
            number = error.args[0] if error.args else 0
            if (isinstance(error, OSError) or number in _NOT_YET) and time.monotonic() < deadline:
                time.sleep(_RETRY_S)
                continue
            fix = "check database.host, port and the firewall"
            if number in (ER.ACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR):
                fix = "check database.user and the secret that database.password names"
            raise DatabaseError(f"{where(database)}: {_message(error)}; {fix}") from error
        return connection


def interrupt(connection: pymysql.connections.Connection[Any]) -> None:
    """Let whoever waits for the server on another thread get an error now."""
    protocol: Any = connection  # the socket is not in PyMySQL's public interface
    opened: socket.socket | None = protocol._sock  # None: it was lost, and nobody waits any more
    if opened is not None:
        with suppress(OSError):
            # The plain socket's own: that of a TLS socket would change what the other thread is using.
            socket.socket.shutdown(opened, socket.SHUT_RDWR)


def _socket(database: Database) -> socket.socket:
    """A connection that notices a dead peer, and stays known to firewalls while a load keeps it idle."""
    connected = socket.create_connection((database.host, database.port), _CONNECT_TIMEOUT_S)
    for option, value in (
        # Keepalive says nothing while sent data is not acknowledged, a ping for one; without this it is sent
        # again for a quarter of an hour. https://man7.org/linux/man-pages/man7/tcp.7.html
        (socket.TCP_USER_TIMEOUT, _DEAD_S * 1000),
        (socket.TCP_KEEPIDLE, 60),
        (socket.TCP_KEEPINTVL, 15),
        (socket.TCP_KEEPCNT, 4),
    ):
        connected.setsockopt(socket.IPPROTO_TCP, option, value)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


def _tls(database: Database) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(database.ca_file) if database.ca_file else None)
    except OSError as error:
        raise DatabaseError(f"database.ca_file {database.ca_file} cannot be used: {error}") from error
    if database.tls == "required":  # encrypted, but whoever answers is believed: RDS's and Azure's default
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def quoted(name: str) -> str:
    """An identifier in backticks."""
    return "`" + name.replace("`", "``") + "`"


def placeholders(values: Sequence[object]) -> str:
    """``%s`` for each of ``values``, for an IN list."""
    return ",".join(["%s"] * len(values))


def _message(error: Exception) -> str:
    return " ".join(str(part) for part in error.args) or type(error).__name__
