"""``./dr``: the operator's tool. Each command lives in a module of its own; this reads the command line."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from cli import agent_command, cost, sandbox, test
from cli.operate import command as operate
from cli.problem import sentence
from cli.rehearse import command as rehearse

_OVERVIEW = """\
PetClinic's pilot light: AWS Seoul serves, Azure Korea Central waits, one command turns it on.

  ./dr status        what stands, what runs, and what an operator would do next
  ./dr failover      bring the standby up, show what it holds, open it (--planned: lose nothing)
  ./dr abort         call an emergency off before the opening
  ./dr failback      the way back: sync, cutover, weight, finish, abort
  ./dr adopt dns     move the public name onto the failover records, once

On this machine, without any cloud account:

  ./dr rehearse      play the whole story on this machine: life, disaster, failover, the way back
  ./dr test          run the project's tests (./dr test unit takes seconds)
  ./dr sandbox       the same two simulated clouds for your own pulumi commands
  ./dr cost          what the stack costs a month, and an emergency an hour
  ./dr agent         the backup agent: for these servers, or alone for any MySQL and Blob endpoint
  ./dr bench         measure dump, restore, replay and archive lag against the plain tools
  ./dr lock          renew the hash-pinned requirements (--upgrade: with newer versions)

Every command that changes something shows its plan and asks (--yes), has --dry-run, and goes on where an
earlier run was ended. './dr COMMAND --help' explains a command. The switch itself is plain Pulumi:

  pulumi config set mode emergency && pulumi up
"""
_AGENT = "the backup agent that runs on the servers: './dr agent --help' lists its commands"
_BENCH = "measure the agent against the plain tools: './dr bench --help'"
# Errors of our own classes, or of the database client, say what is wrong; others are bugs until proved.
_ANSWERING = ("cli", "sandbox", "agent", "costs", "pymysql")


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["agent"]:  # its arguments are its own, --help included
        return agent_command.run(words[1:])
    if words[:1] == ["bench"]:
        return subprocess.run([sys.executable, "-m", "benchmarks", *words[1:]], check=False).returncode
    parser = _parser()
    arguments = parser.parse_args(words)
    if "run" not in arguments:
        print(_OVERVIEW, end="")
        return 0
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        print("\ninterrupted; everything that was started has been ended", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("DR_DEBUG") == "1" or not _answers(error):
            raise
        print(f"dr: {sentence(error)}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dr",
        description=_OVERVIEW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="./dr COMMAND",
    )
    commands = parser.add_subparsers(metavar="COMMAND", prog="./dr")
    operate.add(commands)
    rehearse.add(commands)
    test.add(commands)
    sandbox.add(commands)
    cost.add(commands)
    commands.add_parser("agent", help=_AGENT, add_help=False)
    commands.add_parser("bench", help=_BENCH, add_help=False)
    return parser


def _answers(error: Exception) -> bool:
    """Whether the error's own text tells the operator enough; a bug's does not and keeps its traceback."""
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in _ANSWERING


if __name__ == "__main__":
    sys.exit(main())
