"""The tags that everything carries which can carry one. Pure.

They answer the two questions of a bill and of a stranger: whose is this, and may it go? Both clouds' limits:
https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations and
https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html (letters,
digits, space and ``_.:/=+-@``).
"""

from __future__ import annotations

PROJECT = "petclinic-dr"


def tags_of(stack: str, occasion: str) -> dict[str, str]:
    """Tags of one stack's resources; ``occasion`` names a drill or takeover and is empty for production.

    The mode is not among them: every resource would be updated by the change of mode that must be fast.
    """
    tags = {"project": PROJECT, "stack": stack, "managed-by": "pulumi"}
    return tags | ({"occasion": occasion} if occasion else {})
