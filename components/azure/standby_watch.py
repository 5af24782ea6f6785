"""Logs and alerts of what runs in an emergency. Nothing waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.azure.foundation import Foundation
from components.options import child


@dataclass(frozen=True, kw_only=True)
class StandbyWatchArgs:
    """Inputs of :class:`StandbyWatch`."""

    foundation: Foundation
    gateway_id: pulumi.Input[str]
    database_id: pulumi.Input[str] | None
    server_ids: Mapping[str, pulumi.Input[str]]
    open: bool
    """Users reach PetClinic: from now on a backend that is not healthy is an incident."""


@dataclass(frozen=True)
class _Limit:
    what: str
    scope: pulumi.Input[str]
    namespace: str
    metric: str
    operator: str
    threshold: float
    aggregation: str
    why: str


class StandbyWatch(pulumi.ComponentResource):
    """Access and error logs of the gateway, slow queries of the database, and metric alerts on all of them.

    Metric alerts are right here, unlike for the backups: what runs emits its metrics all the time. Cost: 0.10
    USD a month for each watched series, 2.30 USD for a GB of logs (Microsoft's list prices, Korea not
    verified).
    """

    def __init__(self, name: str, args: StandbyWatchArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pilotlight:azure:StandbyWatch", name, None, opts)
        logs = {"gateway": args.gateway_id}
        if args.database_id is not None:
            logs["database"] = args.database_id
        for what, resource_id in logs.items():
            azure.monitor.DiagnosticSetting(
                f"{name}-{what}-log",
                name="all",
                resource_uri=resource_id,
                workspace_id=args.foundation.watch.workspace_id,
                logs=[{"category_group": "allLogs", "enabled": True}],
                opts=child(self),
            )
        names = args.foundation.names
        for limit in _limits(args):
            azure.monitor.MetricAlert(
                f"{name}-{limit.what}",
                rule_name=names.azure("alert", limit.what),
                resource_group_name=args.foundation.ground.resource_group,
                location="Global",
                description=limit.why,
                severity=1,
                enabled=True,
                scopes=[limit.scope],
                evaluation_frequency="PT1M",
                window_size="PT5M",
                criteria=azure.monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
                    odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
                    all_of=[
                        azure.monitor.MetricCriteriaArgs(
                            criterion_type="StaticThresholdCriterion",
                            name="limit",
                            metric_namespace=limit.namespace,
                            metric_name=limit.metric,
                            operator=limit.operator,
                            threshold=limit.threshold,
                            time_aggregation=limit.aggregation,
                        )
                    ],
                ),
                auto_mitigate=True,
                actions=[{"action_group_id": args.foundation.watch.action_group_id}],
                tags=names.tags,
                opts=child(self),
            )
        self.register_outputs({})


def _limits(args: StandbyWatchArgs) -> list[_Limit]:
    """https://learn.microsoft.com/azure/azure-monitor/reference/metrics-index names these metrics."""
    limits = [
        _Limit(
            f"{role}-server",
            server_id,
            "Microsoft.Compute/virtualMachines",
            "VmAvailabilityMetric",
            "LessThan",
            1,
            "Average",
            f"The {role} server is not available",
        )
        for role, server_id in args.server_ids.items()
    ]
    if args.database_id is not None:
        kind = "Microsoft.DBforMySQL/flexibleServers"
        why = "The database's storage is nearly full; it grows by itself unless its limit is reached"
        limits += [
            _Limit(
                "database-storage",
                args.database_id,
                kind,
                "storage_percent",
                "GreaterThan",
                85,
                "Maximum",
                why,
            ),
            _Limit(
                "database-cpu",
                args.database_id,
                kind,
                "cpu_percent",
                "GreaterThan",
                90,
                "Average",
                "The database is too small: set databaseSku",
            ),
        ]
    if args.open:
        limits.append(
            _Limit(
                "gateway-backends",
                args.gateway_id,
                "Microsoft.Network/applicationGateways",
                "UnhealthyHostCount",
                "GreaterThan",
                0,
                "Average",
                "A server behind the gateway does not answer its probe",
            )
        )
    return limits
