"""All resource types that the simulated clouds know.

A type that the program uses and that is not here is an error naming the file to extend; a type that the
program does not use has no place here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sandbox.providers import (
    aws_autoscaling,
    aws_cloudwatch,
    aws_ec2,
    aws_endpoints,
    aws_iam,
    aws_route53,
    aws_s3,
    aws_sns,
    azure_authorization,
    azure_compute,
    azure_dbformysql,
    azure_firewall,
    azure_gateway,
    azure_identity,
    azure_interface,
    azure_keyvault,
    azure_monitor,
    azure_network,
    azure_operationalinsights,
    azure_privatedns,
    azure_resources,
    azure_storage,
    azure_storage_data,
    random_password,
)
from sandbox.providers.model import TypeModel

_MODULES = (
    aws_autoscaling,
    aws_cloudwatch,
    aws_ec2,
    aws_endpoints,
    aws_iam,
    aws_route53,
    aws_s3,
    aws_sns,
    azure_authorization,
    azure_compute,
    azure_dbformysql,
    azure_firewall,
    azure_gateway,
    azure_identity,
    azure_interface,
    azure_keyvault,
    azure_monitor,
    azure_network,
    azure_operationalinsights,
    azure_privatedns,
    azure_resources,
    azure_storage,
    azure_storage_data,
    random_password,
)


class UnknownTypeError(LookupError):
    """The program uses a resource type or a function that the sandbox does not simulate."""


class Catalogue:
    """Type models by token."""

    def __init__(self, models: Iterable[TypeModel]) -> None:
        self._models = {model.pulumi_type: model for model in models}

    def models(self) -> Iterable[TypeModel]:
        """Every model."""
        return self._models.values()

    def model(self, token: str) -> TypeModel:
        """The model of a resource type.

        Raises:
            UnknownTypeError: names the file to extend.
        """
        if token not in self._models:
            raise UnknownTypeError(
                f"the sandbox does not simulate {token}: add a TypeModel for it to {_home(token)} "
                "(and a handler in sandbox/clouds/ when something must run behind it)"
            )
        return self._models[token]

    def read_by(self, function: str) -> TypeModel:
        """The model whose resources the function ``azure-native:keyvault:getVault`` reads.

        Raises:
            UnknownTypeError: when the function is not a plain getter of a known type.
        """
        resource = re.sub(r":get(?=[A-Z])", ":", function)
        if resource == function or resource not in self._models:
            raise UnknownTypeError(
                f"the sandbox does not simulate the function {function}: see {_home(function)}"
            )
        return self._models[resource]


def _home(token: str) -> str:
    package, module = token.split(":", maxsplit=1)[0], token.split(":")[1].split("/", maxsplit=1)[0]
    prefix = {"aws": "aws", "azure-native": "azure"}.get(package, package)
    return f"sandbox/providers/{prefix}_{module}.py"


def load() -> Catalogue:
    """The catalogue of every type in the modules above."""
    return Catalogue(model for module in _MODULES for model in module.MODELS)
