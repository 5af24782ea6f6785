"""Every distinct resource that the program registers, over all situations: what the references judge."""

from __future__ import annotations

import functools
import json
from typing import Any

from tests.program.recorder import Recorded, config_of, run_program
from tests.program.runs import SITUATIONS, STANDALONE, situation_called

OPTIONS = {
    "alertEmails": '["operators@example.com"]',
    "awsInterfaceEndpoints": "true",
    "awsRouteTableIds": '["rtb-0a1b2c3d4e5f60713"]',
    "gatewayWaf": "true",
    "databaseTimeZone": "+09:00",
}
"""Every setting that makes resources of its own, switched on."""
SUBSCRIPTION = config_of("normal")["azureSubscriptionId"]


@functools.cache
def resources(package: str) -> tuple[Recorded, ...]:
    """Managed resources of a provider (``aws``, ``azure-native``), once per type, name and inputs."""
    found: dict[str, Recorded] = {}
    runs = [situation_called(situation) for situation in (*SITUATIONS, *STANDALONE)]
    runs.append(run_program(mode="emergency", **OPTIONS))
    for run in runs:
        for resource in run.of(f"{package}:"):
            if not resource.read:
                key = json.dumps([resource.type, resource.name, resource.inputs], sort_keys=True)
                found.setdefault(key, resource)
    return tuple(found.values())


def whole(value: Any) -> Any:
    """``value`` with whole numbers as integers: the engine's protocol knows only floats."""
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def changed(inputs: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of ``inputs`` in which the dotted ``path`` (numbers index lists) is ``value``; None removes it.

    Raises:
        KeyError, IndexError: nothing is there to be changed (a new key may be added as the last step).
    """
    copy = json.loads(json.dumps(inputs))
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = copy
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return copy
