"""The command line of ``./dr status``, ``failover``, ``abort``, ``failback`` and ``adopt dns``."""

from __future__ import annotations

import argparse
import re
import sys
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from cli.operate import rules, rules_failback
from cli.operate.act import Actor, TimedOut, Undecided, Voice
from cli.operate.adopt import adopt
from cli.operate.facts import Facts
from cli.operate.pulumi import Pulumi, project_folder
from cli.operate.read import BACKUPS, Sight, Source
from cli.operate.rules import Rule, plan
from cli.operate.status import show
from cli.operate.steps import Code, Done, Refuse, words
from cli.problem import Problem

CODES = """\
exit status:
  0  done, or nothing to do      3  refused by the state of things, with the reason
  1  failed                      4  needs a person's decision (open, a divergence, a yes)
  2  wrong usage                 5  waited too long; the same command goes on waiting
"""
_STATUS_CODES = """\
exit status:
  0  healthy, nothing waits for a person     3  something is wrong
  1  a part could not be read                4  something waits for a person: see "next"
"""
_FAILOVER = """\
Brings the standby up and opens it. From mode normal: sets mode emergency, runs pulumi up, waits for the
copy, shows what it holds and what is lost, asks, and opens. Run again after any interruption it goes on
from what it finds. In mode failback it takes the traffic back: before the cutover by withdrawing the order,
after it (a second disaster) by replacing the old database with a copy of AWS's newest backups. Asks nothing
of AWS.
"""
_ABORT = """\
Calls an emergency off before the standby was opened: lifts the hold, waits until DNS answers AWS only, then
mode normal and pulumi up. Needs AWS credentials.
"""


def add(commands: Any) -> None:
    """Register the operator's commands."""
    status = _parser(commands, "status", "what stands, what runs, and what to do next", codes=_STATUS_CODES)
    status.add_argument("--json", action="store_true", help="the same as one JSON document")
    status.set_defaults(run=_status)
    _add_failover(commands)
    abort = _parser(commands, "abort", "call an emergency off before the opening", about=_ABORT)
    _changing(abort, lambda _: rules.abort)
    _add_failback(commands)
    _add_adopt(commands)


def _add_failover(commands: Any) -> None:
    failover = _parser(commands, "failover", "bring the standby up and open it", about=_FAILOVER)
    failover.add_argument("--planned", action="store_true", help="AWS lives: drain it first, lose nothing")
    failover.add_argument(
        "--scope", choices=("full", "maintenance"), default="full", help="maintenance: the page only"
    )
    failover.add_argument("--open", action="store_true", help="open without asking once the copy is verified")
    _changing(failover, lambda a: partial(rules.failover, planned=a.planned, scope=a.scope))


def _add_failback(commands: Any) -> None:
    parser = _parser(commands, "failback", "the way back to AWS: sync, cutover, weight, finish, abort")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    sync = _parser(actions, "sync", "let RDS take a copy of the standby's data and follow it")
    sync.add_argument(
        "--accept-divergence",
        metavar="DIGEST",
        type=_digest,
        help="these transactions of RDS, exported and looked at, may be overwritten there",
    )
    _changing(sync, lambda a: partial(rules_failback.sync, accept=a.accept_divergence or ""))
    cutover = _parser(actions, "cutover", "page up, standby drained, compared, AWS is the writer, page down")
    _changing(cutover, lambda _: rules_failback.cutover)
    weight = _parser(actions, "weight", "send per cent of the users straight to AWS (10, 50, 100)")
    weight.add_argument("per_cent", metavar="N", type=_per_cent, help="0 to 100")
    _changing(weight, lambda a: partial(rules_failback.weight, per_cent=a.per_cent))
    finish = _parser(actions, "finish", "give the standby up and go back to mode normal")
    _changing(finish, lambda _: rules_failback.finish)
    abort = _parser(actions, "abort", "before the cutover: the standby stays the writer")
    _changing(abort, lambda _: rules_failback.abort)
    divergence = _parser(actions, "show-divergence", "the SQL of what RDS has and the standby lacks")
    divergence.set_defaults(run=_show_divergence)


def _add_adopt(commands: Any) -> None:
    parser = _parser(commands, "adopt", "dns: move the public name onto the failover records")
    actions = parser.add_subparsers(metavar="WHAT", required=True)
    dns = _parser(actions, "dns", "move the public name onto the failover records, by one change batch")
    _agreeing(dns)
    dns.set_defaults(run=_adopt)


def _parser(
    commands: Any, name: str, text: str, *, about: str = "", codes: str = CODES
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=about or text[:1].upper() + text[1:] + ".",
        epilog=codes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", help="name of the stack; default: the selected one")
    parser.add_argument(
        "--cwd",
        metavar="DIR",
        help="folder of the Pulumi project; default: this one if it is, else the clone",
    )
    return parser


def _agreeing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="agree to the plan without being asked")
    parser.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")


def _changing(parser: argparse.ArgumentParser, rule: Callable[[argparse.Namespace], Rule]) -> None:
    _agreeing(parser)
    parser.set_defaults(run=lambda arguments: _change(arguments, rule(arguments)))


def _per_cent(text: str) -> int:
    if not re.fullmatch(r"\d{1,3}", text) or int(text) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 100")
    return int(text)


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{8,64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a digest; './dr failback sync' names it")
    return text


def _say(text: str) -> None:
    print(text, flush=True)


def _source(arguments: argparse.Namespace) -> Source:
    return Source(Pulumi(project_folder(arguments.cwd), arguments.stack, _say))


def _sight(source: Source, facts: Facts) -> Sight:
    """A look that found at least the stack.

    Raises:
        Problem: Pulumi cannot read it.
    """
    sight = source.look(facts)
    for part in ("stack", "config", "state"):
        if part in sight.facts.unreadable:
            raise Problem(f"the stack cannot be read: {sight.facts.unreadable[part]}")
    return sight


def _change(arguments: argparse.Namespace, rule: Rule) -> int:  # noqa: PLR0911 - one line an end
    """Read, plan, show, ask, do."""
    source = _source(arguments)
    sight = _sight(source, Facts(agreed=bool(getattr(arguments, "open", False))))
    steps = plan(rule, sight.facts)
    if isinstance(steps[0], Refuse):
        print(f"dr: {steps[0].text}", file=sys.stderr)
        return steps[0].code
    if isinstance(steps[0], Done):
        _say(steps[0].text)
        return Code.DONE
    _say(f"stack {source.pulumi.stack} in {source.pulumi.folder}:")
    for number, step in enumerate(steps[:-1], 1):
        _say(f"  {number}. {words(step)}")
    if isinstance(steps[-1], Refuse):
        _say(f"  then it may end: {steps[-1].text}")
    if arguments.dry_run:
        _say("nothing was changed (--dry-run)")
        return Code.DONE
    voice = Voice(_say, arguments.yes)
    try:
        if not arguments.yes and not voice.person_agrees("do this?"):
            _say("nothing was changed")
            return Code.DECIDE
        return Actor(source, rule, sight, voice).run()
    except Undecided as undecided:
        print(f"dr: a person has to decide: {undecided} (--yes agrees to a plan beforehand)", file=sys.stderr)
        return Code.DECIDE
    except TimedOut as late:
        print(f"dr: {late}", file=sys.stderr)
        return Code.TIMEOUT


def _status(arguments: argparse.Namespace) -> int:
    source = _source(arguments)
    return show(source.look(), source.pulumi, as_json=arguments.json)


def _show_divergence(arguments: argparse.Namespace) -> int:
    """Print the exported SQL, unpacked; read it with a pager."""
    source = _source(arguments)
    sight = _sight(source, Facts())
    found = sight.divergence
    if found is None:
        print("dr: AWS's agent shows no divergence in the present epoch", file=sys.stderr)
        return Code.REFUSED
    unpack = zlib.decompressobj(wbits=31)  # 31: gzip
    for piece in source.blobs(sight.places, BACKUPS).chunks(found.blob):
        sys.stdout.buffer.write(unpack.decompress(piece))  # bytes: a character may lie across two pieces
    sys.stdout.buffer.write(unpack.flush())
    sys.stdout.buffer.flush()
    if not unpack.eof:
        raise Problem(f"{found.blob} ends in the middle; do not apply what was printed, repeat it")
    return Code.DONE


def _adopt(arguments: argparse.Namespace) -> int:
    source = _source(arguments)
    return adopt(_sight(source, Facts()), Voice(_say, arguments.yes), dry_run=arguments.dry_run)
