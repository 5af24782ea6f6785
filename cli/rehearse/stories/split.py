"""Two clouds at once: AWS wakes up in the middle of the failover, and two operators at once."""

from __future__ import annotations

import time

from cli.rehearse.client import Attempt, Outcome
from cli.rehearse.databases import FenceWatch
from cli.rehearse.operator import Tool, tail
from cli.rehearse.sights import page_seen, writes_from
from cli.rehearse.stage import Stage, Step, StepFailed, Story
from cli.rehearse.stories import failing, home
from cli.rehearse.stories.life import NORMAL, backup_arrives, internal_life_begins, log_arrives

_CONTROL = {"aws": ["control"]}
_SERVER = "azure-native:dbformysql:Server"
_LOST = (0, 1, 3, 4, 5)  # every status with which the operator's tool says that it did not come through


def wakes_up(stage: Stage) -> str:
    """AWS is back while 'pulumi up' is at work; it serves, and its agent reaches no control store."""
    clouds = stage.world.clouds
    stage.moments["decision"] = time.time()
    tool = stage.begin("failover", "--yes")
    stage.wait("the standby's database to be made", lambda: clouds.standby or not tool.running, 300)
    clouds.faults.set(blob_cut=_CONTROL)
    stage.note("AWS answers again and serves; its agent cannot reach the control store")
    stage.moments["aws back"] = stage.mark("wakes", "AWS wakes up")
    clouds.aws_returns(serve=True)
    done = stage.ended(tool, codes=(0, 4))
    stage.mark("page", "maintenance page", page_seen(stage, stage.moments["decision"]).at)
    _internal_writes(stage, time.time())
    return f"visitors see the page, the internal client writes to AWS; {tail(done.out, 1)}"


def two_open(stage: Stage) -> str:
    """Two operators open the standby at the same moment."""
    started = time.time()
    said = _at_once(stage, ("failover", "--open", "--yes"), ("failover", "--open", "--yes"))
    if stage.vault.epoch().get("writer") != "azure":
        stage.dr("failover", "--open", "--yes")
    first = writes_from(stage, "azure", since=started, count=1, timeout_s=120)
    stage.mark("open", "Azure serves", first.at)
    number = stage.vault.epoch()["epoch"]
    stage.hold("two operators open at once: one epoch begins", number == 2, f"epoch {number}; {said}")
    return said


def both_write(stage: Stage) -> str:
    """AWS's agent still cannot read who writes: it leaves its database as it is, and says so."""
    opened = time.time()
    _internal_writes(stage, opened)
    writes_from(stage, "azure", since=opened, count=5)
    return "both clouds acknowledge writes: the window that the fence has to end"


def fence_closes(stage: Stage) -> str:
    """The control store can be reached again: AWS's agent closes its database, whoever still writes to it."""
    with FenceWatch(stage.world.clouds.primary, "petclinic") as fence:
        stage.wait("RDS to answer", lambda: fence.answered, 30)
        stage.world.clouds.faults.clear("blob_cut")
        reachable = stage.mark("reachable", "AWS reads who writes")
        stage.wait("RDS to be closed to the application", lambda: fence.closed, 180)
    window = fence.closed - stage.moments["open"]
    stage.fences.append(window)
    stage.measure(
        "Two clouds acknowledged writes",
        f"{window:.1f} s",
        "from Azure's opening to the lock in RDS, for as long as AWS's agent had no way to the control store",
        headline=True,
    )
    stage.measure(
        "Fence after the control store is reached again",
        f"{fence.closed - reachable:.1f} s",
        "RDS's own account table, looked at every 50 ms; the agent waits longer after each vain attempt",
    )
    closed = fence.closed + 1.0  # an answer that was on its way
    stage.wait("ten more attempts of the internal client", lambda: len(_attempts(stage, closed)) >= 10, 60)
    late = [a for a in _attempts(stage, closed) if a.outcome is Outcome.WRITTEN]
    stage.hold(
        "behind the fence AWS acknowledges nothing",
        not late,
        f"{len(late)} of {len(_attempts(stage, closed))} attempts of a client that goes straight to AWS",
    )
    return f"closed {fence.closed - reachable:.1f} s after the control store could be reached"


def all_exported(stage: Stage) -> str:
    """Every write that AWS acknowledged after the fork is in the export, and the export names itself."""
    opened = stage.moments["open"]
    apart = {e.token for e in stage.ledger.entries() if e.client == "internal" and e.acknowledged > opened}
    result = home.divergence_leaves(stage)
    missing = apart - stage.vault.exported()
    stage.hold(
        "every write that AWS acknowledged after the fork is in the divergence export",
        bool(apart) and not missing,
        f"{len(apart)} acknowledged by AWS after the opening, {len(missing)} of them not exported",
    )
    return f"{result}; {len(apart)} of them after the opening"


def sync(stage: Stage) -> str:
    """The copy is blocked by what diverged until a person accepts exactly that."""
    blocked = stage.dr("failback", "sync", "--yes", codes=(4,))
    digest = home.accepted(blocked.out)
    stated = (home.said(stage, "aws").get("divergence") or {}).get("digest")
    stage.hold(
        "a copy waits until what diverged is accepted by its digest",
        stated == digest,
        f"status 4, digest {digest}",
    )
    stage.dr("failback", "sync", "--accept-divergence", digest, "--yes")
    return f"divergence {digest} accepted; RDS follows the standby"


def sync_taken_back(stage: Stage) -> str:
    """The operator thinks better of it, and then again."""
    started = time.time()
    stage.dr("failback", "abort", "--yes")
    stage.wait("no order to stand", lambda: not home.order(stage), 60)
    writes_from(stage, "azure", since=time.time(), count=3)
    failed = [a for a in stage.client.attempts(started) if a.outcome is not Outcome.WRITTEN]
    done = home.sync(stage)
    return f"{len(failed)} requests failed while it was taken back; {done}"


def drained_and_killed(stage: Stage) -> str:
    """Both agents die in the middle of a cutover, another operator takes it back at the same moment."""
    if stage.internal is not None:
        stage.internal.halt()  # it would write into RDS while the databases are compared
    tool = stage.begin("failback", "cutover", "--yes")
    stage.wait(
        "Azure to drain", lambda: home.said(stage, "azure").get("state") in ("draining", "drained"), 300
    )
    for machine in ("dr-app", "aws-backup"):
        home.kill_agent(stage, machine)
    other = stage.begin("failback", "abort", "--yes")
    said = _ends(tool, other)
    writer = home.writer(stage)
    stage.hold(
        "a cutover against its abort: one of them wins, the other says so",
        _consistent(stage, writer),
        f"the writer is {writer}; {said}",
    )
    return f"the writer is {writer}; {said}"


def _consistent(stage: Stage, writer: str) -> bool:
    """The epoch and who acknowledges agree."""
    epoch = stage.vault.epoch()
    return (epoch["epoch"], writer) in ((2, "azure"), (3, "aws"))


def home_at_last(stage: Stage) -> str:
    """Whoever won: the way home is gone to its end."""
    started = time.time()
    if home.writer(stage) == "azure":
        stage.dr("failback", "abort", "--yes")
        writes_from(stage, "azure", since=started, count=3, timeout_s=120)
        home.sync(stage)
        return home.cutover(stage)
    stage.dr("failback", "cutover", "--yes")
    first = stage.wait(
        "a visitor's write", lambda: stage.attempt(started, lambda a: a.outcome is Outcome.WRITTEN), 120
    )
    stage.mark("home", "AWS serves", first.at)
    return "AWS serves"


def _at_once(stage: Stage, one: tuple[str, ...], other: tuple[str, ...]) -> str:
    """Two operators begin at the same moment; how each ended."""
    return _ends(stage.begin(*one), stage.begin(*other))


def _ends(*tools: Tool) -> str:
    ends = [(tool, tool.wait()) for tool in tools]
    strange = [f"{tool}: {tail(done.out)}" for tool, done in ends if done.code not in _LOST]
    if strange:
        raise StepFailed("; ".join(strange))
    return "; ".join(f"{tool} ended with {done.code}: {tail(done.out, 1)[:160]}" for tool, done in ends)


def _attempts(stage: Stage, since: float) -> list[Attempt]:
    """What the internal client met since then."""
    if stage.internal is None:
        raise StepFailed("no internal client is running")
    return stage.internal.attempts(since)


def _internal_writes(stage: Stage, since: float) -> None:
    """Wait until AWS acknowledged a few writes of the internal client."""

    def look() -> bool:
        written = [a for a in _attempts(stage, since) if a.outcome is Outcome.WRITTEN]
        return len(written) >= 3

    stage.wait("writes of the internal client, acknowledged by AWS", look, 60)


STORY = Story(
    "AWS wakes up in the middle of the failover and writes; two operators at once",
    (
        *NORMAL,
        Step("normal", "an internal client writes past DNS", internal_life_begins),
        Step("normal", "a backup arrives", backup_arrives),
        Step("normal", "the log arrives", log_arrives),
        Step("disaster", "AWS dies", failing.aws_dies),
        Step("failover", "./dr failover, AWS wakes up half-way", wakes_up),
        Step("failover", "two operators: ./dr failover --open", two_open),
        Step("failover", "both clouds write", both_write),
        Step("failover", "the control store is reached again", fence_closes),
        Step("failover", "what diverged leaves for the vault", all_exported),
        Step("back", "./dr failback sync, accepted", sync),
        Step("back", "./dr failback abort, and sync again", sync_taken_back),
        Step("back", "cutover against abort, agents killed", drained_and_killed),
        Step("back", "./dr failback cutover", home_at_last),
    ),
)
