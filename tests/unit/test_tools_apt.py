"""Which package sources set-up trusts, and what its private apt is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.apt_sources import Source, distribution, own_sources, read_sources
from sandbox.deb import PrivateApt, loader_argv, wrapper
from sandbox.setup_error import SetupError

DEBIAN = 'ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian"\n'
UBUNTU = "ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "os-release").write_text(DEBIAN)
    return tmp_path


def own(machine: Path) -> list[Source]:
    return own_sources(machine, machine / "os-release")


def test_deb822_sources_are_read(machine: Path) -> None:
    (machine / "sources.list.d/debian.sources").write_text(
        "# a comment\nTypes: deb deb-src\nURIs: http://mirror.test/debian\n"
        f"Suites: bookworm bookworm-updates bookworm-backports\nComponents: main\nSigned-By: {KEYRING}\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://off.test/\nSuites: bookworm\nComponents: main\n"
    )
    assert own(machine) == [
        Source("http://mirror.test/debian", ("bookworm", "bookworm-updates"), ("main",), KEYRING)
    ]


def test_one_line_sources_are_read(machine: Path) -> None:
    (machine / "sources.list").write_text("deb cdrom:[Debian 12]/ bookworm main\n")
    (machine / "sources.list.d/a.list").write_text(
        "# deb http://off.test bookworm main\n"
        f"deb [arch=amd64 signed-by={KEYRING}] http://mirror.test/debian bookworm main contrib # note\n"
        "deb-src http://mirror.test/debian bookworm main\n"
        "deb http://flat.test/ ./\n"
    )
    assert own(machine) == [Source("http://mirror.test/debian", ("bookworm",), ("main", "contrib"), KEYRING)]


def test_trusted_yes_is_never_passed_on(machine: Path) -> None:
    (machine / "sources.list").write_text("deb [trusted=yes] http://mirror.test/debian bookworm main\n")
    stanzas = "".join(source.stanza() for source in own(machine))
    assert "http://mirror.test/debian" in stanzas
    assert "trusted" not in stanzas.lower()


def test_third_party_archives_are_left_out(machine: Path) -> None:
    (machine / "sources.list.d/others.list").write_text(
        "deb [signed-by=/etc/apt/keyrings/vendor.gpg] http://vendor.test bookworm main\n"
        "deb http://other.test stable main\n"
    )
    with pytest.raises(SetupError, match=r"no package source of debian in .*install MySQL 8\.0\.30 or newer"):
        own(machine)


def test_an_embedded_key_stays_with_its_source(machine: Path) -> None:
    (machine / "sources.list.d/debian.sources").write_text(
        "Types: deb\nURIs: http://mirror.test\nSuites: bookworm\nComponents: main\n"
        "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n"
    )
    assert "BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n" in own(machine)[0].stanza()


def test_a_derivative_uses_its_parent_s_names(machine: Path) -> None:
    (machine / "os-release").write_text(UBUNTU)
    found = distribution(machine / "os-release")
    assert found.names == ("ubuntu", "debian")
    assert found.codenames == ("noble", "noble")
    assert distribution(machine / "none").names == ()


def test_this_machine_s_own_files_can_be_read() -> None:
    assert isinstance(read_sources(Path("/etc/apt")), list)


def test_the_private_apt_touches_nothing_of_the_machine_s(tmp_path: Path) -> None:
    PrivateApt(tmp_path, [Source("http://m.test", ("sid",), ("main",), KEYRING)], what="x", by_hand="y")
    text = (tmp_path / "apt.conf").read_text()
    for option in (
        "Dir::State",
        "Dir::State::lists",
        "Dir::State::status",
        "Dir::Cache",
        "Dir::Cache::archives",
    ):
        assert f'{option} "{tmp_path}' in text
    assert "trusted" not in text.lower()
    assert "AllowInsecure" not in text
    assert (tmp_path / "own.sources").read_text().count("Types: deb") == 1


def test_a_program_runs_through_its_own_loader_and_libraries(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    for name in (
        "usr/sbin/mysqld",
        "usr/lib64/ld-linux-x86-64.so.2",
        "usr/lib/x86_64-linux-gnu/libc.so.6",
        "usr/lib/mysql/private/libprotobuf-lite.so.1",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "usr/lib64/ld-linux-aaa.so.2").symlink_to("/usr/lib/ld-linux.so.2")  # the machine's, not ours
    argv = loader_argv(folder, "mysqld", what="MySQL")
    assert argv[0] == str(folder / "usr/lib64/ld-linux-x86-64.so.2")
    assert argv[-1] == str(folder / "usr/sbin/mysqld")
    libraries = argv[argv.index("--library-path") + 1].split(":")
    assert str(folder / "usr/lib/x86_64-linux-gnu") in libraries
    assert str(folder / "usr/lib/mysql/private") in libraries
    assert wrapper(argv).startswith(f"#!/bin/sh\nexec '{argv[0]}'")
    with pytest.raises(SetupError, match=r"MySQL: mysqldump is not in the packages unpacked to .*delete"):
        loader_argv(folder, "mysqldump", what="MySQL")
