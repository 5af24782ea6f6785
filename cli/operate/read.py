"""Reading everything that the rules decide by; what cannot be read is named, with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from agent.catalog import newest
from agent.epoch import Epoch, read_epoch
from agent.errors import AgentError, NoBackupError
from agent.handover.order import Answer, Divergence, read_answer
from agent.signals import verified
from agent.storage import BlobMissingError, BlobStore
from cli.operate import blobs, web
from cli.operate.facts import Chain, Copy, Facts, Switches, switches_from
from cli.operate.pulumi import Deployment, Pulumi
from cli.operate.state import Deployed, deployed
from cli.problem import Problem, sentence

T = TypeVar("T")
D = TypeVar("D")
SITES = ("aws", "azure")
CONTROL, SIGNALS, BACKUPS = "control", "signals", "mysql-backups"
_RESTORE = "restore-"
_FAILED = "failed-restore-azure.json"  # the standby's last failure; a good restore later leaves it
_REPORTS = 20  # newest ones that are opened in search of the standby's
_ERRORS = (AgentError, Problem, ConnectionError, OSError, ValueError, KeyError, TypeError)


@dataclass(frozen=True)
class Failure:
    """The standby's last restore that failed, if its database has existed since and no good one ended later.

    Attributes:
        error: in words. finished: when, ISO 8601.
        cleared: it had removed what the database held, a good copy too.
    """

    error: str
    finished: str
    cleared: bool = False


@dataclass(frozen=True)
class Sight:
    """All that was read in one look.

    Attributes:
        facts: what the rules see.
        settings: the stack's configuration, by key.
        places: where what is deployed answers.
        heartbeats: by site; what each agent said last.
        failed: the standby's last restore, if it failed. It takes nothing from a copy that was proved before:
            a restore leaves that one alone.
        why_changed: in words, why nothing is known to be deployed as it should.
    """

    facts: Facts
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    places: Deployed = field(default_factory=Deployed)
    heartbeats: Mapping[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    failed: Failure | None = None
    why_changed: str = ""

    @property
    def divergence(self) -> Divergence | None:
        """What RDS has and the present epoch lacks: by AWS's answer, or before any order by its heartbeat."""
        epoch, said, beat = self.facts.epoch, self.facts.aws, self.heartbeats.get("aws", {})
        if epoch is None:
            return None
        if said is not None and said.epoch == epoch.epoch and said.divergence is not None:
            return said.divergence
        found = (beat.get("handover") or {}).get("divergence")
        return _divergence_of(found) if found and beat.get("epoch") == epoch.epoch else None


@dataclass(frozen=True)
class _Said:
    """What stands in the vault; nothing where it could not be read."""

    epoch: Epoch | None = None
    answers: Mapping[str, Answer | None] = field(default_factory=dict[str, Answer | None])
    copy: Copy | None = None
    failed: Failure | None = None
    heartbeats: Mapping[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    home: Chain = field(default_factory=Chain)
    standby: Chain = field(default_factory=Chain)


class Source:
    """Reads one stack, its blobs, and what the world sees of it."""

    def __init__(self, pulumi: Pulumi) -> None:
        self.pulumi = pulumi
        self._stores: dict[tuple[str, str], BlobStore] = {}
        self._upped: Switches | None = None

    def upped(self, config: Switches | None) -> None:
        """This run's own ``up`` ended well with these switches; None: something was changed since."""
        self._upped = config

    def blobs(self, places: Deployed, container: str) -> BlobStore:
        """One container of the vault.

        Raises:
            Problem: nothing is deployed yet.
        """
        if not places.vault:
            raise Problem(
                f"stack {self.pulumi.stack} has no backup account in its state: deploy it first with "
                "'pulumi up'"
            )
        place = (places.vault, container)
        if place not in self._stores:  # one connection for a whole run
            self._stores[place] = blobs.store(*place)
        return self._stores[place]

    def look(self, before: Facts = Facts()) -> Sight:  # noqa: B008 - frozen
        """Read all of it.

        Args:
            before: what this run knows beyond documents (``agreed``, ``sealed``, ``settled``, ``page``,
                ``origin``) is kept from it.
        """
        why: dict[str, str] = {}
        _attempt(why, "stack", lambda: self.pulumi.stack, "")  # once, and not by each of the four below
        with ThreadPoolExecutor(4, thread_name_prefix="look") as threads:
            config = threads.submit(_attempt, why, "config", self.pulumi.config, dict[str, str]())
            printed = threads.submit(_attempt, why, "outputs", self.pulumi.outputs, dict[str, Any]())
            state = threads.submit(_attempt, why, "state", self.pulumi.resources, list[dict[str, Any]]())
            last = _attempt(why, "deployment", self._deployment, Deployment(None, "", ""))
            settings, outputs, resources = config.result(), printed.result(), state.result()
        places = deployed(resources, outputs)
        facts = replace(
            before,
            config=switches_from(settings),
            deployed=last.switches,
            last_mode=last.mode,
            succeeded=last.succeeded,
            ordered=last.ordered,
            database=places.database,
            reserved=places.gateway_ip,
            unreadable=why,
        )
        sight = Sight(facts, settings, places, why_changed=last.why or why.get("deployment", ""))
        return self.look_again(sight)

    def look_again(self, sight: Sight) -> Sight:
        """Read what agents and users see; the stack stays as it was read."""
        why = {part: reason for part, reason in sight.facts.unreadable.items() if part in _STACK}
        places, public = sight.places, sight.settings.get("publicName", "")
        with ThreadPoolExecutor(2, thread_name_prefix="look") as threads:
            dns = threads.submit(_attempt, why, "dns", lambda: web.addresses(public), None)
            hold = threads.submit(_attempt, why, "hold", lambda: _hold(places.site), None)
            said = self._said(why, places)
            addresses, held = dns.result(), hold.result()
        facts = replace(
            sight.facts,
            epoch=said.epoch,
            aws=said.answers.get("aws"),
            azure=said.answers.get("azure"),
            copy=said.copy,
            home=said.home,
            standby=said.standby,
            hold=held,
            addresses=addresses,
            unreadable=why,
        )
        return replace(sight, facts=facts, heartbeats=said.heartbeats, failed=said.failed)

    def _said(self, why: dict[str, str], places: Deployed) -> _Said:
        """What stands in the vault. Where the epoch cannot be read the rest is not tried: every try takes
        as long as the vault's patience with a network that is gone."""
        epoch = _attempt(why, "epoch", lambda: read_epoch(self.blobs(places, CONTROL)), None)
        if epoch is None:
            why["signals"] = "not tried, because the epoch cannot be read"
            return _Said()
        answers = {site: _attempt(why, f"answer-{site}", self._answer(places, site), None) for site in SITES}
        beats = {
            site: _attempt(why, f"heartbeat-{site}", self._beat(places, site), dict[str, Any]())
            for site in SITES
        }
        copy, failed = _attempt(why, "restore reports", lambda: self._restores(places), (None, None))
        return _Said(
            epoch=epoch,
            answers=answers,
            copy=copy,
            failed=failed,
            heartbeats=beats,
            home=_attempt(why, "verifications", self._chain(places, "aws", epoch, beats["aws"]), Chain()),
            standby=_attempt(
                why, "verifications", self._chain(places, "azure", epoch, beats["azure"]), Chain()
            ),
        )

    def _deployment(self) -> Deployment:
        if self._upped is not None:
            return Deployment(self._upped, self._upped.mode, "", self._upped, self._upped)
        return self.pulumi.deployment()

    def _beat(self, places: Deployed, site: str) -> Callable[[], dict[str, Any]]:
        def read() -> dict[str, Any]:
            try:
                data, _ = self.blobs(places, SIGNALS).read(f"heartbeat-{site}.json")
            except BlobMissingError:
                return {}
            return json.loads(data)

        return read

    def _answer(self, places: Deployed, site: str) -> Callable[[], Answer | None]:
        def read() -> Answer | None:
            said = read_answer(self.blobs(places, SIGNALS), "aws" if site == "aws" else "azure")
            if said is None or site == "aws" or not places.standby_since:
                return said
            # What was said of a standby's database that was deleted since says nothing of the present one.
            since = datetime.fromisoformat(places.standby_since)
            return None if datetime.fromisoformat(said.at) < since else said

        return read

    def _restores(self, places: Deployed) -> tuple[Copy | None, Failure | None]:
        """The standby's newest good restore since its database was made, and a failure after it."""
        if not places.standby_since:
            return None, None
        since = datetime.fromisoformat(places.standby_since)
        report = self._restored(places, since)
        if report is not None:
            since = datetime.fromisoformat(report["finished"])
        failed = self._failed(places, since)
        kept = report is not None and not (failed is not None and failed.cleared)
        return _copy_of(report) if kept and report is not None else None, failed

    def _restored(self, places: Deployed, since: datetime) -> dict[str, Any] | None:
        signals = self.blobs(places, SIGNALS)
        names = sorted((entry.name for entry in signals.entries(_RESTORE)), reverse=True)
        for name in names[:_REPORTS]:
            report: dict[str, Any] = json.loads(signals.read(name)[0])
            finished = str(report.get("finished") or "")
            if not finished or datetime.fromisoformat(finished) < since:
                return None  # and so are all that are older
            if report.get("site") == "azure" and report.get("loaded"):
                return report
        return None

    def _failed(self, places: Deployed, since: datetime) -> Failure | None:
        try:
            report: dict[str, Any] = json.loads(self.blobs(places, SIGNALS).read(_FAILED)[0])
        except BlobMissingError:
            return None
        error, finished = str(report["error"]), str(report["finished"])
        if not error or datetime.fromisoformat(finished) <= since:
            return None
        return Failure(error, finished, cleared="clear" in report.get("seconds", {}))

    def _chain(
        self, places: Deployed, site: str, epoch: Epoch, beat: Mapping[str, Any]
    ) -> Callable[[], Chain]:
        """A site's chain of the present epoch; empty while another site writes."""

        def read() -> Chain:
            if epoch.writer != site or beat.get("epoch") != epoch.epoch:
                return Chain()
            archive, dumped = beat.get("archive") or {}, beat.get("last_backup") or {}
            good = [v for v in verified(self.blobs(places, SIGNALS), epoch.epoch) if v.site == site and v.ok]
            return Chain(
                epoch=int(dumped["epoch"]) if dumped else self._dumped(places),
                verified=epoch.epoch if good else 0,
                trouble=str(archive.get("error") or archive.get("hole") or ""),
            )

        return read

    def _dumped(self, places: Deployed) -> int:
        """The epoch of the newest complete dump in the vault: an agent that has just started names none."""
        try:
            return newest(self.blobs(places, BACKUPS)).epoch
        except NoBackupError:
            return 0


_STACK = ("stack", "config", "outputs", "state", "deployment")


def _attempt(why: dict[str, str], part: str, read: Callable[[], T], otherwise: D) -> T | D:
    """What ``read`` returns; where it fails the reason is noted and ``otherwise`` returned."""
    try:
        return read()
    except _ERRORS as error:
        why[part] = sentence(error)
        return otherwise


def _hold(site: str) -> bool:
    """Whether the hold blob is there, asked as Route 53's checkers ask."""
    if not site:
        raise Problem("no maintenance site is deployed")
    status = web.get(urlsplit(site).hostname or "", "/hold").status
    if status not in (200, 404):
        raise Problem(f"{site}/hold answers {status}")
    return status == 200


def _divergence_of(found: Mapping[str, Any]) -> Divergence:
    """As a heartbeat holds it; see ``agent.handover.service``."""
    return Divergence(
        digest=str(found.get("digest") or ""),
        gtid=str(found.get("gtid") or ""),
        transactions=int(found.get("transactions") or 0),
        statements=dict(found.get("statements") or {}),
        blob=str(found.get("blob") or ""),
        first=str(found.get("first") or ""),
        last=str(found.get("last") or ""),
        unreadable=str(found.get("unreadable") or ""),
    )


def _copy_of(report: Mapping[str, Any]) -> Copy:
    lost: Mapping[str, Any] = report.get("lost") or {}
    reached: Mapping[str, Any] = report.get("reached") or {}
    seconds: Mapping[str, float] = report.get("seconds") or {}
    return Copy(
        epoch=int(reached.get("epoch") or report.get("epoch") or 0),
        error=str(report.get("error") or ""),
        backup=str((report.get("backup") or {}).get("backup") or ""),
        through=str(reached.get("time") or ""),
        lost=str(lost.get("sentence") or ""),
        lost_transactions=int(lost.get("transactions") or 0),
        tables=int(report.get("tables_verified") or 0),
        seconds=sum(seconds.values()),
    )
