"""AWS dies, or seems to: scare, disaster, failover, opening. Each function is one step."""

from __future__ import annotations

import time

from cli.rehearse.account import Disaster, outages
from cli.rehearse.client import Outcome, first_name
from cli.rehearse.databases import contents, written_tokens
from cli.rehearse.sights import PAGE_WORDS, newer, page_seen, restore_report, writes_from
from cli.rehearse.stage import Stage, StepFailed
from cli.rehearse.stories.life import SCHEMA

# ---------------------------------------------------------------------------------------------------- scare


def scare(stage: Stage) -> str:
    """The gateway with the maintenance page only; DNS moves visitors onto it by the hold switch."""
    stage.before = stage.world.resources()
    started = time.time()
    stage.dr("failover", "--scope", "maintenance", "--yes")
    stage.mark("scare", "page (scare)", page_seen(stage, started).at)
    return "visitors see the maintenance page"


def scare_ends(stage: Stage) -> str:
    """Called off: the hold is lifted first, and the gateway goes when nobody is sent there any more."""
    started = time.time()
    stage.dr("abort", "--yes")
    done = time.time()
    left = sorted(stage.before ^ stage.world.resources())
    writes_from(stage, "aws", since=done, count=3)
    stage.hold(
        "before the opening, emergency -> normal restores everything",
        not left,
        "the same resources as before, visitors served by AWS" if not left else "; ".join(left[:3]),
    )
    silent = [a for a in stage.client.attempts(started) if a.outcome is Outcome.NOTHING]
    runs = outages(a for a in stage.client.attempts(started) if a.outcome is not Outcome.PAGE)
    longest = max((run.seconds for run in runs), default=0.0)
    stage.measure(
        "Calling it off: visitors without any answer",
        f"{longest:.1f} s",
        f"client: {len(silent)} attempts got no HTTP answer while './dr abort' moved visitors back",
    )
    return f"visitors are served by AWS again; {len(silent)} attempts got no answer"


# --------------------------------------------------------------------------------------------- the disaster


def aws_dies(stage: Stage) -> str:
    """MySQL, application, machines and load balancer get SIGKILL; every AWS API refuses from now on."""
    stage.note("SIGKILL to everything in AWS; no AWS API answers")
    newest = newer(stage, 0, "aws", count=1)[-1]
    writes_from(stage, "aws", since=newest.finished, count=3)  # so that something is in no backup yet
    writer_dies(stage, "AWS dies")
    credentials = [name for name in stage.world.engine.env if name.startswith("AWS_")]
    stage.hold("no AWS credential in the environment", not credentials, ", ".join(credentials) or "none")
    return "writes fail"


def writer_dies(stage: Stage, label: str) -> None:
    """AWS, the writer, is gone; what the vault holds now must never be missing later.

    Raises:
        StepFailed: the archive's lag was not measured before, so that no loss could be judged.
    """
    if not stage.lags:
        raise StepFailed("no step measured the archive's lag before the disaster")
    at = stage.mark(label, label)
    cut = stage.world.clouds.aws_dies()
    stage.moments["disaster"] = time.time()  # whatever AWS asked of itself before, it asked alive
    stage.disasters.append(
        Disaster(
            at=cut,
            since=stage.moments.get("cutover", 0.0),
            kept=frozenset(stage.vault.tokens()),
            lag=max(stage.lags),
        )
    )
    stage.wait(
        "the visitor to notice", lambda: stage.attempt(at, lambda a: a.outcome is not Outcome.WRITTEN), 20
    )


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
    disaster = stage.disasters[-1]
    report = stage.wait("a restore report", lambda: restore_report(stage, disaster.at), 180)
    base = report["backup"]["backup"]
    held = standby_tokens(stage)
    due = [e for e in stage.ledger.entries() if e.token in disaster.kept]
    missing = [e.token for e in due if e.token not in held]
    verified = not report["error"] and report["tables_verified"] > 0 and not report["lost"]["transactions"]
    rows = contents(stage.world.tools, stage.world.standby(), SCHEMA).rows
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


def standby_tokens(stage: Stage) -> set[str]:
    """What clients of this rehearsal wrote and the standby's database holds."""
    return written_tokens(stage.world.standby(), SCHEMA, first_name(stage.run))


def opening(stage: Stage) -> str:
    """The operator has looked and opens; from here on the database is protected."""
    started = time.time()
    stage.pulumi("config", "set", "enablePetclinic", "true")
    stage.up()
    first = writes_from(stage, "azure", since=started, count=1)
    stage.mark("open", "Azure serves", first.at)
    whole = first.at - stage.disasters[-1].at
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
    old = [e for e in entries if e.cloud == "aws" and e.token in stage.disasters[-1].kept][-1]
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


def stays(stage: Stage) -> str:
    """AWS dies although Azure is the writer: './dr failover' has nothing to move, and says so."""
    stage.note("SIGKILL to everything in AWS; no AWS API answers")
    stage.mark("aws gone", "AWS dies before the cutover")
    epoch = stage.vault.epoch()
    stage.world.clouds.aws_dies()
    done = stage.dr("failover", "--yes")
    writes_from(stage, "azure", since=time.time(), count=3)
    stage.hold(
        "AWS dies before the cutover: nothing moves",
        stage.vault.epoch().get("epoch") == epoch["epoch"],
        f"epoch {epoch['epoch']} goes on, written by {epoch['writer']}; {done.out.strip().splitlines()[-1]}",
    )
    return "Azure goes on serving"
