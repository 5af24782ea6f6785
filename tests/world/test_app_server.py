"""PetClinic's machine with the program's own units: who may start it, and when, across reboots.

Only the agent is a stand-in: its restore does what a file beside it says.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components.guests.render import Guest, cloud_init
from sandbox.clouds.machine import Machine, MachineSpec
from sandbox.clouds.machine_software import Programs
from sandbox.clouds.service import Service
from sandbox.clouds.waiting import wait_for
from sandbox.network import Network
from sandbox.tools import Tools

DOCUMENTS = {"agent": {"dump": {"interval_seconds": 300}}, "install": {}}
_INSTALL = '''
import pathlib
root = pathlib.Path(__file__).resolve().parents[2]
(root / "opt/pilotlight/agent").mkdir()
(root / "opt/pilotlight/agent/__main__.py").write_text("""
import pathlib, sys, time
root = pathlib.Path(__file__).resolve().parents[3]
if sys.argv[1] == "run":
    time.sleep(600)
order = root / "opt/order"
while not order.exists():
    time.sleep(0.05)
if order.read_text() == "refuse":
    sys.exit(8)
part = root / "run/pilotlight/petclinic.env.part"
part.write_text("MYSQL_PASS=of the restore")
part.rename(root / "run/pilotlight/petclinic.env")
""")
(root / "opt/petclinic").mkdir()
(root / "opt/petclinic/petclinic.jar").write_text("""
import os, time
print(os.environ["MYSQL_PASS"], os.environ["SPRING_SQL_INIT_MODE"], flush=True)
time.sleep(600)
""")
'''


class AppServer:
    """The machine, its files and what PetClinic said."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def order(self, what: str) -> None:
        """What the restore does: ``restore``, or ``refuse`` a database that another site has overtaken."""
        part = self.machine.folder / "opt/order.part"
        part.write_text(what)
        part.rename(part.with_name("order"))

    def environment(self, text: str) -> None:
        """Writes the environment file, as the agent does."""
        file = self.machine.folder / "run/pilotlight/petclinic.env"
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(text)
        part.rename(file)

    def petclinic(self) -> str:
        """The state of its unit."""
        return self.machine.unit_states().get("petclinic.service", "")

    def restores(self) -> bool:
        """Whether the restore runs."""
        return self.machine.unit_states().get("pilotlight-restore.service") == "activating"

    def said(self) -> list[str]:
        """A line for each start of PetClinic."""
        log = self.machine.folder / "var/log/journal/petclinic.service.log"
        return log.read_text().splitlines() if log.exists() else []

    def up(self, state: str) -> None:
        """Waits until the boot ended with ``state``."""
        wait_for(lambda: self.machine.state in {"running", "failed"}, 30, "the boot")
        assert self.machine.state == state, self.machine.reason


@pytest.fixture
def server(tmp_path: Path, network: Network, tools: Tools) -> Iterator[AppServer]:
    document = yaml.safe_load(cloud_init(Guest.APP_SERVER, DOCUMENTS))
    for file in document["write_files"]:
        if file["path"] == "/opt/pilotlight/install.py":
            file["content"] = _INSTALL
    data = base64.b64encode(f"#cloud-config\n{yaml.safe_dump(document)}".encode()).decode()
    spec = MachineSpec("app", "azure", data, "10.80.2.9")
    programs = Programs(bin=tools.bin, nginx=tools.nginx, real_java=False)
    machine = Machine(spec, tmp_path / "app", network, programs, 30.0)
    yield AppServer(machine)
    machine.kill()


def waits(server: AppServer) -> None:
    """PetClinic was asked to start more often than systemd allows by default, and never ran."""
    service = server.machine._own_units().get("petclinic.service")
    assert isinstance(service, Service)
    begun = service.restarts
    wait_for(lambda: service.restarts > begun + 8, 30, "PetClinic's attempts")
    assert server.petclinic() == "activating"


def test_at_the_first_boot_petclinic_starts_after_the_restore_and_not_before(server: AppServer) -> None:
    server.machine.boot()
    wait_for(lambda: server.petclinic() == "activating", 30, "the boot's commands")
    waits(server)
    assert (server.machine.state, server.said()) == ("booting", [])
    server.order("restore")
    wait_for(lambda: len(server.said()) == 1, 30, "PetClinic")
    assert server.said() == ["of the restore never"]
    server.up("running")
    assert server.machine.unit_states()["pilotlight-restore.service"] == "active"


def test_a_reboot_while_the_first_restore_runs_does_not_leave_petclinic_down(server: AppServer) -> None:
    server.machine.boot()
    wait_for(server.restores, 30, "the boot's last command")
    server.machine.stop()
    assert server.said() == []
    server.order("restore")
    server.machine.reboot()
    server.up("running")
    wait_for(lambda: len(server.said()) == 1, 30, "PetClinic")


def test_after_a_reboot_whose_restore_refuses_petclinic_starts_when_the_agent_has_replaced_the_database(
    server: AppServer,
) -> None:
    """After a failback's cutover the restore at boot leaves the overtaken database alone, for good. If the
    home site is lost again then, the agent replaces it by order, and nobody logs in to start PetClinic."""
    server.machine.boot()
    server.order("restore")
    server.up("running")
    wait_for(lambda: len(server.said()) == 1, 30, "PetClinic")
    server.machine.stop()
    server.order("refuse")
    server.machine.reboot()
    server.up("failed")
    assert "pilotlight-restore.service" in server.machine.reason
    assert "petclinic.service" not in server.machine.reason
    waits(server)
    assert len(server.said()) == 1
    server.environment("MYSQL_PASS=of the agent")
    wait_for(lambda: server.petclinic() == "active", 30, "PetClinic")
    wait_for(lambda: len(server.said()) == 2, 30, "PetClinic's first line")
    assert server.said()[1] == "of the agent never"
    server.machine.stop()  # and then it is as after the first disaster
    server.order("restore")
    server.machine.reboot()
    server.up("running")
    wait_for(lambda: len(server.said()) == 3, 30, "PetClinic after another reboot")
