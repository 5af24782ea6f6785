"""Finding or bringing the engine, with stand-ins for Go, the installer and pulumi itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.engine import bring
from sandbox.setup_error import SetupError

Program = Callable[[str, str], None]
GO = """
if [ "$1" = version ]; then echo go version go1.26.1 linux/amd64; exit 0; fi
for last in "$@"; do if [ "$flag" = -o ]; then target=$last; fi; flag=$last; done
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a PATH with nothing but the system's shell tools; the vendor is out of reach."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(bring, "_INSTALL", "raise SystemExit('unreachable')")
    return tmp_path / "a cache" / "pilotlight"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Puts a shell script on PATH."""

    def write(name: str, script: str) -> None:
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    return write


def find(cache: Path) -> tuple[tuple[str, ...], list[str]]:
    said: list[str] = []
    return bring.find_or_bring_engine(cache, said.append), said


def test_the_engine_on_path_is_used(cache: Path, program: Program, tmp_path: Path) -> None:
    program("pulumi", "echo v3.260.1")
    assert find(cache) == ((str(tmp_path / "bin" / "pulumi"),), [])


def test_an_old_engine_on_path_is_one_sentence(cache: Path, program: Program) -> None:
    program("pulumi", "echo v3.100.0")
    with pytest.raises(SetupError, match=r"pulumi on PATH .* is 3\.100\.0: install 3\.230\.0 or newer"):
        find(cache)


def test_it_is_built_once(cache: Path, program: Program, tmp_path: Path) -> None:
    program("go", f'{GO}\necho run >> "{tmp_path}/runs"; cp /bin/true "$target"; echo {"x" * 9} >&2')
    command, said = find(cache)
    assert Path(command[0]).parent.parent == cache and os.access(command[0], os.X_OK)
    assert any("3 to 6 minutes" in line for line in said)
    assert find(cache) == (command, [])
    assert (tmp_path / "runs").read_text() == "run\n"
    assert not list(Path(command[0]).parent.glob("source*"))


def test_the_official_installer_comes_first(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import pathlib, sys; b = pathlib.Path(sys.argv[1], 'bin'); b.mkdir(parents=True)\n"
        "(b / 'pulumi').write_text('#!/bin/sh\\n')"
    )
    monkeypatch.setattr(bring, "_INSTALL", script)
    command, _ = find(cache)
    assert "official" in command[0] and Path(command[0]).exists()
    assert find(cache) == (command, [])


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "go: downloading x v1\ngo: y: dial tcp: lookup proxy: no such host",
            r"dial tcp: lookup proxy: no such host",
        ),
        ("write /x/y.a: no space left on device", "disk full; free some space"),
    ],
)
def test_a_failed_build_is_one_sentence(cache: Path, program: Program, said: str, sentence: str) -> None:
    program("go", f"{GO}\nprintf '%s\\n' '{said}' >&2; exit 1")
    with pytest.raises(SetupError, match=sentence) as error:
        find(cache)
    assert "\n" not in str(error.value)
    assert not list(cache.glob("pulumi-*"))


def test_what_can_be_built_is_pinned() -> None:
    folder = Path(bring.__file__).with_name("go")
    module = (folder / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{bring.BUILT_VERSION}" in module
    assert "tool github.com/pulumi/pulumi/pkg/v3/cmd/pulumi" in module
    assert f"github.com/pulumi/pulumi/pkg/v3 v{bring.BUILT_VERSION} h1:" in (folder / "go.sum").read_text()
