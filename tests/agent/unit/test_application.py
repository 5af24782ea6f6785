"""What the application is told, and that nobody else can read it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agent.application import _write_private, environment
from agent.config import Application, FileSecret, parse
from agent.errors import AgentError
from tests.agent.unit.test_config import AWS

APPLICATION = Application("petclinic", FileSecret(Path("/x")), Path("/run/pilotlight/petclinic.env"))


def test_the_file_is_private_from_its_first_byte_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        for text in ("first", "second"):
            _write_private(tmp_path / "run" / "app.env", text)
    finally:
        os.umask(before)
    assert (tmp_path / "run" / "app.env").read_text() == "second"
    assert stat.S_IMODE((tmp_path / "run" / "app.env").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["app.env"]


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AgentError, match="make its folder writable"):
        _write_private(tmp_path / "file" / "app.env", "text")


@pytest.mark.parametrize(
    ("password", "line"),
    [
        ("Plain-1.2_3", "MYSQL_PASS=Plain-1.2_3"),
        ("with space", 'MYSQL_PASS="with space"'),
        ('a"b\\c$d`e', 'MYSQL_PASS="a\\"b\\\\c\\$d\\`e"'),
        ("#hash", 'MYSQL_PASS="#hash"'),
    ],
)
def test_values_are_written_as_systemd_reads_them(password: str, line: str) -> None:
    text = environment(parse(AWS, "agent.json"), APPLICATION, password)
    assert line in text.splitlines()
    assert "SPRING_SQL_INIT_MODE=never" in text.splitlines()
    assert "MYSQL_URL=jdbc:mysql://db.example.org:3306/petclinic?sslMode=REQUIRED" in text.splitlines()
