"""Every resource type the model knows: priced or named as free. An unknown type is an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from costs.assumptions import Assumptions
from costs.aws import AWS
from costs.azure import AZURE
from costs.catalogue_types import Context, Entry, Free, Priced, Use
from costs.errors import CostError
from costs.resources import Resource

_PROVIDER = Free("a provider is the engine's own")

CATALOGUE: dict[str, Entry] = {
    **AWS,
    **AZURE,
    "pulumi:providers:aws": _PROVIDER,
    "pulumi:providers:azure-native": _PROVIDER,
    "pulumi:providers:random": _PROVIDER,
    "random:index/randomPassword:RandomPassword": Free("lives in the state only"),
}


def entry(token: str) -> Entry:
    """Raises CostError naming the file to extend, so that nothing is silently free."""
    try:
        return CATALOGUE[token]
    except KeyError:
        home = {"aws": "costs/aws.py", "azure-native": "costs/azure.py"}.get(token.partition(":")[0])
        raise CostError(
            f"resource type {token!r} has no cost function: price it, or name it as free with the reason, in "
            f"{home or 'costs/catalogue.py'}"
        ) from None


def uses(resource: Resource, stack: Sequence[Resource], assumptions: Assumptions) -> list[Use]:
    known = entry(resource.type)
    return known.uses(resource, Context(stack, assumptions)) if isinstance(known, Priced) else []


def priced_inputs(resource: Resource) -> Resource:
    """The same resource with only the inputs that decide a price: no secret and no churn in committed lists.

    Raises:
        CostError: for an unknown type.
    """
    kept: dict[str, object] = {}
    for path in entry(resource.type).reads:
        value = resource.get(path)
        if value is not None:
            _put(kept, path.split("."), value)
    return Resource(resource.type, resource.name, kept)


def _put(target: dict[str, object], path: Sequence[str], value: object) -> None:
    for part in path[:-1]:
        target = cast("dict[str, object]", target.setdefault(part, {}))
    target[path[-1]] = dict(cast("Mapping[str, object]", value)) if isinstance(value, Mapping) else value
