"""Resources as plain records, wherever they come from: a state export, a committed list, a policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from costs.errors import CostError

REFERENCE = Path(__file__).parent / "reference"


@dataclass(frozen=True)
class Resource:
    """One cloud resource as the engine registers it: type token, logical name, inputs in camelCase.

    Inputs that are not known yet (previews) are absent.
    """

    type: str
    name: str
    inputs: Mapping[str, object] = field(default_factory=dict[str, object])

    def get(self, path: str) -> object:
        """Value at a dotted path, None when any part is absent: `resource.get("sku.name")`."""
        value: object = self.inputs
        for part in path.split("."):
            if not isinstance(value, Mapping):
                return None
            value = value.get(part)  # pyright: ignore[reportUnknownMemberType]
        return value

    def text(self, path: str) -> str:
        """Like `get`, for an input without which there is no price.

        Raises:
            CostError: naming resource and input.
        """
        value = self.get(path)
        if not isinstance(value, str) or not value:
            raise CostError(f"{self.type} {self.name!r}: input {path} is {value!r}; its price depends on it")
        return value

    def number(self, path: str, default: float) -> float:
        """A numeric input, `default` when absent (numbers may arrive as text, as ASG sizes do)."""
        value = self.get(path)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise CostError(f"{self.type} {self.name!r}: input {path} is {value!r}, not a number")
        try:
            return float(value)
        except ValueError:
            raise CostError(f"{self.type} {self.name!r}: input {path} is {value!r}, not a number") from None

    def items(self, path: str) -> list[Mapping[str, object]]:
        """A list-valued input as its mapping items; empty when absent."""
        value = self.get(path)
        if not isinstance(value, list | tuple):
            return []
        entries = cast("list[object]", value)
        return [cast("Mapping[str, object]", entry) for entry in entries if isinstance(entry, Mapping)]


def from_state(text: str) -> list[Resource]:
    """The custom resources of a `pulumi stack export`; components and the stack itself cost nothing.

    Raises:
        CostError: when the text is no such export.
    """
    try:
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise CostError(f"not JSON ({error}): pass the output of `pulumi stack export`") from error
    deployment = document.get("deployment") if isinstance(document, dict) else None  # pyright: ignore
    records = cast("dict[str, object]", deployment).get("resources") if isinstance(deployment, dict) else None
    if not isinstance(records, list):
        raise CostError("no deployment.resources in it: pass the output of `pulumi stack export`")
    found: list[Resource] = []
    for raw in cast("list[dict[str, object]]", records):
        if not raw.get("custom") or raw.get("delete"):
            continue
        urn = str(raw.get("urn", ""))
        inputs = raw.get("inputs")
        found.append(
            Resource(
                str(raw.get("type", "")),
                urn.rsplit("::", 1)[-1],
                cast("dict[str, object]", inputs) if isinstance(inputs, dict) else {},
            )
        )
    return found


def load_list(file: Path) -> list[Resource]:
    """A committed list as `dump_list` writes it.

    Raises:
        CostError: when the file is missing or damaged, with the command that makes it anew.
    """
    try:
        records = cast("list[dict[str, object]]", json.loads(file.read_text(encoding="utf-8")))
        return [
            Resource(str(raw["type"]), str(raw["name"]), cast("dict[str, object]", raw.get("inputs", {})))
            for raw in records
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CostError(f"{file.name}: {error}: make it anew with `./dr cost --write`") from error


def dump_list(resources: list[Resource]) -> str:
    ordered = sorted(resources, key=lambda resource: (resource.type, resource.name))
    records = [{"type": r.type, "name": r.name, "inputs": dict(r.inputs)} for r in ordered]
    return json.dumps(records, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
