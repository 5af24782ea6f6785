"""``./dr`` itself: from anywhere, through links, without Python, and twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import bootstrap
from sandbox.setup_error import SetupError

CLONE = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose environment is there already and whose ``cli`` says how it was called."""
    folder = tmp_path / "a clone"
    (folder / "cli").mkdir(parents=True)
    (folder / "cli" / "__init__.py").touch()
    (folder / "cli" / "__main__.py").write_text(
        "import os, sys\nprint(os.getcwd(), sys.argv[1:], sys.stdin is None)\n"
    )
    (folder / "requirements").mkdir()
    (folder / "requirements" / "dev.txt").write_text("x==1\n")
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (folder / ".venv" / "installed.txt").write_text("x==1\n")
    (folder / "dr").write_bytes((CLONE / "dr").read_bytes())
    (folder / "dr").chmod(0o755)
    return folder


def run(
    program: str | Path, *arguments: str, cwd: str | Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, cwd=cwd, env=env
    )


def test_shellcheck_finds_nothing() -> None:
    done = run(Path(sys.executable).with_name("shellcheck"), str(CLONE / "dr"))
    assert done.returncode == 0, done.stdout


def test_arguments_arrive_unchanged_and_the_working_directory_stays(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()  # must not be taken for ours
    (tmp_path / "cli" / "__main__.py").write_text("raise SystemExit('the wrong one')")
    done = run(clone / "dr", "rehearse", "a b", "*", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path} ['rehearse', 'a b', '*']")


def test_it_runs_through_links(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "one").symlink_to("../a clone/dr")
    (tmp_path / "links" / "two").symlink_to(tmp_path / "links" / "one")
    done = run(tmp_path / "links" / "two", "x", cwd="/")
    assert done.stdout.startswith("/ ['x']")


def test_a_closed_standard_input_does_not_matter(clone: Path) -> None:
    done = run("sh", "-c", 'exec "$0" x <&-', str(clone / "dr"))
    assert done.returncode == 0, done.stderr
    assert "['x'] False" in done.stdout


@pytest.mark.parametrize("old", [False, True])
def test_without_a_new_enough_python_it_says_so(clone: Path, tmp_path: Path, old: bool) -> None:
    (clone / ".venv" / "installed.txt").unlink()
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("dirname", "readlink", "cmp", "sh"):
        (folder / name).symlink_to(_which(name))
    if old:
        (folder / "python3").write_text("#!/bin/sh\nexit 1\n")
        (folder / "python3").chmod(0o755)
    done = run(clone / "dr", env={"PATH": str(folder)})
    assert done.returncode == 1
    assert done.stderr.startswith("dr: Python 3.11 or newer is needed and none is on PATH: install it")
    assert done.stderr.count("\n") == 1


def _which(name: str) -> Path:
    return next(p for p in (Path(folder) / name for folder in os.environ["PATH"].split(":")) if p.exists())


def test_a_lock_that_changed_calls_the_bootstrap(clone: Path) -> None:
    (clone / "sandbox").mkdir()
    (clone / "sandbox" / "__init__.py").touch()
    (clone / "sandbox" / "bootstrap.py").write_text("import sys\nprint('made', sys.argv[1:])\n")
    (clone / "requirements" / "dev.txt").write_text("x==2\n")
    assert run(clone / "dr", "x").stdout.startswith("made []\n")
    assert run(clone / "dr", "lock", "--upgrade").stdout == "made ['lock', '--upgrade']\n"


def test_the_bootstrap_refuses_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(["lock", "--all"]) == 1
    assert capsys.readouterr().err == (
        "dr: './dr lock --all' is not known: say './dr lock' or './dr lock --upgrade'\n"
    )


def test_an_interrupted_environment_is_finished_by_the_next_run(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def uv(_: Path, *arguments: object) -> None:
        calls.append(str(arguments[0]))
        if len(calls) == 1:
            raise SetupError("no network")

    venv = clone / ".venv"
    monkeypatch.setattr(bootstrap, "CLONE", clone)
    monkeypatch.setattr(bootstrap, "VENV", venv)
    monkeypatch.setattr(bootstrap, "LOCK", clone / "requirements" / "dev.txt")
    monkeypatch.setattr(bootstrap, "INSTALLED", venv / "installed.txt")
    monkeypatch.setattr(bootstrap, "find_or_bring_uv", lambda _: Path("uv"))
    monkeypatch.setattr(bootstrap, "_uv", uv)
    bootstrap.make_environment()
    assert calls == []  # what is there is the lock's
    (clone / "requirements" / "dev.txt").write_text("x==2\n")
    assert bootstrap.main([]) == 1
    assert not (venv / "installed.txt").exists()
    assert bootstrap.main([]) == 0
    assert calls == ["pip", "pip"]
    assert (venv / "installed.txt").read_text() == "x==2\n"
