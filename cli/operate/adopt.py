"""``./dr adopt dns``: the public name moves onto the failover records, by one change batch of Route 53."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from cli.operate.act import Undecided, Voice
from cli.operate.read import Sight
from cli.operate.steps import Code
from cli.problem import Problem

_OWNER = "heritage=external-dns"
# HTTPS and SVCB carry addresses of their own (ipv4hint) or another name, and browsers ask for HTTPS first
# (https://www.rfc-editor.org/rfc/rfc9460).
_BYPASSES = ("AAAA", "CNAME", "HTTPS", "SVCB")


def adopt(sight: Sight, voice: Voice, *, dry_run: bool) -> Code:
    """Show the change batch, ask, and send it.

    Raises:
        Problem: Route 53 cannot be asked, or refuses.
    """
    settings = sight.settings
    public, zone, zone_id = settings["publicName"], settings["zoneName"], settings["zoneId"]
    tree = f"dr-app.{zone}"
    if public != zone and not public.endswith(f".{zone}"):
        voice.say(f"dr: publicName is {public!r}, which is not in the zone {zone!r} (zoneName)")
        return Code.REFUSED
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see _client

    try:
        route53 = _client()
        found = _records(route53, zone_id, zone)
        mine = [record for record in found if _plain(record["Name"]) == public]
        if any(_is_ours(record, tree) for record in mine):
            voice.say(f"{public} leads to {tree} already; nothing to do")
            return Code.DONE
        refused = [*_obstacles(mine, found, public, zone), *_silent_checks(route53, found, tree, zone)]
        if refused:
            voice.say("dr: the public name stays where it is:")
            for reason in refused:
                voice.say(f"  - {reason}")
            return Code.REFUSED
        batch = _batch(public, tree, zone_id)
        voice.say(f"one change batch in zone {zone_id}:\n{json.dumps(batch, indent=1)}")
        if dry_run:
            voice.say("nothing was changed (--dry-run)")
            return Code.DONE
        if not _agreed(voice):
            return Code.DECIDE
        route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)
    except (BotoCoreError, ClientError) as error:
        raise Problem(f"Route 53: {error}; sign in to AWS and run the command again") from error
    undo = json.dumps(_undo(mine, public, tree, zone_id))
    voice.say(
        f"{public} leads to {tree}. To undo it:\n  aws route53 change-resource-record-sets --hosted-zone-id "
        f"{zone_id} --change-batch '{undo}'"
    )
    return Code.DONE


def _client() -> Any:
    """Route 53 is asked here and nowhere else in the tool: every other command works with AWS gone."""
    import boto3  # noqa: PLC0415

    return boto3.Session().client("route53")


def _agreed(voice: Voice) -> bool:
    try:
        agreed = voice.agree("send it?")
    except Undecided as undecided:
        voice.say(f"dr: a person has to decide: {undecided} (--yes agrees beforehand)")
        return False
    if not agreed:
        voice.say("nothing was changed")
    return agreed


def _records(route53: Any, zone_id: str, zone: str) -> list[dict[str, Any]]:
    """All record sets of the zone."""
    pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
    found = [record for page in pages for record in page["ResourceRecordSets"]]
    if not found:
        raise Problem(f"zoneId is {zone_id!r}: Route 53 shows no records there, not even those of {zone}")
    return found


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def _is_ours(record: dict[str, Any], tree: str) -> bool:
    target = record.get("AliasTarget") or {}
    return record["Type"] == "A" and _plain(target.get("DNSName", "")) == tree


def _obstacles(
    mine: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]], public: str, zone: str
) -> list[str]:
    """What would bypass the tree, or would be written over again by somebody else."""
    reasons: list[str] = []
    for record in mine:
        if record["Type"] in _BYPASSES:
            reasons.append(
                f"{public} has a record of type {record['Type']}, which bypasses the failover records: "
                "delete it first, or have its owner do so"
            )
        if record["Type"] == "A" and record.get("SetIdentifier"):
            reasons.append(
                f"{public} is a set of records with a routing policy ({record['SetIdentifier']}): replace it "
                "by one simple record first"
            )
    for record in found:
        name = _plain(record["Name"])
        # The zone has an NS record of its own; one below it hands the name to other servers.
        if record["Type"] == "NS" and name != zone and f".{public}".endswith(f".{name}"):
            reasons.append(
                f"{name} has a record of type NS, which hands {public} to other name servers, past the "
                "failover records: delete it first, or name the zone that they serve"
            )
    # external-dns writes its registry under the name itself, or under one with the record's type before it
    # (https://kubernetes-sigs.github.io/external-dns/latest/docs/registry/txt/).
    for record in found:
        texts = [str(value["Value"]) for value in record.get("ResourceRecords") or []]
        names = (public, f"a-{public}", f"cname-{public}", f"aaaa-{public}")
        owned = next((text for text in texts if _OWNER in text), "")
        if record["Type"] == "TXT" and _plain(record["Name"]) in names and owned:
            reasons.append(
                f"external-dns owns {public} ({_plain(record['Name'])} TXT {owned}) and would write its "
                "record again: exclude the host there, and delete that TXT record"
            )
    return reasons


def _silent_checks(route53: Any, found: Sequence[dict[str, Any]], tree: str, zone: str) -> list[str]:
    """Health checks of the tree without data: a new inverted one counts as unhealthy.

    A calculated check has no status of its own to ask for; its children have
    (https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHealthCheckStatus.html).
    """
    names = {tree, f"mix.{tree}"}
    records = [record for record in found if _plain(record["Name"]) in names]
    if not any(_plain(record["Name"]) == tree for record in records):
        return [f"there is no record {tree} in {zone} yet: run 'pulumi up' in mode normal first"]
    top = {record["HealthCheckId"] for record in records if record.get("HealthCheckId")}
    checks: dict[str, dict[str, Any]] = {}
    waiting = sorted(top)
    while waiting:
        check = waiting.pop()
        if check not in checks:
            answer = route53.get_health_check(HealthCheckId=check)
            checks[check] = cast("dict[str, Any]", answer["HealthCheck"]["HealthCheckConfig"])
            waiting += checks[check].get("ChildHealthChecks") or []
    return [
        f"health check {check} ({config['Type']}) has no data yet: wait a minute and repeat"
        for check, config in checks.items()
        if config["Type"] != "CALCULATED" and not _has_data(route53, check)
    ]


def _has_data(route53: Any, check: str) -> bool:
    """Whether any checker has reported; "Success" and "Failure" are both an answer."""
    seen = route53.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"]
    return any((one.get("StatusReport") or {}).get("Status") for one in seen)


def _alias(public: str, tree: str, zone_id: str) -> dict[str, Any]:
    target = {"HostedZoneId": zone_id, "DNSName": tree, "EvaluateTargetHealth": True}
    return {"Name": public, "Type": "A", "AliasTarget": target}


def _batch(public: str, tree: str, zone_id: str) -> dict[str, Any]:
    """UPSERT replaces a simple record of the same name and type in one step."""
    change = {"Action": "UPSERT", "ResourceRecordSet": _alias(public, tree, zone_id)}
    return {"Comment": f"{public} onto the failover records", "Changes": [change]}


def _undo(mine: Sequence[dict[str, Any]], public: str, tree: str, zone_id: str) -> dict[str, Any]:
    before = [record for record in mine if record["Type"] == "A"]
    if before:
        changes = [{"Action": "UPSERT", "ResourceRecordSet": record} for record in before]
    else:
        changes = [{"Action": "DELETE", "ResourceRecordSet": _alias(public, tree, zone_id)}]
    return {"Changes": changes}
