"""What the operator's commands decide by: documents and switches as they were read, nothing that acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agent.epoch import Epoch
from agent.handover.order import Answer

SWITCHES: Mapping[str, str] = {  # attribute of Switches: key of the stack's configuration
    "mode": "mode",
    "purpose": "purpose",
    "scope": "emergencyScope",
    "enabled": "enablePetclinic",
    "maintenance": "maintenance",
    "force": "forceFailover",
    "weight": "awsWeight",
    "cutover": "cutover",
    "release": "releaseDatabase",
}


@dataclass(frozen=True)
class Switches:
    """The words an operator sets; see ``Pulumi.yaml`` for what each one means."""

    mode: str = "normal"
    purpose: str = "production"
    scope: str = "full"
    enabled: bool = False
    maintenance: bool = False
    force: bool = False
    weight: int = 0
    cutover: str = ""
    release: str = ""

    def changes_to(self, wanted: Switches) -> dict[str, str | None]:
        """The settings that differ, by key; None: the key is to be removed."""
        found: dict[str, str | None] = {}
        for attribute, key in SWITCHES.items():
            value = getattr(wanted, attribute)
            if value != getattr(self, attribute):
                text = str(value)
                found[key] = (text.lower() if isinstance(value, bool) else text) or None
        return found


def switches_from(values: Mapping[str, Any]) -> Switches:
    """The switches among a stack's settings, by key; what is not set has its default."""
    found: dict[str, Any] = {}
    for attribute, key in SWITCHES.items():
        default = getattr(Switches, attribute)
        text = str(values.get(key, "") if values.get(key) is not None else "").strip()
        if isinstance(default, bool):
            found[attribute] = text.lower() == "true"
        elif isinstance(default, int):
            found[attribute] = int(text) if text.lstrip("-").isdigit() else default
        else:
            found[attribute] = text or default
    return Switches(**found)


@dataclass(frozen=True)
class Copy:
    """The standby's newest restore since its database exists.

    Attributes:
        epoch: of what it holds. error: why it failed; empty: it was restored and verified.
        backup: the base. through: up to when the copy holds what the writer committed, ISO 8601.
        lost: in words, what the writer is known to have committed beyond the copy.
        lost_transactions: archived and not in the copy.
    """

    epoch: int
    error: str = ""
    backup: str = ""
    through: str = ""
    lost: str = ""
    lost_transactions: int = 0
    tables: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Chain:
    """The backups that the writer has made in the present epoch, by its agent's heartbeat.

    Attributes:
        epoch: the newest complete dump's. verified: the newest epoch of which a chain was restored and found
            good. trouble: what is wrong with the archive of the log; empty: nothing.
    """

    epoch: int = 0
    verified: int = 0
    trouble: str = ""


@dataclass(frozen=True)
class Facts:
    """Everything that the rules decide by.

    Attributes:
        config: what the stack's file says now.
        deployed: the switches of the last ``pulumi up`` that succeeded; None: there was none, or one was
            ended half-way since, or it cannot be read.
        last_mode: the mode in which the last update ended, even where another one was ended half-way since;
            empty: unknown.
        succeeded: the switches of the last ``pulumi up`` that succeeded, whatever came after it; None:
            unknown.
        ordered: with which switches ``orders.json`` was written for certain: those deployed, also where only
            single resources, as the hold, were destroyed since; None: unknown.
        database: the stack's state has a standby's database. Without one no standby runs: its server is made
            after the database, and deleted before it.
        epoch: who writes, with the standing order; None: it cannot be read.
        aws, azure: what each site's agent last said of an order.
        copy: the standby's; None: no restore has ended yet.
        home: the chain of AWS since it is the writer again. standby: the chain of Azure while it writes.
        hold: whether the hold blob stands; None: it cannot be read.
        addresses: what DNS answers for the public name; None: no answer.
        reserved: the gateway's address in Azure.
        page: whether the gateway shows the maintenance page; None: not looked at.
        origin: why AWS's origin does not answer as it should; empty: it does; None: not looked at.
        agreed: a person has said in this run that the standby may open.
        settled: DNS has answered AWS only for twice the records' time to live, seen in this run.
        sealed: this run has rewritten the epoch since the standby was closed, so that no take-over that was
            under way can still succeed.
        unreadable: by part, why it could not be read.
    """

    config: Switches = Switches()
    deployed: Switches | None = None
    last_mode: str = ""
    succeeded: Switches | None = None
    ordered: Switches | None = None
    database: bool = False
    epoch: Epoch | None = None
    aws: Answer | None = None
    azure: Answer | None = None
    copy: Copy | None = None
    home: Chain = Chain()
    standby: Chain = Chain()
    hold: bool | None = None
    addresses: tuple[str, ...] | None = None
    reserved: str = ""
    page: bool | None = None
    origin: str | None = None
    agreed: bool = False
    settled: bool = False
    sealed: bool = False
    unreadable: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def in_place(self) -> bool:
        """The last ``pulumi up`` did what the stack's file says."""
        return self.deployed == self.config

    def answer(self, site: str) -> Answer | None:
        """What ``site`` says of the order that stands now; None: nothing yet."""
        said = self.aws if site == "aws" else self.azure
        order = self.epoch.order if self.epoch else None
        if said is None or order is None or self.epoch is None:
            return None
        return said if said.epoch == self.epoch.epoch and said.order == order.id else None

    def closed(self, site: str) -> bool:
        """The writer ``site`` has drained in this epoch and has not said that it opened again.

        Who cannot read what it says does not call it open.
        """
        if f"answer-{site}" in self.unreadable:
            return True
        said = self.aws if site == "aws" else self.azure
        return (
            said is not None
            and self.epoch is not None
            and said.epoch == self.epoch.epoch
            and said.state in ("draining", "drained")
        )

    def with_config(self, **switches: Any) -> Facts:
        """The same with other switches in the stack's file."""
        return replace(self, config=replace(self.config, **switches))
