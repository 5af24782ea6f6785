"""``./dr sandbox``: the simulated clouds in the background, for plain `pulumi` commands in your own shell."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli import room
from cli.control import ControlServer, ask
from cli.places import CLONE, sandbox_folder
from cli.problem import Problem
from cli.room import Room
from sandbox.engine.environment import CREDENTIAL_PREFIXES

_UP_PATIENCE_S = 180.0
_DOWN_PATIENCE_S = 60.0
_READY = "ready"
_EPILOG = """\
A session:
  ./dr sandbox up                     # two clouds, empty, with AWS's own part already living
  eval "$(./dr sandbox env)"          # this shell: pulumi talks to them; you are in the project's folder
  pulumi up --stack normal            # the pilot light
  ./dr sandbox prepare                # what others do once: certificate, application jar, public name
  ./dr sandbox disaster               # AWS is gone
  pulumi config set mode emergency && pulumi up
  pulumi config set enablePetclinic true && pulumi up    # Azure serves
  ./dr sandbox down
"""


def add(commands: Any) -> None:
    """Register ``sandbox`` and its own commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "sandbox",
        help="the simulated clouds, for plain pulumi commands",
        description=(__doc__ or "").replace("``", "'"),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=lambda _: parser.print_help() or 0)
    actions = parser.add_subparsers(metavar="COMMAND")
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument(
        "--name", default="default", help="which sandbox, when you run several (default: %(default)s)"
    )
    start = argparse.ArgumentParser(add_help=False)
    start.add_argument(
        "--time-factor",
        type=positive,
        default=30.0,
        metavar="N",
        help="how many times faster dumps, DNS and health checks go (default: %(default)g)",
    )
    start.add_argument(
        "--app-jar", type=jar_file, metavar="FILE", help="a real Spring PetClinic jar (needs java)"
    )
    start.add_argument("--fresh", action="store_true", help="start from nothing instead of where it stopped")

    text = "start it in the background and wait until it is ready"
    up = actions.add_parser("up", parents=[named, start], help=text, description=text)
    up.set_defaults(run=_up)
    text = "start it in the foreground, until Ctrl-C"
    serve = actions.add_parser("serve", parents=[named, start], help=text, description=text)
    serve.set_defaults(run=_serve)
    for name, function, text in (
        ("env", _env, 'print shell commands for eval "$(./dr sandbox env)"'),
        ("status", _status, "say what is running and where"),
        (
            "prepare",
            _order,
            "do what others do once after the first pulumi up: certificate, jar, public name",
        ),
        ("disaster", _order, "let the AWS side die: MySQL, application, machines, every API"),
        ("recover", _order, "bring AWS back; it serves again"),
        ("down", _down, "end it; its state stays for the next up"),
    ):
        action = actions.add_parser(name, parents=[named], help=text, description=text)
        action.set_defaults(run=function, order=name)
        if name == "env":
            keys = "only an operator's AWS keys, for './dr adopt dns'; a failover needs none"
            action.add_argument("--aws", action="store_true", help=keys)


def positive(text: str) -> float:
    """A number above 0, for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from above 0 to 1000")
    return number


def jar_file(text: str) -> Path:
    """A readable jar (a zip file), for argparse."""
    path = Path(text).resolve()
    try:
        with path.open("rb") as file:
            magic = file.read(2)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from error
    if magic != b"PK":
        raise argparse.ArgumentTypeError(f"{text} is not a jar file (it does not begin as a zip file does)")
    return path


def _up(arguments: argparse.Namespace) -> int:
    from cli.world import bring_tools, end_like_ctrl_c  # noqa: PLC0415 - heavy, and only some commands need it

    root = sandbox_folder(arguments.name)
    if room.in_use(root):
        raise Problem(
            f"the sandbox {arguments.name!r} is already running; './dr sandbox env' prints its settings"
        )
    end_like_ctrl_c()
    bring_tools(print)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = root.with_name(f"{root.name}.log")
    command = [sys.executable, "-m", "cli", "sandbox", "serve", "--name", arguments.name]
    command += ["--time-factor", f"{arguments.time_factor:g}"]
    command += ["--app-jar", str(arguments.app_jar)] if arguments.app_jar else []
    command += ["--fresh"] if arguments.fresh else []
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=CLONE, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_until_ready(root, process, log)
    except BaseException:
        process.terminate()
        process.wait(_DOWN_PATIENCE_S)
        raise
    print(_where(root))
    return 0


def _wait_until_ready(root: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + _UP_PATIENCE_S
    shown = 0
    while True:
        ended = process.poll() is not None
        lines = log.read_text(errors="replace").splitlines()
        if not ended:
            print(*lines[shown:], sep="\n", end="\n" if lines[shown:] else "", flush=True)
            shown = len(lines)
        if ended:
            raise Problem(f"the sandbox did not start: {lines[-1] if lines else 'no message'} (log: {log})")
        if room.state(root).get(_READY):
            return
        if time.monotonic() > give_up:
            raise Problem(f"the sandbox was not ready within {_UP_PATIENCE_S:.0f} s (log: {log})")
        time.sleep(0.1)


def _serve(arguments: argparse.Namespace) -> int:
    from cli.world import World, bring_tools, end_like_ctrl_c  # noqa: PLC0415

    def say(text: str) -> None:
        print(text, flush=True)

    root = sandbox_folder(arguments.name)
    end_like_ctrl_c()
    tools = bring_tools(say)
    with (
        Room(root, fresh=arguments.fresh) as held,
        World(root, tools, time_factor=arguments.time_factor, app_jar=arguments.app_jar, report=say) as world,
    ):
        control = ControlServer(
            {
                "prepare": world.prepare,
                "disaster": world.disaster,
                "recover": world.recover,
                "status": world.describe,
            }
        )
        held.write_state(
            {
                "pid": os.getpid(),
                "time_factor": arguments.time_factor,
                "project": str(world.project),
                "env": world.shell_environment(),
                "aws": world.clouds.operator_aws_environment(),
                "control": control.address(),
                _READY: True,
            }
        )
        say("ready; Ctrl-C ends it")
        try:
            signal.pause()
        except KeyboardInterrupt:
            say("ending")
        finally:
            control.close()
    return 0


def _running(arguments: argparse.Namespace) -> dict[str, Any]:
    root = sandbox_folder(arguments.name)
    now = room.state(root)
    if not room.in_use(root) or not now.get(_READY):
        raise Problem("no sandbox is running: start one with './dr sandbox up'")
    return now


def _env(arguments: argparse.Namespace) -> int:
    now = _running(arguments)
    if arguments.aws:
        print("\n".join(f"export {key}={shlex.quote(value)}" for key, value in now["aws"].items()))
    else:
        print(shell_commands(now["env"], Path(now["project"])))
    return 0


def shell_commands(environment: Mapping[str, str], project: Path) -> str:
    """Lines for ``eval`` in a POSIX shell: the variables, and the way into the project folder.

    Credentials and settings of real accounts that this shell has are taken away, so that nothing run in it
    reaches them.
    """
    strangers = [n for n in os.environ if n.startswith(CREDENTIAL_PREFIXES) and n not in environment]
    lines = [f"unset {name}" for name in sorted(strangers)]
    for key, value in environment.items():
        lines.append(f"export {key}={shlex.quote(value)}" + ('"$PATH"' if key == "PATH" else ""))
    return "\n".join([*lines, f"cd {shlex.quote(str(project))}"])


def _order(arguments: argparse.Namespace) -> int:
    print(ask(_running(arguments)["control"], arguments.order))
    return 0


def _status(arguments: argparse.Namespace) -> int:
    _running(arguments)
    print(_where(sandbox_folder(arguments.name)))
    return 0


def _where(root: Path) -> str:
    now = room.state(root)
    return (
        f"{ask(now['control'], 'status')}\n"
        f"process   {now['pid']}\n"
        f"project   {now['project']}\n"
        f'next      eval "$(./dr sandbox env)" and then plain pulumi commands; ./dr sandbox down ends it'
    )


def _down(arguments: argparse.Namespace) -> int:
    root = sandbox_folder(arguments.name)
    pid = room.state(root).get("pid")
    if not room.in_use(root) or pid is None:
        print("no sandbox is running")
        return 0
    os.kill(pid, signal.SIGTERM)
    give_up = time.monotonic() + _DOWN_PATIENCE_S
    while room.in_use(root) or Path(f"/proc/{pid}").exists():
        if time.monotonic() > give_up:
            os.kill(pid, signal.SIGKILL)  # its children follow by their parent-death signal
            raise Problem(f"process {pid} did not end within {_DOWN_PATIENCE_S:.0f} s and was killed")
        time.sleep(0.1)
    print("the sandbox is down; its state stays for the next './dr sandbox up' (--fresh throws it away)")
    return 0
