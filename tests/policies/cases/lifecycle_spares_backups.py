"""A lifecycle rule that keeps its distance, and ones that come too near."""

from __future__ import annotations

from policies import tokens
from policies.rules.lifecycle_spares_backups import RULE
from tests.policies.case import GONE, Break, Case, Thing

GOOD = Thing(
    type=tokens.LIFECYCLE_POLICY,
    inputs={
        "policy": {
            "rules": [
                {
                    "name": "old",
                    "enabled": True,
                    "definition": {
                        "filters": {"prefixMatch": ["mysql-backups/backup_"]},
                        "actions": {"baseBlob": {"delete": {"daysAfterCreationGreaterThan": 35}}},
                    },
                }
            ]
        }
    },
)
RULE_0 = "policy.rules.0.definition"
REACHES = "reaches mysql-backups/weekly/"
CASES = [
    Case(
        rule=RULE,
        good=GOOD,
        breaks=[
            Break(at={f"{RULE_0}.filters": GONE}, says="no prefixMatch"),
            Break(at={f"{RULE_0}.filters.prefixMatch": []}, says="no prefixMatch"),
            Break(at={f"{RULE_0}.filters.prefixMatch.0": "mysql-backups/"}, says=REACHES),
            Break(at={f"{RULE_0}.filters.prefixMatch.0": "mysql-backups/weekly/backup_"}, says=REACHES),
            Break(
                at={f"{RULE_0}.actions.baseBlob.delete.daysAfterCreationGreaterThan": 20},
                says="deletes after 20 days: at least 21",
            ),
            Break(config={"retentionDays": "14"}, says="deletes after 35 days: at least 42"),
            Break(
                at={f"{RULE_0}.actions.baseBlob.tierToArchive": {"daysAfterCreationGreaterThan": 40}},
                says="moves backups (tierToArchive)",
            ),
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.LIFECYCLE_POLICY,
            inputs={"policy": {"rules": [{"name": "off", "enabled": False, "definition": {}}]}},
        ),
        breaks=[Break(at={"policy.rules.0.enabled": True}, says="no prefixMatch")],
    ),
]
