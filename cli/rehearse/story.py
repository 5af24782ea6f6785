"""The story, step by step: what an operator types, what the clouds do, and what must be seen after it.

Read it from top to bottom. Each function is one step; `STORY` at the end puts them in order.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from cli.rehearse.browser import Browser
from cli.rehearse.client import Client, Outcome, first_name
from cli.rehearse.databases import FenceWatch, contents, differences, is_locked, written_tokens
from cli.rehearse.resolver import Resolver
from cli.rehearse.sights import PAGE_WORDS, newer, page_seen, restore_report, writes_from
from cli.rehearse.stage import Stage, Step, StepFailed

_AGENT = ("/opt/pilotlight/venv/bin/python", "-m", "agent")
_CONFIG = ("--config", "/etc/pilotlight/agent.json")
_SCHEMA = "petclinic"
_FOLLOWED = 20  # writes whose way into the vault is timed
_LOOK_S = 0.1


# ---------------------------------------------------------------------------------------------- normal life


def deploy(stage: Stage) -> str:
    """The pilot light is lit: the program's own stack, with its committed configuration."""
    stage.pulumi("config", "set", "appJarSha256", stage.world.clouds.app_jar_sha256)
    stage.up()
    return f"{len(stage.world.resources())} resources"


def others_do_their_part(stage: Stage) -> str:
    """What belongs to nobody's program: the certificate, and the application's file from its own pipeline."""
    stage.note("an operator imports the TLS certificate into the key vault")
    stage.note("the application's pipeline uploads petclinic.jar")
    stage.world.import_certificate()
    stage.world.clouds.upload_app_jar()
    return "certificate in the key vault, petclinic.jar in the artifacts container"


def public_name(stage: Stage) -> str:
    """The public name moves onto the tree of failover records, once all health checks report."""
    stage.note("one change batch in the hosted zone")
    stage.world.adopt()
    return f"{stage.world.public_name} -> {stage.world.dr_name}"


def life_begins(stage: Stage) -> str:
    """A visitor starts to register owners and does not stop before the end."""
    world = stage.world
    resolver = Resolver(world.clouds.dns)
    browser = Browser(world.public_name, resolver, world.clouds.network.endpoint, world.clouds.ca.ca_file)
    stage.client = Client(
        browser, world.cloud_of, stage.ledger, journal=world.root / "client.jsonl", run=stage.run
    )
    stage.moments["life"] = time.time()
    stage.client.start()
    writes_from(stage, "aws", since=stage.moments["life"], count=5)
    return "writes acknowledged by AWS"


def log_arrives(stage: Stage) -> str:
    """Seconds after a visitor was told "saved", the log of it is in the vault: looked for in the blobs."""
    since = time.time()
    seen: dict[str, float] = {}

    def look() -> bool:
        held = stage.vault.tokens()
        now = time.time()
        for entry in stage.ledger.entries():
            if entry.acknowledged >= since and entry.token in held:
                seen.setdefault(entry.token, now - entry.acknowledged)
        return len(seen) >= _FOLLOWED

    stage.wait(f"the log of {_FOLLOWED} writes in the vault", look, 90)
    stage.lags = sorted(seen.values())
    middle, worst = stage.lags[len(stage.lags) // 2], stage.lags[-1]
    stage.measure(
        'From "saved" to the archived log',
        f"{middle:.1f} s, at most {worst:.1f} s",
        f"{len(seen)} writes looked for in the blobs every {_LOOK_S:g} s or so; the endpoint is an emulator",
        headline=True,
    )
    return f"{len(seen)} writes followed: {middle:.1f} s, at most {worst:.1f} s"


def chain_proved(stage: Stage) -> str:
    """The newest chain is restored into a scratch server on the backup instance and compared."""
    done = json.loads(stage.on("aws-backup", *_AGENT, "verify", *_CONFIG, "--mode", "full", "--json"))
    stage.hold(
        "a backup counts as proved only after it was restored",
        bool(done["ok"]) and bool(done["tables"]),
        f"{done['backup']} restored into a scratch server: {len(done['tables'])} tables equal",
    )
    stage.measure("Restore test on the backup instance", f"{done['seconds']:.1f} s", "the agent's own report")
    return f"{done['backup']}: {len(done['tables'])} tables equal, {done['seconds']:.1f} s"


def backups_arrive(stage: Stage) -> str:
    """The backup instance dumps on its schedule; two complete ones have to be there."""
    since = stage.moments["life"]
    found = stage.wait("two complete backups", lambda: newer(stage, since, "aws", count=2), 90)
    last = found[-1]
    interval = found[-1].started - found[-2].started
    stage.measure(
        "Backup: dump, compress, upload",
        f"{last.finished - last.started:.1f} s for {last.stored_bytes / 1024:.0f} KiB",
        f"manifest of {last.blob}; the blob endpoint is an emulator on this machine",
    )
    return f"{len(stage.vault.backups())} complete, one every {interval:.0f} s"


# ------------------------------------------------------------------------------------------------ the abort


def abort_begins(stage: Stage) -> str:
    """A scare: the gateway with the maintenance page only; DNS moves visitors onto it by the hold switch."""
    stage.moments["before abort"] = time.time()
    stage.before = stage.world.resources()
    stage.pulumi("config", "set", "mode", "emergency")
    stage.pulumi("config", "set", "emergencyScope", "maintenance")
    started = time.time()
    stage.up()
    stage.mark("abort page", "page (abort)", page_seen(stage, started).at)
    return "visitors see the maintenance page"


def abort_ends(stage: Stage) -> str:
    """The scare was one: before the opening the way back to normal is open."""
    stage.pulumi("config", "set", "mode", "normal")
    stage.pulumi("config", "set", "emergencyScope", "full")
    stage.up()
    done = time.time()
    left = sorted(stage.before ^ stage.world.resources())
    writes_from(stage, "aws", since=done, count=3)
    stage.hold(
        "before the opening, emergency -> normal restores everything",
        not left,
        "the same resources as before, visitors served by AWS" if not left else "; ".join(left[:3]),
    )
    return "visitors are served by AWS again"


# --------------------------------------------------------------------------------------------- the disaster


def aws_dies(stage: Stage) -> str:
    """MySQL, application, machines and load balancer get SIGKILL; every AWS API refuses from now on."""
    stage.note("SIGKILL to everything in AWS; no AWS API answers")
    newest = newer(stage, 0, "aws", count=1)[-1]
    writes_from(stage, "aws", since=newest.finished, count=3)  # so that something is in no backup yet
    stage.mark("disaster", "AWS dies")
    stage.world.clouds.aws_dies()
    stage.kept = stage.vault.tokens()
    disaster = stage.moments["disaster"]
    stage.wait(
        "the visitor to notice",
        lambda: stage.attempt(disaster, lambda a: a.outcome is not Outcome.WRITTEN),
        20,
    )
    credentials = [name for name in stage.world.engine.env if name.startswith("AWS_")]
    stage.hold("no AWS credential in the environment", not credentials, ", ".join(credentials) or "none")
    return "writes fail"


# --------------------------------------------------------------------------------------------- the failover


def failover(stage: Stage) -> str:
    """The two commands that this project is about."""
    stage.moments["decision"] = time.time()
    stage.pulumi("config", "set", "mode", "emergency")
    done = stage.pulumi("up", "--yes", "--skip-preview")
    stage.moments["up"] = time.time()
    stage.measure(
        "`pulumi up` into emergency", f"{done.seconds:.1f} s", "wall clock; the clouds are simulated"
    )
    return f"gateway, database and servers exist after {done.seconds:.1f} s"


def maintenance_page(stage: Stage) -> str:
    """Visitors meet the maintenance page under the public name, over TLS, at the reserved address."""
    seen = page_seen(stage, stage.moments["decision"])
    stage.mark("page", "maintenance page", seen.at)
    answer = stage.client.browser.get("/")
    if PAGE_WORDS not in answer.body:
        raise StepFailed(
            f"the page at {answer.address} has status {answer.status} and not the maintenance text"
        )
    waited = seen.at - stage.moments["decision"]
    stage.measure("Maintenance page after the decision", f"{waited:.1f} s", "first such answer to the client")
    return f"status {answer.status} from {answer.address}, {waited:.1f} s after the decision"


def restored_and_verified(stage: Stage) -> str:
    """The app server's first boot restored a dump and the log behind it, and proved it; we look too."""
    disaster = stage.moments["disaster"]
    report = stage.wait("a restore report", lambda: restore_report(stage, disaster), 90)
    base = report["backup"]["backup"]
    held = written_tokens(stage.world.standby(), _SCHEMA, first_name(stage.run))
    due = [e for e in stage.ledger.entries() if e.token in stage.kept]
    missing = [e.token for e in due if e.token not in held]
    verified = not report["error"] and report["tables_verified"] > 0 and not report["lost"]["transactions"]
    rows = contents(stage.world.tools, stage.world.standby(), _SCHEMA).rows
    replayed = int(report["log"].get("transactions", 0))
    stage.hold(
        "everything that the vault held was restored and verified",
        verified and bool(due) and not missing,
        f"{base}: {report['tables_verified']} tables verified by the agent, {replayed} transactions "
        f"replayed; of the {len(due)} acknowledged writes that the vault held, {len(missing)} are missing",
    )
    seconds = sum(report["seconds"].values())
    stage.measure(
        "Restore and verification",
        f"{seconds:.1f} s",
        f"the agent's restore report: {rows} rows, {replayed} transactions replayed",
        headline=True,
    )
    return f"{base} and {replayed} transactions, {rows} rows, {seconds:.1f} s"


def opening(stage: Stage) -> str:
    """The operator has looked and opens; from here on the database is protected."""
    started = time.time()
    stage.pulumi("config", "set", "enablePetclinic", "true")
    stage.up()
    first = writes_from(stage, "azure", since=started, count=1)
    stage.mark("open", "Azure serves", first.at)
    whole = first.at - stage.moments["disaster"]
    stage.measure(
        "From the disaster to the first write served by Azure",
        f"{whole:.1f} s",
        "client; no waiting for people, and clouds that create everything at once",
        headline=True,
    )
    writes_from(stage, "azure", since=started, count=5)
    return f"{whole:.0f} s after the disaster"


def data_is_there(stage: Stage) -> str:
    """Through the front door: an owner from before the disaster and one from after it."""
    entries = stage.ledger.entries()
    old = [e for e in entries if e.cloud == "aws" and e.token in stage.kept][-1]
    new = next(e for e in entries if e.cloud == "azure")
    for entry in (old, new):
        answer = stage.client.browser.get(f"/owners/{entry.owner}")
        if answer.status != 200 or entry.token not in answer.body:
            raise StepFailed(f"/owners/{entry.owner} answered {answer.status} without {entry.token}")
    return "both owners' pages read"


def no_way_back_unasked(stage: Stage) -> str:
    """After the opening somebody sets the word back: the engine itself refuses to delete live data."""
    stage.pulumi("config", "set", "mode", "normal")
    refused = stage.pulumi("up", "--yes", check=False)
    stage.pulumi("config", "set", "mode", "emergency")
    said = "protect" in refused.out
    before = time.time()
    alive = stage.world.standby().running and writes_from(stage, "azure", since=before, count=1)
    stage.hold(
        "after the opening, the engine refuses emergency -> normal",
        refused.code != 0 and said and bool(alive),
        f"status {refused.code}, {'says that the database is protected' if said else 'for another reason'}; "
        "visitors noticed nothing",
    )
    return f"refused with status {refused.code}"


# --------------------------------------------------------------------------------------------- the way back


def aws_returns(stage: Stage) -> str:
    """AWS is back; nobody is sent there: the hold switch in Azure keeps DNS where it is."""
    stage.wait("the standby's own backup", lambda: newer(stage, stage.moments["open"], "azure", count=1), 60)
    stage.note("AWS answers again; its application stays down")
    stage.moments["aws back"] = time.time()
    with FenceWatch(stage.world.clouds.primary, "petclinic") as fence:
        stage.world.clouds.aws_returns(serve=False)
        stage.mark("aws back", "AWS is back")
        stage.wait("RDS to be closed to the application", lambda: fence.closed, 60)
    stage.hold(
        "AWS wakes up as no writer: its database is closed to the application",
        bool(fence.closed),
        f"the account is locked {fence.seconds:.1f} s after RDS first answered",
    )
    stage.measure(
        "RDS answers and is not fenced yet",
        f"{fence.seconds:.1f} s",
        "RDS's own account table, looked at every 50 ms; the backup instance boots beside it",
    )
    writes_from(stage, "azure", since=time.time(), count=5)
    return "visitors stay in Azure, whose own backups have begun"


def writing_stops(stage: Stage) -> str:
    """The way back begins: the maintenance page again, and AWS's agent may write the epoch from now on."""
    started = time.time()
    stage.pulumi("config", "set", "mode", "failback")
    stage.pulumi("config", "set", "maintenance", "true")
    stage.up()
    seen = page_seen(stage, started)
    stage.mark("closed", "closed", seen.at)
    return "visitors see the maintenance page"


def data_goes_home(stage: Stage) -> str:
    """A last dump in Azure and its restore into RDS, which makes AWS the writer again."""
    started = time.time()
    stage.on("dr-app", *_AGENT, "dump", *_CONFIG)
    backup = stage.wait("the final dump", lambda: newer(stage, started, "azure", count=1), 30)[-1]
    stage.on("aws-backup", *_AGENT, "restore", "--take-over", *_CONFIG)
    stage.moments["cutover"] = time.time()
    epoch = stage.vault.epoch()
    stage.cutover = str(epoch.get("cutover", ""))
    if epoch.get("writer") != "aws" or not stage.cutover:
        raise StepFailed(f"after the take-over the epoch says {epoch}")
    return f"{backup.blob} restored, epoch {epoch['epoch']}, cutover {stage.cutover}"


def databases_compared(stage: Stage) -> str:
    """Both databases dumped by MySQL's own program and compared row by row, past the agent's code."""
    tools, clouds = stage.world.tools, stage.world.clouds
    stage.note("mysqldump of both, hashed by table")
    azure = contents(tools, stage.world.standby(), _SCHEMA)
    aws = contents(tools, clouds.primary, _SCHEMA)
    found = differences(azure, aws)
    detail = "; ".join(found) or f"{len(azure.tables)} tables, {azure.rows} rows, {azure.others()}"
    stage.hold("both databases are equal before AWS writes again", not found, detail)
    if found:
        raise StepFailed(detail)
    return f"equal: {detail}"


def aws_serves(stage: Stage) -> str:
    """AWS serves again: DNS and the gateway both lead there, whichever address a visitor still has."""
    primary = stage.world.clouds.primary
    stage.wait("RDS to be open to the application", lambda: not is_locked(primary, "petclinic"), 60)
    stage.note("the application in EKS is started again")
    stage.world.clouds.aws_returns(serve=True)
    started = time.time()
    stage.pulumi("config", "set", "maintenance", "false")
    stage.pulumi("config", "set", "cutover", stage.cutover)
    stage.pulumi("config", "set", "awsWeight", "100")
    stage.up()
    first = stage.wait(
        "a write after failback", lambda: stage.attempt(started, lambda a: a.outcome is Outcome.WRITTEN), 60
    )
    stage.mark("home", "AWS serves", first.at)
    closed = first.at - stage.moments["closed"]
    stage.measure(
        "Closed for the way back",
        f"{closed:.1f} s",
        "client: maintenance page to the next write",
        headline=True,
    )
    writes_from(stage, "aws", since=started, count=5)
    return f"closed for {closed:.0f} s"


def release(stage: Stage) -> str:
    """The data was proved to be home and AWS's own backups have begun again: the standby database may go."""
    stage.wait("AWS's new backups", lambda: newer(stage, stage.moments["cutover"], "aws", count=1), 60)
    stage.pulumi("config", "set", "releaseDatabase", stage.cutover)
    stage.up()
    return f"released by cutover id {stage.cutover}"


def normal_again(stage: Stage) -> str:
    """Everything that costs money by the hour goes; the pilot light stays."""
    stage.pulumi("config", "rm", "releaseDatabase")
    stage.pulumi("config", "rm", "cutover")
    stage.pulumi("config", "set", "awsWeight", "0")
    stage.pulumi("config", "set", "enablePetclinic", "false")
    stage.pulumi("config", "set", "mode", "normal")
    stage.up()
    done = time.time()
    left = sorted(stage.before ^ stage.world.resources())
    if left:
        raise StepFailed(f"not the resources of before the disaster: {'; '.join(left[:3])}")
    writes_from(stage, "aws", since=done, count=3)
    return f"{len(stage.world.resources())} resources, visitors served by AWS"


STORY: Sequence[Step] = (
    Step("normal", "pulumi up", deploy),
    Step("normal", "certificate and application file", others_do_their_part),
    Step("normal", "public name onto the failover records", public_name),
    Step("normal", "visitors write", life_begins),
    Step("normal", "backups arrive", backups_arrive),
    Step("normal", "the log arrives", log_arrives),
    Step("normal", "a chain is proved", chain_proved),
    Step("abort", "a scare: maintenance page", abort_begins),
    Step("abort", "back to normal before the opening", abort_ends),
    Step("disaster", "AWS dies", aws_dies),
    Step("failover", "mode emergency, pulumi up", failover),
    Step("failover", "maintenance page", maintenance_page),
    Step("failover", "backup and log restored and verified", restored_and_verified),
    Step("failover", "enablePetclinic, pulumi up", opening),
    Step("failover", "data is there", data_is_there),
    Step("failover", "mode normal is refused", no_way_back_unasked),
    Step("back", "AWS returns", aws_returns),
    Step("back", "mode failback, maintenance, pulumi up", writing_stops),
    Step("back", "final dump, restored into RDS", data_goes_home),
    Step("back", "databases compared", databases_compared),
    Step("back", "cutover, awsWeight 100, pulumi up", aws_serves),
    Step("back", "releaseDatabase, pulumi up", release),
    Step("back", "mode normal, pulumi up", normal_again),
)
