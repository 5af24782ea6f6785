"""Real MySQL servers that behave like RDS and like Azure's Flexible Server where it matters."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path

import pymysql

from sandbox import processes
from sandbox.ca import Authority, write_private
from sandbox.mysql_flavors import (
    LOWER_CASE_TABLE_NAMES,
    Flavor,
    Statement,
    admin_statements,
    options_of,
    service_statements,
)
from sandbox.mysql_template import copy_template, template
from sandbox.tools import Tools

_START_PATIENCE_S = 60.0
_STOP_PATIENCE_S = 30.0
_SOCKET = "mysql.sock"
_START_NAMES = {"time_zone": "default-time-zone"}
"""Parameters whose option on the command line is called otherwise."""


class MySqlError(RuntimeError):
    """A server could not start or was asked for something while it does not run."""


class MySqlServer:
    """One mysqld with its data below ``folder``, on an address of its own.

    root is locked to a Unix socket inside ``folder`` (mode 0700): no address, no password.

    Args:
        tools: brought by set-up.
        folder: holds ``data/``, the socket and ``mysqld.log``; an existing data directory is used again.
        address, port: where to listen.
        flavor: ``rds`` and ``azure`` behave like those services; ``plain`` is a server for tests.
        name: host name of the simulated service; in the certificate.
        ca: signs the server's certificate; None: mysqld makes one of its own.
        parameters: the service's defaults of a new server; ``set_global`` changes them for good.
        heartbeat_s: seconds between the writes of an RDS-like server to ``mysql.rds_heartbeat2``
            (300 on the real service; a rehearsal divides it by its time factor).
    """

    def __init__(
        self,
        *,
        tools: Tools,
        folder: Path,
        address: str,
        port: int = 3306,
        flavor: Flavor,
        name: str,
        ca: Authority | None = None,
        parameters: Mapping[str, str] | None = None,
        heartbeat_s: float = 300.0,
    ) -> None:
        self.address, self.port, self.name = address, port, name
        self.flavor: Flavor = flavor
        self.folder = folder
        self._tools, self._ca, self._heartbeat_s = tools, ca, heartbeat_s
        self._service_defaults = dict(parameters or {})
        self._data = folder / "data"
        self._log = folder / "mysqld.log"
        self._parameters = folder / "parameters.json"
        self._process: subprocess.Popen[bytes] | None = None
        self._heartbeat_end = threading.Event()
        self._heartbeat: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the process lives; True from ``start`` to ``stop``, ``kill`` or a crash."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until the server answers; the first time, its data directory is made.

        Raises:
            MySqlError: the port is in use, or mysqld ended or did not answer within 60 s.
            SetupError: a data directory cannot be made.
        """
        if self.running:
            return
        self._refuse_taken_port()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)  # whoever can open the socket is root
        if not self._data.exists():
            names = LOWER_CASE_TABLE_NAMES[self.flavor]
            copy_template(template(self._tools.mysqld, self._tools.mysql_version, names, print), self._data)
        for left in (
            _SOCKET,
            f"{_SOCKET}.lock",
        ):  # of a killed server; its process id may be another's by now
            (self._data / left).unlink(missing_ok=True)
        log_start = self._log.stat().st_size if self._log.exists() else 0
        self._process = processes.spawn(
            [*self._tools.mysqld, *self._options()], log=self._log, cwd=self.folder
        )
        try:
            self._wait_until_it_answers(self._process, log_start)
        except BaseException:
            processes.kill(self._process)
            raise
        self._run_all(service_statements(self.flavor))
        if self.flavor == "rds":
            self._start_heartbeat()

    def _options(self) -> list[str]:
        options = [
            f"--datadir={self._data}",
            f"--bind-address={self.address}",
            f"--port={self.port}",
            f"--socket={_SOCKET}",  # relative to the data directory: an absolute one may pass 107 characters
            f"--pid-file={self._data / 'mysqld.pid'}",
            *options_of(self.flavor, self._tools.mysql_version),
        ]
        if self._ca is not None:
            certificate, key = self._ca.issue([self.name, self.address])
            options += [f"--ssl-ca={self._ca.ca_file}", f"--ssl-cert={certificate}", f"--ssl-key={key}"]
        saved = self._saved_parameters()
        return options + [f"--{_START_NAMES.get(name, name)}={value}" for name, value in saved.items()]

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.address, self.port))
            except OSError as error:
                raise MySqlError(
                    f"MySQL {self.name} cannot listen on {self.address}:{self.port} ({error.strerror}): "
                    "end the program that uses it, or './dr sandbox down' if it is an older sandbox"
                ) from error

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], log_start: int) -> None:
        end = time.monotonic() + _START_PATIENCE_S
        while True:
            if process.poll() is not None:
                raise MySqlError(
                    f"MySQL {self.name} ended with status {process.returncode}: "
                    f"{self._last_error(log_start)} (log: {self._log})"
                )
            with contextlib.suppress(OSError, pymysql.err.OperationalError), self.root():
                return
            if time.monotonic() > end:
                raise MySqlError(
                    f"MySQL {self.name} did not answer within {_START_PATIENCE_S:.0f} s (log: {self._log})"
                )
            time.sleep(0.05)

    def _last_error(self, log_start: int) -> str:
        with self._log.open("rb") as stream:
            stream.seek(log_start)
            lines = stream.read().decode(errors="replace").splitlines()
        errors = [line for line in lines if "[ERROR]" in line]
        line = errors[0] if errors else (lines or ["it wrote no log"])[-1]
        return re.sub(r"^\S+Z \d+ \[ERROR\] ", "", line)

    def root(self) -> pymysql.Connection[pymysql.cursors.Cursor]:
        """A new connection of the server's own superuser, autocommit; close it, or use it in ``with``.

        Raises:
            OSError: the server does not listen.
            pymysql.err.OperationalError: it does not let us in.
        """
        stream = socket.socket(socket.AF_UNIX)
        # Through /proc, because the path of a Unix socket may have at most 107 characters (unix(7)).
        folder = os.open(self._data, os.O_RDONLY | os.O_DIRECTORY)
        try:
            stream.connect(f"/proc/self/fd/{folder}/{_SOCKET}")
        except OSError:
            stream.close()
            raise
        finally:
            os.close(folder)
        connection = pymysql.connect(user="root", autocommit=True, defer_connect=True)
        connection.connect(stream)
        return connection

    def execute(self, statement: str, arguments: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Run one statement as root and return its rows."""
        with self.root() as connection, connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return list(cursor.fetchall())

    def create_admin(self, user: str, password: str) -> None:
        """Create the service's administrator with the rights it really has, or give it a new password."""
        self._run_all(admin_statements(self.flavor, self._tools.mysql_version, user, password))

    def _run_all(self, statements: list[Statement]) -> None:
        with self.root() as connection, connection.cursor() as cursor:
            for statement, arguments in statements:
                cursor.execute(statement, arguments)

    def set_global(self, name: str, value: str) -> None:
        """Set a server parameter as the service's control plane does: at once, and again at every start.

        Raises:
            ValueError: not a parameter's name.
            pymysql.err.Error: MySQL refuses the parameter or the value, or it can be set at start only.
        """
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
            raise ValueError(f"'{name}' is not the name of a server parameter")
        number = re.fullmatch(r"-?\d+", value)
        self.execute(f"SET GLOBAL {name} = %s", (int(value) if number else value,))
        write_private(self._parameters, json.dumps({**self._saved_parameters(), name: value}).encode())

    def _saved_parameters(self) -> dict[str, str]:
        # Not SET PERSIST: options on mysqld's command line, which make the flavor, would win over it.
        set_later = json.loads(self._parameters.read_text()) if self._parameters.exists() else {}
        return self._service_defaults | set_later

    def kill(self) -> None:
        """SIGKILL: what a disaster does. The data directory stays; ``start`` recovers from it."""
        self._heartbeat_end.set()
        if self._process is not None:
            processes.kill(self._process)
            self._process = None
        self._end_heartbeat()

    def stop(self) -> None:
        """A clean shutdown; SIGKILL after 30 s."""
        self._end_heartbeat()
        if self._process is not None:
            processes.stop(self._process, patience_s=_STOP_PATIENCE_S)
            self._process = None

    def _start_heartbeat(self) -> None:
        self._heartbeat_end = threading.Event()
        self._heartbeat = threading.Thread(target=self._beat, name=f"heartbeat-{self.name}", daemon=True)
        self._heartbeat.start()

    def _end_heartbeat(self) -> None:
        self._heartbeat_end.set()
        if self._heartbeat is not None:
            self._heartbeat.join()
            self._heartbeat = None

    def _beat(self) -> None:
        """Write as RDS does, so that "nothing was written" is never true of the whole binary log."""
        end = self._heartbeat_end
        while not end.is_set():
            try:
                self.execute(
                    "INSERT INTO mysql.rds_heartbeat2 (id, value) VALUES (1, %s) "
                    "ON DUPLICATE KEY UPDATE value = VALUES(value)",
                    (int(time.time() * 1000),),
                )
            except (OSError, pymysql.err.Error):
                if self.running and not end.is_set():
                    raise
                return  # the server died: that is what a disaster looks like
            end.wait(self._heartbeat_s)


@contextlib.contextmanager
def running(server: MySqlServer) -> Generator[MySqlServer, None, None]:
    """A started server that is stopped at the end."""
    server.start()
    try:
        yield server
    finally:
        server.stop()
