"""After the story: the invariants that only its whole length shows, and the report."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from cli.rehearse.account import Places, Writes, account, check_lag, check_losses, check_one_writer, outages
from cli.rehearse.client import Attempt, first_name
from cli.rehearse.databases import written_tokens
from cli.rehearse.ledger import Entry
from cli.rehearse.stage import Stage
from cli.report.model import LostWrite, Measured, OutageRecord, Report, Span
from cli.report.modelled import MODELLED, time_to_serve
from sandbox.mysql import MySqlServer
from sandbox.providers.calls import cloud_calls, read_calls

_SCHEMA = "petclinic"
_AWS_SERVICES = ("aws", "ec2-metadata")
_SIMULATED = (
    ("Pulumi engine, program", "real; the provider plugins are simulated, and log every call"),
    ("MySQL", "real servers, set up to behave like RDS and like Azure Flexible Server"),
    (
        "Backup agent, restore",
        "the project's own code, started from the cloud-init that the program rendered",
    ),
    ("Blob storage", "Azurite (an emulator) behind a gate that checks tokens, roles, firewall and retention"),
    ("Application Gateway, load balancer", "nginx, configured from the resource's own inputs"),
    ("Route 53", "a DNS server that follows its documented rules, with real queries and health checks"),
    ("AWS APIs that the agent calls", "moto, and an own token service for the keyless login"),
    ("Provisioning times", "not simulated: resources exist at once; see the modelled figures"),
    ("Network latency and bandwidth", "not simulated: everything is on one machine"),
)


def draw_up(stage: Stage) -> Writes | None:
    """Check what spans the whole story; returns the account of writes, None when it never came to writing.

    Runs while the databases still run, also after a story that stopped half-way.
    """
    if not stage.has_client:
        return None
    moments = stage.moments
    if "disaster" in moments:
        back = moments.get("aws back", time.time())
        _no_call_to_aws(stage, moments["disaster"], back=back)
    database = _final_database(stage)
    if database is None:
        return None  # it stopped where nobody writes: no final database to compare with
    entries = stage.ledger.entries()
    places = Places(
        database=written_tokens(database, _SCHEMA, first_name(stage.run)),
        exports=stage.vault.exported(),
        dumps=stage.vault.dumped(),
    )
    writes = account(entries, places)
    stage.checks.append(check_losses(writes, stage.disasters))
    if stage.disasters:
        stage.checks.append(check_lag(writes, stage.disasters))
    apart = {entry.token for entry in writes.exported}
    stage.checks.append(check_one_writer(entries, stage.vault.epochs(), apart, sum(stage.fences)))
    figure = Measured(
        name="Acknowledged writes missing in the end",
        value=f"{len(writes.missing)} ({writes.lost_seconds:.1f} s)",
        how=f"the ledger outside both clouds against the final database; {len(writes.exported)} of them are "
        "exported for people as AWS came back with them; the log archive is not compressed in time, so these "
        "are its real seconds, on an emulator",
        headline=True,
    )
    stage.measured.insert(0, figure)
    return writes


def _final_database(stage: Stage) -> MySqlServer | None:
    """The present writer's, while it runs."""
    clouds = stage.world.clouds
    server = clouds.standby if stage.vault.epoch().get("writer") == "azure" else clouds.primary
    return server if server is not None and server.running else None


def _no_call_to_aws(stage: Stage, begin: float, *, back: float) -> None:
    """From the disaster to the opening, or to AWS's return when that is later, nobody asks anything of AWS;
    of a request nobody in AWS itself."""
    end = max(back, stage.moments.get("open", back))
    calls = [c for c in read_calls(stage.world.root / "calls.jsonl") if begin <= c["time"] <= end]
    made = cloud_calls(calls, "aws")
    others = len(cloud_calls(calls, "azure-native"))
    stage.hold(
        "failover makes no AWS API call",
        not made and others > 0,
        f"{len(made)} Create, Read, Update, Delete or Invoke of aws among {others} of azure-native",
    )
    requests = [r for r in _requests(stage) if begin <= r["at"] <= end]
    # Whoever asked: nothing in Azure has an AWS credential, so a request of its would come from "nobody".
    strays = [
        r for r in requests if r["service"] in _AWS_SERVICES and not (r["at"] >= back and r["side"] == "aws")
    ]
    azure = sum(r["side"] == "azure" for r in requests)
    stage.hold(
        "no request reaches an AWS service during failover",
        not strays and azure > 0,
        f"{len(strays)} such requests among {azure} of the Azure side",
    )


def _requests(stage: Stage) -> Iterable[dict[str, Any]]:
    for line in (stage.world.root / "requests.jsonl").read_text().splitlines():
        request = json.loads(line)
        yield request | {"at": datetime.fromisoformat(request["time"]).timestamp()}


def report(stage: Stage, writes: Writes | None, *, story: str, completed: bool) -> Report:
    """Everything as data. ``completed``: the story reached its end."""
    attempts = stage.client.attempts() if stage.has_client else []
    seconds = time.time() - stage.began if not stage.records else _end(stage)
    served: tuple[float, float] | None = None
    if "open" in stage.moments and "up" in stage.moments:  # the failover by the two plain commands
        served = time_to_serve(stage.moments["open"] - stage.moments["up"])
    return Report(
        story=story,
        started_utc=datetime.fromtimestamp(stage.began, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        seconds=seconds,
        passed=completed and all(check.held for check in stage.checks),
        time_factor=stage.world.time_factor,
        application=_application(stage),
        environment=_environment(stage),
        steps=tuple(stage.records),
        marks=tuple(stage.marks),
        spans=tuple(_spans(attempts, stage.began)),
        outages=tuple(
            OutageRecord(
                began=o.began - stage.began,
                seconds=o.seconds,
                attempts=o.attempts,
                unanswered=o.unanswered,
                phase=_phase(stage, o.began),
            )
            for o in outages(attempts)
        ),
        checks=tuple(stage.checks),
        measured=tuple(stage.measured),
        modelled=MODELLED,
        served_s=served,
        writes=_counts(stage, writes, len(attempts)),
        lost=tuple(
            LostWrite(token=e.token, acknowledged=e.acknowledged - stage.began, kept=kept)
            for kept, entries in _missing(writes).items()
            for e in entries
        ),
        simulated=_SIMULATED,
    )


def _missing(writes: Writes | None) -> dict[str, tuple[Entry, ...]]:
    """What the final database lacks, by where it is kept."""
    if writes is None:
        return {}
    return {"exported": writes.exported, "in a quarantined dump": writes.dumped, "nowhere": writes.lost}


def _end(stage: Stage) -> float:
    last = stage.records[-1]
    return last.began + last.seconds


def _application(stage: Stage) -> str:
    jar = stage.world.app_jar
    return f"{jar.name} (Spring PetClinic, given with --app-jar)" if jar else "the stand-in for PetClinic"


def _environment(stage: Stage) -> dict[str, str]:
    tools = stage.world.tools
    return {
        "Machine": f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "MySQL": ".".join(map(str, tools.mysql_version)),
        "Pulumi": stage.world.engine.run("version").out.strip(),
        "Time factor": f"{stage.world.time_factor:g} (dumps every 5 min became every "
        f"{300 / stage.world.time_factor:g} s)",
    }


def _spans(attempts: Iterable[Attempt], began: float) -> Iterable[Span]:
    """Runs of equal outcomes; each ends where the next one begins."""
    runs = [list(run) for _, run in groupby(attempts, key=lambda a: (a.outcome, a.cloud))]
    for number, run in enumerate(runs):
        following = runs[number + 1][0].at if number + 1 < len(runs) else run[-1].at
        yield Span(
            began=run[0].at - began,
            ended=following - began,
            outcome=run[0].outcome.value,
            cloud=run[0].cloud,
            attempts=len(run),
        )


def _phase(stage: Stage, at: float) -> str:
    phases = [r.phase for r in stage.records if stage.began + r.began <= at]
    return phases[-1] if phases else ""


def _counts(stage: Stage, writes: Writes | None, attempts: int) -> dict[str, float]:
    entries = stage.ledger.entries()
    counts: dict[str, float] = {
        "attempts of the client": attempts,
        "acknowledged": len(entries),
        "acknowledged by AWS's address": sum(e.cloud == "aws" for e in entries),
        "acknowledged by Azure's address": sum(e.cloud == "azure" for e in entries),
    }
    if stage.internal is not None:
        counts["acknowledged to the internal client"] = sum(e.client == "internal" for e in entries)
    if writes is not None:
        counts |= {
            "in the final database": writes.found,
            "exported as diverged": len(writes.exported),
            "in a quarantined dump only": len(writes.dumped),
            "lost in a disaster": len(writes.lost),
            "written though never acknowledged": writes.unacknowledged,
        }
    return counts
