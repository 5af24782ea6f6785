"""All rules of the pack: one rule, one module, one test."""

from pulumi_policy import Policy

from policies.rules import durable_protected, no_secret_in_user_data, standby_only_in_emergency

RULES: list[Policy] = [
    durable_protected.RULE,
    no_secret_in_user_data.RULE,
    standby_only_in_emergency.RULE,
]
