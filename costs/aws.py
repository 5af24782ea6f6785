"""Cost functions of the AWS types. Free ones name their reason."""

from __future__ import annotations

from costs import usage
from costs.catalogue_types import AWS_HOSTS, HEALTH_CHECK, Context, Entry, Free, Priced, Use, amount
from costs.errors import CostError
from costs.prices import HOURS_PER_MONTH
from costs.resources import Resource

LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
DEFAULT_ROOT_GB = 8
"""Root volume of Canonical's Ubuntu 24.04 images when the template names no size."""
CPU_BASELINE = {"nano": 0.10, "micro": 0.20, "small": 0.40, "medium": 0.40}
"""CPUs a burstable T4g may use for ever, both of its two together (EC2 guide, burstable baseline)."""


def _group(group: Resource, context: Context) -> list[Use]:
    """An Auto Scaling group runs its template's instances, and they send the backups out."""
    size = group.number("desiredCapacity", group.number("minSize", 1))
    templates = context.of_type(LAUNCH_TEMPLATE)
    if len(templates) != 1:
        raise CostError(
            f"{group.type} {group.name!r}: {len(templates)} launch templates in the stack; "
            "costs/aws.py can tell which one it runs only when there is exactly one"
        )
    template = templates[0]
    instance = template.text("instanceType")
    a = context.assumptions
    uses = [Use(f"{size:g} x {instance}", amount(size * HOURS_PER_MONTH), f"aws.ec2.{instance}")]
    disk = _disk_gb(template)
    uses.append(Use(f"gp3 volume, {disk:g} GB", amount(size * disk), "aws.ebs.gp3"))
    if size > 0:
        baseline = CPU_BASELINE.get(instance.rpartition(".")[2], 0.40)
        surplus = max(0.0, usage.cpu_share(a) - baseline) * HOURS_PER_MONTH
        uses.append(Use("CPU above the burst baseline", amount(surplus), "aws.ec2.surplus-credit"))
        uses.append(Use("custom metrics it reports", amount(a.agent_metrics), "aws.cloudwatch.custom-metric"))
        gb = usage.egress_gb(a)
        uses.append(
            Use(
                f"internet egress of {gb:.1f} GB, above the free allowance",
                usage.billed_egress_gb(a),
                "aws.egress.internet",
            )
        )
    return uses


def _disk_gb(template: Resource) -> float:
    total = 0.0
    for mapping in template.items("blockDeviceMappings"):
        ebs = Resource(template.type, template.name, mapping)
        kind = ebs.get("ebs.volumeType") or "gp3"
        if kind != "gp3":
            raise CostError(f"{template.type} {template.name!r}: no price for volume type {kind!r}: use gp3")
        total += ebs.number("ebs.volumeSize", DEFAULT_ROOT_GB)
    return total or DEFAULT_ROOT_GB


def _elastic_ip(_resource: Resource, _context: Context) -> list[Use]:
    return [Use("public IPv4 address, in use or idle", amount(HOURS_PER_MONTH), "aws.ip.public-ipv4")]


def _bucket(bucket: Resource, context: Context) -> list[Use]:
    return [Use("stored artifacts", amount(context.assumptions.stored_artifacts_gb), "aws.s3.standard")]


def _health_check(check: Resource, context: Context) -> list[Use]:
    kind = check.text("type").upper()
    if kind in ("CALCULATED", "CLOUDWATCH_METRIC"):
        # No usage type of their own in the price list: billed as basic checks of AWS endpoints.
        billed = amount(1).above(context.assumptions.aws_free_health_checks)
        return [Use(f"{kind.lower()} check, above the free ones", billed, "aws.route53.check.aws")]
    inside = str(check.get("fqdn") or "").endswith(AWS_HOSTS)
    place = "aws" if inside else "other"
    features = [name for name, present in _features(check, kind).items() if present]
    base = amount(1)
    if inside:
        base = base.above(context.assumptions.aws_free_health_checks)
    uses = [
        Use(
            f"{kind} check of {'an AWS' if inside else 'another'} endpoint",
            base,
            f"aws.route53.check.{place}",
        )
    ]
    if features:
        named = f"option: {', '.join(features)}"
        uses.append(Use(named, amount(len(features)), f"aws.route53.check-feature.{place}"))
    return uses


def _features(check: Resource, kind: str) -> dict[str, bool]:
    """The four options that Route 53 charges for."""
    return {
        "HTTPS": kind.startswith("HTTPS"),
        "string match": kind.endswith("_STR_MATCH"),
        "fast interval": check.number("requestInterval", 30) == 10,
        "latency": check.get("measureLatency") is True,
    }


def _record(record: Resource, context: Context) -> list[Use]:
    """Alias records answer for free; the others share the assumed queries."""
    if record.get("aliases"):
        return []
    plain = sum(1 for other in context.of_type(record.type) if not other.get("aliases"))
    queries = context.assumptions.dns_queries_millions / plain
    return [Use("queries answered by a record that is no alias", amount(queries), "aws.route53.queries")]


def _endpoint(endpoint: Resource, _context: Context) -> list[Use]:
    if (endpoint.get("vpcEndpointType") or "Gateway") == "Gateway":
        return []
    subnets = endpoint.get("subnetIds")
    zones = len(subnets) if isinstance(subnets, list) and subnets else 1
    return [
        Use(
            f"interface endpoint in {zones} zones",
            amount(zones * HOURS_PER_MONTH),
            "aws.vpc.interface-endpoint",
        )
    ]


def _alarm(_resource: Resource, _context: Context) -> list[Use]:
    """The metric that it watches is counted with the instance that reports it; AWS's own are free."""
    return [Use("alarm", amount(1), "aws.cloudwatch.alarm")]


def _composite(_resource: Resource, _context: Context) -> list[Use]:
    return [Use("composite alarm", amount(1), "aws.cloudwatch.composite-alarm")]


def _secret(_resource: Resource, _context: Context) -> list[Use]:
    return [Use("secret", amount(1), "aws.secrets.secret")]


def _vpn(_resource: Resource, _context: Context) -> list[Use]:
    return [Use("site-to-site VPN", amount(HOURS_PER_MONTH), "aws.vpn.connection")]


def _dms(instance: Resource, context: Context) -> list[Use]:
    """Replication instance, its disk, and the changes it sends through the VPN."""
    kind = instance.text("replicationInstanceClass")
    a = context.assumptions
    changes = amount(a.change_mb_per_day * usage.DAYS_PER_MONTH / 1000)
    return [
        Use(kind, amount(HOURS_PER_MONTH), f"aws.dms.{kind}"),
        Use("log volume", amount(instance.number("allocatedStorage", 50)), "aws.dms.storage"),
        Use("egress of changes", changes.above(a.aws_free_egress_gb), "aws.egress.internet"),
    ]


_IAM = Free("identities and rights cost nothing")
_RULES = Free("network rules cost nothing")
_PART_OF_BUCKET = Free("a setting of a bucket")
_WITH_GROUP = Free(
    "paid through the Auto Scaling group that runs it", reads=("instanceType", "blockDeviceMappings")
)
_FEW_MAILS = Free("the first million notifications and thousand mails a month are free")

AWS: dict[str, Entry] = {
    "aws:autoscaling/group:Group": Priced(_group, ("desiredCapacity", "minSize")),
    LAUNCH_TEMPLATE: _WITH_GROUP,
    "aws:ec2/eip:Eip": Priced(_elastic_ip),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Priced(_endpoint, ("vpcEndpointType", "subnetIds")),
    "aws:ec2/securityGroup:SecurityGroup": _RULES,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _RULES,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _RULES,
    "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation": _IAM,
    "aws:iam/role:Role": _IAM,
    "aws:iam/policy:Policy": _IAM,
    "aws:iam/rolePolicy:RolePolicy": _IAM,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _IAM,
    "aws:iam/instanceProfile:InstanceProfile": _IAM,
    "aws:s3/bucket:Bucket": Priced(_bucket),
    "aws:s3/bucketObjectv2:BucketObjectv2": Free("counted with its bucket as stored artifacts"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _PART_OF_BUCKET,
    "aws:s3/bucketPolicy:BucketPolicy": _PART_OF_BUCKET,
    "aws:s3/bucketVersioning:BucketVersioning": _PART_OF_BUCKET,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _PART_OF_BUCKET,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _PART_OF_BUCKET,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _PART_OF_BUCKET,
    HEALTH_CHECK: Priced(_health_check, ("type", "fqdn", "requestInterval", "measureLatency")),
    "aws:route53/record:Record": Priced(_record, ("aliases",)),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Priced(_alarm, ("namespace", "metricName")),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": Priced(_composite),
    "aws:sns/topic:Topic": _FEW_MAILS,
    "aws:sns/topicPolicy:TopicPolicy": _FEW_MAILS,
    "aws:sns/topicSubscription:TopicSubscription": _FEW_MAILS,
    "aws:secretsmanager/secret:Secret": Priced(_secret),
    "aws:ec2/vpnConnection:VpnConnection": Priced(_vpn),
    "aws:dms/replicationInstance:ReplicationInstance": Priced(
        _dms, ("replicationInstanceClass", "allocatedStorage")
    ),
}
