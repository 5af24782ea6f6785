"""Rule: the clinic's data stays in Korea."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.limits import AWS_METRICS_REGION, AWS_REGIONS, AZURE_GLOBAL, AZURE_LOCATIONS
from policies.rule import Rule
from policies.seen import Seen

WITHOUT_DATA = frozenset({tokens.METRIC_ALARM, tokens.TOPIC, tokens.TOPIC_POLICY, tokens.TOPIC_SUBSCRIPTION})
"""May be where Route 53 keeps its metrics: alarms know numbers, no rows."""


def problems(resource: Seen) -> Iterator[str]:
    """Azure spells locations as names (``Korea Central``) or as codes."""
    if resource.type == tokens.AWS_PROVIDER or resource.type.startswith("aws:"):
        region = resource.get("region")
        allowed = AWS_REGIONS | ({AWS_METRICS_REGION} if resource.type in WITHOUT_DATA else frozenset())
        if isinstance(region, str) and region not in allowed:
            yield f"region is {region}: {', '.join(sorted(allowed))} only"
    elif resource.type.startswith("azure-native:"):
        location = resource.get("location")
        if not isinstance(location, str):
            return
        code = location.replace(" ", "").lower()
        if code not in AZURE_LOCATIONS | {AZURE_GLOBAL}:
            yield f"location is {location}: {', '.join(sorted(AZURE_LOCATIONS))} or {AZURE_GLOBAL} only"


RULE = Rule(
    name="regions-allowed",
    what=f"Everything is in {', '.join(sorted(AWS_REGIONS))} and {', '.join(sorted(AZURE_LOCATIONS))}; "
    f"alarms without data may be in {AWS_METRICS_REGION}, names and alerts are global.",
    why="The data is personal; and a typo in a region makes a second standby that nobody knows.",
    problems=problems,
)
