"""Starts the policy pack. Nothing else may run or print here: the pack's port is the first line on stdout."""

import sys
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1])
)  # the engine starts this inside the pack's folder

from policies.rules import RULES

PolicyPack(
    name="pilotlight",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[policy for rule in RULES for policy in rule.policies()],
)
