"""A MySQL server for a verification: started here, used by us alone, and gone afterwards.

It needs no root and no rights: a ``mysqld`` on PATH and a folder. It listens on loopback with a random
password, is kept small, and is as careless with its data as can be, because nobody will miss them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent.config import Database, FileSecret
from agent.database import Login, session
from agent.errors import AgentError, DatabaseError
from agent.locks import exclusive

_USER, _ADDRESS = "scratch", "127.0.0.1"
_START_PATIENCE_S = 120.0
_INITIALISE_PATIENCE_S = 300.0
_LOOK_S = 0.2
_TRIES = 3  # of a port that was free a moment ago
# An empty server with its logs, and what a load needs beside the data: sorting for indexes, undo.
_BESIDES_BYTES = 512 * 2**20
_BYTES_PER_BYTE = 2.0  # of SQL text; 1.3 for PetClinic's tables and indexes (benchmarks/data.py)
_OPTIONS = (
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=96M",
    "--innodb-redo-log-capacity=128M",
    "--innodb-log-buffer-size=8M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=OFF",
    "--innodb-autoextend-increment=8",
    "--disable-log-bin",
    "--event-scheduler=OFF",
    "--mysqlx=OFF",
    "--secure-file-priv=NULL",
    "--skip-name-resolve",
    "--table-open-cache=200",
    "--max-connections=20",
    "--max-allowed-packet=1G",
    "--local-infile=ON",
    "--default-time-zone=+00:00",
)


def find_mysqld() -> str:
    """The path of mysqld.

    Raises:
        DatabaseError: it is not on PATH.
    """
    path = shutil.which("mysqld")
    if path is None:
        raise DatabaseError(
            "mysqld is not on PATH, so no backup can be verified; install mysql-server-core (Debian) or "
            'mysql-server-core-8.0 (Ubuntu), without starting it, or set verify.mode to "off"'
        )
    return path


def require_room(state_dir: Path, sql_bytes: int) -> None:
    """Refuse to fill the disk.

    Raises:
        AgentError: there is not enough room for a copy of ``sql_bytes`` of SQL text.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    needed = int(sql_bytes * _BYTES_PER_BYTE) + _BESIDES_BYTES
    free = shutil.disk_usage(state_dir).free
    if free < needed:
        raise AgentError(
            f"{state_dir} has {free / 1e6:.0f} MB free, and a verification needs {needed / 1e6:.0f} MB; "
            'enlarge the disk, lower verify.full_up_to_mb, or set verify.mode to "sampled" or "off"'
        )


@contextmanager
def scratch_server(
    state_dir: Path, *, lower_case_table_names: int, zones: Sequence[str], stopping: threading.Event
) -> Generator[Login]:
    """An empty server; it and everything in it is gone when the block is left, or ``stopping`` is set.

    Args:
        zones: names of time zones that it must know; only the names count.

    Raises:
        BusyError: another one is running on this machine.
        DatabaseError: mysqld is missing or cannot start.
    """
    mysqld = find_mysqld()
    with exclusive(state_dir, "scratch"):
        folder = state_dir / "scratch"
        remove_survivor(state_dir)
        folder.mkdir(mode=0o700)
        try:
            with _started(mysqld, folder, lower_case_table_names, stopping) as login:
                _teach(login, zones)
                yield login
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_survivor(state_dir: Path) -> None:
    """End the server that an agent killed with SIGKILL left behind, and remove its folder."""
    folder = state_dir / "scratch"
    for file in (folder / "pid", folder / "data" / "mysqld.pid"):
        with contextlib.suppress(OSError, ValueError):
            pid = int(file.read_text())
            # The number may be another program's by now.
            if os.fsencode(folder) in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
                _wait_until_gone(pid)
    shutil.rmtree(folder, ignore_errors=True)


def _wait_until_gone(pid: int) -> None:
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.05)


@contextmanager
def _started(mysqld: str, folder: Path, names: int, stopping: threading.Event) -> Generator[Login]:
    data, log = folder / "data", folder / "mysqld.log"
    common = [f"--datadir={data}", f"--lower-case-table-names={names}", "--innodb-redo-log-capacity=128M"]
    if os.geteuid() == 0:
        common.append("--user=root")  # mysqld refuses root unless told
    head = _initialise(mysqld, [*common, "--initialize-insecure"], folder, stopping)
    password = secrets.token_urlsafe(24)
    for tries_left in reversed(range(_TRIES)):
        port = _free_port()
        (folder / "init.sql").touch(mode=0o600)
        (folder / "init.sql").write_text(
            "ALTER USER root@localhost ACCOUNT LOCK;\n"
            f"CREATE USER IF NOT EXISTS {_USER}@'{_ADDRESS}' IDENTIFIED BY '{password}';\n"
            f"GRANT ALL ON *.* TO {_USER}@'{_ADDRESS}' WITH GRANT OPTION;\n"
        )
        options = [
            *common,
            *_OPTIONS,
            *(f"--bind-address={_ADDRESS}", f"--port={port}", "--socket=mysql.sock"),
            *(f"--pid-file={data / 'mysqld.pid'}", f"--init-file={folder / 'init.sql'}"),
            *(f"--tmpdir={folder}",),
        ]
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [mysqld, *head, *options], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, cwd=folder
            )
        (folder / "pid").write_text(str(process.pid))
        database = Database(
            host=_ADDRESS,
            port=port,
            schemas=(),
            user=_USER,
            password=FileSecret(folder / "init.sql"),
            tls="required",
            ca_file=None,
        )
        login = Login(database, password)
        over = threading.Event()
        watcher = threading.Thread(target=_kill_on, args=(process, stopping, over), daemon=True)
        watcher.start()
        try:
            if _answers(process, login):
                (folder / "init.sql").unlink()
                yield login
                return
        finally:
            over.set()
            process.kill()  # nothing in it is worth a shutdown
            process.wait()
            watcher.join()
        if not tries_left or stopping.is_set():
            raise DatabaseError(f"a scratch server for the verification did not start: {_said(log)}")


def _kill_on(process: subprocess.Popen[bytes], stopping: threading.Event, over: threading.Event) -> None:
    while not over.wait(_LOOK_S):
        if stopping.is_set():
            process.kill()
            return


def _initialise(mysqld: str, options: list[str], folder: Path, stopping: threading.Event) -> list[str]:
    """Make the data directory; returns the options that must come first.

    ``--no-defaults`` keeps the machine's own my.cnf out; a wrapper that has it already refuses it twice.
    """
    log = folder / "initialise.log"
    for head in (["--no-defaults"], []):
        shutil.rmtree(folder / "data", ignore_errors=True)
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [mysqld, *head, *options], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, cwd=folder
            )
        over = threading.Event()
        watcher = threading.Thread(target=_kill_on, args=(process, stopping, over), daemon=True)
        watcher.start()
        try:
            if process.wait(_INITIALISE_PATIENCE_S) == 0:
                return head
        except subprocess.TimeoutExpired as error:
            raise DatabaseError(f"{mysqld} --initialize did not end: {_said(log)}") from error
        finally:
            over.set()
            process.kill()
            process.wait()
            watcher.join()
    raise DatabaseError(f"{mysqld} cannot make a data directory in {folder}: {_said(log)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_ADDRESS, 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], login: Login) -> bool:
    end = time.monotonic() + _START_PATIENCE_S
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(DatabaseError), session(login):
            return True
        time.sleep(_LOOK_S)
    return False


def _teach(login: Login, zones: Sequence[str]) -> None:
    """Make names of time zones known: events carry them, and their dumps are compared as text."""
    with session(login) as database:
        for zone in zones:
            if database.value("SELECT CONVERT_TZ('2000-01-01 00:00:00', '+00:00', %s)", [zone]) is None:
                database.rows("INSERT INTO mysql.time_zone (Use_leap_seconds) VALUES ('N')")
                number = database.value("SELECT LAST_INSERT_ID()")
                database.rows(
                    "INSERT INTO mysql.time_zone_name (Name, Time_zone_id) VALUES (%s, %s)", [zone, number]
                )
                database.rows(
                    "INSERT INTO mysql.time_zone_transition_type (Time_zone_id, Transition_type_id, Offset,"
                    " Is_DST, Abbreviation) VALUES (%s, 0, 0, 0, 'UTC')",
                    [number],
                )


def _said(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    errors = [line for line in lines if "[ERROR]" in line]
    return (errors or lines or ["it said nothing"])[-1][:300]
