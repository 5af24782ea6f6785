"""Rule: no machine is given a secret in its user data, which every process on it can read."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy
from pulumi_policy.proxy import UnknownValueError

LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
VIRTUAL_MACHINE = "azure-native:compute:VirtualMachine"
_PATTERNS = {
    "a literal password": re.compile(r"""["']?pass(word|wd)?["']?\s*[:=]\s*["']?[^\s"'{\[]""", re.IGNORECASE),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a storage key": re.compile(r"AccountKey=|[?&]sig=[A-Za-z0-9%]"),
    "an AWS access key": re.compile(r"\bA(KIA|SIA)[A-Z0-9]{16}\b"),
}


def check(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Reads launch templates and virtual machines. What a preview cannot know, the update checks."""
    try:
        text, secrets = _user_data(args)
    except UnknownValueError:
        return
    found = [what for what, pattern in _PATTERNS.items() if pattern.search(text)]
    found += ["the machine's own console password"] if any(secret in text for secret in secrets) else []
    for what in found:
        # Never quotes what it found: policy messages end up in logs.
        report(
            f"{args.name} carries {what} in its user data: let the machine fetch it with its identity.", None
        )


def _user_data(args: ResourceValidationArgs) -> tuple[str, list[str]]:
    if args.resource_type == LAUNCH_TEMPLATE:
        return _decoded(args.props.get("userData")), []
    if args.resource_type == VIRTUAL_MACHINE:
        profile: Mapping[str, Any] = args.props.get("osProfile") or {}
        password = profile.get("adminPassword")
        return _decoded(profile.get("customData")), [password] if password else []
    return "", []


def _decoded(value: str | None) -> str:
    try:
        return base64.b64decode(value or "", validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return value or ""


RULE = ResourceValidationPolicy(
    name="no-secret-in-user-data",
    description="User data holds names of secrets, never secrets.",
    validate=check,
)
