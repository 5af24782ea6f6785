"""What the backup instance may do in AWS. Pure: built from settings, account ids are never asked for."""

from __future__ import annotations

import json

from components.guests.documents import METRICS_NAMESPACE

AUDIENCE = "api://AzureADTokenExchange"
"""The audience Entra expects in a federated assertion."""
TOKEN_SECONDS = 300
SNAPSHOT_INFIX = "-before-epoch-"
"""Between the instance's identifier and the epoch in the agent's snapshots (``agent.rds``)."""


def backup_policy(
    *,
    region: str,
    account_id: str,
    allocation_id: str,
    bucket: str,
    key: str,
    secret_arn: str,
    rds_instance: str,
    tag: str,
) -> str:
    """The role's inline policy as JSON: its own token, one object, one secret, one address,
    metrics of one namespace, and snapshots of one database where ``rds_instance`` names one.

    Conditions of the token statement:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_getting_started.html
    """
    ec2 = f"arn:aws:ec2:{region}:{account_id}"
    statements: list[dict[str, object]] = [
        {
            "Sid": "AssertIdentityToAzure",
            "Effect": "Allow",
            "Action": "sts:GetWebIdentityToken",
            "Resource": "*",
            "Condition": {
                "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": AUDIENCE},
                # Quoted: IAM takes a bare number too, but linters and emulators of others do not.
                "NumericLessThanEquals": {"sts:DurationSeconds": str(TOKEN_SECONDS)},
            },
        },
        {
            "Sid": "FetchAgent",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/{key}",
        },
        {
            "Sid": "ReadDatabasePassword",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": secret_arn,
        },
        {
            "Sid": "TakeAddress",
            "Effect": "Allow",
            "Action": "ec2:AssociateAddress",
            "Resource": [f"{ec2}:elastic-ip/{allocation_id}", f"{ec2}:network-interface/*"],
        },
        {
            "Sid": "TakeAddressForItself",
            "Effect": "Allow",
            "Action": "ec2:AssociateAddress",
            "Resource": f"{ec2}:instance/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/Name": tag}},
        },
        {
            # CloudWatch knows no resources for this action, only the namespace:
            # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
            "Sid": "PublishMetrics",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": METRICS_NAMESPACE}},
        },
    ]
    if rds_instance:
        statements += _snapshots(f"arn:aws:rds:{region}:{account_id}", rds_instance)
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _snapshots(rds: str, instance: str) -> list[dict[str, object]]:
    """Take one before a failback and see how far it is; restoring and deleting stay with people.

    A snapshot that is made with tags needs the right to tag it:
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
    """
    database, snapshots = f"{rds}:db:{instance}", f"{rds}:snapshot:{instance}{SNAPSHOT_INFIX}*"
    return [
        {
            "Sid": "KeepWhatAFailbackReplaces",
            "Effect": "Allow",
            "Action": ["rds:CreateDBSnapshot", "rds:DescribeDBSnapshots"],
            "Resource": [database, snapshots],
        },
        {
            "Sid": "TagWhatItKeeps",
            "Effect": "Allow",
            "Action": "rds:AddTagsToResource",
            "Resource": snapshots,
        },
    ]
