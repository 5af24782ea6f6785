"""The way back, as rules: a copy in AWS, the cutover, the weights, and the end of the standby. Pure."""

from __future__ import annotations

from cli.operate.facts import Facts
from cli.operate.rules import EMERGENCY, NORMAL, after_cutover, blind, forced, reach, standing
from cli.operate.steps import Code, Done, Give, Goal, Refuse, Step, Up, Wait, Withdraw

LITTLE_BEHIND = 1000
"""Archived transactions that the copy may lack when a cutover begins; they are replayed while users wait."""


# ----------------------------------------------------------------------------------------------------- sync


def sync(facts: Facts, *, accept: str = "") -> Step:
    """Towards a copy in RDS that follows the standby; users notice nothing.

    Args:
        accept: digest of the diverged transactions that may be overwritten in RDS.
    """
    refused = blind(facts) or _not_opened(facts)
    if refused is not None:
        return refused
    order = standing(facts)
    if order is not None and (order.kind != "failback" or order.step != "sync"):
        return Refuse(
            f"the order {order.kind}/{order.step} stands; go on with it: ./dr failback cutover, or take it "
            "back: ./dr failback abort"
        )
    wanted = accept or (order.accept_divergence if order else "")
    if order is None or order.accept_divergence != wanted:
        return _not_accepted(facts, accept) or Give("failback", "sync", wanted)
    return _divergence(facts) or (
        Done("RDS holds a copy of the standby's data and follows it; next: ./dr failback cutover")
        if _follows(facts)
        else Wait(Goal.FOLLOWING)
    )


def _not_opened(facts: Facts) -> Refuse | None:
    epoch, mode = facts.epoch, facts.config.mode
    if epoch is not None and epoch.writer == "aws":
        if mode == "failback":
            return Refuse("AWS is the writer already; next: ./dr failback cutover")
        return Refuse(f"mode is {mode!r} and AWS is the writer: there is nothing to bring home")
    if mode == "normal":
        return Refuse(
            "mode is 'normal' in the stack's file though the standby is the writer; put it right with "
            "./dr failover, then repeat"
        )
    return None


def _not_accepted(facts: Facts, accept: str) -> Refuse | None:
    """Why ``accept`` names nothing that can be accepted; None when it does, or nothing is to be accepted."""
    if not accept:
        return None
    said = facts.aws
    known = said.divergence.digest if said is not None and said.divergence is not None else ""
    if said is None or facts.epoch is None or said.epoch != facts.epoch.epoch or known != accept:
        seen = (
            f"what AWS's agent shows is {known!r}" if known else "AWS's agent has not answered an order yet"
        )
        return Refuse(
            f"--accept-divergence is {accept!r}: {seen}; look first: ./dr failback sync", Code.USAGE
        )
    return None


def _divergence(facts: Facts) -> Refuse | None:
    """Transactions in RDS that the standby lacks and that nobody has looked at; a person must."""
    said, order = facts.answer("aws"), standing(facts)
    if said is None or said.state != "divergence" or said.divergence is None or order is None:
        return None
    found = said.divergence
    if found.digest == order.accept_divergence:
        return None
    tables = ", ".join(f"{table} {count}" for table, count in sorted(found.statements.items())) or "no rows"
    text = (
        f"RDS holds {found.transactions} transactions that the standby lacks, from {found.first or '?'} to "
        f"{found.last or '?'} (changes: {tables}). They are kept as SQL in {found.blob} and would be "
        "overwritten in RDS. Read them: ./dr failback show-divergence. Then: "
        f"./dr failback sync --accept-divergence {found.digest}"
    )
    unread = f" Not all could be rendered: {found.unreadable}." if found.unreadable else ""
    return Refuse(text + unread, Code.DECIDE)


def _follows(facts: Facts) -> bool:
    said = facts.answer("aws")
    return said is not None and said.state == "following"


# -------------------------------------------------------------------------------------------------- cutover


def cutover(facts: Facts) -> Step:  # noqa: PLR0911 - one step a line
    """AWS becomes the writer again; users see the maintenance page meanwhile."""
    refused = blind(facts)
    if refused is not None or facts.epoch is None:
        return refused or Refuse("the epoch cannot be read")
    if facts.epoch.writer == "aws":
        return _home(facts)
    refused = _not_opened(facts) or _unready(facts)
    if refused is not None:
        return refused
    step = reach(facts, mode="failback", scope="full", enabled=True, maintenance=True)
    if step is not None:
        return step
    order = standing(facts)
    if order is not None and order.step == "cutover":
        return _differs(facts) or Wait(Goal.AWS_WRITES)
    if not facts.page:
        return Wait(Goal.PAGE)
    if _behind(facts):  # since the page is up; users wait for that much
        return Wait(Goal.FOLLOWING)
    return Give("failback", "cutover", order.accept_divergence if order else "")


def _home(facts: Facts) -> Step:
    """The epoch is AWS's: the page comes down and the gateway sends users there.

    Also the way back out of a second disaster that was none, before the standby took over again.
    """
    order = standing(facts)
    replacing = order is not None and order.kind == "replace"
    if facts.epoch is None or not after_cutover(facts):
        return Refuse(f"mode is {facts.config.mode!r} and AWS is the writer: there is nothing to cut over")
    weight, release = facts.config.weight, facts.config.release
    if facts.config.cutover != facts.epoch.cutover:
        weight, release = 0, ""
    wanted = {"cutover": facts.epoch.cutover, "weight": weight, "release": release, "force": False}
    step = reach(facts, mode="failback", scope="full", enabled=True, maintenance=False, **wanted)
    if step is not None:
        return step
    if replacing:
        return Withdraw()
    return Done(
        "AWS is the writer and serves, through Azure's gateway; next, once its new backups are verified: "
        "./dr failback weight 10"
    )


def _unready(facts: Facts) -> Refuse | None:
    """Why the cutover cannot begin; with the page up only what waiting does not mend."""
    order, shown = standing(facts), facts.deployed or facts.config
    ordered = order is not None and order.step == "cutover"
    if not ordered and not (shown.mode == "failback" and shown.maintenance):
        why = _no_copy(facts) or _no_dump(facts) or _behind(facts)
        return Refuse(why) if why else None
    why = "" if ordered else _no_copy(facts)
    if not why and (diverged := _divergence(facts)) is not None:
        why = diverged.text
    return (
        Refuse(f"{why}. Users see the maintenance page; it comes down with ./dr failback abort")
        if why
        else None
    )


def _no_copy(facts: Facts) -> str:
    """Why nothing is there that AWS could take over, or open again from; empty when it is."""
    order = standing(facts)
    if order is None or order.kind != "failback":
        last = facts.epoch.order if facts.epoch else None
        taken_back = last is not None and last.withdrawn
        why = "the order was taken back" if taken_back else "RDS holds no copy of the standby's data yet"
        return f"{why}: ./dr failback sync"
    return ""


def _no_dump(facts: Facts) -> str:
    """Why AWS, failing right after the cutover, would leave nothing to restore from; empty when it would."""
    number = facts.epoch.epoch if facts.epoch else 0
    if facts.standby.epoch < number:
        # A chain reaches across one change of the writer, and no further: see agent/across.py.
        return (
            f"the standby's own backups have no complete dump of epoch {number}, and if AWS failed right "
            "after the cutover nothing could be restored; './dr status' shows the last backup and what "
            "hinders the next: repeat when there is one"
        )
    return ""


def _behind(facts: Facts) -> str:
    """Why users would have to wait long for the copy in RDS; empty when they would not."""
    said = facts.answer("aws")
    if said is None or said.state != "following":
        state = f"says {said.state!r} ({said.sentence})" if said else "has not answered yet"
        return f"AWS's agent {state}; wait for it with ./dr failback sync"
    if said.behind > LITTLE_BEHIND:
        return (
            f"the copy in RDS lacks {said.behind} archived transactions, more than {LITTLE_BEHIND}; users "
            "would wait for them behind the page: repeat when it has caught up"
        )
    return ""


def _differs(facts: Facts) -> Refuse | None:
    said = facts.answer("aws")
    if said is None or said.state != "differs":
        return None
    return Refuse(
        f"the copy in RDS is not equal to the standby: {said.sentence}. Nothing was switched; open the "
        "standby again: ./dr failback abort",
        Code.FAILED,
    )


# ---------------------------------------------------------------------------------------- weights, the end


def weight(facts: Facts, per_cent: int) -> Step:
    """``per_cent`` of the users go straight to AWS, the rest through Azure's gateway to AWS."""
    refused = blind(facts) or _not_cut_over(facts) or (unproved(facts) if per_cent else None)
    if refused is not None:
        return refused
    if standing(facts) is not None:  # a second disaster that was none
        return Withdraw()
    after = "./dr failback finish" if per_cent == 100 else "./dr failback weight 100"
    return reach(facts, weight=per_cent, force=False) or Done(
        f"{per_cent} % of the users go straight to AWS; next: {after}"
    )


def _not_cut_over(facts: Facts) -> Refuse | None:
    epoch, config = facts.epoch, facts.config
    if epoch is None or epoch.writer != "aws":
        return Refuse("the standby is the writer; weights move users only after: ./dr failback cutover")
    if config.mode != "failback":
        back = "; go back to it with ./dr failback cutover" if after_cutover(facts) else ""
        return Refuse(f"mode is {config.mode!r}, and only mode failback shares users out{back}")
    if not config.cutover or config.cutover != epoch.cutover:
        return Refuse(
            f"cutover is {config.cutover!r} and the epoch says {epoch.cutover!r}; complete it first: "
            "./dr failback cutover"
        )
    return None


def unproved(facts: Facts) -> Refuse | None:
    """Why AWS's new backups cannot be relied on yet; None when they can."""
    number = facts.epoch.epoch if facts.epoch else 0
    if facts.home.epoch < number:
        missing = f"no dump of epoch {number} is complete"
    elif facts.home.trouble:
        missing = f"its archive has a fault: {facts.home.trouble}"
    elif facts.home.verified < number:
        missing = f"no chain of epoch {number} has been restored and verified"
    else:
        return None
    return Refuse(f"AWS's new backups are not proved yet ({missing}); './dr status' shows them, repeat then")


def finish(facts: Facts) -> Step:
    """Give the standby up, once nothing goes through it; then mode normal."""
    refused = blind(facts)
    if refused is not None or facts.epoch is None:
        return refused or Refuse("the epoch cannot be read")
    if facts.epoch.writer == "aws" and facts.config.mode == "normal":
        return _last_update(facts)
    refused = _not_cut_over(facts) or _still_needed(facts)
    if refused is not None:
        return refused
    if standing(facts) is not None:  # a second disaster that was none
        return Withdraw()
    if not facts.settled:
        return Wait(Goal.AWS_ONLY)
    return reach(facts, release=facts.epoch.cutover) or reach(facts, **NORMAL) or _last_update(facts)


def _last_update(facts: Facts) -> Step:
    """Mode normal stands in the stack's file: deploy it, where a run of this command has set it."""
    if not facts.in_place and not finishing(facts):
        return Refuse(
            "mode is 'normal' in the stack's file, and this command has not released the standby; what was "
            f"deployed last is mode {facts.last_mode or 'unknown'!r}: where another clone did that, pulumi "
            "config refresh, then repeat. './dr status' says what else would help"
        )
    if standing(facts) is not None:  # its database is released or gone
        return Withdraw()
    return Done("the stack stands in mode normal; AWS serves and backs up") if facts.in_place else Up()


def finishing(facts: Facts) -> bool:
    """A run of ``finish`` has released the standby of the present epoch; no ``up`` has succeeded since."""
    good, epoch = facts.succeeded, facts.epoch
    return good is not None and epoch is not None and bool(good.release) and good.release == epoch.cutover


def _still_needed(facts: Facts) -> Refuse | None:
    good = facts.succeeded
    deployed = good.weight if good is not None else 0
    if facts.config.weight != 100 or deployed != 100 or forced(facts):
        weight = f"awsWeight is {facts.config.weight}, and {deployed} as deployed"
        why = "forceFailover is deployed" if forced(facts) else weight
        return Refuse(f"{why}: users still go through Azure; first: ./dr failback weight 100")
    return unproved(facts)


def aws_only(facts: Facts) -> bool:
    """DNS answers, and not Azure's address."""
    return bool(facts.addresses) and facts.reserved not in (facts.addresses or ())


def abort(facts: Facts) -> Step:
    """Before the cutover: the standby stays the writer."""
    refused = blind(facts)
    if refused is not None or facts.epoch is None:
        return refused or Refuse("the epoch cannot be read")
    if facts.epoch.writer == "aws":
        return Refuse("AWS is the writer: nothing is left to take back. If AWS is gone again: ./dr failover")
    refused = _not_opened(facts)
    if refused is not None:
        return refused
    if standing(facts) is not None:
        return Withdraw()
    if facts.closed("azure"):
        return Wait(Goal.REOPENED)
    return reach(facts, **EMERGENCY, enabled=True, maintenance=False) or Done(
        "the standby serves and stays the writer"
    )


# --------------------------------------------------------------------------------------------------- status


def way_back(facts: Facts) -> tuple[Code, str]:  # noqa: PLR0911 - one line a situation
    """What an operator would do now on the way back."""
    order, said = standing(facts), facts.answer("aws")
    if facts.epoch is not None and facts.epoch.writer == "aws":
        return _end_of_the_way(facts)
    if facts.config.mode == "normal" or not facts.config.enabled or facts.deployed is None:
        return Code.DECIDE, "./dr failover: the standby is the writer and the switches do not say so yet"
    if order is not None and order.drains:
        return Code.DECIDE, "./dr failback cutover: goes on; or ./dr failback abort"
    if facts.config.mode == "failback" or facts.config.maintenance:
        return Code.DECIDE, "./dr failback cutover, or ./dr failback abort: users see the maintenance page"
    if order is None:
        return Code.DONE, "nothing; when AWS is back: ./dr failback sync"
    if _divergence(facts) is not None:
        return Code.DECIDE, "./dr failback sync: it shows what RDS has and the standby lacks"
    if said is not None and said.state == "following":
        return Code.DONE, "./dr failback cutover when users can wait for a few minutes"
    return Code.DONE, "./dr failback sync: it shows how far the copy in AWS is"


def _end_of_the_way(facts: Facts) -> tuple[Code, str]:  # noqa: PLR0911 - one line a situation
    """The same once AWS is the writer again."""
    if facts.config.mode == "normal" and finishing(facts):
        return Code.DECIDE, "./dr failback finish: goes on where the last run ended"
    if facts.config.mode == "normal":
        return Code.DECIDE, (
            "pulumi config refresh, where another clone switched: mode is normal in the stack's file and the "
            "standby is deployed; else ./dr failback cutover, which goes back to it"
        )
    if standing(facts) is not None:
        return Code.DECIDE, (
            "./dr failover: goes on with the second disaster; or, if AWS serves, ./dr failback cutover"
        )
    if _not_cut_over(facts) is not None:
        return Code.DECIDE, "./dr failback cutover: goes on where the last run ended"
    if unproved(facts) is not None:
        return Code.DECIDE, "wait until AWS's new backups are verified, then ./dr failback weight 10"
    if facts.config.weight < 100 or forced(facts):
        return Code.DECIDE, "./dr failback weight 100, in steps if you like"
    return Code.DECIDE, "./dr failback finish"
