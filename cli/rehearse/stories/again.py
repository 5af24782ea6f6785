"""The second disaster: a planned failover, AWS dying before the cutover, and right after it."""

from __future__ import annotations

import time

from cli.rehearse.databases import FenceWatch
from cli.rehearse.sights import writes_from
from cli.rehearse.stage import Stage, Step, Story
from cli.rehearse.stories import failing, home
from cli.rehearse.stories.life import NORMAL, backup_arrives, log_arrives

_DUMPS = {"aws": ["mysql-backups/backup_"]}


def planned(stage: Stage) -> str:
    """Both clouds live: AWS is drained first, so that nothing is lost and nothing diverges."""
    started = time.time()
    stage.dr("failover", "--planned", "--open", "--yes")
    first = writes_from(stage, "azure", since=started, count=1)
    stage.mark("open", "Azure serves", first.at)
    writes_from(stage, "azure", since=started, count=5)
    missing = home.missing_at_standby(stage)
    stage.hold(
        "a planned failover loses nothing",
        not missing and not stage.vault.exports(),
        f"{len(missing)} acknowledged writes are only in RDS, {len(stage.vault.exports())} exports",
    )
    return f"Azure serves after {first.at - started:.0f} s, {len(missing)} writes lost"


def returns(stage: Stage) -> str:
    """AWS is back; it is not the writer, and closed."""
    stage.note("AWS answers again, its application starts")
    with FenceWatch(stage.world.clouds.primary, "petclinic") as fence:
        stage.moments["aws back"] = stage.mark("returns", "AWS is back")
        stage.world.clouds.aws_returns(serve=False)
        stage.world.clouds.aws_application_starts()
        home.fenced(stage, fence)
    writes_from(stage, "azure", since=time.time(), count=3)
    return "visitors stay in Azure"


def dies_at_once(stage: Stage) -> str:
    """AWS has taken over and dies before a single dump of its new epoch is in the vault."""
    stage.note("no answer to AWS's agent when it uploads a dump; its log arrives")
    epoch = stage.vault.epoch()["epoch"]
    stage.wait("the new epoch's log in the vault", lambda: epoch in stage.vault.epochs().values(), 120)
    stage.note("SIGKILL to everything in AWS; no AWS API answers")
    failing.writer_dies(stage, "AWS dies again")
    dumps = [backup for backup in stage.vault.backups() if backup.epoch == epoch]
    archived = sum(number == epoch for number in stage.vault.epochs().values())
    stage.world.clouds.faults.clear("blob_put_cut")
    stage.hold(
        "the second disaster strikes before the new chain has a base",
        not dumps and archived > 0,
        f"{len(dumps)} dumps of epoch {epoch}, {archived} acknowledged writes in its archived log",
    )
    return f"epoch {epoch} has {archived} archived writes and {len(dumps)} dumps"


def cutover(stage: Stage) -> str:
    """The tool dies right after the take-over; what AWS's agent begins to dump then does not get through."""
    stage.world.clouds.faults.set(blob_put_cut=_DUMPS)
    started = time.time()
    tool = stage.begin("failback", "cutover", "--yes")
    stage.wait("AWS to be the writer", lambda: home.writer(stage) == "aws" or not tool.running, 600)
    return home.cut_over(stage, tool, started, dies=True)


def replaced(stage: Stage) -> str:
    """The standby's database, which has served, is replaced by what the vault holds of AWS's new epoch."""
    started = time.time()
    stage.dr("failover", "--open", "--yes")
    first = writes_from(stage, "azure", since=started, count=1)
    stage.mark("open", "Azure serves again", first.at)
    writes_from(stage, "azure", since=started, count=5)
    gone = {e.token for e in stage.ledger.entries() if e.token in stage.disasters[-1].kept}
    gone -= failing.standby_tokens(stage)
    stage.hold(
        "after the second disaster nothing that was archived is lost",
        not gone,
        f"{len(gone)} of {len(stage.disasters[-1].kept)} archived writes are missing in the standby",
    )
    stage.measure(
        "From the second disaster to the first write served by Azure",
        f"{first.at - stage.disasters[-1].at:.1f} s",
        "client; './dr failover --open', nobody waits for people",
        headline=True,
    )
    return f"{first.at - stage.disasters[-1].at:.0f} s after the second disaster"


STORY = Story(
    "planned failover, a second disaster before the cutover and another right after it",
    (
        *NORMAL,
        Step("normal", "a backup arrives", backup_arrives),
        Step("planned", "./dr failover --planned", planned),
        Step("before", "./dr failback sync", home.sync),
        Step("before", "AWS dies, ./dr failover", failing.stays),
        Step("before", "AWS returns, and is fenced", returns),
        Step("after", "./dr failback sync", home.sync),
        Step("after", "./dr failback cutover, killed, and again", cutover),
        Step("after", "the log arrives", log_arrives),
        Step("after", "AWS dies before its first dump", dies_at_once),
        Step("after", "./dr failover", replaced),
        Step("after", "AWS returns, and is fenced", returns),
        Step("after", "what diverged leaves for the vault", home.divergence_leaves),
    ),
)
