"""Everything a sandbox runs, started in order and ended in reverse: clouds, provider servers, engine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType, TracebackType
from urllib.parse import urlsplit

import yaml

from cli.places import CLONE
from cli.problem import Problem
from sandbox.clouds.world import Clouds
from sandbox.engine.cli import Engine
from sandbox.mysql import MySqlServer
from sandbox.providers.server import serve
from sandbox.tools import Tools, find_or_bring

_CONTAINER = "azure-native:storage:BlobContainer"


class World:
    """A running sandbox: ``with World(root, ...) as world``.

    Args:
        root: its folder, held by a `Room`.
        tools: brought by set-up.
        time_factor: how many times faster agents, DNS and health checks go.
        app_jar: a real Spring PetClinic; None for the stand-in.
        report: is told what is being started.
    """

    def __init__(
        self,
        root: Path,
        tools: Tools,
        *,
        time_factor: float,
        app_jar: Path | None,
        report: Callable[[str], None],
    ) -> None:
        self.root = root
        self.tools = tools
        self.time_factor = time_factor
        self.app_jar = app_jar
        self.clouds = Clouds(root, tools, time_factor=time_factor, app_jar=app_jar)
        self._report = report
        self._stack = ExitStack()
        self._outputs: dict[str, object] = {}

    def __enter__(self) -> World:
        with ExitStack() as stack:
            self._report("starting the simulated clouds")
            stack.callback(self.clouds.stop)
            self.clouds.start()
            self._report("starting the simulated providers")
            servers = serve(self.clouds)
            stack.callback(servers.stop)
            self.engine = Engine(self.root, self.tools, provider_ports=servers.ports, project=CLONE)
            self.engine.select("normal")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    # ------------------------------------------------------------------------------- what others do

    def prepare(self) -> str:
        """What people outside the program do once after the first ``pulumi up``.

        Raises:
            Problem: there is no stack with a key vault yet.
        """
        self.import_certificate()
        self.clouds.upload_app_jar()
        self.adopt()
        return f"certificate imported, petclinic.jar uploaded, {self.public_name} -> {self.dr_name}"

    def import_certificate(self) -> None:
        """An operator imports the public name's TLS certificate into the key vault."""
        vault = urlsplit(self._output("vault_uri")).hostname or ""
        self.clouds.import_certificate(
            vault.split(".")[0], self._setting("gatewayCertificate", "petclinic-tls")
        )

    def adopt(self) -> None:
        """The zone's owner moves the public name onto the stack's failover records."""
        self.clouds.adopt(self.public_name)

    def disaster(self) -> str:
        """The AWS side dies."""
        self.clouds.aws_dies()
        return "AWS is gone: MySQL, application, machines and load balancer killed, every API refuses"

    def recover(self) -> str:
        """The AWS side comes back and serves."""
        self.clouds.aws_returns(serve=True)
        return "AWS is back and its application runs"

    # ------------------------------------------------------------------------------------ what there is

    @property
    def project(self) -> Path:
        """The folder in which plain ``pulumi`` commands work."""
        return self.root / "project"

    @property
    def public_name(self) -> str:
        """PetClinic's public host name."""
        return self.clouds.estate.public_name

    @property
    def dr_name(self) -> str:
        """The name that the stack's failover records answer."""
        return self.clouds.estate.dr_name

    def cloud_of(self, address: str) -> str:
        """``azure`` for the reserved address of the gateway, else ``aws``."""
        return "azure" if address == self._output("gateway_ip") else "aws"

    def standby(self) -> MySqlServer:
        """The simulated Flexible Server.

        Raises:
            Problem: there is none now.
        """
        server = self.clouds.standby
        if server is None or not server.running:
            raise Problem("there is no running standby database")
        return server

    def container_accounts(self) -> dict[str, str]:
        """The storage account of every blob container."""
        containers = self.clouds.stores["azure-native"].find(_CONTAINER)
        return {c.inputs["containerName"]: c.inputs["accountName"] for c in containers}

    def resources(self) -> set[str]:
        """Everything that exists in both clouds, as ``type id``."""
        return {f"{r.type} {r.id}" for store in self.clouds.stores.values() for r in store.all()}

    def trouble(self) -> str:
        """What the virtual machines last said, for an error that has to do with them; one line each."""
        lines: list[str] = []
        for name, machine in self.clouds.machines.items():
            units = [f"{unit} {state}" for unit, state in machine.unit_states().items()]
            lines.append(f"{name}: {machine.state} {machine.reason[:200]} ({', '.join(units)})")
            lines += [f"  {line[:300]}" for line in machine.log_tail(2).splitlines()[-4:]]
        return "".join(f"\n       {line}" for line in lines)

    def describe(self) -> str:
        """A few lines for people."""
        places = "\n".join(f"  {what:<28} {where}" for what, where in self.clouds.endpoints().items())
        return f"{len(self.resources())} resources exist\n{places}"

    def shell_environment(self) -> dict[str, str]:
        """Variables for a shell in which plain ``pulumi`` commands reach this sandbox.

        ``./dr`` acts as the simulated operator there. HOME stays the user's own: another one would surprise
        everything else in that shell. PATH has only what comes before the user's own.
        """
        mine = os.environ
        changed = {k: v for k, v in self.engine.env.items() if k != "HOME" and mine.get(k) != v}
        changed |= self.clouds.operator_environment()
        return changed | {"PATH": self.engine.env["PATH"].removesuffix(mine.get("PATH", os.defpath))}

    def _output(self, name: str) -> str:
        """A stack output; read once per change would be slow, so it is kept from the first time on."""
        if name not in self._outputs:
            self._outputs = self.engine.outputs()
        value = self._outputs.get(name)
        if not isinstance(value, str):
            raise Problem(f"stack normal has no output {name}: run 'pulumi up --stack normal' first")
        return value

    def _setting(self, key: str, default: str) -> str:
        """A setting of stack normal as its file in the project folder has it now."""
        stack = yaml.safe_load((self.project / "Pulumi.normal.yaml").read_text())
        return str(stack["config"].get(f"petclinic-dr:{key}", default))


def bring_tools(report: Callable[[str], None]) -> Tools:
    """Set-up: find every program, else bring it.

    Raises:
        SetupError: one could not be had; the sentence says how to provide it.
    """
    return find_or_bring(report)


def end_like_ctrl_c() -> None:
    """Let SIGTERM and SIGHUP unwind the program as Ctrl-C does, so that everything it started is ended.

    SIGINT too, because a script's background job starts with it ignored.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
