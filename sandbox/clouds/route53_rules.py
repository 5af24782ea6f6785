"""How Route 53 answers, as pure functions of records, health and one random number.

Every rule names its source, a page of the developer guide (repository awsdocs/amazon-route53-docs at
2c31968, folder ``doc_source``):

* [choose]: health-checks-how-route-53-chooses-records.md
* [complex]: dns-failover-complex-configs.md
* [status]: dns-failover-determining-health-of-endpoints.md
* [values]: health-checks-creating-values.md
* [alias]: resource-record-sets-values-failover-alias.md
* [weighted]: routing-policy-weighted.md
* [API]: the API reference (2013-04-01), ResourceRecordSet, "Weight"
* [ttl]: resource-record-sets-choosing-alias-non-alias.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

ALB_TTL_S = 60  # [ttl]: an alias to a load balancer has the load balancer's own TTL


class RecordError(ValueError):
    """Records that the real service would refuse, or that this simulation does not know."""


@dataclass(frozen=True)
class Alias:
    """An alias target: another record of the same zone, or a load balancer's DNS name."""

    name: str
    evaluate_target_health: bool


@dataclass(frozen=True)
class Record:
    """One resource record set. ``values`` and ``ttl`` (seconds) are empty for an alias."""

    name: str
    type: str
    values: tuple[str, ...] = ()
    ttl: int | None = None
    alias: Alias | None = None
    failover: Literal["PRIMARY", "SECONDARY"] | None = None
    weight: int | None = None
    set_identifier: str | None = None
    health_check: str | None = None


@dataclass(frozen=True)
class Check:
    """A health check's settings, as far as they decide its status.

    ``children`` and ``threshold`` belong to a CALCULATED check and are None for all others.
    """

    id: str
    inverted: bool = False
    disabled: bool = False
    children: tuple[str, ...] | None = None
    threshold: int | None = None


@dataclass(frozen=True)
class LoadBalancer:
    """What an alias to a load balancer sees: its addresses and each target group's healthy targets.

    ``target_groups`` holds, per group, the health of each registered target.
    """

    addresses: tuple[str, ...]
    target_groups: tuple[tuple[bool, ...], ...]


@dataclass(frozen=True)
class Answer:
    """Addresses and TTL (seconds, as deployed), and the records that were walked to get there."""

    values: tuple[str, ...]
    ttl: int
    path: tuple[str, ...]


@dataclass(frozen=True)
class Zone:
    """All that an answer depends on, apart from the random number."""

    records: Sequence[Record]
    checks: Mapping[str, Check]
    observed: Mapping[str, bool | None]
    load_balancers: Mapping[str, LoadBalancer]


def check_status(check: Check, checks: Mapping[str, Check], observed: Mapping[str, bool | None]) -> bool:
    """Whether a health check counts as healthy.

    Args:
        check: the check asked about.
        checks: all checks by id (children are looked up here).
        observed: what the checkers saw per endpoint check: True, False, or None while there is no data.

    Raises:
        RecordError: a calculated check with a child that is calculated itself or does not exist.

    Sources: disabled = healthy, and inverted turns that round [values "Disabled"]; no data yet = healthy,
    inverted = unhealthy [status]; calculated: at least ``threshold`` children healthy, 0 = always healthy,
    more than there are children = never [values "Report healthy when"]; a disabled child counts as healthy,
    an inverted disabled one as unhealthy [values "Health checks to monitor"].
    """
    if check.disabled:
        healthy = True
    elif check.children is not None:
        healthy = _healthy_children(check, checks, observed) >= (check.threshold or 0)
    else:
        seen = observed.get(check.id)
        healthy = True if seen is None else seen
    return healthy != check.inverted


def _healthy_children(check: Check, checks: Mapping[str, Check], observed: Mapping[str, bool | None]) -> int:
    healthy = 0
    for child_id in check.children or ():
        child = checks.get(child_id)
        if child is None:
            raise RecordError(f"health check {check.id}: child {child_id} does not exist")
        if child.children is not None:
            raise RecordError(f"health check {check.id}: child {child_id} is itself a calculated check")
        healthy += check_status(child, checks, observed)
    return healthy


def load_balancer_healthy(balancer: LoadBalancer) -> bool:
    """[alias] "ELB load balancers": unhealthy as soon as one target group has no healthy target.

    A group without registered targets is unhealthy too, and so is a load balancer without any group.
    """
    return bool(balancer.target_groups) and all(any(group) for group in balancer.target_groups)


def record_healthy(record: Record, zone: Zone) -> bool:
    """Whether a record counts as healthy.

    Sources: without a health check always healthy [choose]; alias with evaluate target health: the target's
    health, for records of the zone "at least one of them is healthy" [choose "Alias records"]; both a check
    and evaluate target health: both must hold [complex "associate a health check with an alias record"];
    evaluate target health off: the target's health is not looked at [complex].
    """
    if record.health_check is not None:
        check = zone.checks.get(record.health_check)
        if check is None:
            raise RecordError(f"record {record.name}: health check {record.health_check} does not exist")
        if not check_status(check, zone.checks, zone.observed):
            return False
    if record.alias is not None and record.alias.evaluate_target_health:
        return _target_healthy(record, record.alias, zone)
    return True


def _target_healthy(record: Record, alias: Alias, zone: Zone) -> bool:
    if balancer := zone.load_balancers.get(alias.name):
        return load_balancer_healthy(balancer)
    group = _group(zone, alias.name, record.type)
    if not group:
        raise RecordError(f"record {record.name}: alias target {alias.name} does not exist")
    return any(record_healthy(member, zone) for member in group)


def _group(zone: Zone, name: str, type: str) -> list[Record]:
    return [record for record in zone.records if record.name == name and record.type == type]


def choose(group: Sequence[Record], healthy: Callable[[Record], bool], dice: float) -> Record:
    """The record that answers, out of all with one name and type.

    Args:
        group: one simple record, failover records, or weighted records; never a mixture.
        healthy: the health of a record.
        dice: a number in [0, 1) that decides among weights.

    Raises:
        RecordError: a mixture of routing policies, or more than one simple record.

    Sources: failover: PRIMARY while healthy, else SECONDARY while healthy, both unhealthy: PRIMARY
    [choose "Failover records"]; weighted: nonzero weights first, zero weights only when all others are
    unhealthy [choose "weight of 0"]; none healthy: all are taken as healthy [choose]; all weights zero:
    equal shares (API reference, ResourceRecordSet "Weight").
    """
    if all(record.failover for record in group):
        primary = next((record for record in group if record.failover == "PRIMARY"), None)
        secondary = next((record for record in group if record.failover == "SECONDARY"), None)
        if primary is None or (secondary is not None and not healthy(primary) and healthy(secondary)):
            return secondary or group[0]
        return primary
    if all(record.weight is not None for record in group):
        return _choose_weighted(group, healthy, dice)
    if len(group) == 1:
        return group[0]
    raise RecordError(f"{group[0].name} {group[0].type}: records of one name must have one routing policy")


def _choose_weighted(group: Sequence[Record], healthy: Callable[[Record], bool], dice: float) -> Record:
    weighty = [record for record in group if record.weight]
    weightless = [record for record in group if not record.weight]
    candidates = (
        [record for record in weighty if healthy(record)]
        or [record for record in weightless if healthy(record)]
        or weighty  # nothing is healthy, so everything is: the weights decide as if nothing had happened
        or weightless
    )
    total = sum(record.weight or 0 for record in candidates)
    if total == 0:
        return candidates[int(dice * len(candidates))]
    point = dice * total
    for record in candidates:
        point -= record.weight or 0
        if point < 0:
            return record
    return candidates[-1]


def resolve(name: str, type: str, zone: Zone, dice: Callable[[], float]) -> Answer | None:
    """Walk the tree from ``name`` to values; None when no record has that name and type.

    Raises:
        RecordError: an alias that points nowhere or at itself, or a group the service would refuse.

    Sources: an alias answers with its target's values, and has the TTL of the record it points at, or the
    load balancer's [ttl].
    """
    path: list[str] = []
    while True:
        group = _group(zone, name, type)
        if not group:
            if not path:
                return None
            raise RecordError(f"{path[-1]}: alias target {name} does not exist")
        record = choose(group, lambda member: record_healthy(member, zone), dice())
        label = f"{record.name} {record.set_identifier or 'simple'}"
        if label in path:
            raise RecordError(f"{record.name}: alias points back at itself")
        path.append(label)
        if record.alias is None:
            return Answer(record.values, record.ttl or 0, tuple(path))
        if balancer := zone.load_balancers.get(record.alias.name):
            return Answer(balancer.addresses, ALB_TTL_S, tuple(path))
        name = record.alias.name


def name_exists(name: str, zone: Zone) -> bool:
    """Whether any record has that name: decides between NODATA and NXDOMAIN."""
    return any(record.name == name for record in zone.records)
