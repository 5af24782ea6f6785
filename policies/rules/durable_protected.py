"""Rule: what holds data, or what data cannot be reached without, is protected."""

from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy

DURABLE_TYPES = frozenset(
    {
        "azure-native:storage:StorageAccount",
        "azure-native:storage:BlobContainerImmutabilityPolicy",
        "azure-native:keyvault:Vault",
        "azure-native:network:VirtualNetwork",
        "azure-native:network:Subnet",
        "azure-native:privatedns:PrivateZone",
    }
)
"""Types that only the production stack makes, so every one of them is durable."""


def check(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Looks at options only, so nothing in it can be unknown. ``retainOnDelete`` is not visible to policies;
    the program's own tests hold it."""
    if args.resource_type in DURABLE_TYPES and not args.opts.protect:
        report(
            f"{args.name} is durable but not protected: make it with components.options.durable_child.", None
        )


RULE = ResourceValidationPolicy(
    name="durable-protected",
    description="Accounts, containers under retention, key vault and network are protected from deletion.",
    validate=check,
)
