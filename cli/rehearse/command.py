"""``./dr rehearse``: set-up, a story, the account, the verdict."""

from __future__ import annotations

import argparse
import contextlib
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.descendants import adopt_orphans, still_there
from cli.places import CLONE, sandbox_folder
from cli.room import Room
from cli.sandbox import jar_file, positive, shell_commands

if TYPE_CHECKING:
    from cli.rehearse.progress import Progress
    from cli.report.model import Report
    from cli.world import World

_UNFINISHED = (
    "unfinished"  # there while a run is under way: what it leaves half-way is no place to start from
)

STORIES = ("disaster", "split", "again")  # cli/rehearse/stories, which is heavy to import
_EPILOG = """\
Exit status: 0 only if every step went as it must and every invariant held; 1 otherwise; 130 after Ctrl-C.
The report (JSON and one HTML page with a timeline) is written either way, below reports/.
"""


def add(commands: Any) -> None:
    """Register ``rehearse``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "rehearse",
        help="play a whole story on this machine",
        description="Normal life, disaster, failover and the way back, with the real Pulumi engine, the real "
        "program, real MySQL, the operator's own tool and a client that never stops writing. It needs "
        "no cloud account.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--story",
        choices=STORIES,
        default="disaster",
        help="which one: "
        "'disaster' (normal life, a scare, disaster, failover and the way back; the default), "
        "'split' (AWS wakes up half-way and writes, two operators at once), "
        "'again' (planned failover, a second disaster before and after the cutover)",
    )
    parser.add_argument("--name", default="rehearsal", help="the sandbox to play in (default: %(default)s)")
    parser.add_argument("--root", type=Path, metavar="FOLDER", help="its folder, instead of .sandbox/NAME")
    parser.add_argument(
        "--fresh", action="store_true", help="start from nothing, not from the last run's clouds"
    )
    parser.add_argument(
        "--time-factor",
        type=positive,
        default=30.0,
        metavar="N",
        help="how many times faster dumps, DNS and health checks go (default: %(default)g; 1 takes an hour); "
        "the log archive keeps its real seconds",
    )
    parser.add_argument(
        "--app-jar", type=jar_file, metavar="FILE", help="a real Spring PetClinic jar (needs java)"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave everything running to look at, until Ctrl-C"
    )
    parser.add_argument(
        "--reports",
        type=Path,
        default=CLONE / "reports",
        metavar="FOLDER",
        help="where reports go (reports/)",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    # Heavy imports wait until they are needed, so that './dr --help' answers at once.
    from cli.rehearse.play import rehearse  # noqa: PLC0415
    from cli.rehearse.progress import Progress  # noqa: PLC0415
    from cli.rehearse.show import show_processes, show_report  # noqa: PLC0415
    from cli.world import World, bring_tools, end_like_ctrl_c  # noqa: PLC0415

    progress = Progress()
    root: Path = arguments.root.resolve() if arguments.root else sandbox_folder(arguments.name)
    reports: Path = arguments.reports.resolve()
    adopt_orphans()
    end_like_ctrl_c()
    began = time.monotonic()
    progress.phase("set-up")

    def say(text: str) -> None:
        progress.say(f"  {text}")

    tools = bring_tools(say)
    unfinished = root / _UNFINISHED
    if unfinished.exists():
        say("the last run did not come to its end: starting from nothing")
    with Room(root, fresh=arguments.fresh or unfinished.exists()):
        unfinished.touch()
        with World(
            root, tools, time_factor=arguments.time_factor, app_jar=arguments.app_jar, report=say
        ) as world:
            progress.done("set-up", time.monotonic() - began, str(root), good=True)
            result = rehearse(world, progress, arguments.story)
            if arguments.keep:
                show_report(progress, result, reports)
                _keep(world, progress)
        if result.passed:
            unfinished.unlink()
    checked = with_process_check(result, still_there())
    if arguments.keep:
        show_processes(progress, checked)
    else:
        show_report(progress, checked, reports)
    return 0 if checked.passed else 1


def with_process_check(report: Report, left: dict[int, str]) -> Report:
    """The report with one more invariant: nothing that the run started is alive."""
    from cli.rehearse.account import Check  # noqa: PLC0415

    detail = "; ".join(f"{pid} {command[:60]}" for pid, command in left.items()) or "none"
    check = Check(name="no process is left", held=not left, detail=detail)
    return replace(report, checks=(*report.checks, check), passed=report.passed and check.held)


def _keep(world: World, progress: Progress) -> None:
    """Leave everything running until somebody has seen enough."""
    progress.phase("kept running")
    progress.say(world.describe())
    progress.say("\nIn another shell, for plain pulumi commands:\n")
    progress.say(shell_commands(world.shell_environment(), world.project))
    progress.say("\nCtrl-C ends it.")
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
    progress.say("ending")
