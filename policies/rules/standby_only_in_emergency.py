"""Rule: what runs, and bills by the hour, is absent in mode ``normal``."""

import pulumi
from pulumi_policy import ReportViolation, StackValidationArgs, StackValidationPolicy

EMERGENCY_TYPES = frozenset(
    {
        "azure-native:network:ApplicationGateway",
        "azure-native:compute:VirtualMachine",
        "azure-native:dbformysql:Server",
    }
)


def forbidden(mode: str, resource_type: str) -> bool:
    """Whether a resource of that type may not be in a stack of that mode."""
    return mode == "normal" and resource_type in EMERGENCY_TYPES


def check(args: StackValidationArgs, report: ReportViolation) -> None:
    """Looks at types only. The engine hands the stack's configuration to the pack's process."""
    mode = pulumi.Config("petclinic-dr").get("mode")
    if mode is None:
        args.not_applicable("the stack's mode is not known to this run")
        return
    for resource in args.resources:
        if forbidden(mode, resource.resource_type):
            report(
                f"{resource.name} runs in mode normal: the pilot light pays for it all month.", resource.urn
            )


RULE = StackValidationPolicy(
    name="standby-only-in-emergency",
    description="Gateway, servers and database exist in an emergency only.",
    validate=check,
)
