"""A simulated virtual machine: a folder, what its cloud-init writes there, and the units that it enables."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sandbox import processes
from sandbox.clouds.cloud_init import CloudConfig, File, decode, parse
from sandbox.clouds.machine_paths import MachinePaths
from sandbox.clouds.machine_software import Programs, SoftwareError, install, package_services
from sandbox.clouds.service import Service, program_path
from sandbox.clouds.unit_file import UnitError
from sandbox.clouds.units import Units
from sandbox.network import Network

State = Literal["off", "booting", "running", "failed", "dead"]
_AGENT_CONFIG = "/etc/pilotlight/agent.json"
_BOOT_LOG = "/var/log/cloud-init-output.log"
_FOLDERS = ("/etc", "/opt", "/run", "/var/log", "/var/lib", "/usr/bin", "/tmp", "/root")  # noqa: S108 - its own /tmp
_REDIRECT = 'out=$1 err=$2; shift 2; exec "$@" >>"$out" 2>>"$err"'


class MachineError(RuntimeError):
    """The machine cannot do that: it is not there, or its boot failed."""


@dataclass(frozen=True)
class MachineSpec:
    """What the cloud knows about a machine.

    Attributes:
        name: its role and its folder's name.
        cloud: whose user data this is.
        user_data: base64, as the cloud's API takes it.
        private_ip: its address in the virtual network.
        environment: variables that lead its programs to the simulated services.
    """

    name: str
    cloud: Literal["aws", "azure"]
    user_data: str
    private_ip: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


class Machine:
    """One machine. It boots in the background, as real ones do: the cloud says "created" long before.

    Args:
        spec: what the cloud knows.
        folder: stands for its ``/``.
        network: translates hosts.
        programs: what packages bring.
        time_factor: the agent's dump interval and units' waiting times are divided by it.
    """

    def __init__(
        self, spec: MachineSpec, folder: Path, network: Network, programs: Programs, time_factor: float
    ) -> None:
        self.spec = spec
        self.folder = folder
        self._programs = programs
        self._time_factor = time_factor
        self._paths = MachinePaths(folder, network)
        self.address = network.address(spec.private_ip)
        self._mutex = threading.Lock()
        self._foreground: set[subprocess.Popen[bytes]] = set()
        self._thread: threading.Thread | None = None
        self._units: Units | None = None
        self._down = False
        self.state: State = "off"
        self.reason = ""
        self._record: dict[str, Any] = {}

    def boot(self) -> None:
        """First boot on an empty disk: files, packages, commands.

        Raises:
            CloudInitError: user data that no machine here understands (before anything is started).
        """
        config = parse(decode(self.spec.user_data, self.spec.cloud))
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self._start(config, first=True)

    def reboot(self) -> None:
        """Start again on the disk as it is: /run is empty, enabled units start, cloud-init stays silent.

        Its configuration files are written anew, because hosts may have other loopback addresses now.
        """
        config = parse(decode(self.spec.user_data, self.spec.cloud))
        shutil.rmtree(self._paths.path("/run"), ignore_errors=True)
        self._start(config, first=False)

    def _start(self, config: CloudConfig, *, first: bool) -> None:
        self._down = False
        self.state, self.reason = "booting", ""
        for name in _FOLDERS:
            self._paths.path(name).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._record = {"first_boot": first, "started": time.time(), "packages": list(config.packages)}
        self._thread = threading.Thread(
            target=self._boot, args=(config, first), name=f"boot {self.spec.name}", daemon=True
        )
        self._thread.start()

    def _boot(self, config: CloudConfig, first: bool) -> None:
        try:
            for file in config.files:
                self._write(file)
            install(config.packages, self._paths, self._programs)
            services = package_services(config.packages, self._paths, self._programs, self.address)
            self._units = Units(self._paths, self.environment, self._time_factor, services)
            for name in services if first else ():
                self._units.enable_now(name)  # Debian's packages start their services when installed
            errors = self._run_commands(config) if first else self._units.start_enabled()
        except (UnitError, SoftwareError, OSError, ValueError) as error:
            errors = [str(error)]
        if self._down:
            return
        self.reason = "; ".join(errors)
        state = "failed" if errors else "running"
        self._record |= {"finished": time.time(), "state": state, "reason": self.reason}
        self._write_record()
        self.state = state

    def _run_commands(self, config: CloudConfig) -> list[str]:
        """Every command, also after one that failed, as cloud-init does; the errors of those that did."""
        errors: list[str] = []
        for command in config.commands:
            if self._down:
                break
            if command[0] == "systemctl":
                try:
                    self._own_units().enable_now(command[-1], block="--no-block" not in command)
                except UnitError as error:
                    errors.append(str(error))
            else:
                done = self.run(command, timeout_s=900)
                self._log(f"{' '.join(command)} -> {done.returncode}\n{done.stdout}{done.stderr}")
                if done.returncode:
                    tail = (done.stdout + done.stderr).strip()[-600:]
                    errors.append(f"runcmd {' '.join(command)} ended with {done.returncode}: {tail}")
        for error in errors:
            self._log(error)
        return errors

    def _write(self, file: File) -> None:
        target = self._paths.path(file.path)
        if not self._paths.is_own(file.path):
            raise UnitError(f"write_files {file.path}: only /etc, /opt, /run, /var and /usr/share exist here")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode=0o600)
        target.write_bytes(self._localised(file))
        recorded = self._record.setdefault("files", {})
        recorded[file.path] = {
            "permissions": file.permissions,
            "owner": file.owner,
            "bytes": len(file.content),
        }

    def _localised(self, file: File) -> bytes:
        """Content as the machine needs it here. Units and nginx files are translated when they are used."""
        if file.path.endswith((".py", ".service")) or file.path.startswith("/etc/nginx/"):
            return file.content
        if file.path.endswith(".json"):
            document = self._paths.value(json.loads(file.content))
            if file.path == _AGENT_CONFIG:
                self._compress_interval(document)
            return json.dumps(document, indent=1).encode()
        return self._paths.hosts(file.content.decode()).encode()

    def _compress_interval(self, document: dict[str, Any]) -> None:
        deployed = document["dump"]["interval_seconds"]
        simulated = max(1, round(deployed / self._time_factor))
        document["dump"]["interval_seconds"] = simulated
        self._record["dump_interval"] = {
            "deployed_s": deployed,
            "simulated_s": simulated,
            "time_factor": self._time_factor,
        }

    def environment(self) -> dict[str, str]:
        """The variables of every program on this machine; nothing of the developer's own comes through."""
        return {
            "PATH": f"{self._paths.path('/usr/bin')}:/usr/bin:/bin",
            "HOME": str(self._paths.path("/root")),
            "TMPDIR": str(self._paths.path("/tmp")),  # noqa: S108 - its own /tmp
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "SERVER_ADDRESS": self.address,  # Spring Boot: other machines use the same port on this host
            **self.spec.environment,
        }

    def _own_units(self) -> Units:
        if self._units is None:
            raise MachineError(f"{self.spec.name} has not come as far as its units: {self.state}")
        return self._units

    def unit_states(self) -> dict[str, str]:
        """State by unit name; empty before the units exist."""
        return {} if self._units is None else self._units.states()

    def start_unit(self, name: str) -> None:
        """``systemctl start``.

        Raises:
            UnitError: it failed.
            MachineError: the machine is not up.
        """
        self._own_units().start(name)

    def stop_unit(self, name: str) -> None:
        """``systemctl stop``."""
        self._own_units().get(name).stop()

    def kill_unit(self, name: str) -> None:
        """SIGKILL to a service's process alone; systemd starts it again when its unit says so."""
        runner = self._own_units().get(name)
        if not isinstance(runner, Service):
            raise MachineError(f"{name} is not a unit from a file")
        runner.kill_process()

    def run(self, argv: Sequence[str], timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
        """Run a command in the machine's environment, as root in /opt/pilotlight would.

        Args:
            argv: program (a path of the machine or a name on its PATH) and words, paths as on the machine.
            timeout_s: seconds until it gets SIGKILL.

        Raises:
            MachineError: the machine is down, or the command took too long.
            UnitError: the machine has no such program.
        """
        if self._down or self.state == "off":
            raise MachineError(f"{self.spec.name} is down")
        environment = self.environment()
        program = argv[0] if argv[0].startswith("/") else f"/usr/bin/{argv[0]}"
        words = [program_path(program, self._paths, environment["PATH"])]
        words += [self._paths.word(word) for word in argv[1:]]
        work = self._paths.path("/opt/pilotlight")
        with tempfile.TemporaryDirectory(dir=self._paths.path("/tmp")) as scratch:  # noqa: S108 - its own /tmp
            out, err = Path(scratch, "out"), Path(scratch, "err")
            process = processes.spawn(
                ["/bin/sh", "-c", _REDIRECT, "sh", out, err, *words],
                log=self._paths.path(_BOOT_LOG),
                env=environment,
                cwd=work if work.is_dir() else self.folder,
            )
            self._wait_foreground(process, argv, timeout_s)
            return subprocess.CompletedProcess(list(argv), process.returncode, _text(out), _text(err))

    def _wait_foreground(
        self, process: subprocess.Popen[bytes], argv: Sequence[str], timeout_s: float
    ) -> None:
        with self._mutex:
            self._foreground.add(process)
            down = self._down
        try:
            if down:
                processes.kill(process)
            process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            processes.kill(process)
            raise MachineError(
                f"{self.spec.name}: {' '.join(argv)} took more than {timeout_s:g} s"
            ) from error
        finally:
            with self._mutex:
                self._foreground.discard(process)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of what the machine wrote: boot log, journal and logs, newest file last."""
        files = [file for file in self._paths.path("/var/log").rglob("*.log") if file.is_file()]
        files.sort(key=lambda file: file.stat().st_mtime)
        parts: list[str] = []
        for file in files:
            tail = file.read_text(errors="replace").splitlines()[-lines:]
            parts += [f"--- {file.relative_to(self.folder)}", *tail]
        return "\n".join(parts)

    def _log(self, text: str) -> None:
        with self._paths.path(_BOOT_LOG).open("a") as out:
            out.write(text.rstrip() + "\n")

    def _write_record(self) -> None:
        file = self.folder / "boot.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(self._record, indent=1))

    def kill(self) -> None:
        """The power goes: SIGKILL to everything."""
        self._end(kill=True, state="dead")

    def stop(self) -> None:
        """Shut down cleanly."""
        self._end(kill=False, state="off")

    def _end(self, *, kill: bool, state: State) -> None:
        with self._mutex:
            self._down = True
            foreground = list(self._foreground)
        for process in foreground:
            processes.kill(process)
        if self._units is not None:
            self._units.bring_down(kill=kill)
        if self._thread is not None:
            self._thread.join()
        if self._units is not None:
            self._units.bring_down(kill=kill)  # what the boot started while we looked elsewhere
        self.state = state


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""
