"""Route 53's API for an operator: list a zone's records, change those that people made, look at checks.

docs.aws.amazon.com/Route53/latest/APIReference. Changes act at once: the minute in which they reach all name
servers is not simulated, so GetChange always says INSYNC.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from xml.etree import ElementTree as ET

from sandbox.clouds.aws_calls import Call
from sandbox.clouds.http_server import Exchange
from sandbox.clouds.route53 import Route53
from sandbox.clouds.route53_changes import Action, Change, ChangeRefused, NotOursError
from sandbox.clouds.route53_health import HEALTH_CHECK
from sandbox.clouds.route53_rules import Alias, Record
from sandbox.clouds.web_identity import AwsRefused
from sandbox.store import Resource, Store

_NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
_PAGE = 300
_CONFIG = {
    "ipAddress": "IPAddress",
    "port": "Port",
    "type": "Type",
    "resourcePath": "ResourcePath",
    "fqdn": "FullyQualifiedDomainName",
    "requestInterval": "RequestInterval",
    "failureThreshold": "FailureThreshold",
    "invertHealthcheck": "Inverted",
    "disabled": "Disabled",
    "childHealthThreshold": "HealthThreshold",
}
"""Inputs of the program's resource and members of HealthCheckConfig."""


class Route53Api:
    """Answers calls that were authorized.

    Args:
        store: resources of aws: the health checks.
    """

    def __init__(self, route53: Route53, store: Store) -> None:
        self._route53 = route53
        self._store = store

    def answer(self, call: Call, exchange: Exchange, body: bytes) -> bytes:
        """The XML that answers ``call``.

        Raises:
            AwsRefused: no such zone or check, a batch that the service does not take, or not simulated.
        """
        match call.name:
            case "ListResourceRecordSets":
                self._require_zone(call)
                return _xml(call.name, self._listing(exchange.query))
            case "ChangeResourceRecordSets":
                self._require_zone(call)
                return _xml(call.name, self._change(body))
            case "GetChange":
                return _xml(call.name, _change_info(call.parameters["id"]))
            case "GetHealthCheck":
                return _xml(call.name, {"HealthCheck": _described(self._check(call))})
            case "GetHealthCheckStatus":
                return _xml(call.name, self._status(self._check(call)))
            case _:
                message = f"route53:{call.name} is not simulated: extend sandbox/clouds/route53_api.py"
                raise AwsRefused(501, "NotSimulated", message)

    def _require_zone(self, call: Call) -> None:
        zone = call.parameters["id"]
        if zone != self._route53.zone_id:
            raise AwsRefused(404, "NoSuchHostedZone", f"No hosted zone found with ID: {zone}")

    def _check(self, call: Call) -> Resource:
        found = self._store.get(HEALTH_CHECK, call.parameters["id"])
        if found is None:
            message = f"A health check with id {call.parameters['id']} does not exist."
            raise AwsRefused(404, "NoSuchHealthCheck", message)
        return found

    def _listing(self, query: Mapping[str, str]) -> dict[str, Any]:
        start = _place(query.get("name", ""), query.get("type", ""), query.get("identifier", ""))
        records = sorted(self._route53.zone().records, key=_place_of)
        found = [record for record in records if not query.get("name") or _place_of(record) >= start]
        size = min(int(query.get("maxitems", _PAGE)), _PAGE)
        page, rest = found[:size], found[size:]
        document: dict[str, Any] = {
            "ResourceRecordSets": [{"ResourceRecordSet": self._shown(record)} for record in page],
            "IsTruncated": bool(rest),
            "MaxItems": size,
        }
        if rest:
            document |= {"NextRecordName": f"{rest[0].name}.", "NextRecordType": rest[0].type}
            document |= {"NextRecordIdentifier": rest[0].set_identifier} if rest[0].set_identifier else {}
        return document

    def _shown(self, record: Record) -> dict[str, Any]:
        shown: dict[str, Any] = {"Name": f"{record.name}.", "Type": record.type}
        shown |= {"SetIdentifier": record.set_identifier} if record.set_identifier else {}
        shown |= {"Weight": record.weight} if record.weight is not None else {}
        shown |= {"Failover": record.failover} if record.failover else {}
        if record.alias is None:
            shown["TTL"] = record.ttl or 0
            shown["ResourceRecords"] = [{"ResourceRecord": {"Value": value}} for value in record.values]
        else:
            shown["AliasTarget"] = {
                "HostedZoneId": self._route53.zone_of_target(record.alias.name),
                "DNSName": f"{record.alias.name}.",
                "EvaluateTargetHealth": record.alias.evaluate_target_health,
            }
        return shown | ({"HealthCheckId": record.health_check} if record.health_check else {})

    def _change(self, body: bytes) -> dict[str, Any]:
        try:
            batch = _batch(body)
            self._route53.change(batch)
        except ChangeRefused as refusal:
            raise AwsRefused(400, "InvalidChangeBatch", str(refusal)) from refusal
        except NotOursError as error:
            message = f"{error}: only pulumi changes it here (sandbox/clouds/route53_changes.py)"
            raise AwsRefused(501, "NotSimulated", message) from error
        return _change_info(f"C{uuid.uuid4().hex[:20].upper()}")

    def _status(self, check: Resource) -> dict[str, Any]:
        """What a checker saw last, before any inversion; one stands for all. None before there is data."""
        if check.inputs.get("type") == "CALCULATED":
            message = "The health check status of a calculated health check has no observations."
            raise AwsRefused(400, "InvalidInput", message)
        seen = self._route53.checkers.observed().get(check.id)
        if seen is None:
            return {"HealthCheckObservations": []}
        report = {
            "Status": "Success: the endpoint answered" if seen else "Failure: the endpoint did not answer",
            "CheckedTime": _now(),
        }
        observation = {"Region": "ap-northeast-1", "IPAddress": "192.0.2.53", "StatusReport": report}
        return {"HealthCheckObservations": [{"HealthCheckObservation": observation}]}


def _place(name: str, type: str, identifier: str) -> tuple[list[str], str, str]:
    """Records are listed by their labels from the last to the first, then by type and set identifier."""
    return name.lower().rstrip(".").split(".")[::-1], type, identifier


def _place_of(record: Record) -> tuple[list[str], str, str]:
    return _place(record.name, record.type, record.set_identifier or "")


def _change_info(change_id: str) -> dict[str, Any]:
    return {"ChangeInfo": {"Id": f"/change/{change_id}", "Status": "INSYNC", "SubmittedAt": _now()}}


def _described(check: Resource) -> dict[str, Any]:
    config: dict[str, Any] = {
        member: check.inputs[key] for key, member in _CONFIG.items() if check.inputs.get(key) is not None
    }
    if children := check.inputs.get("childHealthchecks"):
        config["ChildHealthChecks"] = [{"ChildHealthCheck": child} for child in children]
    return {
        "Id": check.id,
        "CallerReference": check.id,
        "HealthCheckConfig": config,
        "HealthCheckVersion": 1,
    }


def _batch(body: bytes) -> list[Change]:
    try:
        root = ET.fromstring(body)  # noqa: S314 - from the operator of this very sandbox
        changes = root.iterfind(f".//{{{_NAMESPACE}}}Change")
        return [_one(change) for change in changes]
    except (ET.ParseError, KeyError, ValueError) as error:
        raise AwsRefused(400, "InvalidInput", f"Invalid XML: {error!r}") from error


def _one(change: ET.Element) -> Change:
    fields = {_name(each): (each.text or "").strip() for each in change.iter() if not len(each)}
    values = tuple(each.text or "" for each in change.iterfind(f".//{{{_NAMESPACE}}}Value"))
    alias = None
    if "DNSName" in fields:
        alias = Alias(_plain(fields["DNSName"]), fields["EvaluateTargetHealth"] == "true")
    if (alias is None) == (not values) or (alias is None) != ("TTL" in fields):
        raise ValueError("a record set has either an alias target, or values and a TTL")
    record = Record(
        name=_plain(fields["Name"]),
        type=fields["Type"],
        values=values,
        ttl=int(fields["TTL"]) if "TTL" in fields else None,
        alias=alias,
        failover=cast(Any, fields.get("Failover")),
        weight=int(fields["Weight"]) if "Weight" in fields else None,
        set_identifier=fields.get("SetIdentifier"),
        health_check=fields.get("HealthCheckId"),
    )
    return Change(cast(Action, fields["Action"]), record, fields.get("HostedZoneId", ""))


def _plain(name: str) -> str:
    return name.lower().rstrip(".")


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _xml(operation: str, document: Mapping[str, Any]) -> bytes:
    root = ET.Element(f"{operation}Response", xmlns=_NAMESPACE)
    _fill(root, document)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _fill(parent: ET.Element, members: Mapping[str, Any]) -> None:
    for name, value in members.items():
        child = ET.SubElement(parent, name)
        if isinstance(value, Mapping):
            _fill(child, cast(Mapping[str, Any], value))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for each in cast(Iterable[Mapping[str, Any]], value):
                _fill(child, each)
        else:
            child.text = str(value).lower() if isinstance(value, bool) else str(value)
