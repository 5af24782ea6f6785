"""Who is told when no backup arrives any more, by an alert that lives outside AWS and fires on silence."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.azure.backup_vault import BACKUPS
from components.azure.landing_zone import Ground
from components.names import Names
from components.options import child
from components.settings import AzureSettings

EVALUATION_MINUTES = 15
"""A log alert's price falls in steps down to this one."""
_LOG_DELAY_MINUTES = 15
"""Storage logs arrive some minutes late; Microsoft promises no figure, most come within five."""
_WINDOWS = {15: "PT15M", 30: "PT30M", 45: "PT45M", 60: "PT1H", 120: "PT2H", 180: "PT3H", 240: "PT4H"} | {
    300: "PT5H",
    360: "PT6H",
    1440: "P1D",
    2880: "P2D",
}
"""Minutes -> what a log alert takes for its window."""
_QUIET_CAP_GB, _BUSY_CAP_GB = 0.16, 5.0
"""A day. The first is the free 5 GB a month of a billing account; when it is used up no log arrives and the
alert fires, which is the safe way to be wrong. An emergency writes access logs and must not go blind."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Where logs go and whom alerts tell, whoever made it."""

    workspace_id: pulumi.Output[str]
    action_group_id: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class DeadManArgs:
    """Inputs of :class:`DeadMan`."""

    names: Names
    settings: AzureSettings
    ground: Ground
    vault_id: pulumi.Input[str]
    """The backups' storage account."""
    dump_interval_seconds: int
    emails: tuple[str, ...]
    busy: bool
    """The standby runs and sends logs too."""
    azure_writes: bool
    """The standby is the writer. Its agent skips no dump, and no other alarm watches its dumps."""


class DeadMan(pulumi.ComponentResource):
    """The alert that fires when no backup was completed, whatever the reason and whoever is dead.

    Creates: a Log Analytics workspace, an action group, the diagnostic setting that sends the vault's write
    log there, and a scheduled query rule that counts manifests. A metric alert would not do: storage emits no
    metric without traffic, and an alert on a metric that is not emitted does not fire
    (https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-troubleshoot-metric). A query that counts
    answers 0 when there is nothing to count.

    Cost a month: the rule 0.50 USD at a quarter-hourly evaluation, logs are inside the free 5 GB (Microsoft's
    list prices, Korea not verified).
    """

    watch: Watch

    def __init__(self, name: str, args: DeadManArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pilotlight:azure:DeadMan", name, None, opts)
        names, group = args.names, args.ground.resource_group
        workspace = azure.operationalinsights.Workspace(
            f"{name}-workspace",
            workspace_name=names.azure("log"),
            resource_group_name=group,
            location=args.settings.location,
            sku={"name": "PerGB2018"},
            retention_in_days=30,  # what the price of ingestion covers
            workspace_capping={"daily_quota_gb": _BUSY_CAP_GB if args.busy else _QUIET_CAP_GB},
            tags=names.tags,
            opts=child(self),
        )
        azure.monitor.DiagnosticSetting(
            f"{name}-vault-log",
            name="writes",
            resource_uri=pulumi.Output.concat(args.vault_id, "/blobServices/default"),
            workspace_id=workspace.id,
            logs=[{"category": "StorageWrite", "enabled": True}],
            opts=child(self),
        )
        actions = azure.monitor.ActionGroup(
            f"{name}-operators",
            action_group_name=names.alarms,
            resource_group_name=group,
            location="Global",
            group_short_name="pilotlight",  # at most 12 characters; stands in mails
            enabled=True,
            email_receivers=[
                {"name": f"operator-{number}", "email_address": email, "use_common_alert_schema": True}
                for number, email in enumerate(args.emails)
            ],
            tags=names.tags,
            opts=child(self),
        )
        azure.monitor.ScheduledQueryRule(
            f"{name}-no-backup",
            rule_name=names.azure("alert", "no-backup"),
            resource_group_name=group,
            location=args.settings.location,
            kind="LogAlert",
            display_name="PetClinic DR: no new backup",
            description="No backup was completed: see runbooks, and the log on the backup instance",
            enabled=True,
            severity=1,
            scopes=[workspace.id],
            evaluation_frequency=f"PT{EVALUATION_MINUTES}M",
            window_size=window(args.dump_interval_seconds),
            criteria=azure.monitor.ScheduledQueryRuleCriteriaArgs(
                all_of=[
                    azure.monitor.ConditionArgs(
                        query=no_backup_query(names.vault_account, log_counts=not args.azure_writes),
                        time_aggregation="Total",
                        metric_measure_column="Backups",
                        operator="LessThan",
                        threshold=1,
                        failing_periods=azure.monitor.ConditionFailingPeriodsArgs(
                            number_of_evaluation_periods=1, min_failing_periods_to_alert=1
                        ),
                    )
                ]
            ),
            auto_mitigate=True,
            skip_query_validation=True,  # the table appears with its first row
            actions={"action_groups": [actions.id]},
            tags=names.tags,
            opts=child(self),
        )
        self.watch = Watch(workspace_id=workspace.id, action_group_id=actions.id)
        self.register_outputs({"workspace_id": workspace.id})


def window(dump_interval_seconds: int) -> str:
    """How far back the rule looks: three dumps and the log's own delay, rounded up to what Azure takes."""
    needed = 3 * dump_interval_seconds / 60 + _LOG_DELAY_MINUTES
    return next((text for minutes, text in _WINDOWS.items() if minutes >= needed), _WINDOWS[2880])


def no_backup_query(account: str, *, log_counts: bool) -> str:
    """Counts completed backups, and archived log where it counts; 0 even without the table of logs.

    A backup is complete with its manifest (``backup_<time>.json``), which is small enough for one PutBlob.
    A database that nobody changes gets no new dump for a day, but its log goes on: RDS itself commits a
    heartbeat about every five minutes, and each is archived as a segment below ``binlog/``. The age of AWS's
    dumps is then its own alarm's.
    Columns: https://learn.microsoft.com/azure/azure-monitor/reference/tables/storagebloblogs
    """
    manifest = f'ObjectKey contains "/{BACKUPS}/backup_" and ObjectKey endswith ".json"'
    counted = f'({manifest}) or ObjectKey contains "/{BACKUPS}/binlog/"' if log_counts else manifest
    columns = "TimeGenerated:datetime, AccountName:string, OperationName:string, StatusCode:string"
    return "\n".join(
        (
            f"union isfuzzy=true (datatable({columns}, ObjectKey:string)[]), StorageBlobLogs",
            f'| where AccountName == "{account}" and StatusCode == "201"',
            '| where OperationName in ("PutBlob", "PutBlockList")',
            f"| where {counted}",
            "| summarize Backups = count()",
        )
    )
