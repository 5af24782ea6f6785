"""``./dr status``: what stands, what runs, and one line on what an operator would do now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from agent.lastwords import SKEW_S, of_the_future
from cli.operate.facts import SWITCHES, Facts, Switches
from cli.operate.progress import age, answer_words, failure_words
from cli.operate.pulumi import Pulumi
from cli.operate.read import SITES, Sight
from cli.operate.rules import advice
from cli.operate.steps import Code
from cli.problem import Problem

_WIDTH = 18
_PRODUCTIONS = "production's, not the drill's"
_LATE = 3  # dump intervals without anything new


@dataclass(frozen=True)
class Line:
    """One line: what, how it is, and whether that is wrong."""

    name: str
    text: str
    wrong: bool = False


def show(sight: Sight, pulumi: Pulumi, *, as_json: bool) -> Code:
    """Print it all.

    Returns:
        DONE: healthy; FAILED: a part could not be read; REFUSED: something is wrong; DECIDE: something waits
        for a person.
    """
    code, following = _advice(sight)
    found = lines(sight, pulumi)
    if any(line.wrong for line in found) and code is Code.DONE:
        code = Code.REFUSED
    if sight.facts.unreadable:
        code = Code.FAILED
    if as_json:
        print(json.dumps(_document(sight, found, following, code), indent=1, default=str))
        return code
    for line in found:
        print(f"{line.name:<{_WIDTH}}{'WRONG: ' if line.wrong else ''}{line.text}")
    print(f"{'next:':<{_WIDTH}}{following}")
    return code


def _advice(sight: Sight) -> tuple[Code, str]:
    """The rules' advice, and what they do not look at."""
    if sight.facts.config.purpose == "drill" and sight.facts.epoch is not None:
        return Code.DONE, f"as runbooks/drill.md says; epoch, order and agents above are {_PRODUCTIONS}"
    code, following = advice(sight.facts)
    if _unaccepted(sight) and code is Code.DONE:
        return Code.DECIDE, f"{following}; read before: ./dr failback show-divergence"
    return code, following


def lines(sight: Sight, pulumi: Pulumi) -> list[Line]:
    """Everything but the advice; a part that could not be read says why."""
    facts, why = sight.facts, sight.facts.unreadable
    return [
        Line("stack", _cannot(why, "stack") or f"{_name(pulumi)} in {pulumi.folder}"),
        Line("switches", _cannot(why, "config") or _switches(facts.config)),
        _deployed(sight),
        Line("epoch", _cannot(why, "epoch") or _epoch(facts)),
        Line("order", _cannot(why, "epoch") or _order(facts)),
        *(Line(f"{site} says", _answer(facts, site)) for site in SITES),
        *(_heartbeat(sight, site) for site in SITES),
        *_restore(sight),
        *_divergence(sight),
        *_backups(sight),
        Line("hold", _cannot(why, "hold") or ("on: users stay on Azure" if facts.hold else "off")),
        _dns(sight),
    ]


def _name(pulumi: Pulumi) -> str:
    try:
        return pulumi.stack
    except Problem as problem:
        return str(problem)


def _cannot(why: Mapping[str, str], *parts: str) -> str:
    """Why a line cannot be shown, if any of ``parts`` could not be read."""
    return next((f"cannot be read: {why[part]}" for part in parts if part in why), "")


def _switches(switches: Switches) -> str:
    shown = {key: getattr(switches, name) for name, key in SWITCHES.items()}
    defaults = {key: getattr(Switches(), name) for name, key in SWITCHES.items()}
    always = ("mode", "enablePetclinic")
    return ", ".join(f"{k} {_text(v)}" for k, v in shown.items() if k in always or v != defaults[k])


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _deployed(sight: Sight) -> Line:
    facts, why = sight.facts, sight.facts.unreadable
    if "deployment" in why:
        return Line("deployed", _cannot(why, "deployment"))
    if facts.deployed is None:
        return Line("deployed", f"not as the file says: {sight.why_changed}", wrong=True)
    changes = facts.deployed.changes_to(facts.config)
    if not changes:
        return Line("deployed", "as the file says")
    return Line("deployed", f"differs in {', '.join(changes)}: {_switches(facts.deployed)}", wrong=True)


def _epoch(facts: Facts) -> str:
    epoch = facts.epoch
    whose = f" ({_PRODUCTIONS})" if facts.config.purpose == "drill" else ""
    return f"{epoch.epoch}, writer {epoch.writer}{whose}" if epoch else "unknown"


def _order(facts: Facts) -> str:
    order = facts.epoch.order if facts.epoch else None
    if order is None:
        return "none"
    when = f", {age(order.ordered)} ago" if age(order.ordered) else ""
    return f"{order.kind}/{order.step}{when}"


def _answer(facts: Facts, site: str) -> str:
    trouble = _cannot(facts.unreadable, "signals", f"answer-{site}")
    said = facts.aws if site == "aws" else facts.azure
    if trouble or said is None:
        return trouble or "nothing yet"
    old = "" if facts.answer(site) else " (of an earlier order)"
    return f"{answer_words(said)}{old}"


def _restore(sight: Sight) -> list[Line]:
    """The standby's restore, where the last one failed."""
    return [Line("restore", failure_words(sight.failed), wrong=True)] if sight.failed else []


def _divergence(sight: Sight) -> list[Line]:
    """What RDS has and the standby lacks, while the standby is the writer."""
    found = sight.divergence
    if found is None or not _writes(sight.facts, "azure"):
        return []
    accepted = "" if _unaccepted(sight) else ", accepted"
    text = f"{found.digest}{accepted}: RDS holds {found.transactions} transactions that the standby lacks"
    return [Line("divergence", text)]


def _unaccepted(sight: Sight) -> bool:
    found, order = sight.divergence, sight.facts.epoch.order if sight.facts.epoch else None
    if found is None or not _writes(sight.facts, "azure"):
        return False
    said = sight.facts.answer("aws")
    overwritten = said is not None and said.state in ("following", "ready")  # accepted by an earlier order
    return not overwritten and (order is None or order.accept_divergence != found.digest)


def _interval_s(beat: Mapping[str, Any]) -> float:
    return float(beat.get("interval_seconds") or 300)


def _since(moment: object) -> float:
    """Seconds, negative for a time in the future; infinite where it is not known."""
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(str(moment))).total_seconds()
    except (ValueError, TypeError):
        return float("inf")


def _seconds_since(moment: object) -> float:
    """As ``_since``, but a time in the future is only that of a clock that is wrong: not known either."""
    since = _since(moment)
    return since if since >= -SKEW_S else float("inf")


def _writes(facts: Facts, site: str) -> bool:
    return facts.epoch is not None and facts.epoch.writer == site


def _heartbeat(sight: Sight, site: str) -> Line:
    name, beat = f"heartbeat {site}", sight.heartbeats.get(site, {})
    trouble = _cannot(sight.facts.unreadable, "signals", f"heartbeat-{site}")
    if trouble:
        return Line(name, trouble)
    if not beat:
        return Line(name, "never", wrong=_writes(sight.facts, site))
    errors: Mapping[str, Any] = beat.get("errors") or {}
    said = "".join(f"; {what}: {text}" for what, text in errors.items())
    clock = of_the_future(site, -_since(beat.get("at")))
    said += f"; {clock}" if clock else ""
    silent = _seconds_since(beat.get("at")) > _interval_s(beat)
    wrong = _writes(sight.facts, site) and (silent or bool(errors))
    return Line(name, f"{age(beat.get('at'))} ago{said}", wrong=wrong)


def _backups(sight: Sight) -> list[Line]:
    """The writer's archive, its last dump, and when a chain was last proved."""
    facts, names = sight.facts, ("archived through", "last backup", "last verified")
    writer = facts.epoch.writer if facts.epoch else ""
    trouble = _cannot(facts.unreadable, "epoch", f"heartbeat-{writer}")
    beat = sight.heartbeats.get(writer, {})
    if trouble or not beat:
        return [Line(name, trouble or "nothing known") for name in names]
    archive: Mapping[str, Any] = beat.get("archive") or {}
    backup: Mapping[str, Any] = beat.get("last_backup") or {}
    proof: Mapping[str, Any] = beat.get("verification") or {}
    through, late_s = archive.get("archived_through"), _LATE * _interval_s(beat)
    fault = archive.get("error") or archive.get("hole")
    fresh = beat.get("fresh_at") or backup.get("finished")
    return [
        Line(
            names[0],
            f"{through}, {age(through)} ago{f'; {fault}' if fault else ''}" if through else "no archive",
            wrong=bool(fault) or (bool(archive) and _seconds_since(through) > late_s),
        ),
        Line(
            names[1],
            f"{backup.get('backup')}, held all there was {age(fresh)} ago" if backup else "none",
            wrong=_seconds_since(fresh) > late_s,
        ),
        Line(
            names[2],
            f"{proof.get('backup')}, {age(proof.get('at'))} ago: {proof.get('error') or 'good'}"
            if proof
            else "none in this epoch",
            wrong=bool(proof) and not proof.get("ok"),
        ),
    ]


def _dns(sight: Sight) -> Line:
    facts, name = sight.facts, sight.settings.get("publicName", "the public name")
    if "dns" in facts.unreadable:
        return Line("dns", _cannot(facts.unreadable, "dns"))
    seen = facts.addresses or ()
    where = "Azure" if facts.reserved in seen else "AWS"
    wrong = where == "Azure" and facts.config.mode == "normal"
    return Line("dns", f"{name} is {', '.join(seen)} ({where})", wrong=wrong)


def _document(sight: Sight, found: list[Line], following: str, code: Code) -> dict[str, Any]:
    facts = asdict(sight.facts)
    for inner in ("agreed", "settled", "sealed", "page", "origin"):
        del facts[inner]  # of one run of a command, not of the stack
    return {
        "code": int(code),
        "next": following,
        **facts,
        "heartbeats": sight.heartbeats,
        "restore_failed": asdict(sight.failed) if sight.failed else None,
        "wrong": {line.name: line.text for line in found if line.wrong},
    }
