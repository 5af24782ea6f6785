"""What the operator's commands do next: pure, one step at a time, from what was read just before.

A command is repeated "read, decide, do" until nothing is left. So one that was ended between any two steps
goes on from what it finds, and the plan that is shown beforehand is the same rules played through on paper.
The way back is in ``rules_failback``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from agent.handover.order import Order
from cli.operate.facts import Facts, Switches
from cli.operate.steps import (
    Ask,
    Code,
    Done,
    DropHold,
    Give,
    Goal,
    Look,
    Refuse,
    Seal,
    Set,
    Step,
    Up,
    Wait,
    Withdraw,
    expect,
)

Rule = Callable[[Facts], Step]
_LONGEST = 40  # steps; no command has half as many
_HOME: dict[str, Any] = {"weight": 0, "cutover": "", "release": ""}  # nothing of a failback is left
EMERGENCY: dict[str, Any] = {"mode": "emergency", "scope": "full", **_HOME}
NORMAL: dict[str, Any] = {
    "mode": "normal",
    "scope": "full",
    "enabled": False,
    "maintenance": False,
    "force": False,
    **_HOME,
}


def plan(rule: Rule, facts: Facts) -> list[Step]:
    """All steps that are left if each goes as it should; the last one says how it ends."""
    steps: list[Step] = []
    while len(steps) < _LONGEST:
        step = rule(facts)
        steps.append(step)
        if isinstance(step, Done | Refuse):
            return steps
        facts = expect(facts, step)
    raise AssertionError(f"no end after {steps[-3:]}")


def reach(facts: Facts, **wanted: Any) -> Step | None:
    """The next step towards these switches, set and deployed; None when they are."""
    changes = facts.config.changes_to(replace(facts.config, **wanted))
    if changes:
        return Set(changes)
    return None if facts.in_place else Up()


def standing(facts: Facts) -> Order | None:
    """The order that is wanted now."""
    order = facts.epoch.order if facts.epoch else None
    return None if order is None or order.withdrawn else order


def blind(facts: Facts, *, production: bool = True) -> Refuse | None:
    """Why no command that moves the writer can decide anything; None when it can."""
    if facts.config.purpose == "drill":
        return _is_drill()
    if production and facts.config.purpose != "production":
        return Refuse(
            f"purpose is {facts.config.purpose!r}: this stack has no AWS side, so there is nothing to go "
            "back to; name the production stack with --stack"
        )
    if facts.epoch is None:
        why = facts.unreadable.get("epoch", "no reason given")
        without = "" if production or _returning(facts) else _PLAINLY
        return Refuse(
            f"control/epoch.json cannot be read ({why}), so nobody knows who writes; sign in to Azure with "
            f"'az login' from an address in operatorAddresses{without}"
        )
    return None


_PLAINLY = ", or, to fail over without it: pulumi config set mode emergency && pulumi up"


def _returning(facts: Facts) -> bool:
    """A failback has begun. Only the epoch tells then whether the standby's database is the truth or an old
    one that is fenced, and plain commands cannot let it be replaced."""
    good = facts.succeeded.mode if facts.succeeded is not None else ""
    return "failback" in (facts.config.mode, facts.last_mode, good)


def _is_drill() -> Refuse:
    return Refuse(
        "purpose is 'drill': control/epoch.json is production's, and no drill may touch it; a drill is "
        "'pulumi up', its verdict and 'pulumi destroy' (runbooks/drill.md); for production name its "
        "stack with --stack"
    )


def after_cutover(facts: Facts) -> bool:
    """AWS is the writer again, and the standby's database, which has served, still exists or may exist."""
    if facts.epoch is None or facts.epoch.writer != "aws" or not facts.epoch.cutover:
        return False  # in the first epoch nothing was cut over, whatever mode was typed by hand
    if facts.deployed is not None and facts.deployed.mode == "normal":
        return False
    order = standing(facts)
    replacing = order is not None and order.kind == "replace"
    old = facts.copy is not None and facts.copy.epoch < facts.epoch.epoch  # mode emergency typed by hand
    return replacing or old or "failback" in (facts.config.mode, facts.last_mode)


# ------------------------------------------------------------------------------------------------- failover


def failover(facts: Facts, *, planned: bool = False, scope: Literal["full", "maintenance"] = "full") -> Step:
    """Towards a standby that serves, from wherever the stack stands. Asks nothing of AWS.

    Args:
        planned: AWS lives; it is drained first and nothing is lost.
        scope: ``maintenance``: raise the page only.
    """
    if scope == "maintenance":
        return _page_only(facts)
    refused = blind(facts, production=False)
    if refused is not None or facts.epoch is None:
        return refused or Refuse("the epoch cannot be read")
    if facts.epoch.writer == "azure":
        return _stay(facts)
    if after_cutover(facts):
        return _not_planned() if planned else _second_disaster(facts)
    return _first_disaster(facts, planned=planned)


def _page_only(facts: Facts) -> Step:
    config = facts.config
    if config.purpose == "drill":
        return _is_drill()
    if facts.epoch is None and any(now is not None and now.enabled for now in (config, facts.succeeded)):
        why = facts.unreadable.get("epoch", "no reason given")
        return Refuse(
            f"control/epoch.json cannot be read ({why}) and enablePetclinic is true: the standby may be the "
            f"writer, and its database would go; to show the page over it: {_page_over_it(config)}"
        )
    serving = facts.epoch is not None and facts.epoch.writer == "azure"
    if serving or config.mode == "failback":
        return Refuse(
            f"mode is {config.mode!r} and the standby has been opened; to show the page without closing that "
            f"door: {_page_over_it(config)}"
        )
    if _grown(facts):
        return Refuse(
            "the whole standby runs, or may be starting and opening (emergencyScope full), and would be torn "
            "down; the page shows already until the standby is opened. To call the emergency off: ./dr abort"
        )
    wanted = {**EMERGENCY, "scope": "maintenance", "enabled": False, "maintenance": False}
    return reach(facts, **wanted) or Done(
        "the maintenance page is up; './dr failover' goes on to the standby, './dr abort' calls it off"
    )


def _grown(facts: Facts) -> bool:
    """More than the page was deployed; also where nobody knows what an ``up`` that was ended has made."""
    config, before = facts.config, facts.deployed
    if before is not None:
        return before.mode == "emergency" and before.scope == config.scope == "full"
    full = config.scope == "full" and "emergency" in (config.mode, facts.last_mode)
    return full or config.enabled or facts.database


def _page_over_it(config: Switches) -> str:
    refresh = "pulumi config refresh (another clone switched it), then " if config.mode == "normal" else ""
    return f"{refresh}pulumi config set maintenance true && pulumi up"


def _first_disaster(facts: Facts, *, planned: bool) -> Step:  # noqa: PLR0911 - one step a line
    order, config = standing(facts), facts.config
    if order is not None and not (planned and order.kind == "planned"):
        # Withdrawn while the opening is ordered, AWS would open again and the standby too, uncompared.
        step = reach(facts, **EMERGENCY, enabled=False) if order.kind == "planned" else None
        return step or Withdraw()
    if config.mode == "emergency" and config.scope == "full" and config.enabled and not config.maintenance:
        return reach(facts, **EMERGENCY) or Wait(Goal.AZURE_WRITES)
    step = reach(facts, **EMERGENCY, enabled=False, maintenance=False)
    if step is not None:
        return step
    if not holds_copy(facts):
        return Wait(Goal.RESTORED)
    if not facts.agreed:
        return Ask()
    if planned:
        if order is None:
            return Give("planned", "drain")
        said = facts.answer("azure")
        if said is not None and said.state == "differs":
            return Refuse(
                f"the standby's copy is not equal to AWS: {said.sentence}. Nothing was opened; let AWS go "
                "on: ./dr abort",
                Code.FAILED,
            )
        if said is None or said.state != "ready":
            return Wait(Goal.READY)
    return Set(config.changes_to(replace(config, enabled=True)))


def holds_copy(facts: Facts) -> bool:
    """The standby's database is a proved copy of what the present epoch archived."""
    copy, epoch = facts.copy, facts.epoch
    return copy is not None and epoch is not None and not copy.error and copy.epoch >= epoch.epoch


def _stay(facts: Facts) -> Step:
    """The standby is the writer and stays it: a failback under way is given up."""
    if facts.config.purpose == "takeover":
        if facts.copy is None or facts.copy.error:
            return _not_this_standby(facts)
        if holds_copy(facts) and not facts.config.enabled and not facts.agreed:
            return Ask()  # of what production's standby archived; nobody has opened this one yet
    order = standing(facts)
    if order is not None and (order.drains or facts.config.mode == "failback"):
        return Withdraw()
    if facts.closed("azure"):  # the page stays until then
        return Wait(Goal.REOPENED)
    step = reach(facts, **EMERGENCY, enabled=True, maintenance=False)
    if step is None and facts.config.purpose == "takeover" and holds_copy(facts):
        return Wait(Goal.AZURE_WRITES)  # in an epoch of its own: see agent.serving
    return step or Done("the standby serves and is the writer")


def _not_this_standby(facts: Facts) -> Refuse:
    """A takeover's own database is empty, while the epoch says that a standby writes: production's."""
    number, why = facts.epoch.epoch if facts.epoch else 0, facts.unreadable.get("restore reports", "")
    if why:
        return Refuse(
            f"azure is the writer of epoch {number}, and whether this stack's database was restored cannot "
            f"be read ({why}); nothing was changed: repeat when it can be read"
        )
    return Refuse(
        f"azure is the writer of epoch {number} and nothing was restored into the database of this stack, "
        "so production's standby may be that writer: while its database lives it is the truth, so call this "
        "stack off (pulumi destroy, and put the hold back that goes with it) and let that one serve; if it "
        "is gone, this stack's server restores what it had archived: repeat then (runbooks/drill.md, "
        "Takeover)"
    )


def _not_planned() -> Refuse:
    return Refuse(
        "AWS is the writer again and the failback is not finished: the standby's database is an old one, and "
        "to replace it gives up what AWS has not archived yet, so no failover is a planned one now. If AWS "
        "lives, finish first (./dr failback finish; './dr status' names what is left before it); if AWS is "
        "gone: ./dr failover without --planned"
    )


def _second_disaster(facts: Facts) -> Step:
    """AWS was the writer again and is gone again, while the standby's old database still exists."""
    order, config = standing(facts), facts.config
    if order is None or order.kind != "replace":
        return Give("replace", "replace")
    serving = {**EMERGENCY, "enabled": True}
    said = facts.answer("azure")
    replaced = holds_copy(facts) or (said is not None and said.state in ("ready", "serving"))
    if config.mode != "emergency" or not replaced:
        return reach(facts, **serving, maintenance=True) or Wait(Goal.REPLACED)
    if config.maintenance and not facts.agreed:
        return reach(facts, **serving, maintenance=True) or Ask()  # users see the page while somebody reads
    return reach(facts, **serving, maintenance=False) or Wait(Goal.AZURE_WRITES)


# ---------------------------------------------------------------------------------------------------- abort


def abort(facts: Facts) -> Step:  # noqa: PLR0911 - one step a line
    """Before the opening: back to normal, with the traffic first and the standby last."""
    refused = blind(facts) or _opened(facts)
    if refused is not None:
        return refused
    config = facts.config
    if config.mode == "normal" and facts.in_place and facts.hold is not True:
        return _order_left(facts) or Done("the stack stands in mode normal; nothing is left to call off")
    if forced(facts):
        return Refuse(
            "forceFailover was deployed, so Route 53 sends everybody to Azure, and in mode emergency the "
            "program changes nothing in AWS. Undo it there, with the ID of 'petclinic may be served by AWS': "
            "aws route53 update-health-check --health-check-id ID --health-threshold 2. Then: "
            "pulumi config set forceFailover false && pulumi up, and repeat"
        )
    if facts.hold is None:
        why = facts.unreadable.get("hold", "no answer")
        return Refuse(f"whether the hold switch stands cannot be read ({why}); repeat when it can")
    if facts.origin is None:
        return Look()
    if facts.origin:
        return Refuse(
            f"AWS's origin does not serve ({facts.origin}), so nobody may be sent there; bring it back, or "
            "open the standby: ./dr failover"
        )
    # The opening first: without an order that stands, one that was ordered goes on by itself.
    return _close(facts) or _order_left(facts) or _let_go(facts)


def forced(facts: Facts) -> bool:
    """forceFailover is deployed: Route 53 answers Azure whatever AWS's health is."""
    return facts.succeeded is not None and facts.succeeded.force


def _order_left(facts: Facts) -> Step | None:
    """What takes a standing order back until AWS, the writer, has opened again; None when it has."""
    if standing(facts) is not None:
        return Withdraw()
    return Wait(Goal.REOPENED) if facts.closed("aws") else None


def _opened(facts: Facts) -> Refuse | None:
    if facts.epoch is not None and facts.epoch.writer == "azure":
        off = facts.hold is False
        way = "the hold is off, so users may be sent to AWS; first, " if off else ""
        way += "to lead them to the standby: ./dr failover; then " if off else ""
        return Refuse(
            f"the standby was opened and is the writer of epoch {facts.epoch.epoch}: calling the emergency "
            f"off would lose what was written there; {way}the way back is: ./dr failback sync"
        )
    if after_cutover(facts):
        return Refuse("AWS is the writer again after a failback; go on with: ./dr failback cutover")
    return None


def _close(facts: Facts) -> Step | None:
    """Order the standby not to open, where it was or may have been ordered to and has not begun an epoch.

    Its database loses its protection here too: the engine refuses to take that away and to delete in one
    ``up``. ``maintenance`` stands for the rest of the command, so that a run that was ended here is told from
    one whose emergency was never to be opened: its ``pulumi up`` need not be completed first.
    """
    config, before = facts.config, facts.deployed
    closed = {**EMERGENCY, "enabled": False, "maintenance": True}
    if before is not None:
        needed = before.mode != "normal" and (before.enabled or config.enabled)
    else:
        stands = facts.hold or (facts.database and config.mode != "normal")
        needed = stands and (config.enabled or _may_open(facts))
    if needed:
        return reach(facts, **closed)
    if facts.hold and config.maintenance and not facts.in_place:
        return Up()
    return None


def _may_open(facts: Facts) -> bool:
    """Nobody knows what the last ``up`` wrote into ``orders.json``, by which a standby that is there opens.

    It is the first thing that an ``up`` writes, and one that was killed leaves no other trace of it.
    """
    known = facts.deployed or facts.ordered
    return facts.database and known is None and not facts.sealed


def _let_go(facts: Facts) -> Step:
    if not facts.sealed:
        return Seal()
    if facts.hold:
        return DropHold()
    if not facts.settled:
        return Wait(Goal.AWS_ONLY)
    return reach(facts, **NORMAL) or Done("the emergency is called off; the stack stands in mode normal")


# --------------------------------------------------------------------------------------------------- status


def advice(facts: Facts) -> tuple[Code, str]:  # noqa: PLR0911 - one line a situation
    """What an operator would do now, and whether all is well."""
    from cli.operate.rules_failback import way_back  # noqa: PLC0415 - it builds on this module

    if facts.epoch is None:
        return Code.FAILED, "find out why the epoch cannot be read; until then no command can move the writer"
    if facts.config.purpose == "takeover" and facts.epoch.writer == "azure":
        return _takeover_advice(facts)
    if facts.config.purpose == "production" and facts.epoch.writer == "azure":
        return way_back(facts)
    if after_cutover(facts):
        return way_back(facts)
    if facts.config.mode != "normal":
        return _emergency_advice(facts)
    if not facts.in_place and facts.last_mode not in ("", "normal"):
        return Code.DECIDE, (
            f"mode is normal in the stack's file and {facts.last_mode} was deployed last; where another "
            "clone did that: pulumi config refresh. Else ./dr failover goes on, ./dr abort calls it off"
        )
    if not facts.in_place:
        return Code.DECIDE, (
            "the stack's file says other switches than are deployed: if another clone switched it, "
            "'pulumi config refresh'; else 'pulumi up'"
        )
    if standing(facts) is not None:
        return Code.DECIDE, "./dr abort: an order stands though the stack is normal"
    return Code.DONE, "nothing; './dr failover' when AWS is gone"


def _takeover_advice(facts: Facts) -> tuple[Code, str]:
    step = _stay(facts)
    if isinstance(step, Refuse):
        return Code.DECIDE, step.text
    if isinstance(step, Done):
        return Code.DONE, "nothing: the takeover serves; it has no AWS side, so there is no failback from it"
    if isinstance(step, Wait):
        return Code.DECIDE, "./dr failover: it waits until this standby has opened, in an epoch of its own"
    return Code.DECIDE, "./dr failover: azure is the writer and this stack's switches do not say so yet"


def _emergency_advice(facts: Facts) -> tuple[Code, str]:
    order = standing(facts)
    if order is not None and order.kind == "planned":
        return Code.DECIDE, "./dr failover --planned goes on; ./dr abort; or ./dr failover if AWS is gone"
    if not facts.in_place:
        return Code.DECIDE, "./dr failover: goes on where the last run ended (or ./dr abort)"
    if facts.config.scope == "maintenance":
        return Code.DECIDE, "./dr failover for the standby, or ./dr abort: only the maintenance page is up"
    if facts.config.enabled:
        return Code.DECIDE, "./dr failover: it waits until the standby has become the writer"
    if holds_copy(facts):
        return Code.DECIDE, "./dr failover --open: the standby holds a verified copy; or ./dr abort"
    return Code.DECIDE, "./dr failover: it waits for the standby's restore; or ./dr abort"
