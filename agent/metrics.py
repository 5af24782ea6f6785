"""Metrics in CloudWatch: how old what would be restored is, once a minute.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
An alarm on any of them must treat missing data as breaching: a dead agent sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import botocore.exceptions
from botocore.config import Config as BotoConfig

from agent.config import Metrics, Site
from agent.credentials import aws_session
from agent.errors import AgentError

PERIOD_S = 60.0
_STEP_S = 5.0  # a clock that is kept by NTP may step back by less
_TIMEOUT_S = 10


def figures(state: Mapping[str, Any], now: datetime) -> dict[str, float]:
    """The metrics that a heartbeat's content gives; one that is not known is left out.

    - ``BackupAgeSeconds``: since the newest backup, or since it was last seen to be still what the database
      holds; less what the budget for egress adds to the interval, which is late by order. The alarm's limit
      knows the configured interval only and would ring between any two dumps.
    - ``ArchiveLagSeconds``: since the archived log was last complete; 0 is never reached, the flush interval
      is.
    - ``VerificationAgeSeconds``: since the last verification that found a chain good.
    - ``Errors``: things that do not work at present.

    A time in the future is that of a clock that was put back since: it says nothing, and its age is not 0.
    """
    found = {"Errors": float(len(state["errors"]))}
    if state["writer"] != state["site"]:
        return found  # nobody expects backups of a database that does not serve
    archive = state["archive"] or {}
    for name, since in (
        ("BackupAgeSeconds", state["fresh_at"]),
        ("ArchiveLagSeconds", archive.get("archived_through")),
        ("VerificationAgeSeconds", (state["verification"] or {}).get("good_at")),
    ):
        age_s = (now - datetime.fromisoformat(since)).total_seconds() if since else None
        if age_s is not None and age_s >= -_STEP_S:
            found[name] = max(0.0, age_s)
    if "BackupAgeSeconds" in found:
        found["BackupAgeSeconds"] = max(0.0, found["BackupAgeSeconds"] - state["stretched_by_seconds"])
    return found


class CloudWatch:
    """Sends metrics; credentials are those of the machine."""

    def __init__(self, settings: Metrics, site: Site) -> None:
        self._settings, self._site = settings, site
        self._client: Any = None

    def send(self, values: Mapping[str, float], now: datetime) -> None:
        """Send ``values``.

        Raises:
            AgentError: they were refused, or CloudWatch cannot be reached.
        """
        try:
            if self._client is None:
                limits = BotoConfig(
                    connect_timeout=_TIMEOUT_S, read_timeout=_TIMEOUT_S, retries={"total_max_attempts": 2}
                )
                self._client = aws_session().client(
                    "cloudwatch", region_name=self._settings.region, config=limits
                )
            self._client.put_metric_data(
                Namespace=self._settings.cloudwatch_namespace,
                MetricData=[
                    {
                        "MetricName": name,
                        "Dimensions": [{"Name": "Site", "Value": self._site}],
                        "Timestamp": now,
                        "Value": value,
                        "Unit": "Count" if name == "Errors" else "Seconds",
                    }
                    for name, value in values.items()
                ],
            )
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise AgentError(
                f"metrics could not be sent: {error}; the machine's role needs cloudwatch:PutMetricData"
            ) from error
