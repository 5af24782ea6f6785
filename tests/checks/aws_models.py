"""A request against the service's published model (botocore's ``service-2.json``)."""

from __future__ import annotations

import functools
from typing import Any

import botocore.session
import regex
from botocore.validate import ParamValidator

from tests.checks.aws_requests import Request


def judge(request: Request) -> list[str]:
    """What the service would refuse by its own model; empty: nothing was found.

    botocore looks at types, required and unknown members and least lengths; enums, patterns and greatest
    lengths, which it leaves to the service, are looked at here.
    """
    shape = _service(request.service).operation_model(request.operation).input_shape
    if shape is None:
        return [f"{request.operation} takes no parameters"] if request.parameters else []
    report = ParamValidator().validate(request.parameters, shape)
    found = report.generate_report().splitlines() if report.has_errors() else []
    return [f"{request.operation}: {each}" for each in [*found, *_limits(shape, request.parameters, "")]]


@functools.cache
def _service(name: str) -> Any:
    return _session().get_service_model(name)


@functools.cache
def _session() -> Any:
    return botocore.session.get_session()


def _limits(shape: Any, value: Any, place: str) -> list[str]:
    if shape.type_name == "structure" and isinstance(value, dict):
        return [
            each
            for key, item in value.items()
            if key in shape.members
            for each in _limits(shape.members[key], item, f"{place}.{key}")
        ]
    if shape.type_name == "list" and isinstance(value, list):
        inside = (_limits(shape.member, item, f"{place}.{i}") for i, item in enumerate(value))
        return [each for found in inside for each in found] + _length(shape, value, place)
    if shape.type_name == "map" and isinstance(value, dict):
        inside = (_limits(shape.value, item, f"{place}.{key}") for key, item in value.items())
        return [each for found in inside for each in found]
    if isinstance(value, str):
        return _text(shape, value, place)
    if isinstance(value, int) and value > shape.metadata.get("max", value):
        return [f"{place} is {value}, above {shape.metadata['max']}"]
    return []


def _text(shape: Any, value: str, place: str) -> list[str]:
    enum, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    found = _length(shape, value, place)
    if enum and value not in enum:
        found.append(f"{place} is {value!r}, not one of {enum}")
    if pattern and not regex.fullmatch(_python(pattern), value):
        found.append(f"{place} is {value!r}, which does not match {pattern}")
    return found


def _length(shape: Any, value: str | list[Any], place: str) -> list[str]:
    limit = shape.metadata.get("max", len(value))
    return [f"{place} is longer than {limit}"] if len(value) > limit else []


def _python(pattern: str) -> str:
    """A pattern of the models, which are Java's: characters beyond 16 bits are one there in two halves."""
    return pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
