"""Cost functions of Azure Storage: billed by what the containers hold and by every operation."""

from __future__ import annotations

from costs import usage
from costs.catalogue_types import (
    AWS_HOSTS,
    HEALTH_CHECK,
    SERVER,
    Context,
    Entry,
    Free,
    Priced,
    Use,
    amount,
)
from costs.errors import CostError
from costs.resources import Resource

ACCOUNT = "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"
SECONDS_PER_MONTH = usage.DAYS_PER_MONTH * usage.SECONDS_PER_DAY


def _container(container: Resource, context: Context) -> list[Use]:
    """By the role that its name gives it; the names are fixed by the design."""
    name = container.text("containerName")
    a = context.assumptions
    if name not in ("mysql-backups", "signals", "control", "orders", "artifacts"):
        raise CostError(
            f"{container.type} {container.name!r}: what container {name!r} holds is not known: "
            "say it in costs/azure_storage.py"
        )
    redundancy = _redundancy(container, context)
    writes = f"azure.blob.write.{redundancy}"
    if name == "mysql-backups":
        kept = _kept_days(context)
        return [
            Use(
                f"backups of {kept:g} days, {a.weekly_copies_kept:g} weekly copies for good",
                amount(usage.stored_gb(a, kept) + usage.weekly_gb(a)),
                f"azure.blob.hot.{redundancy}",
            ),
            Use(
                "writes of dumps and log; listings to pack and verify",
                amount((usage.write_operations(a) + usage.list_operations(a, kept)) / 10_000),
                writes,
            ),
            Use("reads to verify and to pack", amount(usage.read_operations(a) / 10_000), "azure.blob.read"),
            Use("read back to AWS", amount(usage.read_back_gb(a)), "azure.egress.internet"),
        ]
    if name == "signals":
        return [Use("heartbeat writes", amount(usage.heartbeats_per_month(a) / 10_000), writes)]
    if name == "control":
        polls = usage.intervals_per_month(a) * a.polls_per_interval
        return [Use("agent reading the epoch", amount(polls / 10_000), "azure.blob.read")]
    if name == "orders":
        polls = usage.intervals_per_month(a) * a.polls_per_interval if context.of_type(SERVER) else 0
        return [Use("agent of the standby reading its orders", amount(polls / 10_000), "azure.blob.read")]
    return [Use(f"content of {name}", amount(a.stored_artifacts_gb), f"azure.blob.hot.{redundancy}")]


def _redundancy(container: Resource, context: Context) -> str:
    """SKU of the account that holds it: by account name, else the only or the dearest account's."""
    accounts = context.of_type(ACCOUNT)
    named = [r for r in accounts if r.get("accountName") == container.get("accountName")] or accounts
    skus = sorted({account.text("sku.name") for account in named})
    if not skus:
        raise CostError(f"{container.type} {container.name!r}: no storage account in the stack to hold it")
    # An account name may be unknown in a preview; ZRS sorts after LRS and GRS, and is what the design uses.
    return skus[-1]


def _kept_days(context: Context) -> float:
    """How long a stored byte is paid for: the longest rule of the stack, then soft delete on top."""
    days = [context.assumptions.retention_days]
    for policy in context.of_type("azure-native:storage:BlobContainerImmutabilityPolicy"):
        days.append(policy.number("immutabilityPeriodSinceCreationInDays", 0))
    for policy in context.of_type("azure-native:storage:ManagementPolicy"):
        for rule in policy.items("policy.rules"):
            actions = Resource(policy.type, policy.name, rule)
            for age in ("daysAfterCreationGreaterThan", "daysAfterModificationGreaterThan"):
                days.append(actions.number(f"definition.actions.baseBlob.delete.{age}", 0))
    services = context.of_type("azure-native:storage:BlobServiceProperties")
    soft = [
        s.number("deleteRetentionPolicy.days", 0) for s in services if s.get("deleteRetentionPolicy.enabled")
    ]
    return max(days) + max(soft, default=0)


def _website(_site: Resource, context: Context) -> list[Use]:
    """Route 53's checkers ask for the hold blob all day; every answer, a 404 too, is a billed read.

    The check's host name is an output of Azure and unknown in a preview: every HTTP(S) check of an endpoint
    outside AWS is taken to be one that asks the site.
    """
    reads = sum(
        context.assumptions.health_checkers * SECONDS_PER_MONTH / check.number("requestInterval", 30)
        for check in context.of_type(HEALTH_CHECK)
        if check.text("type").startswith("HTTP") and not str(check.get("fqdn") or "").endswith(AWS_HOSTS)
    )
    return [Use("health checkers asking for the hold blob", amount(reads / 10_000), "azure.blob.read")]


STORAGE: dict[str, Entry] = {
    ACCOUNT: Free("billed by its containers and operations", reads=("accountName", "sku")),
    CONTAINER: Priced(_container, ("containerName", "accountName")),
    "azure-native:storage:StorageAccountStaticWebsite": Priced(_website),
    "azure-native:storage:Blob": Free("a few kilobytes, or counted with its container"),
    "azure-native:storage:BlobServiceProperties": Free(
        "a setting of a storage account", reads=("deleteRetentionPolicy",)
    ),
    "azure-native:storage:BlobContainerImmutabilityPolicy": Free(
        "a setting of a container", reads=("immutabilityPeriodSinceCreationInDays",)
    ),
    "azure-native:storage:ManagementPolicy": Free("lifecycle runs are free", reads=("policy",)),
}
