"""Tagged resources of both clouds, and ones that lack a tag."""

from __future__ import annotations

from policies import tokens
from policies.rules.required_tags import RULE
from tests.policies.case import GONE, Break, Case, Thing

TAGS = {"project": "petclinic-dr", "stack": "normal", "managed-by": "pulumi"}
AS_TEXT = '{"tags": {"project": "petclinic-dr", "stack": "normal", "managed-by": "pulumi"}}'
CASES = [
    Case(
        rule=RULE,
        good=Thing(type=tokens.STORAGE_ACCOUNT, inputs={"tags": TAGS}),
        breaks=[
            Break(at={"tags.managed-by": GONE}, says="tags lack managed-by"),
            Break(at={"tags": GONE}, says="tags lack project, stack, managed-by"),
            Break(at={"tags": {}}, but={"type": tokens.IDENTITY}, says="tags lack project"),
        ],
    ),
    *(
        Case(
            rule=RULE,
            good=Thing(type=tokens.AWS_PROVIDER, inputs={"defaultTags": value}),
            breaks=[
                Break(at={"defaultTags": GONE}, says="defaultTags lack project, stack, managed-by"),
                Break(at={"defaultTags": '{"tags": {"project": "x"}}'}, says="defaultTags lack stack"),
                Break(at={"defaultTags": "no JSON"}, says="defaultTags lack project"),
            ],
        )
        for value in (AS_TEXT, {"tags": TAGS})
    ),
    Case(rule=RULE, good=Thing(type=tokens.BLOB_CONTAINER), breaks=[]),
]
