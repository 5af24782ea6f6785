"""What packages put on a simulated machine: programs in /usr/bin, and nginx's service.

A machine has exactly the programs of the packages that its cloud-config names, so a forgotten package fails
here as it would there.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.clouds.machine_paths import MachinePaths
from sandbox.clouds.nginx import Nginx, NginxError
from sandbox.clouds.nginx_text import Directive, change, parse_nginx, render_nginx
from sandbox.clouds.unit_file import UnitError
from sandbox.network import local_port

# Ubuntu 24.04's file lists; packages with nothing in /usr/bin that the program calls have an empty entry.
_PROGRAMS = {
    "mysql-client-core-8.0": ("mysql", "mysqldump"),
    "mysql-server-core-8.0": ("mysqld",),  # in /usr/sbin there
    "python3-venv": (),
    "python3-boto3": (),
    "openjdk-21-jre-headless": ("java",),
    "nginx-light": (),
    "nginx": (),
}
_NGINX = ("nginx", "nginx-light")
# The site that Ubuntu's nginx packages enable; a site of the program lives beside it or replaces the file.
_DEFAULT_SITE = "server { listen 80 default_server; root /var/www/html; server_name _; }\n"
_FILE_DIRECTIVES = {
    "root",
    "alias",
    "include",
    "access_log",
    "error_log",
    "ssl_certificate",
    "ssl_certificate_key",
    "proxy_ssl_trusted_certificate",
}
_HOST_DIRECTIVES = {"server", "proxy_pass"}


class SoftwareError(ValueError):
    """A package that the simulated machines do not know."""


@dataclass(frozen=True)
class Programs:
    """Where the sandbox keeps what packages bring.

    Attributes:
        bin: folder with one executable per tool.
        nginx: argv prefix.
        real_java: the app is a real Java program and ``java`` is the developer's own; otherwise the "jar" is
            a Python zip application and ``java -jar`` runs that.
    """

    bin: Path
    nginx: tuple[str, ...]
    real_java: bool


def install(packages: Sequence[str], paths: MachinePaths, programs: Programs) -> None:
    """Fill the machine's /usr/bin, and make the agent's Python environment that ``pip`` would make.

    The environment is a wrapper around this sandbox's own Python, which has the same pinned packages:
    building a real one on every boot would measure this machine's network and nothing else.

    Raises:
        SoftwareError: an unknown package, or no ``java`` for a real application.
    """
    folder = paths.path("/usr/bin")
    folder.mkdir(parents=True, exist_ok=True)
    _script(folder / "python3", f'exec {shlex.quote(sys.executable)} "$@"')
    _script(paths.path("/opt/pilotlight/venv/bin/python"), f'exec {shlex.quote(sys.executable)} "$@"')
    for package in packages:
        if package not in _PROGRAMS:
            raise SoftwareError(
                f"package {package!r} is not simulated; see sandbox/clouds/machine_software.py"
            )
        for name in _PROGRAMS[package]:
            if name == "java":
                _java(folder / name, programs)
            else:
                _script(folder / name, f'exec {shlex.quote(str(programs.bin / name))} "$@"')


def _java(file: Path, programs: Programs) -> None:
    if programs.real_java:
        java = shutil.which("java")
        if java is None:
            raise SoftwareError("--app-jar needs 'java' on PATH: install a Java runtime (17 or newer)")
        _script(file, f'exec {shlex.quote(java)} "$@"')
        return
    _script(
        file,
        'while [ $# -gt 0 ] && [ "$1" != -jar ]; do shift; done\n'
        '[ "$1" = -jar ] && shift || { echo "java: only -jar is simulated" >&2; exit 64; }\n'
        f'exec {shlex.quote(sys.executable)} "$@"',
    )


def _script(file: Path, body: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o700)


class NginxService:
    """The nginx package's own unit: the machine's /etc/nginx, listening on the machine's address.

    Args:
        paths: the machine's files.
        program: argv prefix of nginx.
        address: the loopback address that stands for the machine.
    """

    def __init__(self, paths: MachinePaths, program: tuple[str, ...], address: str) -> None:
        self._paths = paths
        self._address = address
        self._nginx = Nginx(program, paths.path("/run/nginx"))
        self._failed = False

    @property
    def state(self) -> str:
        """``inactive``, ``active`` or ``failed``."""
        return "active" if self._nginx.running else "failed" if self._failed else "inactive"

    def start(self) -> None:
        """Start with what is in /etc/nginx now.

        Raises:
            UnitError: nginx refuses it.
        """
        if self._nginx.running:
            return
        try:
            self._nginx.start(self._http())
        except NginxError as error:
            self._failed = True
            raise UnitError(f"nginx.service: {error}") from error

    def _http(self) -> str:
        if self._paths.path("/etc/nginx/nginx.conf").exists():
            raise NginxError("/etc/nginx/nginx.conf is the package's own; use conf.d or sites-enabled")
        site = self._paths.path("/etc/nginx/sites-enabled/default")
        if not site.exists():
            site.parent.mkdir(parents=True, exist_ok=True)
            site.write_text(_DEFAULT_SITE)
        tree: list[Directive] = []
        for pattern in ("conf.d/*.conf", "sites-enabled/*"):
            for file in sorted(self._paths.path("/etc/nginx").glob(pattern)):
                tree += parse_nginx(file.read_text())
        change(tree, self._localise)
        return render_nginx(tree)

    def _localise(self, directive: Directive) -> None:
        if directive.name == "listen":
            directive.args[0] = self._listen(directive.args[0])
        elif directive.name in _HOST_DIRECTIVES:
            directive.args = [self._paths.hosts(word) for word in directive.args]
        elif directive.name in _FILE_DIRECTIVES:
            directive.args = [self._paths.word(word) for word in directive.args]

    def _listen(self, where: str) -> str:
        port = where.rpartition(":")[2]
        if not port.isdigit() or "[" in where:
            raise NginxError(f"listen {where}: only ports and IPv4 addresses are simulated")
        return f"{self._address}:{local_port(int(port))}"

    def stop(self) -> None:
        """End it cleanly."""
        self._nginx.stop()

    def kill(self) -> None:
        """SIGKILL."""
        self._nginx.kill()


def package_services(
    packages: Sequence[str], paths: MachinePaths, programs: Programs, address: str
) -> dict[str, NginxService]:
    """Units that the packages bring, by name."""
    if not set(packages) & set(_NGINX):
        return {}
    return {"nginx.service": NginxService(paths, programs.nginx, address)}
