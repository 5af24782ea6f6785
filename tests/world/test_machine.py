"""A machine's first boot, reboot and death, from user data as the program renders it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.ca import Authority
from sandbox.clouds.cloud_init import CloudInitError, decode, parse
from sandbox.clouds.machine import Machine, MachineError, MachineSpec
from sandbox.clouds.machine_software import Programs
from sandbox.clouds.nginx import NginxError
from sandbox.clouds.nginx_text import parse_nginx, render_nginx
from sandbox.clouds.waiting import wait_for
from sandbox.clouds.web_client import get
from sandbox.network import Network
from sandbox.tools import Tools

AGENT_JSON = {
    "database": {"host": "petclinic.rds.amazonaws.com", "port": 3306},
    "storage": {"endpoint": "https://vault.blob.core.windows.net"},
    "dump": {"interval_seconds": 300},
    "state_dir": "/var/lib/pilotlight",
}
INSTALL = """
import pathlib
here = pathlib.Path(__file__).resolve().parent
(here / "agent").mkdir()
(here / "agent" / "__main__.py").write_text('''
import json, sys, time, pathlib
config = json.loads(pathlib.Path(sys.argv[-1]).read_text())
print(json.dumps(config), flush=True)
if sys.argv[1] == "run":
    time.sleep(60)
''')
print("installed")
"""
AGENT_UNIT = """
[Unit]
After=network-online.target

[Service]
WorkingDirectory=/opt/pilotlight
ExecStart=/opt/pilotlight/venv/bin/python -m agent run --config /etc/pilotlight/agent.json
Restart=always
StateDirectory=pilotlight
StandardOutput=append:/var/log/mysql-backup-to-azure.log
StandardError=append:/var/log/mysql-backup-to-azure.log
ProtectSystem=full

[Install]
WantedBy=multi-user.target
"""


def user_data(files: dict[str, str], commands: list[list[str]], packages: list[str], **more: Any) -> str:
    written = [{"path": path, "permissions": "0644", "content": text} for path, text in files.items()]
    document = {"packages": packages, "write_files": written, "runcmd": commands, **more}
    return base64.b64encode(f"#cloud-config\n{yaml.safe_dump(document)}".encode()).decode()


BACKUP = user_data(
    {
        "/opt/pilotlight/install.py": INSTALL,
        "/etc/pilotlight/agent.json": json.dumps(AGENT_JSON),
        "/etc/systemd/system/pilotlight-agent.service": AGENT_UNIT,
    },
    [["python3", "/opt/pilotlight/install.py"], ["systemctl", "enable", "--now", "pilotlight-agent.service"]],
    ["mysql-client-core-8.0", "python3-venv"],
)

Make = Callable[..., Machine]


@pytest.fixture
def make(tmp_path: Path, network: Network, tools: Tools) -> Iterator[Make]:
    made: list[Machine] = []
    network.address("petclinic.rds.amazonaws.com")
    network.address("vault.blob.core.windows.net")

    def machine(data: str, private_ip: str = "10.80.2.4") -> Machine:
        spec = MachineSpec("demo", "aws", data, private_ip, {"AZURE_AUTHORITY_HOST": "https://login"})
        programs = Programs(bin=tools.bin, nginx=tools.nginx, real_java=False)
        made.append(Machine(spec, tmp_path / "a machine" / "demo", network, programs, 30.0))
        return made[-1]

    yield machine
    for each in made:
        each.kill()


def booted(machine: Machine) -> Machine:
    wait_for(lambda: machine.state in {"running", "failed"}, 15, "the boot")
    return machine


def test_first_boot_runs_the_installed_agent_with_the_rendered_configuration(
    make: Make, network: Network
) -> None:
    machine = make(BACKUP)
    machine.boot()
    booted(machine)
    assert (machine.state, machine.reason) == ("running", "")
    assert machine.unit_states() == {"pilotlight-agent.service": "active"}
    log = machine.folder / "var/log/mysql-backup-to-azure.log"
    wait_for(lambda: log.exists() and "storage" in log.read_text(), 60, "the agent's first line")
    seen = json.loads(log.read_text())
    assert seen["database"]["host"] == network.address("petclinic.rds.amazonaws.com")
    assert seen["storage"]["endpoint"] == f"https://{network.address('vault.blob.core.windows.net')}:10443"
    assert seen["state_dir"] == str(machine.folder / "var/lib/pilotlight")
    assert seen["dump"]["interval_seconds"] == 10
    boot = json.loads((machine.folder / "boot.json").read_text())
    assert boot["dump_interval"] == {"deployed_s": 300, "simulated_s": 10, "time_factor": 30.0}
    assert boot["files"]["/opt/pilotlight/install.py"]["permissions"] == "0644"


def test_commands_on_the_machine(make: Make) -> None:
    machine = make(BACKUP)
    machine.boot()
    booted(machine)
    done = machine.run(["/opt/pilotlight/venv/bin/python", "-m", "agent", "x", "/etc/pilotlight/agent.json"])
    assert done.returncode == 0 and json.loads(done.stdout)["dump"] == {"interval_seconds": 10}
    assert (
        machine.run(["python3", "-c", "import os; print(os.environ['AZURE_AUTHORITY_HOST'])"]).stdout
        == "https://login\n"
    )
    assert "mysqldump" in machine.run(["mysqldump", "--version"]).stdout
    with pytest.raises(MachineError, match="took more than"):
        machine.run(["python3", "-c", "import time; time.sleep(60)"], timeout_s=0.5)
    machine.kill()
    with pytest.raises(MachineError, match="is down"):
        machine.run(["python3", "-V"])


def test_killed_agent_comes_back_and_a_dead_machine_does_not(make: Make) -> None:
    machine = make(BACKUP)
    machine.boot()
    booted(machine)
    log = machine.folder / "var/log/mysql-backup-to-azure.log"
    wait_for(lambda: log.exists() and log.read_text().count("storage") == 1, 60, "the first start")
    machine.kill_unit("pilotlight-agent")
    wait_for(lambda: log.read_text().count("storage") == 2, 60, "the second start")
    machine.kill()
    assert machine.state == "dead"
    assert machine.unit_states() == {"pilotlight-agent.service": "inactive"}


def test_reboot_keeps_the_disk_and_empties_run(make: Make) -> None:
    machine = make(BACKUP)
    machine.boot()
    booted(machine)
    (machine.folder / "run/left").touch()
    (machine.folder / "var/lib/pilotlight/kept").touch()
    machine.stop()
    again = make(BACKUP)
    again.reboot()
    booted(again)
    assert again.unit_states() == {"pilotlight-agent.service": "active"}
    assert not (again.folder / "run/left").exists()
    assert (again.folder / "var/lib/pilotlight/kept").exists()


def test_a_command_that_fails_is_told_and_the_next_ones_run(make: Make) -> None:
    data = user_data(
        {
            "/opt/pilotlight/install.py": "raise SystemExit('no credentials yet')",
            "/etc/systemd/system/fine.service": "[Service]\nType=oneshot\nExecStart=/usr/bin/python3 -V\n"
            "[Install]\nWantedBy=multi-user.target\n",
        },
        [["python3", "/opt/pilotlight/install.py"], ["systemctl", "enable", "--now", "fine"]],
        [],
    )
    machine = make(data)
    machine.boot()
    booted(machine)
    assert machine.state == "failed" and "no credentials yet" in machine.reason
    assert machine.unit_states() == {"fine.service": "inactive"}
    assert "Python 3" in machine.log_tail()


def test_web_server_passes_to_its_neighbour(
    make: Make, network: Network, authority: Authority, serve: Callable[..., Any]
) -> None:
    data = user_data(
        {
            "/etc/nginx/conf.d/upstream.conf": "upstream petclinic {\n  server 10.80.2.9:8080;\n}\n",
            "/etc/nginx/conf.d/petclinic.conf": "server {\n  listen 8080 default_server;\n"
            '  add_header X-Where "a; b";\n  location / { proxy_pass http://petclinic; }\n}\n',
        },
        [["systemctl", "enable", "--now", "nginx.service"]],
        ["nginx-light"],
    )
    machine = make(data, "10.80.1.4")
    machine.boot()
    booted(machine)
    assert machine.state == "running", machine.reason
    app = serve(network.endpoint("10.80.2.9", 8080))
    status, body = get(network, "http://10.80.1.4:8080/", ca_file=authority.ca_file, timeout_s=30)
    assert (status, body) == (200, app.body)
    assert get(network, "http://10.80.1.4/", ca_file=authority.ca_file, timeout_s=30)[0] == 404, (
        "Ubuntu's own site"
    )
    machine.stop_unit("nginx")
    assert machine.unit_states()["nginx.service"] == "inactive"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("#!/bin/sh\n", "not with '#cloud-config'"),
        ("#cloud-config\nusers: []\n", "'users' is not simulated"),
        ("#cloud-config\nruncmd: [reboot]\n", "not a list of words"),
        ("#cloud-config\nruncmd: [[rm, -rf, /]]\n", "neither 'python3 FILE'"),
        ("#cloud-config\nruncmd: [[systemctl, enable, --now, --force, x]]\n", "neither 'python3 FILE'"),
        ("#cloud-config\nwrite_files: [{path: /etc/x, append: true}]\n", "'append' is not simulated"),
        ("#cloud-config\nwrite_files: [{path: /etc/x, permissions: 0644}]\n", "quoted text like '0644'"),
        ("#cloud-config\nwrite_files: [\n", "not YAML"),
    ],
)
def test_user_data_that_is_refused(text: str, problem: str) -> None:
    with pytest.raises(CloudInitError, match=problem):
        parse(text)


def test_user_data_size_and_encoding() -> None:
    with pytest.raises(CloudInitError, match="not base64"):
        decode("#cloud-config", "aws")
    with pytest.raises(CloudInitError, match="aws takes 16384"):
        decode(base64.b64encode(b"x" * 17_000).decode(), "aws")
    assert len(decode(base64.b64encode(b"x" * 17_000).decode(), "azure")) == 17_000


def test_unknown_package_fails_the_boot(make: Make) -> None:
    machine = make(user_data({}, [], ["emacs"]))
    machine.boot()
    booted(machine)
    assert machine.state == "failed" and "package 'emacs' is not simulated" in machine.reason


def test_nginx_text_round_trip() -> None:
    text = (
        'map $http_x $y { default "a b"; "~^x{1,2}$" 1; } # note\n'
        'server { listen 80; return 200 "it\'s; {ok}"; }'
    )
    with pytest.raises(NginxError, match="unexpected"):
        parse_nginx("server { } }")
    once = render_nginx(parse_nginx(text))
    assert render_nginx(parse_nginx(once)) == once
    assert "it's; {ok}" in once
