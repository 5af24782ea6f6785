"""What exists in a simulated cloud: resources by id, kept on disk across runs."""

from __future__ import annotations

import copy
import json
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Resource:
    """One simulated cloud resource as the provider last saw it.

    Attributes:
        type: the Pulumi type token, e.g. ``aws:ec2/eip:Eip``.
        id: the provider's id (for Azure the ARM id).
        urn: the URN of the program's resource.
        inputs: camelCase inputs as checked; secrets are plain values here, so the file is mode 0600.
        outputs: camelCase outputs as returned to the engine.
    """

    type: str
    id: str
    urn: str
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)


class Store:
    """All resources of one simulated cloud and the names it remembers as soft-deleted.

    Every method returns copies; a change counts from ``put`` on. Safe for threads of one process.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._mutex = threading.RLock()
        file.parent.mkdir(parents=True, exist_ok=True)
        saved: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        self._resources: dict[str, Resource] = {
            key: Resource(**value) for key, value in saved.get("resources", {}).items()
        }
        self._soft_deleted: list[str] = saved.get("soft_deleted", [])

    def _save(self) -> None:
        temporary = self._file.with_suffix(".tmp")
        temporary.touch(mode=0o600)
        temporary.write_text(
            json.dumps(
                {
                    "resources": {key: asdict(value) for key, value in self._resources.items()},
                    "soft_deleted": self._soft_deleted,
                },
                indent=1,
            )
        )
        temporary.replace(self._file)

    def get(self, type: str, id: str) -> Resource | None:
        """The resource of that type and id, or None."""
        with self._mutex:
            return copy.deepcopy(self._resources.get(f"{type}::{id}"))

    def find(self, type: str, **inputs: Any) -> list[Resource]:
        """All resources of ``type`` whose inputs have the given values, oldest first."""
        with self._mutex:
            return [
                copy.deepcopy(resource)
                for resource in self._resources.values()
                if resource.type == type
                and all(resource.inputs.get(key) == value for key, value in inputs.items())
            ]

    def all(self) -> list[Resource]:
        """Everything that exists, oldest first."""
        with self._mutex:
            return [copy.deepcopy(resource) for resource in self._resources.values()]

    def put(self, resource: Resource) -> None:
        """Create or replace a resource."""
        with self._mutex:
            self._resources[f"{resource.type}::{resource.id}"] = copy.deepcopy(resource)
            self._save()

    def remove(self, type: str, id: str) -> None:
        """Forget a resource; nothing happens when it is not there."""
        with self._mutex:
            self._resources.pop(f"{type}::{id}", None)
            self._save()

    def remember_deleted(self, name: str) -> None:
        """Note that ``name`` is soft-deleted: creating it again must be refused or must recover it."""
        with self._mutex:
            if name not in self._soft_deleted:
                self._soft_deleted.append(name)
                self._save()

    def is_soft_deleted(self, name: str) -> bool:
        """Whether ``name`` was deleted by a service that keeps names for some days."""
        with self._mutex:
            return name in self._soft_deleted
