"""AWS resources, made through the provider without an engine."""

from __future__ import annotations

from typing import Any

from sandbox.providers.provider import Provider
from sandbox.store import Resource


class Rejected(Exception):
    """Check found something wrong with the inputs."""


class Aws:
    """Makes resources as the engine would: Check, then Create."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def make(self, type: str, /, **inputs: Any) -> Resource:
        """Create one resource, e.g. ``make("ec2/eip:Eip", ...)``.

        Raises:
            Rejected: with everything that Check said.
            CloudError: what the cloud said.
        """
        token = f"aws:{type}"
        checked, problems = self.provider.check(token, "logical", {}, inputs)
        if problems:
            raise Rejected("; ".join(f"{path} {reason}" for path, reason in problems))
        return self.provider.create(token, f"urn:pulumi:dev::tiny::{token}::logical", checked)
