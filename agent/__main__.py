"""``python -m agent``: back up a MySQL server to Azure Blob Storage and restore it elsewhere, proved."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agent import errors
from agent.archive.reading import Target
from agent.archive_alone import archive, archive_once
from agent.catalog import newest_first, survey
from agent.config import load
from agent.context import Context
from agent.coverage import across_fork, coverage
from agent.dump import dump_once
from agent.epoch import read_epoch
from agent.heap import share_one_heap
from agent.manifest import as_report
from agent.moment import parse_target
from agent.preflight import check
from agent.report import Report
from agent.restore import Options, follow, restore
from agent.run import Agent
from agent.verification import verify_chain
from agent.weekly import copies

_OVERVIEW = """\
Back up a MySQL server to Azure Blob Storage, and restore it elsewhere, proved.

Everything is told in one configuration file; agent/example.json and docs/agent.md explain it. Begin with
'check', then 'dump', then 'run' as a service."""
_DEFAULT_CONFIG = Path("/etc/pilotlight/agent.json")
_LISTED = 50
_FINAL = (errors.ConfigError, errors.GuardError, errors.NotWriterError)
_AGAIN_S = 15.0


def main(argv: Sequence[str] | None = None, *, program: str = "python -m agent") -> int:
    """Run one command; returns the exit status. ``program`` is what the help texts call it."""
    arguments = _parser(program).parse_args(argv)
    share_one_heap()
    _set_up_logging()
    try:
        context = Context.of(load(arguments.config))
        command: Callable[[Context, argparse.Namespace], int] = arguments.command
        return command(context, arguments)
    except errors.AgentError as error:
        print(f"error: {error}", file=sys.stderr)
        if arguments.json:
            print(json.dumps({"error": str(error), "exit_code": error.exit_code}))
        return error.exit_code
    except OSError as error:  # this machine's own: a full disk, above all
        print(f"error: {error}", file=sys.stderr)
        if arguments.json:
            print(json.dumps({"error": str(error), "exit_code": errors.AgentError.exit_code}))
        return errors.AgentError.exit_code
    except KeyboardInterrupt:
        print("error: interrupted; nothing that was under way counts as done", file=sys.stderr)
        return 130


def _parser(program: str) -> argparse.ArgumentParser:
    codes = "\n".join(f"  {kind.exit_code:3}  {kind.meaning}" for kind in errors.ALL)
    parser = argparse.ArgumentParser(
        prog=program,
        description=_OVERVIEW,
        epilog=f"exit status:\n    0  done\n{codes}\n  130  interrupted",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(
        name: str, action: Callable[[Context, argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=text.partition(". ")[0].rstrip("."),
            description=text,
            epilog=f"see also: {program} --help",
        )
        command.add_argument(
            "--config",
            type=Path,
            default=_DEFAULT_CONFIG,
            metavar="FILE",
            help="the configuration (default: %(default)s)",
        )
        command.add_argument("--json", action="store_true", help="one JSON document on standard output")
        command.set_defaults(command=action)
        return command

    add(
        "run",
        _run,
        "Run as a service: dumps, the log archive and restore tests while this site writes, and a heartbeat "
        "always. What of it runs, and how often, is in the configuration.",
    )
    add("dump", _dump, "Make one backup now, if this site is the writer.")
    command = add(
        "archive",
        _archive,
        "Archive the binary log alone, as a service: seconds of loss instead of a dump interval. 'run' does "
        "this too, beside the dumps.",
    )
    command.add_argument(
        "--once",
        action="store_true",
        help="archive what is committed by now, and end",
    )
    command.add_argument(
        "--patience",
        type=float,
        default=600,
        metavar="SECONDS",
        help="with --once: give up after so long (default: %(default)g)",
    )
    add(
        "list",
        _list,
        f"List the newest {_LISTED} complete backups, newest first. Then: how far the archived log continues "
        "the newest of each epoch, the weekly copies, and how many backups are complete and how many not.",
    )
    command = add(
        "restore",
        _restore,
        "Restore into this site's database: load a backup, verify it, replay the archived log behind it. "
        "Takes the backup and log that reach furthest. Refuses a database that holds anything else; may be "
        "killed and run again.",
    )
    command.add_argument(
        "--take-over",
        action="store_true",
        help="replace a database that has served (a dump of it is kept), and begin a new epoch in which this "
        "site is the writer. Takes over at once, and what the other site commits from then on is lost: this "
        "is for an agent that is used alone. Where both sites run as a service, the operator's tool orders a "
        "handover instead, in which the other site drains first and nothing is lost",
    )
    command.add_argument(
        "--backup",
        metavar="NAME",
        help="restore this backup (a name that 'list' shows), and nothing of the log unless --to is given",
    )
    _add_target(
        command,
        "restore the state at this time (ISO 8601 with its zone) or with these transactions, instead of all "
        "that was archived",
    )
    command.add_argument(
        "--dry-run", action="store_true", help="change nothing; say what would be restored, and what is lost"
    )
    command.add_argument("--report", type=Path, metavar="FILE", help="also write the report to this file")
    command.add_argument(
        "--patience",
        type=float,
        default=0,
        metavar="SECONDS",
        help="try again for so long what waiting may cure: a server that does not answer yet, rights that "
        "were just granted (default: %(default)g)",
    )
    command = add(
        "replay",
        _replay,
        "Replay what was archived since onto a database that was restored and does not serve. Run it again "
        "and again to keep a warm copy; killed half-way, the next 'restore' loads anew.",
    )
    _add_target(command, "replay up to this time (ISO 8601 with its zone) or these transactions only")
    command = add(
        "verify",
        _verify,
        "Prove the newest backup and the log behind it: restored into a scratch server on this machine, and "
        "compared. The result is kept in the signals container; a bad one ends with status 12.",
    )
    command.add_argument(
        "--mode",
        choices=("auto", "full", "sampled"),
        help="all rows, or those of some tables; auto decides by size (default: the configuration's)",
    )
    add(
        "check",
        _check,
        "Say what would lose data or stop a backup or a restore, each with its fix. Changes nothing; ends "
        "with status 13 while there is an error.",
    )
    return parser


def _add_target(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument("--to", metavar="TIME|GTIDS", help=text)


def _target(arguments: argparse.Namespace) -> Target | None:
    return None if arguments.to is None else parse_target(arguments.to)


def _set_up_logging() -> None:
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    for chatty in ("azure", "botocore", "boto3", "urllib3", "msal"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _run(context: Context, _: argparse.Namespace) -> int:
    agent = Agent(context)
    _on_signal(agent.stop)
    agent.run()
    return 0


def _on_signal(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())


def _archive(context: Context, arguments: argparse.Namespace) -> int:
    if not arguments.once:
        stopping = threading.Event()
        _on_signal(stopping.set)
        archive(context, stopping)
        return 0
    status = archive_once(context, arguments.patience)
    lines = [f"archived to {status['position']}: {status['segments']} segments", status["archived_gtid"]]
    if status["needs_dump"]:
        lines.append("no backup leads into this log yet; run: python -m agent dump")
    _print(arguments, status, lines)
    return 0


def _dump(context: Context, arguments: argparse.Namespace) -> int:
    report = as_report(dump_once(context))
    _print(
        arguments, report, [f"{report['backup']}  epoch {report['epoch']}  {report['stored_bytes']} bytes"]
    )
    return 0


def _list(context: Context, arguments: argparse.Namespace) -> int:
    listing = survey(context.restore_from)
    manifests = newest_first(context.restore_from, listing, _LISTED)
    backups = [as_report(manifest) for manifest in manifests]
    log = coverage(context.restore_from, manifests)
    across = across_fork(context.restore_from, read_epoch(context.control), manifests)
    total = len(listing.complete)
    lines = [
        f"{report['backup']}  epoch {report['epoch']}  {report['site']:5}  data of {report['snapshot_at']}  "
        f"{report['stored_bytes']} bytes"
        for report in backups
    ]
    lines += [across] if across else []
    lines += [str(reach) for reach in log]
    weekly = copies(context.restore_from)
    lines += [f"{name}  epoch and week {of}" for of, name in sorted(weekly.items())]
    lines += listing.damaged
    lines.append(f"{total} complete, {len(listing.incomplete)} incomplete")
    document = {
        "backups": backups,
        "log": [dataclasses.asdict(reach) for reach in log],
        "across_fork": across,
        "weekly": weekly,
        "complete": total,
        "incomplete": listing.incomplete,
        "damaged": listing.damaged,
    }
    _print(arguments, document, lines)
    return 0


def _replay(context: Context, arguments: argparse.Namespace) -> int:
    report = follow(context, _target(arguments))
    lines = [f"warning: {warning}" for warning in report.warnings]
    lines.append(f"{report.log.get('transactions', 0)} transactions replayed, to {report.reached['time']}")
    _print(arguments, vars(report), lines)
    return 0


def _verify(context: Context, arguments: argparse.Namespace) -> int:
    configured = context.config.verify.mode if context.config.verify else "auto"
    result = verify_chain(context, arguments.mode or configured)
    good = f"{result['backup']} is good ({result['mode']}, {len(result['tables'])} tables)"
    lines = [good if result["ok"] else f"{result['backup']} is NOT good: {result['error']}", *result["notes"]]
    _print(arguments, result, lines)
    return 0 if result["ok"] else errors.VerificationError.exit_code


def _restore(context: Context, arguments: argparse.Namespace) -> int:
    options = Options(
        take_over=arguments.take_over,
        backup=arguments.backup,
        to=_target(arguments),
        dry_run=arguments.dry_run,
        report_file=arguments.report,
    )
    report = _patiently(lambda: restore(context, options), arguments.patience)
    lines = [f"warning: {warning}" for warning in report.warnings]
    if report.loaded:
        seconds = ", ".join(f"{phase} {value:.1f} s" for phase, value in report.seconds.items())
        lines.append(
            f"{report.backup['backup']} restored: {report.tables_verified} tables equal, then "
            f"{report.log['transactions']} transactions of log; {seconds}"
        )
    elif report.dry_run:
        lines += [f"{base['backup']}  {base['chosen']:3}  {base['why']}" for base in report.choice]
        lines.append(
            f"would load {report.backup['raw_bytes']} bytes of SQL and replay {report.log['transactions']} "
            f"transactions ({report.log['bytes']} bytes), to {report.reached['time']}"
        )
        lines.append(f"the database: {report.guard or 'may be loaded into'}")
    else:
        lines.append("this database was restored and verified before; nothing was loaded")
    if report.lost:
        lines.append(report.lost["sentence"])
    _print(arguments, vars(report), lines)
    return 0


def _patiently(attempt: Callable[[], Report], patience_s: float) -> Report:
    """What ``attempt`` returns; what waiting may cure is tried again for ``patience_s``."""
    end = time.monotonic() + patience_s
    while True:
        try:
            return attempt()
        except errors.AgentError as error:
            if isinstance(error, _FINAL) or time.monotonic() >= end:
                raise
            logging.getLogger(__name__).warning("%s; again in %g s", error, _AGAIN_S)
            time.sleep(_AGAIN_S)


def _check(context: Context, arguments: argparse.Namespace) -> int:
    findings = check(context)
    lines = [f"{f.level}: {f.subject}: {f.problem}; {f.fix}" for f in findings] or ["ready"]
    _print(arguments, [dataclasses.asdict(finding) for finding in findings], lines)
    return errors.CheckError.exit_code if any(f.level == "error" for f in findings) else 0


def _print(arguments: argparse.Namespace, document: Any, lines: Sequence[str]) -> None:
    print(json.dumps(document, indent=1) if arguments.json else "\n".join(lines))


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
