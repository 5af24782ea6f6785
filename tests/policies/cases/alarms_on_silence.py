"""Alarms of both clouds, and the ways to be told nothing by them."""

from __future__ import annotations

from policies import tokens
from policies.rules.alarms_on_silence import RULE
from tests.policies.case import GONE, Break, Case, Thing

AWS = Thing(
    type=tokens.METRIC_ALARM,
    inputs={"treatMissingData": "breaching", "alarmActions": ["arn:aws:sns:x"], "actionsEnabled": True},
)
LOG = Thing(type=tokens.LOG_ALERT, inputs={"enabled": True, "actions": {"actionGroups": ["/id/group"]}})
METRIC = Thing(
    type=tokens.METRIC_ALERT, inputs={"enabled": True, "actions": [{"actionGroupId": "/id/group"}]}
)
CASES = [
    Case(
        rule=RULE,
        good=AWS,
        breaks=[
            Break(at={"treatMissingData": "notBreaching"}, says="treatMissingData is not breaching"),
            Break(at={"treatMissingData": GONE}, says="treatMissingData is not breaching"),
            Break(at={"actionsEnabled": False}, says="actionsEnabled is off"),
            Break(at={"alarmActions": []}, says="no alarmActions"),
        ],
    ),
    Case(
        rule=RULE,
        good=LOG,
        breaks=[
            Break(at={"enabled": False}, says="not enabled"),
            Break(at={"actions": GONE}, says="no action group"),
        ],
    ),
    Case(rule=RULE, good=METRIC, breaks=[Break(at={"actions": []}, says="no action group")]),
]
