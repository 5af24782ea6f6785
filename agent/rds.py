"""A snapshot of the RDS instance, through the service's API, before anything in its database is replaced."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, cast

from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError, ClientError

from agent.config import RdsSnapshot
from agent.credentials import aws_session
from agent.errors import AgentError

_log = logging.getLogger(__name__)
_BOTO = BotoConfig(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 3})
_POLL_S = 15.0
# The first snapshot of an instance copies all of its storage, and an instance in another state (backing up,
# modifying) takes none before that is over; RDS gives no limit for either.
_PATIENCE_S = 6 * 3600.0
_RIGHTS = (
    "give the machine's role rds:DescribeDBSnapshots, rds:CreateDBSnapshot and rds:AddTagsToResource on "
    "the instance and on its snapshots"
)
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


def ensure_snapshot(settings: RdsSnapshot, epoch: int, stopping: threading.Event) -> str:
    """The identifier of the snapshot taken before the chain of ``epoch`` replaces what the instance holds.

    One for each epoch, complete when this returns: an earlier one is found by its name, and one that is
    being made is waited for.

    Raises:
        AgentError: it cannot be made; or ``stopping`` was set while it was waited for.
    """
    name = f"{settings.instance}-before-epoch-{epoch}"
    client: Any = aws_session().client(cast(Any, "rds"), region_name=settings.region, config=_BOTO)
    try:
        return _Snapshot(client, settings, name, epoch).ensure(stopping)
    finally:
        client.close()


class _Snapshot:
    def __init__(self, client: Any, settings: RdsSnapshot, name: str, epoch: int) -> None:
        self._client, self._settings, self._name, self._epoch = client, settings, name, epoch

    def ensure(self, stopping: threading.Event) -> str:
        end = time.monotonic() + _PATIENCE_S
        instance = self._settings.instance
        while True:
            status = self._status() or self._create()
            if status == "available":
                return self._name
            if status in ("failed", "incompatible-restore", "deleting"):
                raise AgentError(
                    f"the snapshot {self._name} of RDS instance {instance} is {status}; delete it in "
                    "the RDS console, and the agent makes it again"
                )
            if time.monotonic() > end:
                raise AgentError(
                    f"the snapshot {self._name} is still {status} after {_PATIENCE_S / 3600:.0f} hours; "
                    f"look at the events of RDS instance {instance}; the agent waits on when it tries again"
                )
            if stopping.wait(_POLL_S):
                raise AgentError(
                    f"the agent was told to stop while the snapshot {self._name} was {status}; RDS completes "
                    "it, and the next start finds it"
                )

    def _status(self) -> str:
        """Empty when there is no such snapshot."""
        try:
            answer = self._client.describe_db_snapshots(DBSnapshotIdentifier=self._name)
        except ClientError as error:
            if _code(error).startswith("DBSnapshotNotFound"):
                return ""
            raise self._refused(error) from error
        except BotoCoreError as error:
            raise self._unreachable(error) from error
        found = answer["DBSnapshots"]
        return str(found[0]["Status"]) if found else ""

    def _create(self) -> str:
        """Begin it; its status, or what keeps the instance from taking one now."""
        try:
            answer = self._client.create_db_snapshot(
                DBSnapshotIdentifier=self._name,
                DBInstanceIdentifier=self._settings.instance,
                Tags=[
                    {"Key": "created-by", "Value": "pilotlight-agent"},
                    {"Key": "before-epoch", "Value": str(self._epoch)},
                ],
            )
        except ClientError as error:
            code = _code(error)
            if code.startswith("InvalidDBInstanceState"):
                return "waiting, because the instance is not in a state in which RDS takes one"
            if code.startswith("DBSnapshotAlreadyExists"):  # by another agent, since we asked
                return "creating"
            raise self._refused(error) from error
        except BotoCoreError as error:
            raise self._unreachable(error) from error
        _log.info("the snapshot %s of RDS instance %s begins", self._name, self._settings.instance)
        return str(answer["DBSnapshot"]["Status"])

    def _refused(self, error: ClientError) -> AgentError:
        code = _code(error)
        instance, region = self._settings.instance, self._settings.region
        fix = "put that right, and the agent tries again"
        if code in _DENIED:
            fix = _RIGHTS
        elif code.startswith("DBInstanceNotFound"):
            fix = f"there is no such instance in {region}; correct rds_snapshot in the configuration"
        elif code.startswith("SnapshotQuotaExceeded"):
            fix = "delete manual snapshots that nobody needs, or raise the quota in Service Quotas"
        return AgentError(f"RDS in {region} gave no snapshot {self._name} of {instance}: {error}; {fix}")

    def _unreachable(self, error: BotoCoreError) -> AgentError:
        return AgentError(
            f"RDS in {self._settings.region} cannot be asked for the snapshot {self._name}: {error}; "
            "check the machine's role and its way to the RDS API"
        )


def _code(error: ClientError) -> str:
    return str(cast(Any, error.response).get("Error", {}).get("Code", ""))
