"""What must be in a restored copy, by MySQL's own path: the server's log files, mysqlbinlog and mysql."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from agent.gtid import GtidSet
from sandbox.mysql import MySqlServer
from sandbox.tools import Tools

_GTID = re.compile(
    rb"immediate_commit_timestamp=(\d+)[^\n]*\n(?:[^\n]*\n){0,6}?SET @@SESSION\.GTID_NEXT= '([^']+)'"
)


@dataclass(frozen=True)
class Committed:
    """One transaction of the log, in its order; ``us`` is its commit time by the server's clock, ``defines``
    whether it is a statement of its own instead of rows."""

    gtid: str
    us: int
    defines: bool


class Oracle:
    """A server into which the source's log is played to a given end.

    Args:
        source: whose log files are read from its data directory.
        server: an empty server of the same version, kept for this.
        kept: a folder for log files that the source will purge.
    """

    def __init__(self, source: MySqlServer, server: MySqlServer, tools: Tools, kept: Path) -> None:
        self._source, self.server, self._tools, self._kept = source, server, tools, kept

    def keep_files(self) -> None:
        """Remember the log files by links of their own; before a purge, and again and again."""
        self._kept.mkdir(exist_ok=True)
        for file in (self._source.folder / "data").glob("binlog.[0-9]*"):
            link = self._kept / file.name
            if not link.exists():
                os.link(file, link)

    def forget_files(self) -> None:
        """Begin anew."""
        for file in self._kept.glob("*"):
            file.unlink()

    def history(self) -> list[Committed]:
        """Every transaction in the order of the log."""
        return self._committed(self._mysqlbinlog())

    def gtids_in(self, files: list[str]) -> GtidSet:
        """The transactions in some log files."""
        found = self._committed(self._run(files))
        return GtidSet.parse(",".join(one.gtid for one in found))

    def _committed(self, text: bytes) -> list[Committed]:
        """The transactions that begin in the text and also end there."""
        heads = list(_GTID.finditer(text))
        found: list[Committed] = []
        for at, head in enumerate(heads):
            rest = text[head.end() : heads[at + 1].start() if at + 1 < len(heads) else len(text)]
            defines = b"\nBEGIN\n" not in rest
            if defines or b"\nCOMMIT/*!*/;" in rest:
                found.append(Committed(head[2].decode(), int(head[1]), defines))
        return found

    def play(self, gtids: str, schemas: list[str]) -> None:
        """Make the server what the source was after exactly the transactions ``gtids``.

        Raises:
            AssertionError: mysqlbinlog or mysql failed.
        """
        for schema in schemas:
            self.server.execute(f"DROP DATABASE IF EXISTS {schema}")
        self.server.execute("DROP TABLE IF EXISTS mysql.rds_heartbeat2")
        self.server.execute("RESET BINARY LOGS AND GTIDS")
        self.go_on(gtids)

    def go_on(self, gtids: str) -> None:
        """Play more transactions onto what was played.

        Raises:
            AssertionError: mysqlbinlog or mysql failed.
        """
        socket = self.server.folder / "data" / "mysql.sock"
        sql = self._mysqlbinlog(f"--include-gtids={gtids}") if gtids else b""
        done = subprocess.run(
            [*self._tools.mysql, "--no-defaults", "--user=root", "--binary-mode", f"--socket={socket}"],
            input=sql,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, f"the oracle could not play the log: {done.stderr.decode()[-1000:]}"

    def _mysqlbinlog(self, *options: str) -> bytes:
        self.keep_files()
        return self._run([*options, *map(str, sorted(self._kept.glob("binlog.[0-9]*")))])

    def _run(self, words: list[str]) -> bytes:
        done = subprocess.run(
            [*self._tools.mysqlbinlog, "--no-defaults", *words],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, f"mysqlbinlog: {done.stderr.decode()[-1000:]}"
        return done.stdout
