"""How the services behind a cloud (a MySQL server, a gateway, a machine) learn what the program deployed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.store import Resource


class Handler:
    """What happens in the simulated world when a resource of one type changes; override what is needed.

    Handlers run inside the provider's Create, Update and Delete, after all checks; several run at once. A
    handler may take as long as the work takes. An exception becomes the error of that resource, and the
    change did not
    happen: a created resource is gone again, an updated one is as before, a deleted one is still there.
    """

    def created(self, resource: Resource) -> dict[str, Any] | None:
        """The resource exists (it is in the store). Returns outputs to add, or None."""

    def updated(self, old: Resource, new: Resource) -> dict[str, Any] | None:
        """The resource has new inputs (they are in the store). Returns outputs to add, or None."""

    def deleted(self, resource: Resource) -> None:
        """The resource is about to leave the store."""


Effects = Mapping[str, Handler]
"""Handlers by type token, e.g. ``azure-native:dbformysql:Server``."""
