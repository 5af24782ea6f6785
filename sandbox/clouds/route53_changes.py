"""What Route 53 makes of a change batch: all of it or nothing. Pure.

Rules: API reference, ChangeResourceRecordSets ("Route 53 either makes all or none of the changes in a change
batch request") and ResourceRecordSet; the developer guide's "Choosing between alias and non-alias records".
The messages are as AWS words them where a source shows them, else close to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sandbox.clouds.route53_rules import Record

Action = Literal["CREATE", "DELETE", "UPSERT"]
_Key = tuple[str, str, str | None]


class ChangeRefused(ValueError):
    """``InvalidChangeBatch``: nothing was changed. The text has every problem in brackets, as the API's."""


class NotOursError(LookupError):
    """A change to a record that the program made: only ``pulumi`` changes those here."""


@dataclass(frozen=True)
class Change:
    """One change; ``alias_zone`` is the hosted zone id that the request gives for an alias's target."""

    action: Action
    record: Record
    alias_zone: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What a batch is judged by.

    Attributes:
        zone_id, zone_name: of the hosted zone.
        made: the program's own records.
        checks: ids of all health checks.
        balancers: zone ids of load balancers by DNS name.
    """

    zone_id: str
    zone_name: str
    made: Sequence[Record]
    checks: frozenset[str]
    balancers: Mapping[str, str]

    def zone_of_target(self, name: str) -> str | None:
        """The hosted zone id that an alias to ``name`` must give; None where it cannot lead there."""
        inside = name == self.zone_name or name.endswith("." + self.zone_name)
        return self.zone_id if inside else self.balancers.get(name)


def changed(own: Sequence[Record], batch: Sequence[Change], around: Surroundings) -> list[Record]:
    """The records that people made, after the whole batch.

    Raises:
        ChangeRefused: a change that the service does not take.
        NotOursError: a change to one of the program's records.
    """
    made = {_key(record) for record in around.made}
    records = {_key(record): record for record in own}
    problems: list[str] = []
    for change in batch:
        key, record = _key(change.record), change.record
        if key in made:
            raise NotOursError(f"{record.name} {record.type} belongs to the program")
        what = f"resource record set [name='{record.name}.', type='{record.type}']"
        if change.action == "DELETE":
            there = records.pop(key, None)
            if there is None:
                problems.append(f"[Tried to delete {what} but it was not found]")
            elif there != record:
                problems.append(
                    f"[Tried to delete {what} but the values provided do not match the current values]"
                )
            continue
        if change.action == "CREATE" and key in records:
            problems.append(f"[Tried to create {what} but it already exists]")
        records[key] = record
    everything = [*around.made, *records.values()]
    for change in batch:
        if change.action != "DELETE":
            problems += _flaws(change, everything, around)
    if problems:
        raise ChangeRefused(", ".join(dict.fromkeys(problems)))
    return list(records.values())


def _key(record: Record) -> _Key:
    return record.name, record.type, record.set_identifier


def _flaws(change: Change, everything: Sequence[Record], around: Surroundings) -> Iterator[str]:
    record = change.record
    if around.zone_of_target(record.name) != around.zone_id:
        yield f"[RRSet with DNS name {record.name}. is not permitted in zone {around.zone_name}.]"
    if record.type == "CNAME" and record.name == around.zone_name:
        name = record.name
        yield f"[RRSet of type CNAME with DNS name {name}. is not permitted at apex in zone {name}.]"
    if record.health_check is not None and record.health_check not in around.checks:
        yield f"[Invalid health check id: {record.health_check}]"
    if record.alias is not None:
        yield from _alias_flaws(record, record.alias.name, change.alias_zone, everything, around)
    for other in everything:
        if other.name != record.name or _key(other) == _key(record):
            continue
        if "CNAME" in (record.type, other.type) and record.type != other.type:
            yield (
                f"[RRSet of type {record.type} with DNS name {record.name}. is not permitted as it conflicts "
                f"with other records with the same DNS name in zone {around.zone_name}.]"
            )
        elif other.type == record.type and _policy(other) != _policy(record):
            yield (
                f"[RRSet with DNS name {record.name}., type {record.type}, SetIdentifier "
                f"{record.set_identifier or 'null'} cannot be created as other RRSets exist with the same "
                "name and type.]"
            )


def _alias_flaws(
    record: Record, target: str, given: str, everything: Sequence[Record], around: Surroundings
) -> Iterator[str]:
    what = f"[Tried to create an alias that targets {target}., type {record.type} in zone {given}"
    zone = around.zone_of_target(target)
    if zone is None or zone != given:
        yield f"{what}, but the alias target name does not lie within the target zone]"
    elif zone == around.zone_id and (target, record.type) not in {(r.name, r.type) for r in everything}:
        yield f"{what}, but that target was not found]"


def _policy(record: Record) -> str:
    if record.failover is not None:
        return "failover"
    return "simple" if record.weight is None else "weighted"
