"""What exists before the program: the names of it, read from the program's own configuration files.

The sandbox has no names of its own: EKS's load balancer, RDS, the hosted zone and the accounts are those that
``Pulumi.normal.yaml`` tells the program about, so that both sides always mean the same things.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

_PREFIX = "petclinic-dr:"


class EstateError(ValueError):
    """The configuration lacks a name that the simulated world needs; says which key and how to set it."""


@dataclass(frozen=True)
class Estate:
    """Names of what exists already; each as its key in ``Pulumi.yaml`` describes it."""

    region: str
    account_id: str
    azure_subscription_id: str
    azure_tenant_id: str
    operators_group_id: str
    """Empty: operators are in no group, and the program grants them nothing."""
    operator_address: str
    """Public address that operators call from: the first that the program admits. Empty: none is admitted."""
    rds_host: str
    rds_port: int
    rds_user: str
    rds_secret_arn: str
    rds_instance_id: str
    """Empty: the program takes no snapshots of it."""
    schemas: tuple[str, ...]
    zone_id: str
    zone_name: str
    alb_name: str
    alb_zone_id: str
    public_name: str
    health_path: str
    app_jar: str
    dump_interval_s: int

    @property
    def rds_secret_name(self) -> str:
        """The secret's name: its ARN from ``secret:`` on, without Secrets Manager's own six characters."""
        return self.rds_secret_arn.rsplit(":", 1)[-1].rsplit("-", 1)[0]

    @property
    def dr_name(self) -> str:
        """The top of the DNS tree that the stack owns."""
        return f"dr-app.{self.zone_name}"


def read_estate(project: Path, stack: str = "normal") -> Estate:
    """Read ``Pulumi.<stack>.yaml`` with the defaults of ``Pulumi.yaml``.

    Raises:
        EstateError: a key without value or of another type.
        OSError: a file cannot be read.
    """
    defaults: dict[str, Any] = _load(project / "Pulumi.yaml")
    values: dict[str, Any] = {
        key: declared.get("default") for key, declared in defaults.items() if isinstance(declared, dict)
    }
    for key, value in _load(project / f"Pulumi.{stack}.yaml").items():
        values[key.removeprefix(_PREFIX)] = value

    def text(key: str) -> str:
        value = values.get(key)
        if not isinstance(value, str) or not value:
            raise EstateError(
                f"{key} is {value!r}: the simulated AWS account needs a name here; "
                f"run 'pulumi config set {key} <value> --stack {stack}'"
            )
        return value

    def number(key: str) -> int:
        try:
            return int(values[key])
        except (KeyError, TypeError, ValueError) as error:
            raise EstateError(f"{key} is {values.get(key)!r}, not a number") from error

    return Estate(
        region=text("awsRegion"),
        account_id=text("awsAccountId"),
        azure_subscription_id=text("azureSubscriptionId"),
        azure_tenant_id=text("azureTenantId"),
        operators_group_id=str(values.get("operatorsGroupId") or ""),
        operator_address=next((str(each) for each in values.get("operatorAddresses") or ()), ""),
        rds_host=text("rdsHost"),
        rds_port=number("rdsPort"),
        rds_user=text("rdsUser"),
        rds_secret_arn=text("rdsSecretArn"),
        rds_instance_id=str(values.get("rdsInstanceId") or ""),
        schemas=tuple(str(item) for item in cast(list[Any], values.get("schemas") or [])),
        zone_id=text("zoneId"),
        zone_name=text("zoneName"),
        alb_name=text("albDnsName"),
        alb_zone_id=text("albZoneId"),
        public_name=text("publicName"),
        health_path=text("healthPath"),
        app_jar=text("appJar"),
        dump_interval_s=number("dumpIntervalSeconds"),
    )


def _load(file: Path) -> dict[str, Any]:
    document: Any = yaml.safe_load(file.read_text())
    config = document.get("config") if isinstance(document, dict) else None
    if not isinstance(config, dict):
        raise EstateError(f"{file.name} has no config")
    return cast(dict[str, Any], config)
