"""From the inputs of an Azure resource to the body that goes to Resource Manager, judged on the way.

The judge are the classes of the published ``azure-mgmt-*`` packages: which fields there are, which are
required or read-only, types, enums, lengths, patterns and ranges. ``pulumi-azure-native`` moves what stands
below ``properties`` one level up and keeps the rest, so a field is found by the last step of its place.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ForwardRef, get_args
from unittest import mock

from tests.checks.arm_types import Operation, operation
from tests.checks.registered import SUBSCRIPTION, whole
from tests.program.recorder import Recorded

_NOT_COMPLETE = {"VirtualMachineSizeTypes"}
"""Enums whose own documentation says that newer values exist and are not listed."""
_FIXED_NAMES = {"blobServicesName": "default", "immutabilityPolicyName": "default"}
"""Names that stand as constants in the published URLs."""
_SCALARS: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "bool": bool,
    "float": (int, float),
    "iso-8601": str,
    "duration": str,
    "object": object,
}


@dataclass
class Judgement:
    """What Resource Manager would get, and what is wrong with it.

    Attributes:
        names: what stands in the URL.
        body: the JSON document.
        problems: one sentence each; empty means that nothing was found.
    """

    names: dict[str, str] = field(default_factory=dict[str, str])
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    problems: list[str] = field(default_factory=list[str])


def judge(resource: Recorded) -> Judgement:
    """Translate and check one resource.

    Raises:
        NoReference: its type is not in the table.
    """
    known = operation(resource.type.removeprefix("azure-native:"))
    inputs = whole(resource.inputs)
    result = Judgement(names=_url(known, resource.name, inputs))
    result.problems += _refusal(known, result.names)
    rest = {
        key: value
        for key, value in inputs.items()
        if _snake(key) not in known.path and _FIXED_NAMES.get(key) != value
    }
    result.body = _object(known.body, rest, "", result.problems)
    return result


def _url(known: Operation, logical: str, inputs: dict[str, Any]) -> dict[str, str]:
    """Values for the URL; a name that the program leaves open is made up as the provider does."""
    given = {_snake(key): value for key, value in inputs.items()}
    made_up = {"subscription_id": SUBSCRIPTION}
    return {name: str(given.get(name, made_up.get(name, f"{logical}0a1b2c3d"))) for name in known.path}


def _refusal(known: Operation, names: dict[str, str]) -> list[str]:
    """What the published limits say about what stands in the URL."""
    serializer = _UrlRules(known.build.__globals__["_SERIALIZER"])
    with mock.patch.dict(known.build.__globals__, _SERIALIZER=serializer):
        known.build(**names)
    return serializer.broken


class _UrlRules:
    """Stands in for a package's serializer, which is given the limits of each value and does not look."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.broken: list[str] = []

    def url(self, name: str, data: Any, data_type: str, **rules: Any) -> str:
        self.broken += [f"{name} {data!r} in the URL: {each}" for each in _broken(rules, data)]
        return self._real.url(name, data, data_type, **rules)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _object(model: Any, values: dict[str, Any], place: str, problems: list[str]) -> dict[str, Any]:
    model = _derived(model, values)
    body: dict[str, Any] = {}
    used: set[str] = set()
    for key, value in values.items():
        here = f"{place}.{key}" if place else key
        attribute = _attribute(model, key)
        if attribute is None:
            problems.append(f"{here} is not a field of {model.__name__}")
            continue
        used.add(attribute)
        entry, rules = model._attribute_map[attribute], model._validation.get(attribute, {})
        if rules.get("readonly"):
            problems.append(f"{here} is read-only in {model.__name__}")
        enum = _enum(model, attribute)
        _put(body, entry["key"], _value(model, entry["type"], value, enum=enum, here=here, problems=problems))
        problems += [f"{here}: {broken}" for broken in _broken(rules, value)]
    problems += [
        f"{place + '.' if place else ''}{entry['key']} is required in {model.__name__} and missing"
        for name, entry in model._attribute_map.items()
        if name not in used and _must_be_given(model, name)
    ]
    for name, entry in model._attribute_map.items():
        if model._validation.get(name, {}).get("constant"):
            _put(body, entry["key"], getattr(model, name))
    return body


def _must_be_given(model: Any, name: str) -> bool:
    rules = model._validation.get(name, {})
    return bool(rules.get("required")) and not rules.get("readonly") and not rules.get("constant")


def _derived(model: Any, values: dict[str, Any]) -> Any:
    """The subclass that a discriminator names (``odata.type``), else the class itself."""
    for attribute, subtypes in getattr(model, "_subtype_map", {}).items():
        wire = model._attribute_map[attribute]["key"].replace("\\.", ".")
        given = next((v for k, v in values.items() if _plain(k) in {_plain(attribute), _plain(wire)}), None)
        found = getattr(_models(model), subtypes[given]) if given in subtypes else model
        if found is not model:  # a subclass without more of them has its parent's map
            return _derived(found, values)
    return model


def _attribute(model: Any, key: str) -> str | None:
    """The attribute of a model that an input of the provider's SDK becomes."""
    by_wire = {name: _steps(entry["key"])[-1] for name, entry in model._attribute_map.items()}
    # The whole place first: 'properties' itself comes before what lies below it.
    for matches in (
        [name for name, entry in model._attribute_map.items() if entry["key"] == key],
        [name for name, last in by_wire.items() if last == key],
        [name for name in by_wire if _plain(name) == _plain(key)],
    ):
        if matches:
            return matches[0]
    return None


def _value(model: Any, kind: str, value: Any, *, enum: Any, here: str, problems: list[str]) -> Any:
    if kind.startswith("[") and isinstance(value, list):
        inner = kind[1:-1]
        return [
            _value(model, inner, item, enum=enum, here=f"{here}.{i}", problems=problems)
            for i, item in enumerate(value)
        ]
    if kind.startswith("{") and isinstance(value, list):  # user-assigned identities: a list in the SDK
        return {str(item): {} for item in value}
    if kind.startswith("{") and isinstance(value, dict):
        inner = kind[1:-1]
        return {
            k: _value(model, inner, item, enum=enum, here=f"{here}.{k}", problems=problems)
            for k, item in value.items()
        }
    if kind in _SCALARS:
        expected = _SCALARS[kind]
        wrong = not isinstance(value, expected) or (expected is int and isinstance(value, bool))
        if wrong:
            problems.append(f"{here} must be {kind}, not {value!r}")
        elif enum is not None and enum.__name__ not in _NOT_COMPLETE:
            allowed = [member.value for member in enum]
            if value not in allowed:
                problems.append(f"{here} is {value!r}, not one of {allowed}")
        return value
    nested = getattr(_models(model), kind, None)
    if nested is None or not isinstance(value, dict):
        problems.append(f"{here} must be {kind}, not {value!r}")
        return value
    return _object(nested, value, here, problems)


def _broken(rules: dict[str, Any], value: Any) -> list[str]:
    """Which of the published limits a value breaks."""
    found: list[str] = []
    if isinstance(value, str | list):
        if len(value) > rules.get("max_length", rules.get("max_items", len(value))):
            found.append(f"longer than {rules.get('max_length', rules.get('max_items'))}")
        if len(value) < rules.get("min_length", rules.get("min_items", 0)):
            found.append(f"shorter than {rules.get('min_length', rules.get('min_items'))}")
    if isinstance(value, str) and "pattern" in rules and not re.search(rules["pattern"], value):
        found.append(f"does not match {rules['pattern']}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value > rules.get("maximum", value):
            found.append(f"above {rules['maximum']}")
        if value < rules.get("minimum", value):
            found.append(f"below {rules['minimum']}")
    return found


@functools.cache
def _enum(model: Any, attribute: str) -> Any:
    """The enum in the annotation ``Optional[Union[str, "_models.SkuName"]]``; None without one."""
    annotation = inspect.signature(model.__init__).parameters.get(attribute)
    for name in _forward_names(annotation.annotation) if annotation else ():
        found = getattr(_models(model), name, None)
        if inspect.isclass(found) and issubclass(found, Enum):
            return found
    return None


def _forward_names(annotation: Any) -> list[str]:
    if isinstance(annotation, ForwardRef):
        return [annotation.__forward_arg__.rsplit(".", 1)[-1]]
    return [name for each in get_args(annotation) for name in _forward_names(each)]


def _models(model: Any) -> Any:
    return importlib.import_module(model.__module__.rsplit(".", 1)[0])


def _put(body: dict[str, Any], place: str, value: Any) -> None:
    *way, last = _steps(place)
    for step in way:
        body = body.setdefault(step, {})
    if isinstance(value, dict) and isinstance(body.get(last), dict):
        body[last] |= value
    else:
        body[last] = value


def _steps(place: str) -> list[str]:
    return [step.replace("\\.", ".") for step in re.split(r"(?<!\\)\.", place)]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
