"""Unit files and the service manager, with real processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.clouds.machine_paths import MachinePaths
from sandbox.clouds.service import Service
from sandbox.clouds.start_limit import StartLimit
from sandbox.clouds.unit_file import UnitError, parse_environment_file, parse_unit
from sandbox.clouds.units import Units
from sandbox.clouds.waiting import wait_for
from sandbox.network import Network


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[MachinePaths]:
    network = Network(tmp_path)
    folder = tmp_path / "a machine's folder"
    for name in ("etc/systemd/system", "run", "var/log", "opt"):
        (folder / name).mkdir(parents=True)
    yield MachinePaths(folder, network)
    network.close()


@pytest.fixture
def units(paths: MachinePaths) -> Iterator[Units]:
    manager = Units(paths, lambda: {"PATH": "/usr/bin:/bin"}, 30.0, {})
    yield manager
    manager.bring_down(kill=True)


def write(paths: MachinePaths, name: str, service: str, unit: str = "") -> None:
    text = f"[Unit]\n{unit}\n[Service]\n{service}\n[Install]\nWantedBy=multi-user.target\n"
    paths.path(f"/etc/systemd/system/{name}").write_text(text)


def script(paths: MachinePaths, name: str, body: str) -> str:
    file = paths.path(f"/opt/{name}")
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o700)
    return f"/opt/{name}"


def test_oneshot_before_what_requires_it_and_append_log(units: Units, paths: MachinePaths) -> None:
    first = script(paths, "first", 'echo "first in $PWD $1"; echo ready > "$2"')
    write(
        paths,
        "first.service",
        f"Type=oneshot\nRemainAfterExit=yes\nWorkingDirectory=/opt\nRuntimeDirectory=demo\n"
        f"StandardOutput=append:/var/log/demo.log\nExecStart={first} /etc/demo.json /run/demo/ready",
    )
    second = script(paths, "second", 'cat "$1"; exec sleep 60')
    write(
        paths,
        "second.service",
        f"ExecStart={second} /run/demo/ready",
        "Requires=first.service\nAfter=first.service",
    )
    units.enable_now("second")
    assert units.states() == {"first.service": "active", "second.service": "active"}
    log = paths.path("/var/log/demo.log").read_text()
    assert f"first in {paths.folder}/opt {paths.folder}/etc/demo.json" in log
    journal = paths.path("/var/log/journal/second.service.log")
    wait_for(lambda: journal.read_text() == "ready\n", 60, "the second unit reads what the first wrote")


def test_a_oneshot_that_is_repeated_keeps_its_dependants_waiting(units: Units, paths: MachinePaths) -> None:
    """Else a restore that was killed once would leave PetClinic down for good."""
    policy = "Restart=on-failure\nRestartSec=1\nRestartMode=direct\nRestartPreventExitStatus=2 8"
    once = script(paths, "once", '[ -e "$1" ] || { : > "$1"; kill -9 $$; }')
    write(
        paths,
        "once.service",
        f"Type=oneshot\nRemainAfterExit=yes\n{policy}\nExecStart={once} /opt/was-there",
    )
    wait = script(paths, "wait", "exec sleep 60")
    write(paths, "after.service", f"ExecStart={wait}", "Requires=once.service\nAfter=once.service")
    units.start("after.service")
    assert set(units.states().values()) == {"active"}
    final = script(paths, "final", "exit 8")
    write(paths, "final.service", f"Type=oneshot\n{policy}\nExecStart={final}")
    with pytest.raises(UnitError, match="ended with 8"):
        units.start("final.service")


def test_failed_requirement_stops_the_dependent(units: Units, paths: MachinePaths) -> None:
    bad = script(paths, "bad", "echo no such backup; exit 3")
    write(paths, "bad.service", f"Type=oneshot\nExecStart={bad}")
    write(paths, "app.service", f"ExecStart={script(paths, 'app', 'exec sleep 60')}", "Requires=bad.service")
    with pytest.raises(
        UnitError, match=r"(?s)app.service: what it requires failed: bad.service.*3.*no such backup"
    ):
        units.enable_now("app.service")
    assert units.states()["app.service"] == "inactive"


def test_restart_always_after_sigkill(units: Units, paths: MachinePaths) -> None:
    count = script(paths, "count", 'echo started >> "$1"; exec sleep 60')
    write(paths, "count.service", f"ExecStart={count} /var/log/count\nRestart=always\nRestartSec=5")
    units.enable_now("count.service")
    log = paths.path("/var/log/count")
    wait_for(lambda: log.exists() and log.read_text() == "started\n", 60, "the first start")
    service = units.get("count.service")
    service.kill_process()  # type: ignore[attr-defined]
    wait_for(lambda: log.read_text().count("started") == 2, 60, "the second start")
    units.get("count.service").stop()
    assert service.state == "inactive"


def waiting_service(paths: MachinePaths, unit: str) -> None:
    show = script(paths, "show", 'echo "$A"; exec sleep 60')
    service = f"EnvironmentFile=/run/a.env\nExecStart={show}\nRestart=always\nRestartSec=1"
    write(paths, "wait.service", service, unit)


def test_a_service_without_its_environment_file_is_started_again_until_it_is_there(
    units: Units, paths: MachinePaths
) -> None:
    waiting_service(paths, "StartLimitIntervalSec=0")
    with pytest.raises(UnitError, match=r"wait.service: EnvironmentFile /run/a.env does not exist"):
        units.start("wait")
    service = units.get("wait")
    assert isinstance(service, Service)
    wait_for(lambda: service.restarts > 8, 60, "more starts than the limit allows")
    assert service.state == "activating"
    paths.path("/run/b.env").write_text("A=here\n")
    paths.path("/run/b.env").rename(paths.path("/run/a.env"))  # whole at once
    wait_for(lambda: service.log.exists() and service.log.read_text() == "here\n", 60, "the start")
    wait_for(lambda: service.state == "active", 60, "the service to be called active")


def test_the_start_limit_ends_a_service_that_fails_too_often(units: Units, paths: MachinePaths) -> None:
    """systemd's default: five starts in ten seconds of the unit's own time."""
    waiting_service(paths, "")
    with pytest.raises(UnitError, match="does not exist"):
        units.start("wait")
    service = units.get("wait")
    assert isinstance(service, Service)
    wait_for(lambda: service.state == "failed", 60, "the limit")
    assert service.restarts == 5  # five starts, and the one that was refused


@pytest.mark.parametrize(
    ("restart_s", "unit", "allowed"),
    [(3, "", True), (1, "", False), (1, "StartLimitIntervalSec=0", True), (3, "StartLimitBurst=2", False)],
)
def test_the_start_limit_counts_by_the_unit_s_own_pauses(restart_s: int, unit: str, allowed: bool) -> None:
    limit = StartLimit(parse_unit("x.service", f"[Unit]\n{unit}\n[Service]\nExecStart=/bin/true\n"))
    seen: list[bool] = []
    for _ in range(20):
        seen.append(limit.allows())
        limit.passes(restart_s)
    assert all(seen) is allowed


def test_a_start_by_hand_does_not_wait_for_the_next_attempt(units: Units, paths: MachinePaths) -> None:
    waiting_service(paths, "")
    file = paths.path("/etc/systemd/system/wait.service")
    file.write_text(file.read_text().replace("RestartSec=1", "RestartSec=10h"))
    with pytest.raises(UnitError, match="does not exist"):
        units.start("wait")
    with pytest.raises(UnitError, match="does not exist"):
        units.start("wait")
    paths.path("/run/a.env").write_text("A=here\n")
    units.start("wait")
    assert units.states() == {"wait.service": "active"}


def test_a_boot_that_only_waits_for_a_file_has_not_failed(units: Units, paths: MachinePaths) -> None:
    waiting_service(paths, "StartLimitIntervalSec=0")
    units.enable_now("wait", block=False)
    wait_for(lambda: units.states().get("wait.service") == "activating", 60, "the start")
    assert units.start_enabled() == []


def test_environment_file_missing_then_there(units: Units, paths: MachinePaths) -> None:
    show = script(paths, "show", 'echo "$URL|$OTHER"')
    write(
        paths,
        "show.service",
        f"Type=oneshot\nEnvironment=OTHER=/etc/x\nEnvironmentFile=/run/a.env\nExecStart={show}",
    )
    with pytest.raises(UnitError, match=r"EnvironmentFile /run/a.env does not exist"):
        units.start("show")
    paths.path("/run/a.env").write_text('# comment\nURL="jdbc:mysql://h/db?a=b\\$c"\n')
    units.start("show")
    log = paths.path("/var/log/journal/show.service.log").read_text()
    assert log == f"jdbc:mysql://h/db?a=b$c|{paths.folder}/etc/x\n"


def test_condition_that_fails_skips_without_error(units: Units, paths: MachinePaths) -> None:
    write(paths, "once.service", "Type=oneshot\nExecStart=/opt/nothing", "ConditionPathExists=/opt/never")
    units.start("once")
    assert units.states() == {"once.service": "inactive"}


def test_bring_down_ends_a_start_that_is_under_way(units: Units, paths: MachinePaths) -> None:
    write(paths, "long.service", f"Type=oneshot\nExecStart={script(paths, 'long', 'exec sleep 60')}")
    errors: list[str] = []

    def start() -> None:
        try:
            units.start("long")
        except UnitError as error:
            errors.append(str(error))

    thread = threading.Thread(target=start)
    thread.start()
    wait_for(lambda: units.states().get("long.service") == "activating", 60, "the start")
    units.bring_down(kill=True)
    thread.join(60)
    assert not thread.is_alive()


def test_enabled_units_start_in_the_order_of_after(units: Units, paths: MachinePaths) -> None:
    for name, after in (("a", "After=b.service"), ("b", "After=c.service"), ("c", "")):
        write(
            paths,
            f"{name}.service",
            f"Type=oneshot\nExecStart={script(paths, name, f'echo {name} >> $1')} /var/log/order",
            after,
        )
        units.enable_now(name)
    paths.path("/var/log/order").unlink()
    assert units.enabled() == ["c.service", "b.service", "a.service"]
    assert units.start_enabled() == []
    assert paths.path("/var/log/order").read_text().split() == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[Service]\nExecStart=/bin/true\nBogus=1\n", "key Bogus"),
        ("[Service]\nType=forking\nExecStart=/bin/true\n", "Type=forking"),
        ("[Socket]\nListenStream=1\n", r"section \[Socket\]"),
        ("[Service]\nType=simple\n", "no ExecStart"),
        ("ExecStart=/bin/true\n", "no assignment"),
    ],
)
def test_unknown_unit_text_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UnitError, match=problem):
        parse_unit("x.service", text)


def test_unit_that_is_not_there_or_cannot_be_enabled(units: Units, paths: MachinePaths) -> None:
    with pytest.raises(UnitError, match=r"unit gone.service does not exist"):
        units.start("gone")
    paths.path("/etc/systemd/system/loose.service").write_text("[Service]\nExecStart=/bin/true\n")
    with pytest.raises(UnitError, match="no WantedBy"):
        units.enable_now("loose")


def test_environment_file_quoting() -> None:
    text = 'A=plain\nB=\'single $x\'\nC="two \\"words\\""\nD=back\\ slash\n; comment\n'
    assert parse_environment_file(text) == {
        "A": "plain", "B": "single $x", "C": 'two "words"', "D": "back slash",
    }  # fmt: skip
