"""One running nginx of our own, in one process, that dies with the sandbox."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sandbox import processes
from sandbox.clouds.waiting import WaitTimeout, wait_for

_START_S = 10.0
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class NginxError(RuntimeError):
    """nginx refused its configuration or did not start; the message ends with nginx's own words."""


def quoted(text: str | Path) -> str:
    """A word for an nginx configuration, whatever it contains.

    Raises:
        NginxError: a dollar sign, which nginx has no way to write literally.
    """
    word = str(text)
    if "$" in word:
        raise NginxError(f"nginx cannot hold a literal '$': {word}; choose a folder without one")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Nginx:
    """A real nginx with the given ``http`` block.

    One process (``master_process off``): a master that gets SIGKILL would leave its workers behind. Such an
    nginx cannot reload, so a change starts a second one on the same addresses (``listen ... reuseport``) and
    then ends the first.

    Args:
        program: argv prefix of nginx.
        folder: its own folder for configuration, logs and temporary files; made when missing.
    """

    def __init__(self, program: Sequence[str], folder: Path) -> None:
        self._program = tuple(program)
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._generation = 0
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        """nginx's error log."""
        return self.folder / "error.log"

    def start(self, http: str) -> None:
        """Check the configuration (``nginx -t``) and start; with one running, replace it.

        Args:
            http: the inside of the ``http`` block. Listeners should say ``reuseport``.

        Raises:
            NginxError: a refused configuration (the running nginx then goes on), or no start in 10 s.
        """
        self._generation += 1
        config = self.folder / f"nginx-{self._generation % 2}.conf"
        pid_file = self.folder / f"nginx-{self._generation % 2}.pid"
        config.touch(mode=0o600)
        config.write_text(self._config(http, pid_file))
        self._test(config)
        pid_file.unlink(missing_ok=True)  # the check makes one too
        old, self._process = self._process, self._spawn(config, pid_file)
        if old is not None:
            processes.stop(old, patience_s=3)

    def _config(self, http: str, pid_file: Path) -> str:
        temporary = ""
        for name in _TEMPORARY:
            (self.folder / name).mkdir(exist_ok=True, mode=0o700)
            temporary += f"  {name}_temp_path {quoted(self.folder / name)};\n"
        return (
            "daemon off;\nmaster_process off;\n"
            f"pid {quoted(pid_file)};\nerror_log {quoted(self.log)} warn;\n"
            "events { worker_connections 512; }\n"
            "http {\n"
            "  types { text/html html htm; text/css css; application/json json; }\n"
            "  default_type application/octet-stream;\n"
            "  server_tokens off;\n"
            f"  access_log {quoted(self.folder / 'access.log')};\n"
            f"{temporary}{http}\n}}\n"
        )

    def _command(self, config: Path) -> list[str]:
        return [*self._program, "-p", f"{self.folder}/", "-e", str(self.log), "-c", str(config)]

    def _test(self, config: Path) -> None:
        done = subprocess.run([*self._command(config), "-t"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NginxError(f"nginx refuses {config}: {done.stderr.strip()[-800:]}")

    def _spawn(self, config: Path, pid_file: Path) -> subprocess.Popen[bytes]:
        process = processes.spawn(self._command(config), log=self.log, env=_environment())
        try:
            # nginx writes the pid file after it has bound its addresses
            wait_for(lambda: pid_file.exists() or process.poll() is not None, _START_S, "nginx starts")
        except WaitTimeout as error:
            processes.kill(process)
            raise NginxError(f"{error}: {self.tail()}") from error
        if process.poll() is not None:
            raise NginxError(f"nginx ended with {process.returncode} at its start: {self.tail()}")
        return process

    def tail(self, lines: int = 8) -> str:
        """The last lines of the error log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End nginx at once but cleanly; nothing happens when it does not run."""
        if self._process is not None:
            processes.stop(self._process, patience_s=3)
            self._process = None

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            processes.kill(self._process)
            self._process = None


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"}
