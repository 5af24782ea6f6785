"""The shape of a resource's inputs and outputs, read from the installed Pulumi SDKs.

The SDK's argument classes are generated from the providers' published schemas, so required keys, nested
keys, types and enums need no table of ours. They also find what the real providers let through: a key they
do not know is dropped by them without a word.
"""

from __future__ import annotations

import enum
import functools
import importlib
import inspect
import types
import typing
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import _types  # pyright: ignore[reportPrivateUsage] - the only place where wire names are known

from sandbox.providers import assets, wire


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a resource's inputs: where (``sku.name``) and what, with the fix."""

    path: str
    reason: str


@dataclass(frozen=True)
class Shape:
    """What the SDK knows of one resource type.

    Attributes:
        arguments: the class that holds the resource's arguments.
        outputs: wire names of all outputs and their Python types.
    """

    arguments: type
    outputs: Mapping[str, Any]

    @property
    def inputs(self) -> frozenset[str]:
        """Wire names of all inputs."""
        return frozenset(_fields(self.arguments))

    def problems(self, inputs: Mapping[str, Any], strict: frozenset[str]) -> list[Problem]:
        """Everything in ``inputs`` that does not fit.

        Args:
            inputs: wire values.
            strict: paths (``sku.name``, list indices left out) whose SDK enum is complete, so that any other
                word is wrong; elsewhere the SDK's enums lag behind the services.
        """
        return list(_object_problems(self.arguments, inputs, "", strict))


@functools.cache
def shape_of(module: str, name: str) -> Shape:
    """The shape of resource class ``name`` in SDK module ``module`` (``pulumi_aws.ec2``, ``Eip``).

    The import takes some tenths of a second per SDK module, so it is done at the first use of a type.
    """
    resource = getattr(importlib.import_module(module), name)
    home = importlib.import_module(resource.__module__)
    # A nested type of the same name takes the plain ...Args; the resource's own is then ...InitArgs.
    arguments = getattr(home, f"{name}InitArgs", None) or getattr(home, f"{name}Args")
    return Shape(arguments=arguments, outputs=_types.resource_types(resource))


@functools.cache
def _fields(arguments: type) -> dict[str, Any]:
    return _types.input_type_types(arguments)


@functools.cache
def _required(arguments: type) -> tuple[str, ...]:
    names = _types.input_type_py_to_pulumi_names(arguments)
    parameters = list(inspect.signature(arguments).parameters.values())
    return tuple(names.get(p.name, p.name) for p in parameters if p.default is p.empty)


def _object_problems(
    arguments: type, values: Mapping[str, Any], path: str, strict: frozenset[str]
) -> typing.Iterator[Problem]:
    fields = _fields(arguments)
    for key in _required(arguments):
        if values.get(key) is None:
            yield Problem(_join(path, key), "is required")
    for key, value in values.items():
        if key in fields:
            yield from _value_problems(fields[key], value, _join(path, key), strict)
        else:
            yield Problem(
                _join(path, key),
                f"is not a property here (known: {', '.join(sorted(fields))}); the real provider would drop "
                "it silently",
            )


def _value_problems(expected: Any, value: Any, path: str, strict: frozenset[str]) -> typing.Iterator[Problem]:
    if value is None or value == wire.UNKNOWN or assets.is_asset(value) or assets.is_archive(value):
        return
    options = _options(expected)
    found = [list(_option_problems(option, value, path, strict)) for option in options]
    if found and all(found):
        yield from found[-1]  # the most specific option stands last: Union[str, Enum]
    elif any(_is_enum(option) for option in options) and path in strict:
        yield from (
            problem
            for option, each in zip(options, found, strict=True)
            if _is_enum(option)
            for problem in each
        )


def _option_problems(option: Any, value: Any, path: str, strict: frozenset[str]) -> typing.Iterator[Problem]:
    origin, parameters = typing.get_origin(option), typing.get_args(option)
    if origin in {Sequence, list}:
        if not isinstance(value, list):
            yield Problem(path, f"must be a list, not {value!r}")
            return
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _value_problems(parameters[0], item, path, strict)
    elif origin in {Mapping, dict}:
        if not isinstance(value, Mapping):
            yield Problem(path, f"must be an object, not {value!r}")
            return
        for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield from _value_problems(parameters[1], item, _join(path, str(key)), strict)
    elif _is_enum(option):
        words = [member.value for member in option]
        if value not in words:
            yield Problem(path, f"must be one of {', '.join(map(str, words))}, not {value!r}")
    elif isinstance(option, type) and _types.is_input_type(option):
        if isinstance(value, Mapping):
            yield from _object_problems(option, value, path, strict)
        else:
            yield Problem(path, f"must be an object, not {value!r}")
    else:
        yield from _scalar_problems(option, value, path)


def _scalar_problems(option: Any, value: Any, path: str) -> typing.Iterator[Problem]:
    if option is str:
        fits, word = isinstance(value, str), "a string"
    elif option is bool:
        fits, word = isinstance(value, bool), "true or false"
    elif option in {int, float}:
        fits, word = isinstance(value, int | float) and not isinstance(value, bool), "a number"
    else:
        return  # a resource reference, an asset, Any: nothing to hold the value against
    if not fits:
        yield Problem(path, f"must be {word}, not {value!r}")


def _options(expected: Any) -> list[Any]:
    """The plain types that ``expected`` allows, without the SDK's Awaitable and Output wrappers."""
    if typing.get_origin(expected) not in {typing.Union, types.UnionType}:
        return [expected]
    return [
        option
        for option in typing.get_args(expected)
        if option is not type(None) and typing.get_origin(option) not in {Awaitable, pulumi.Output}
    ]


def _is_enum(option: Any) -> bool:
    return isinstance(option, type) and issubclass(option, enum.Enum)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
