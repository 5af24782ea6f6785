"""The least program: one resource of each type, read from a file. See benchmarks/preview.py."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_azure_native as azure_native

_PROVIDERS = {
    "aws": lambda inputs: aws.Provider("aws", **_arguments(aws.Provider, inputs)),
    "azure-native": lambda inputs: azure_native.Provider(
        "azure-native", **_arguments(azure_native.Provider, inputs)
    ),
}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _arguments(sdk: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs under the names that the SDK's class gives them."""
    known = {re.sub("_", "", name): name for name in sdk._internal_init.__annotations__}
    return {known.get(key.lower(), _snake(key)): value for key, value in inputs.items()}


def _class(token: str) -> Any:
    package, module, name = token.split(":")
    parts = [f"pulumi_{package.replace('-', '_')}", module.split("/")[0]]
    return getattr(importlib.import_module(".".join(part for part in parts if part != "index")), name)


def _main() -> None:
    resources = json.loads((Path(__file__).parent / "components" / "resources.json").read_text())
    providers: dict[str, Any] = {}
    for number, resource in enumerate(resources):
        token, inputs = resource["type"], resource["inputs"]
        if token.startswith("pulumi:providers:"):
            package = token.rsplit(":", 1)[1]
            providers[package] = _PROVIDERS[package](inputs)
            continue
        sdk = _class(token)
        if "source" in inputs and token.endswith(":Blob"):
            inputs["source"] = pulumi.StringAsset(inputs["source"])
        options = pulumi.ResourceOptions(provider=providers.get(token.split(":", 1)[0]))
        sdk(f"one-{number}", **_arguments(sdk, inputs), opts=options)


_main()
