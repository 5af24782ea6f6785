"""The command line: what it says without a word, how it fails, and what keeps two runs apart."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli import room
from cli.__main__ import main
from cli.control import ControlServer, ask
from cli.problem import Problem, sentence
from cli.rehearse.progress import Progress
from cli.room import Room
from cli.sandbox import shell_commands

CLONE = Path(__file__).resolve().parents[2]


def test_alone_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    words = ("rehearse", "test", "sandbox", "cost", "agent", "bench")
    for command in (*words, "pulumi config set mode emergency && pulumi up"):
        assert command in said


@pytest.mark.parametrize("command", ["rehearse", "test", "sandbox", "cost"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rehearse", "--time-factor", "0"], "'0' is not a number from above 0"),
        (["rehearse", "--app-jar", "/nowhere.jar"], "/nowhere.jar: No such file"),
        (["rehearse", "--app-jar", __file__], "is not a jar file"),
        (["test", "nothing"], "invalid choice: 'nothing'"),
        (["dance"], "invalid choice: 'dance'"),
    ],
)
def test_wrong_usage_is_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("order", ["env", "status", "disaster", "recover", "prepare"])
def test_without_a_sandbox_the_way_to_one_is_named(order: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", order, "--name", "never-started"]) == 1
    out, err = capsys.readouterr()
    assert out == ""  # eval "$(./dr sandbox env)" must not run half of something
    assert err == "dr: no sandbox is running: start one with './dr sandbox up'\n"


def test_down_without_a_sandbox_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "down", "--name", "never-started"]) == 0
    assert "no sandbox is running" in capsys.readouterr().out


def test_a_bad_sandbox_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "env", "--name", "../elsewhere"]) == 1
    assert "sandbox name '../elsewhere'" in capsys.readouterr().err


def test_a_folder_has_one_user_at_a_time(tmp_path: Path) -> None:
    root = tmp_path / "a room"
    with Room(root) as held:
        assert room.in_use(root)
        assert root.stat().st_mode & 0o777 == 0o700
        held.write_state({"pid": 4711})
        assert (root / "sandbox.json").stat().st_mode & 0o777 == 0o600
        with pytest.raises(Problem, match="process 4711 is using"), Room(root):
            pass
    assert not room.in_use(root)
    assert room.state(root) == {}


def test_a_nearly_full_disk_is_refused_and_the_folder_stays_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=80 * 2**20))
    with pytest.raises(Problem, match="only 80 MiB are free"), Room(tmp_path / "room"):
        pass
    assert not room.in_use(tmp_path / "room")


def test_fresh_throws_the_old_state_away_and_plain_keeps_it(tmp_path: Path) -> None:
    root = tmp_path / "room"
    with Room(root):
        (root / "kept").touch()
    with Room(root):
        assert (root / "kept").exists()
    with Room(root, fresh=True):
        assert not (root / "kept").exists()


def test_a_killed_holder_leaves_the_folder_free(tmp_path: Path) -> None:
    root = tmp_path / "room"
    code = (
        f"from cli.room import Room\nfrom pathlib import Path\nr = Room(Path({str(root)!r}))\nr.__enter__()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code + "print('held', flush=True)\ninput()"],
        cwd=CLONE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    assert room.in_use(root)
    holder.kill()
    holder.communicate()
    assert not room.in_use(root)


def test_orders_reach_the_background_process_and_failures_come_back() -> None:
    def fail() -> str:
        raise ValueError("AWS is dead already")

    server = ControlServer({"disaster": lambda: "AWS is gone", "again": fail})
    try:
        assert ask(server.address(), "disaster") == "AWS is gone"
        with pytest.raises(Problem, match="AWS is dead already"):
            ask(server.address(), "again")
        with pytest.raises(Problem, match="no such order"):
            ask(server.address(), "dance")
        with pytest.raises(Problem, match="does not answer"):
            ask(server.address() | {"key": "guessed"}, "disaster")
        assert ask(server.address(), "disaster") == "AWS is gone"
    finally:
        server.close()


def test_shell_commands_survive_a_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    project = tmp_path / "it's a $(folder)"
    project.mkdir()
    lines = shell_commands({"A": "x y'z", "PATH": "/the/tools:"}, project)
    done = subprocess.run(
        [
            "/bin/sh",
            "-c",
            'eval "$LINES"; printf "%s|" "$A" "$PATH" "$(pwd)" "${AWS_SECRET_ACCESS_KEY-none}"',
        ],
        env={**os.environ, "LINES": lines},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"x y'z|/the/tools:{os.environ['PATH']}|{project}|none|"


def test_processes_that_are_left_are_found_even_when_their_parent_is_gone() -> None:
    code = (
        "from cli.descendants import adopt_orphans, descendants, still_there\n"
        "import os, subprocess, time\n"
        "adopt_orphans()\n"
        "print(len(descendants()))\n"
        "subprocess.run(['/bin/sh', '-c', 'sleep 60 & sleep 60 & true'])\n"
        "left, end = descendants(), time.monotonic() + 20\n"
        # A process that is just being started has no command line for a moment.
        "while not all(left.values()) and time.monotonic() < end: left = descendants()\n"
        "print(len(left), all('sleep' in command for command in left.values()))\n"
        "for pid in left: os.kill(pid, 9)\n"
        "print(len(still_there(20)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CLONE, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.splitlines() == ["0", "2 True", "0"]


def test_progress_on_a_pipe_is_plain_lines() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.phase("normal")
    with progress.running("pulumi up"):
        time.sleep(0.01)
    progress.done("pulumi up", 12.34, "61 resources", good=True)
    assert stream.getvalue().splitlines() == [
        "",
        "NORMAL",
        "  ok   pulumi up                                        12.3 s  61 resources",
    ]


def test_a_full_disk_is_said_in_words() -> None:
    assert "make room on the disk" in sentence(OSError(28, "No space left on device", "/x"))


def test_a_known_failure_is_one_sentence_and_a_bug_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sandbox.setup_error import SetupError  # noqa: PLC0415

    def bring(error: Exception) -> None:
        def fail(_: object) -> None:
            raise error

        monkeypatch.setattr("cli.world.bring_tools", fail)
        monkeypatch.setattr("cli.world.end_like_ctrl_c", lambda: None)

    bring(SetupError("no network: connect once, or install mysql"))
    assert main(["sandbox", "up", "--name", "never-started"]) == 1
    assert capsys.readouterr().err == "dr: no network: connect once, or install mysql\n"
    bring(KeyError("a bug"))
    with pytest.raises(KeyError):
        main(["sandbox", "up", "--name", "never-started"])
