"""One simulated cloud as its provider sees it: resources, settings and made-up identifiers."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.faults import Faults
from sandbox.store import Resource, Store


class Cloud:
    """What type models may know of the world.

    Attributes:
        store: the resources of this cloud.
        faults: the faults that are switched on.
        project: folder of the Pulumi program, where relative file assets start.
        settings: the provider's own configuration (``region``, ``subscriptionId``), as last configured.
        lock: held while a change is checked and entered, so that two resources never get the same address.
    """

    def __init__(self, store: Store, faults: Faults, project: Path) -> None:
        self.store = store
        self.faults = faults
        self.project = project
        self.settings: dict[str, str] = {}
        self.lock = threading.RLock()

    def by_id(self, id: str) -> Resource | None:
        """The resource with that id, whatever its type; ids are compared as Azure does, without case."""
        wanted = id.lower()
        return next((each for each in self.store.all() if each.id.lower() == wanted), None)

    def users_of(self, id: str) -> list[Resource]:
        """Resources whose inputs mention ``id`` (exactly, or as the start of a sub-resource's id)."""
        wanted = id.lower()

        def mentions(text: str) -> bool:
            return text.lower() == wanted or text.lower().startswith(wanted + "/")

        return [
            each
            for each in self.store.all()
            if each.id != id and any(mentions(text) for _, text in strings(each.inputs))
        ]


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """All strings in a value, each with its path (``a.b[0].c``)."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from strings(member, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from strings(member, f"{path}[{number}]")


def hex_id(length: int) -> str:
    """Random lower-case hex digits, as in EC2 ids."""
    return secrets.token_hex(length)[:length]


def unique_id(prefix: str, length: int = 17) -> str:
    """Random upper-case letters and digits, as in IAM unique ids and Route 53 ids."""
    return prefix + "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(length))


def guid(*seed: str) -> str:
    """A GUID: random, or always the same for the same seed."""
    text = hashlib.sha256("|".join(seed).encode()).hexdigest() if seed else secrets.token_hex(16)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def timestamp() -> str:
    """Now, in the form both clouds use: ``2026-11-23T10:00:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def public_address(cloud: Cloud, type: str, output: str, block: str) -> str:
    """An address of the documentation range ``block`` (``203.0.113``) that no such resource has yet."""
    taken = {each.outputs.get(output) for each in cloud.store.find(type)}
    return next(address for number in range(10, 250) if (address := f"{block}.{number}") not in taken)
