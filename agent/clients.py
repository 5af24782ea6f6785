"""MySQL's own client programs: found on PATH, checked, and started so that no secret shows."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from agent.database import Login
from agent.errors import DatabaseError

_MIN_VERSION = (8, 0, 30)  # the first with --skip-generated-invisible-primary-key
_ERROR_LINES = 20


@dataclass(frozen=True)
class Client:
    """One client program: ``path`` and ``version`` (``8.0.43``)."""

    path: str
    version: str


def find(program: str) -> Client:
    """``program`` (mysqldump, mysql) on PATH, if it is MySQL's own and new enough.

    Raises:
        DatabaseError: it is missing, too old, or MariaDB's: what mariadb-dump writes for generated columns
            cannot be loaded into MySQL, and it does not say so.
    """
    path = shutil.which(program)
    package = "mysql-client-core-8.0 on Ubuntu, mysql-client-core on Debian"
    if path is None:
        raise DatabaseError(f"{program} is not on PATH; install MySQL's client programs ({package})")
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DatabaseError(
            f"{path} cannot be run: {error}; install MySQL's client programs ({package})"
        ) from error
    told = (answer.stdout + answer.stderr).strip()
    if "mariadb" in told.lower():
        raise DatabaseError(
            f"{path} is MariaDB's, whose dumps of generated columns MySQL cannot load; "
            f"put MySQL's own {program} first on PATH ({package})"
        )
    match = re.search(r"(?:Ver|Distrib) (\d+)\.(\d+)\.(\d+)", told)
    if answer.returncode or not match:
        raise DatabaseError(f"{path} --version says {told[:200]!r}, which is not MySQL's {program}; fix PATH")
    version = (int(match[1]), int(match[2]), int(match[3]))
    if version < _MIN_VERSION:
        raise DatabaseError(f"{path} is {match[0]}; MySQL 8.0.30 or newer is needed ({package})")
    return Client(path, ".".join(match.groups()))


class Running:
    """A started client: its pipes, what it said on standard error, and a way to end it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._said: deque[str] = deque(maxlen=_ERROR_LINES)
        # Read all the time: a full pipe would stop the program.
        self._listener = threading.Thread(target=self._listen, name="stderr", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None  # noqa: S101 - we opened it as a pipe
        for line in self.process.stderr:
            text = line.decode(errors="replace").strip()
            if text:
                self._said.append(text[:500])

    @property
    def stdout(self) -> IO[bytes]:
        """The program's output, to read from."""
        assert self.process.stdout is not None  # noqa: S101
        return self.process.stdout

    @property
    def stdin(self) -> IO[bytes]:
        """The program's input, to write to."""
        assert self.process.stdin is not None  # noqa: S101
        return self.process.stdin

    def kill(self) -> None:
        """SIGKILL to the program and its children."""
        with contextlib.suppress(ProcessLookupError):  # it ended between our look and the signal
            os.killpg(self.process.pid, signal.SIGKILL)

    def wait(self) -> int:
        """The exit status, once the program has ended and everything it said was read."""
        code = self.process.wait()
        self._listener.join(timeout=10)
        return code

    def said(self) -> str:
        """The last lines of standard error, joined."""
        return " | ".join(self._said) or "it said nothing"


@contextmanager
def running(client: Client, account: Login, arguments: Sequence[str], *, feed: bool) -> Generator[Running]:
    """Start ``client``; it is gone when the block is left.

    Args:
        feed: True: its standard input is a pipe; False: its standard output is one.
    """
    with _option_file(account) as descriptor:
        try:
            process = subprocess.Popen(
                # Only this file is read, so that no my.cnf of the machine changes what is dumped.
                [client.path, f"--defaults-file=/proc/self/fd/{descriptor}", *arguments],
                stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if feed else subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[descriptor],
                process_group=0,
                env=_environment(),
            )
        except OSError as error:
            raise DatabaseError(f"cannot start {client.path}: {error}") from error
        started = Running(process)
        try:
            yield started
        finally:
            if process.poll() is None:
                started.kill()
            started.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):  # unsent input of a program that is gone
                        pipe.close()


@contextmanager
def _option_file(account: Login) -> Generator[int]:
    """An option file in memory only: it has no name, touches no disk and ends with its last reader."""
    database = account.database
    options = {
        "host": database.host,
        "port": str(database.port),
        "user": database.user,
        "password": account.password,
        "ssl-mode": "VERIFY_IDENTITY" if database.tls == "verify" else "REQUIRED",
    }
    if database.ca_file is not None:
        options["ssl-ca"] = str(database.ca_file)
    text = "[client]\n" + "".join(f"{key}={_quoted(value)}\n" for key, value in options.items())
    descriptor = os.memfd_create("options", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)  # MySQL ignores option files that others may write
        os.write(descriptor, text.encode())
        yield descriptor
    finally:
        os.close(descriptor)


def _quoted(value: str) -> str:
    """A value for an option file: https://dev.mysql.com/doc/refman/8.4/en/option-files.html"""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _environment() -> dict[str, str]:
    """Our own environment without what would change the client's behaviour."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MYSQL_")}
    return {**kept, "MYSQL_TEST_LOGIN_FILE": os.devnull, "LC_ALL": "C.UTF-8"}
