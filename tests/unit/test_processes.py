"""No process outlives the sandbox, whatever ends it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from sandbox import processes


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _wait_until(condition, what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited 20 s for: {what}"
        time.sleep(0.02)


def test_a_child_survives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []
    worker = threading.Thread(
        target=lambda: started.append(processes.spawn(["sleep", "60"], log=tmp_path / "log"))
    )
    worker.start()
    worker.join()
    try:
        assert started[0].poll() is None
    finally:
        processes.kill(started[0])
    assert started[0].returncode == -signal.SIGKILL


def test_children_die_when_the_sandbox_is_killed(tmp_path: Path) -> None:
    program = (
        "import time\nfrom pathlib import Path\nfrom sandbox import processes\n"
        f"child = processes.spawn(['sleep', '60'], log=Path({str(tmp_path / 'log')!r}))\n"
        "print(child.pid, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert _alive(child)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    _wait_until(lambda: not _alive(child), "the child to die with its killed parent")


def test_stop_ends_the_whole_group(tmp_path: Path) -> None:
    child = processes.spawn(["sh", "-c", "sleep 60 & echo $!; wait"], log=tmp_path / "log")
    _wait_until(lambda: (tmp_path / "log").read_text().strip().isdigit(), "the grandchild's number")
    grandchild = int((tmp_path / "log").read_text())
    processes.stop(child)
    _wait_until(lambda: not _alive(grandchild), "the grandchild to end")


def test_the_log_is_not_readable_by_others(tmp_path: Path) -> None:
    processes.spawn(["true"], log=tmp_path / "log").wait()
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0
