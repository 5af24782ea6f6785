"""The cache: made once, never half there, one clear sentence when it cannot be."""

from __future__ import annotations

import errno
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from sandbox import cache
from sandbox.setup_error import SetupError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "pilotlight"


def quiet(_: str) -> None: ...


def never(_: Path) -> None:
    raise AssertionError("made twice")


def fill(folder: Path) -> None:
    (folder / "file").write_text("x")


def test_a_folder_is_made_once(home: Path) -> None:
    assert cache.bring("a", fill, quiet, needs_mib=1) == home / "a"
    assert cache.bring("a", never, quiet, needs_mib=1) == home / "a"
    assert (home / "a" / "file").read_text() == "x"


@pytest.mark.parametrize("end", [KeyboardInterrupt, SetupError, SystemExit])
def test_whatever_ends_it_leaves_nothing_half_made(home: Path, end: type[BaseException]) -> None:
    def interrupted(folder: Path) -> None:
        fill(folder)
        (folder / "read-only").mkdir(mode=0o500)
        raise end

    with pytest.raises(end):
        cache.bring("a", interrupted, quiet, needs_mib=1)
    assert [path.name for path in home.iterdir()] == [".a.lock"]


def test_what_a_killed_set_up_left_is_cleared_away(home: Path) -> None:
    (home / ".a.123.partial" / "x").mkdir(parents=True)
    cache.bring("a", fill, quiet, needs_mib=1)
    assert sorted(path.name for path in home.iterdir()) == [".a.lock", "a"]


def test_a_full_disk_is_one_sentence() -> None:
    with pytest.raises(
        SetupError, match=r"disk full: set-up needs \d+ MiB in .* are free: free some space, or"
    ):
        cache.bring("a", never, quiet, needs_mib=10**9)


def test_a_disk_that_fills_meanwhile_is_one_sentence(home: Path) -> None:
    def fills(folder: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / "file"))

    with pytest.raises(SetupError, match=r"disk full: cannot write to .*file: free some space"):
        cache.bring("a", fills, quiet, needs_mib=1)
    assert not (home / "a").exists()


def test_a_cache_that_cannot_be_made_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(SetupError, match="set XDG_CACHE_HOME to a folder that you may write to"):
        cache.cache_root()


def test_a_relative_cache_home_counts_as_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.cache_root() == tmp_path / ".cache" / "pilotlight"


def _make_slowly(number: int) -> None:
    def make(folder: Path) -> None:
        time.sleep(0.3)
        (folder / "maker").write_text(str(number))

    lines: list[str] = []
    folder = cache.bring("slow", make, lines.append, needs_mib=1)
    (folder.parent / f"seen-{number}").write_text((folder / "maker").read_text() + " ".join(lines))


def test_two_set_ups_at_once_make_it_once(home: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_make_slowly, args=(number,)) for number in (1, 2)]
    for process in both:
        process.start()
    for process in both:
        process.join(30)
        assert process.exitcode == 0
    seen = [(home / f"seen-{number}").read_text()[0] for number in (1, 2)]
    assert seen[0] == seen[1]
