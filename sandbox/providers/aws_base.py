"""What all simulated AWS resources share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from sandbox.providers import wire
from sandbox.providers.cloud import Cloud
from sandbox.providers.errors import AwsError
from sandbox.providers.model import TypeModel
from sandbox.providers.shape import Problem
from sandbox.store import Resource

ACCOUNT = "111122223333"
"""The account of the simulated AWS; one of the numbers that AWS's own documentation uses."""

PUBLIC_BLOCK = "203.0.113"  # TEST-NET-3: a missed translation reaches nobody


def region(cloud: Cloud, inputs: Mapping[str, Any]) -> str:
    """The region of a resource: its own, else the provider's."""
    return str(inputs.get("region") or cloud.settings.get("region") or "ap-northeast-2")


def regional_arn(cloud: Cloud, inputs: Mapping[str, Any], service: str, resource: str) -> str:
    """An ARN that the provider computes itself.

    With ``skipRequestingAccountId`` the provider does not know the account and leaves it out (seen on
    terraform-provider-aws 5.100, see facts/cloud.md section 10).
    """
    skipped = str(cloud.settings.get("skipRequestingAccountId", "")).lower() == "true"
    return f"arn:aws:{service}:{region(cloud, inputs)}:{'' if skipped else ACCOUNT}:{resource}"


class AwsModel(TypeModel):
    """An AWS resource type. Class attributes beyond TypeModel's:

    Attributes:
        create_operation: service and operation, for refusals (``IAM: CreateRole``).
        exists_code, exists_text: error when the id is taken; ``{id}`` stands for the id.
        in_use_code: error code of a delete while other resources refer to the id; empty when AWS does not
            mind.
    """

    create_operation: ClassVar[str] = ""
    exists_code: ClassVar[str] = ""
    exists_text: ClassVar[str] = "{id} already exists"
    in_use_code: ClassVar[str] = ""

    def existing_error(self, id: str) -> Exception | None:
        if not self.exists_code:
            return None
        return AwsError(self.create_operation, self.exists_code, self.exists_text.format(id=id))

    def release(self, cloud: Cloud, resource: Resource) -> None:
        users = cloud.users_of(resource.id) if self.in_use_code else []
        if users:
            raise AwsError(
                self.create_operation.replace("Create", "Delete"),
                self.in_use_code,
                f"resource {resource.id} has a dependent object ({users[0].id})",
            )

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        computed: dict[str, Any] = {}
        if "region" in self.shape.outputs:
            computed["region"] = region(cloud, inputs)
        if "tagsAll" in self.shape.outputs:
            defaults = json.loads(cloud.settings.get("defaultTags") or "{}").get("tags") or {}
            computed["tagsAll"] = {**defaults, **(inputs.get("tags") or {})}
        return computed


def policy_problems(inputs: Mapping[str, Any], path: str, *, principal: bool) -> Iterator[Problem]:
    """What IAM refuses in a policy document: not JSON, no version, statements without effect or action.

    Args:
        inputs: the resource's inputs.
        path: the input that holds the document as a JSON string.
        principal: whether every statement names a principal (trust policies) or none does (identity
            policies).
    """
    text = inputs.get(path)
    if not isinstance(text, str) or wire.UNKNOWN in text:
        return
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        yield Problem(path, f"is not JSON ({error}); IAM answers MalformedPolicyDocument")
        return
    if document.get("Version") != "2012-10-17":
        yield Problem(path, 'needs "Version": "2012-10-17"; without it policy variables are plain text')
    statements = document.get("Statement", [])
    for number, statement in enumerate([statements] if isinstance(statements, dict) else statements):
        where = f"{path}.Statement[{number}]"
        if statement.get("Effect") not in {"Allow", "Deny"}:
            yield Problem(where, "needs Effect Allow or Deny; IAM answers MalformedPolicyDocument")
        if not ({"Action", "NotAction"} & statement.keys()):
            yield Problem(where, "needs an Action; IAM answers MalformedPolicyDocument")
        if principal != bool({"Principal", "NotPrincipal"} & statement.keys()):
            yield Problem(
                where, "needs a Principal" if principal else "may not name a Principal in an identity policy"
            )
        if not principal and not ({"Resource", "NotResource"} & statement.keys()):
            yield Problem(where, "needs a Resource; IAM answers MalformedPolicyDocument")
