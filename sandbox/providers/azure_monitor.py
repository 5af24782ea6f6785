"""Azure Monitor: action groups, diagnostic settings, log alerts, metric alerts.

Limits: the ARM types of microsoft.insights (Azure/bicep-types-az), learn.microsoft.com/azure/azure-monitor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers import wire
from sandbox.providers.azure_base import GROUP_PATH, AzureModel, exists
from sandbox.providers.cloud import Cloud, guid
from sandbox.providers.errors import AzureError
from sandbox.providers.model import Frozen, Pattern, at
from sandbox.providers.shape import Problem
from sandbox.store import Resource

_INSIGHTS = GROUP_PATH + "/providers/Microsoft.Insights/"
_MINUTES = {"M": 1, "H": 60, "D": 1440}
_LOG_WINDOWS = {1, 5, 10, 15, 30, 45, 60, 120, 180, 240, 300, 360, 1440, 2880}
_LOG_FREQUENCIES = _LOG_WINDOWS - {2880}
_METRIC_WINDOWS = {1, 5, 15, 30, 60, 360, 720, 1440}
_METRIC_FREQUENCIES = {1, 5, 15, 30, 60}
_NAME = Pattern(
    r"[^*#&+:<>?@%{}\\/]{1,259}[^*#&+:<>?@%{}\\/. ]", "1 to 260 characters, none of *#&+:<>?@%{}\\/"
)


class ActionGroup(AzureModel):
    """Whom alerts tell."""

    pulumi_type = "azure-native:monitor:ActionGroup"
    sdk = ("pulumi_azure_native.monitor", "ActionGroup")
    path = _INSIGHTS + "actionGroups/{actionGroupName}"
    patterns = Frozen(
        {"actionGroupName": _NAME, "groupShortName": Pattern(r".{1,12}", "at most 12 characters")}
    )
    global_only = True

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        names = [each.get("name") for each in inputs.get("emailReceivers") or ()]
        if len(names) != len(set(names)):
            yield Problem("emailReceivers", f"names must differ, not {names}")


class DiagnosticSetting(AzureModel):
    """Which logs of a resource go where. It belongs to the resource and not to a group."""

    pulumi_type = "azure-native:monitor:DiagnosticSetting"
    sdk = ("pulumi_azure_native.monitor", "DiagnosticSetting")
    path = "{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}"
    child = True

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if not any(
            inputs.get(key) for key in ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId")
        ):
            yield Problem("workspaceId", "at least one place must be named")
        for each in inputs.get("logs") or ():
            if bool(each.get("category")) == bool(each.get("categoryGroup")):
                yield Problem("logs", "each entry has exactly one of category and categoryGroup")
        if not inputs.get("logs") and not inputs.get("metrics"):
            yield Problem("logs", "nothing would be sent")

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        watched = inputs["resourceUri"]
        if not exists(cloud, watched):
            raise AzureError(404, "ResourceNotFound", f"The Resource '{watched}' was not found.")


class ScheduledQueryRule(AzureModel):
    """An alert on what a query finds."""

    pulumi_type = "azure-native:monitor:ScheduledQueryRule"
    sdk = ("pulumi_azure_native.monitor", "ScheduledQueryRule")
    path = _INSIGHTS + "scheduledQueryRules/{ruleName}"
    patterns = Frozen({"ruleName": _NAME})
    replace_on = ("location",)

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from _time_problems(inputs, _LOG_WINDOWS, _LOG_FREQUENCIES)
        yield from _severity_problems(inputs)
        conditions = at(inputs, "criteria.allOf") or []
        if not conditions:
            yield Problem("criteria.allOf", "at least one condition is needed")
        for condition in conditions:
            if not condition.get("query"):
                yield Problem("criteria.allOf", "a log alert's condition needs a query")
            counts = condition.get("timeAggregation") == "Count"
            if counts == bool(condition.get("metricMeasureColumn")):
                yield Problem(
                    "criteria.allOf",
                    "metricMeasureColumn is needed with every timeAggregation but Count, and only then",
                )

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "isLegacyLogAnalyticsRule": False,
            "isWorkspaceAlertsStorageConfigured": False,
        }


class MetricAlert(AzureModel):
    """An alert on a metric; where none is emitted it does not fire."""

    pulumi_type = "azure-native:monitor:MetricAlert"
    sdk = ("pulumi_azure_native.monitor", "MetricAlert")
    path = _INSIGHTS + "metricAlerts/{ruleName}"
    patterns = Frozen({"ruleName": _NAME})
    global_only = True

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from _time_problems(inputs, _METRIC_WINDOWS, _METRIC_FREQUENCIES)
        yield from _severity_problems(inputs)
        if not inputs.get("scopes"):
            yield Problem("scopes", "at least one resource is needed")
        for each in at(inputs, "criteria.allOf") or ():
            if each.get("criterionType") != "StaticThresholdCriterion":
                yield Problem("criteria.allOf", "only StaticThresholdCriterion is simulated")

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "isMigrated": False,
            "lastUpdatedTime": old_outputs.get("lastUpdatedTime") or guid(),
        }


def minutes(text: Any) -> int | None:
    """``PT15M`` as 15; None for what is no such text."""
    match = re.fullmatch(r"PT?(\d+)([MHD])", str(text))
    return int(match[1]) * _MINUTES[match[2]] if match else None


def _time_problems(inputs: Mapping[str, Any], windows: set[int], frequencies: set[int]) -> Iterator[Problem]:
    window, frequency = minutes(inputs.get("windowSize")), minutes(inputs.get("evaluationFrequency"))
    for key, value, allowed in (
        ("windowSize", window, windows),
        ("evaluationFrequency", frequency, frequencies),
    ):
        if inputs.get(key) != wire.UNKNOWN and value not in allowed:
            yield Problem(key, f"must be one of {sorted(allowed)} minutes, not {inputs.get(key)!r}")
    if window and frequency and window < frequency:
        yield Problem("windowSize", "must not be shorter than evaluationFrequency")


def _severity_problems(inputs: Mapping[str, Any]) -> Iterator[Problem]:
    severity = inputs.get("severity")
    if isinstance(severity, int | float) and not 0 <= severity <= 4:
        yield Problem("severity", f"must be 0 to 4, not {severity:g}")


MODELS = (ActionGroup(), DiagnosticSetting(), ScheduledQueryRule(), MetricAlert())
