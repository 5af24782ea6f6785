"""The way back: AWS returns, gets a copy, takes over, and serves alone. Each function is one step."""

from __future__ import annotations

import re
import time
from typing import Any

from cli.rehearse.account import outages
from cli.rehearse.client import Outcome, first_name
from cli.rehearse.databases import FenceWatch, being_read, contents, differences, written_tokens
from cli.rehearse.operator import Tool, tail
from cli.rehearse.sights import newer, writes_from
from cli.rehearse.stage import Stage, StepFailed
from cli.rehearse.stories.life import SCHEMA

AGENT_UNIT = "pilotlight-agent"
_DECIDE, _REFUSED = 4, 3  # exit statuses of the operator's tool
_ACCEPT = re.compile(r"--accept-divergence (\w+)")
_PATIENCE_S = 300.0
# What the engine says when it begins to change a resource: "~  aws:route53:Record mix-aws updating (0s)".
_WEIGHTS_MOVE = re.compile(r"aws:route53:Record \S+ updating (?=\()")
_STANDBY_GOES = re.compile(r"\S+ standby-\S+ deleting (?=\()")


def aws_returns(stage: Stage) -> str:
    """AWS is back with its application; the hold switch in Azure keeps visitors where they are."""
    stage.wait("the standby's own backup", lambda: newer(stage, stage.moments["open"], "azure", count=1), 120)
    stage.note("AWS answers again, its application starts")
    stage.mark("aws back", "AWS is back")
    with FenceWatch(stage.world.clouds.primary, "petclinic") as fence:
        stage.world.clouds.aws_returns(serve=False)
        stage.world.clouds.aws_application_starts()
        fenced(stage, fence)
    writes_from(stage, "azure", since=time.time(), count=5)
    return f"visitors stay in Azure; RDS was closed {fence.seconds:.1f} s after it first answered"


def fenced(stage: Stage, fence: FenceWatch) -> None:
    """Wait until a database that woke up as no writer is closed, and say how long it was not."""
    stage.wait("RDS to be closed to the application", lambda: fence.closed, 120)
    stage.fences.append(fence.seconds)
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


def divergence_leaves(stage: Stage) -> str:
    """What RDS has and the standby lacks is in the vault before anybody orders anything."""
    missing = missing_at_standby(stage)
    stage.wait(
        f"an export of {len(missing)} diverged writes",
        lambda: missing <= stage.vault.exported(),
        _PATIENCE_S,
    )
    stage.hold(
        "what RDS has beyond the fork leaves for the vault at once",
        not order(stage),
        f"acknowledged writes that the standby lacks: {len(missing)}, each found in the export"
        if missing
        else "nothing had been lost, so there was nothing to export",
    )
    return f"writes exported: {len(missing)}" if missing else "nothing diverged"


def missing_at_standby(stage: Stage) -> set[str]:
    """Acknowledged writes that RDS holds and the standby does not: read in RDS itself."""
    name = first_name(stage.run)
    known = {entry.token for entry in stage.ledger.entries()}
    here = written_tokens(stage.world.clouds.primary, SCHEMA, name)
    return here & known - written_tokens(stage.world.standby(), SCHEMA, name)


# ----------------------------------------------------------------------------------------------------- sync


def sync(stage: Stage) -> str:
    """A copy into RDS while visitors go on writing in Azure. What diverged has to be accepted by its name."""
    started = time.time()
    done = stage.dr("failback", "sync", "--yes", codes=(0, _DECIDE))
    digest = ""
    if done.code == _DECIDE:
        digest = accepted(done.out)
        stage.dr("failback", "sync", "--accept-divergence", digest, "--yes")
    unanswered = outages(stage.client.attempts(started))
    stage.measure(
        "Copy into RDS, until it follows",
        f"{time.time() - started:.1f} s",
        "'./dr failback sync', with RDS snapshot, quarantine dump and restore; visitors write meanwhile",
    )
    accepted_words = f"divergence {digest} accepted, " if digest else ""
    return f"{accepted_words}RDS follows the standby; {len(unanswered)} interruptions for visitors"


def accepted(said: str) -> str:
    """The digest that the operator is told to repeat.

    Raises:
        StepFailed: there is none.
    """
    found = _ACCEPT.search(said)
    if found is None:
        raise StepFailed(f"./dr failback sync names no divergence to accept: {tail(said)}")
    return found[1]


def sync_survives(stage: Stage) -> str:
    """The tool dies once its order stands, and AWS's agent in the middle of the restore; both go on.

    A copy of this size is loaded within two looks at the agent's answer. So somebody reads a table of RDS
    until the agent is dead: it cannot be dropped before.
    """
    words = ["failback", "sync", "--yes"]
    with being_read(stage.world.clouds.primary, SCHEMA):
        tool = stage.begin(*words)
        stage.wait("the order to stand", lambda: order(stage) or not tool.running, _PATIENCE_S)
        tool.kill()
        stage.note("SIGKILL to ./dr, then to AWS's agent once it restores")
        tool = stage.begin(*words)
        restores = restoring(stage, tool)
        if not restores:
            tool = stage.begin(
                *words, "--accept-divergence", accepted(stage.ended(tool, codes=(_DECIDE,)).out)
            )
            restores = restoring(stage, tool)
        if restores:
            kill_agent(stage, "aws-backup")
    stage.ended(tool)
    stage.hold(
        "a killed tool and a killed agent go on from where they are",
        restores,
        "./dr killed with its order standing, AWS's agent killed while restoring; the copy follows"
        if restores
        else "AWS's agent never said that it restores, so it was not killed",
    )
    return "RDS follows the standby, after two deaths"


def restoring(stage: Stage, tool: Tool) -> bool:
    """Whether AWS's agent says that it restores before the tool ends."""
    seen = stage.wait(
        "AWS's agent to restore, or the tool's end",
        lambda: "restoring" if said(stage, "aws").get("state") == "restoring" else not tool.running,
        _PATIENCE_S,
    )
    return seen == "restoring"


def agents_die(stage: Stage) -> str:
    """Both agents get SIGKILL between two steps; systemd starts them, and they read where they are."""
    for machine in ("aws-backup", "dr-app"):
        kill_agent(stage, machine)
    stage.dr("failback", "sync", "--yes")
    return "both agents killed; the copy follows"


def kill_agent(stage: Stage, machine: str) -> None:
    """SIGKILL to a machine's agent; its unit starts it again."""
    stage.note(f"SIGKILL to the agent on {machine}")
    stage.world.clouds.machines[machine].kill_unit(AGENT_UNIT)


def order(stage: Stage) -> dict[str, Any]:
    """The order that stands and is not withdrawn; empty: none."""
    found = stage.vault.epoch().get("order") or {}
    return {} if found.get("step") == "withdrawn" else found


def said(stage: Stage, site: str) -> dict[str, Any]:
    """What a site's agent last answered to the order that stands; empty: nothing yet."""
    answer = stage.vault.signals(f"order-{site}.json").get(f"order-{site}.json", {})
    return answer if answer.get("order") == order(stage).get("id") else {}


# -------------------------------------------------------------------------------------------------- cutover


def cutover(stage: Stage) -> str:
    """AWS takes over: visitors wait behind the page until everything is home and equal."""
    started = time.time()
    tool = stage.begin("failback", "cutover", "--yes")
    return cut_over(stage, tool, started)


def cut_over(stage: Stage, tool: Tool, started: float, *, dies: bool = False) -> str:
    """The rest of a cutover that was begun: compare at the moment at which nobody writes, then measure.

    Args:
        dies: the tool gets SIGKILL as soon as AWS is the writer, before any switch says so.
    """
    stage.wait("AWS to be the writer", lambda: writer(stage) == "aws" or not tool.running, 600)
    if writer(stage) != "aws":
        raise StepFailed(f"{tool} ended, and AWS is not the writer: {tail(tool.said())}")
    at = stage.mark("cutover", "AWS is the writer")
    if dies:
        tool.kill()
        stage.note(f"SIGKILL to {tool}")
    detail = compared(stage)
    if dies:
        tool = stage.begin(*tool.words)
    stage.ended(tool)
    first = stage.wait(
        "a visitor's write", lambda: stage.attempt(at, lambda a: a.outcome is Outcome.WRITTEN), 120
    )
    stage.mark("home", "AWS serves", first.at)
    attempts = stage.client.attempts(started)
    seconds = max(outage.seconds for outage in outages(attempts))
    failed = [a for a in attempts if a.outcome is not Outcome.WRITTEN]
    silent = sum(a.outcome is Outcome.NOTHING for a in failed)
    stage.measure(
        "Cutover: without an acknowledged write",
        f"{seconds:.1f} s",
        "client: first failed request to the next write; the page, the drain, the take-over, 'pulumi up'",
        headline=True,
    )
    stage.measure(
        "Cutover: requests that failed",
        f"{len(failed)} of {len(attempts)}",
        f"{len(failed) - silent} met the maintenance page or an error, {silent} got no HTTP answer; one "
        "visitor, an attempt every 0.2 s or so",
        headline=True,
    )
    return f"{seconds:.1f} s without writes, {len(failed)} requests failed; {detail}"


def compared(stage: Stage) -> str:
    """Both databases dumped by MySQL's own program and compared row by row, past the agent's code.

    The page is still up, so nobody writes in between.
    """
    tools, clouds = stage.world.tools, stage.world.clouds
    stage.note("mysqldump of both, hashed by table")
    azure = contents(tools, stage.world.standby(), SCHEMA)
    aws = contents(tools, clouds.primary, SCHEMA)
    found = differences(azure, aws)
    detail = "; ".join(found) or f"{len(azure.tables)} tables, {azure.rows} rows, {azure.others()}"
    stage.hold("at the cutover both databases are equal", not found, detail)
    return f"equal: {detail}" if not found else detail


def writer(stage: Stage) -> str:
    return str(stage.vault.epoch().get("writer", "aws"))


# --------------------------------------------------------------------------------------------- weights, end


def a_tenth(stage: Stage) -> str:
    """A tenth of the visitors go straight to AWS, once its new backups are proved."""
    return _weigh(stage, 10)


def half(stage: Stage) -> str:
    """Half of them."""
    return _weigh(stage, 50)


def all_home(stage: Stage) -> str:
    """All of them; Azure's gateway still leads the others to AWS."""
    result = _weigh(stage, 100)
    writes_from(stage, "aws", since=time.time(), count=5, timeout_s=120)
    return result


def _weigh(stage: Stage, per_cent: int) -> str:
    began = time.time()
    refusals = _until_it_may(stage, "failback", "weight", str(per_cent), "--yes")
    failed = [a for a in stage.client.attempts(began) if a.outcome is not Outcome.WRITTEN]
    return f"{refusals} refusals until the new backups were proved; {len(failed)} requests failed"


def finish(stage: Stage) -> str:
    """Everything that costs money by the hour goes; the pilot light stays."""
    _until_it_may(stage, "failback", "finish", "--yes")
    done_at = time.time()
    left = sorted(stage.before ^ stage.world.resources())
    if left:
        raise StepFailed(f"not the resources of before the disaster: {'; '.join(left[:3])}")
    writes_from(stage, "aws", since=done_at, count=3)
    return f"{len(stage.world.resources())} resources, visitors served by AWS"


def _until_it_may(stage: Stage, *words: str) -> int:
    """Give a command until it is not refused any more; how often it was."""
    began, refusals = time.monotonic(), 0
    while True:
        done = stage.dr(*words, codes=(0, _REFUSED))
        if done.code == 0:
            return refusals
        refusals += 1
        if time.monotonic() - began > _PATIENCE_S:
            raise StepFailed(f"refused for {_PATIENCE_S:.0f} s: {tail(done.out)}")


# ------------------------------------------------------------------------------- an update that dies half-way


def half_survives(stage: Stage) -> str:
    """The tool and its ``pulumi up`` die while the weights move."""
    died = _dies_in_its_update(stage, _WEIGHTS_MOVE, "failback", "weight", "50", "--yes")
    return f"{died}; {half(stage)}"


def finish_survives(stage: Stage) -> str:
    """The tool and its ``pulumi up`` die while the emergency's resources go."""
    died = _dies_in_its_update(stage, _STANDBY_GOES, "failback", "finish", "--yes")
    return f"{died}; {finish(stage)}"


def _dies_in_its_update(stage: Stage, change: re.Pattern[str], *words: str) -> str:
    """SIGKILL to the tool and to its ``pulumi up``, once that begins such a change."""
    give_up, tool = time.monotonic() + _PATIENCE_S, stage.begin(*words)
    while not _changes(stage, tool, change) and time.monotonic() < give_up:
        stage.ended(tool, codes=(_REFUSED,))  # not yet
        tool = stage.begin(*words)
    died = tool.running
    tool.kill()
    stage.note(f"SIGKILL to {tool} and its 'pulumi up'")
    seen = change.findall(tool.said())
    stage.hold(
        f"{tool} is killed in its update and given again",
        died,
        f"killed at: {seen[-1].strip()}" if died else tail(tool.said()),
    )
    return "killed half-way"


def _changes(stage: Stage, tool: Tool, change: re.Pattern[str]) -> bool:
    """Whether the tool's update begins such a change before the tool ends."""
    stage.wait(
        "an update that changes something, or the tool's end",
        lambda: change.search(tool.said()) or not tool.running,
        _PATIENCE_S,
    )
    return tool.running
