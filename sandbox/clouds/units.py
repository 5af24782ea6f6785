"""A machine's service manager: starts what its units say, in order.

Simplifications, all on the safe side of the real systemd: ``Requires`` also orders (whoever writes it writes
``After`` too), and what a unit wants or requires is not started again when the unit itself is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from sandbox.clouds.machine_paths import MachinePaths
from sandbox.clouds.service import Runner, Service
from sandbox.clouds.unit_file import UnitError, parse_unit

_UNIT_FOLDER = "/etc/systemd/system"
_WANTS = f"{_UNIT_FOLDER}/multi-user.target.wants"


class Units:
    """All units of one machine.

    Args:
        paths: where its files are.
        environment: its variables.
        time_factor: divides waiting times.
        package_services: services that packages bring, by unit name.
    """

    def __init__(
        self,
        paths: MachinePaths,
        environment: Callable[[], dict[str, str]],
        time_factor: float,
        package_services: Mapping[str, Runner],
    ) -> None:
        self._paths = paths
        self._environment = environment
        self._time_factor = time_factor
        self._mutex = threading.RLock()
        self._running: dict[str, Runner] = dict(package_services)
        self._down = False

    def get(self, name: str) -> Runner:
        """The unit of that name (``.service`` may be left out).

        Raises:
            UnitError: there is none, or its file is not understood.
        """
        name = name if "." in name else f"{name}.service"
        with self._mutex:
            if name not in self._running:
                file = self._paths.path(f"{_UNIT_FOLDER}/{name}")
                if not file.exists():
                    raise UnitError(f"unit {name} does not exist on this machine")
                unit = parse_unit(name, file.read_text())
                self._running[name] = Service(unit, self._paths, self._environment, self._time_factor)
            return self._running[name]

    def enable_now(self, name: str, *, block: bool = True) -> None:
        """``systemctl enable --now``: for the next boot, and at once.

        Args:
            block: no for ``--no-block``: the start is only ordered, and the journal alone hears how it ends.

        Raises:
            UnitError: it, or a unit it requires, failed.
        """
        name = name if "." in name else f"{name}.service"
        runner = self.get(name)
        if isinstance(runner, Service) and not runner.unit.all("Install", "WantedBy"):
            raise UnitError(f"{name}: no WantedBy in [Install]: enabling it would have no effect")
        wants = self._paths.path(_WANTS)
        wants.mkdir(parents=True, exist_ok=True)
        (wants / name).touch()
        if block:
            self.start(name)
        else:
            threading.Thread(
                target=self._start_if_it_can, args=(name,), name=f"start {name}", daemon=True
            ).start()

    def start(self, name: str) -> None:
        """``systemctl start``: first what it requires and, as far as it exists, what it wants."""
        runner = self.get(name)
        if self._down:
            raise UnitError(f"{name}: the machine is down")
        if isinstance(runner, Service):
            for required in runner.unit.names("Requires"):
                try:
                    self.start(required)
                except UnitError as error:
                    raise UnitError(f"{name}: what it requires failed: {error}") from error
            for wanted in runner.unit.names("Wants"):
                self._start_if_it_can(wanted)
        runner.start()

    def _start_if_it_can(self, name: str) -> None:
        try:
            self.start(name)
        except UnitError as error:
            self.note(f"{error}")

    def note(self, text: str) -> None:
        """Write a line to the machine's journal."""
        journal = self._paths.path("/var/log/journal")
        journal.mkdir(parents=True, exist_ok=True)
        with (journal / "system.log").open("a") as out:
            out.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")

    def enabled(self) -> list[str]:
        """Units enabled for the next boot, in the order of their ``After``."""
        wants = self._paths.path(_WANTS)
        names = sorted(entry.name for entry in wants.iterdir()) if wants.is_dir() else []
        ordered: list[str] = []

        def visit(name: str) -> None:
            if name in ordered:
                return
            runner = self.get(name)
            if isinstance(runner, Service):
                for before in runner.unit.names("After"):
                    if before in names and before != name:
                        visit(before)
            if name not in ordered:
                ordered.append(name)

        for name in names:
            visit(name)
        return ordered

    def start_enabled(self) -> list[str]:
        """What a boot does: start all enabled units; returns the errors of those that failed for good."""
        errors: list[str] = []
        for name in self.enabled():
            try:
                self.start(name)
            except UnitError as error:
                self.note(str(error))
                if self.get(name).state != "activating":
                    errors.append(str(error))
        return errors

    def states(self) -> dict[str, str]:
        """State by unit name, of all units touched so far."""
        with self._mutex:
            return {name: runner.state for name, runner in self._running.items()}

    def bring_down(self, *, kill: bool) -> None:
        """End every unit, cleanly or by SIGKILL, and let none start any more."""
        with self._mutex:
            self._down = True
            runners = list(self._running.values())
        threads = [
            threading.Thread(target=runner.kill if kill else runner.stop, daemon=True) for runner in runners
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
