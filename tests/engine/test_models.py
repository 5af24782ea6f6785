"""Every type model against the SDK's own knowledge of that type: our simulation may not judge itself."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest
from pulumi import _types  # pyright: ignore[reportPrivateUsage]

from sandbox.providers import catalogue
from sandbox.providers.azure_base import AzureModel
from sandbox.providers.model import TypeModel

MODELS = list(catalogue.load().models())


def paths(model: TypeModel) -> Iterator[str]:
    yield from model.patterns
    yield from model.replace_on
    yield from model.write_only
    yield from model.strict_enums
    if model.name_input:
        yield model.name_input
    if isinstance(model, AzureModel):
        yield from model.unchangeable


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.pulumi_type)
def test_names_are_the_sdk_s(model: TypeModel) -> None:
    module, name = model.sdk
    assert getattr(importlib.import_module(module), name).pulumi_type == model.pulumi_type
    for path in paths(model):
        fields = _types.input_type_types(model.shape.arguments)
        for key in path.split("."):
            assert key in fields, f"{path} is not an input of {model.pulumi_type}"
            nested = [each for each in _options(fields[key]) if isinstance(each, type)]
            fields = next(
                (_types.input_type_types(each) for each in nested if _types.is_input_type(each)), {}
            )
    assert set(model.secret_outputs) <= set(model.shape.outputs)


def _options(annotation: object) -> list[object]:
    arguments = getattr(annotation, "__args__", ())
    return [annotation, *(inner for each in arguments for inner in _options(each))]


def test_types_are_known_once() -> None:
    tokens = [model.pulumi_type for model in MODELS]
    assert len(tokens) == len(set(tokens))


def test_an_unknown_type_names_the_file_to_extend() -> None:
    with pytest.raises(catalogue.UnknownTypeError, match=r"sandbox/providers/azure_cdn\.py"):
        catalogue.load().model("azure-native:cdn:Profile")
    with pytest.raises(catalogue.UnknownTypeError, match="getCallerIdentity"):
        catalogue.load().read_by("aws:index/getCallerIdentity:getCallerIdentity")
