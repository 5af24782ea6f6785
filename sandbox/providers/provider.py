"""One simulated provider: the calls of the engine, answered from type models, a store and effect handlers."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from sandbox.providers import differ
from sandbox.providers.catalogue import Catalogue
from sandbox.providers.cloud import Cloud
from sandbox.providers.effects import Effects, Handler
from sandbox.providers.errors import AwsError, CloudError
from sandbox.providers.model import TypeModel
from sandbox.store import Resource

_NOTHING = Handler()


class Provider:
    """The provider of one cloud, free of gRPC.

    Args:
        package: ``aws``, ``azure-native`` or ``random``.
        cloud: its cloud.
        catalogue: all type models.
        effects: handlers by type token.
    """

    def __init__(self, package: str, cloud: Cloud, catalogue: Catalogue, effects: Effects) -> None:
        self.package = package
        self.cloud = cloud
        self.catalogue = catalogue
        self._effects = effects
        self._busy: set[str] = set()

    def refuse_when_down(self, call: str) -> None:
        """Raise as the real provider does when its cloud is gone.

        Raises:
            CloudError: while the fault ``aws_down`` is on and this is the aws provider.
        """
        if self.package == "aws" and self.cloud.faults.aws_down:
            raise CloudError(
                f"operation error {call}, exceeded maximum number of attempts, https response error "
                "StatusCode: 0, RequestID: , request send failed: dial tcp: connect: connection refused"
            )

    def configure(self, settings: Mapping[str, str]) -> None:
        """Take the provider's configuration.

        The real aws provider asks STS for the account and EC2's metadata for credentials unless it is told
        not to.

        Raises:
            CloudError: when AWS is down and the configuration needs one of its APIs.
        """
        if self.package == "aws" and not all(
            str(settings.get(flag, "")).lower() == "true"
            for flag in ("skipCredentialsValidation", "skipRequestingAccountId")
        ):
            self.refuse_when_down("STS: GetCallerIdentity")
        self.cloud.settings.update(settings)

    def check(
        self, token: str, name: str, old: Mapping[str, Any], new: dict[str, Any]
    ) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """The completed inputs and everything that is wrong with them as (property, reason)."""
        model = self.catalogue.model(token)
        inputs = model.complete(self.cloud, new, old, name)
        return inputs, [(problem.path, problem.reason) for problem in model.problems(inputs)]

    def diff(
        self, token: str, old: Mapping[str, Any], new: Mapping[str, Any]
    ) -> tuple[list[differ.Change], TypeModel]:
        """All changed input paths, and the model that knows which of them replace the resource."""
        return list(differ.changes(old, new)), self.catalogue.model(token)

    def preview_outputs(
        self, token: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What a preview knows of the outputs: the inputs that come back, and on updates what was there."""
        model = self.catalogue.model(token)
        return dict(old_outputs) | model.echo(inputs)

    def create(self, token: str, urn: str, inputs: dict[str, Any]) -> Resource:
        """Create a resource.

        Raises:
            CloudError: when the cloud refuses.
        """
        model = self.catalogue.model(token)
        self.refuse_when_down(token)
        with self._alone(model, inputs), self.cloud.lock:
            id = model.identify(self.cloud, inputs)
            there = self.cloud.store.get(token, id)
            refusal = model.existing_error(id)
            if there and refusal and not model.singleton:
                raise refusal
            model.admit(self.cloud, id, inputs, there if model.singleton else None)
            outputs = model.outputs(self.cloud, id, inputs, there.outputs if there else {})
            resource = Resource(token, id, urn, inputs, outputs)
            self.cloud.store.put(resource)
        try:
            extra = self._handler(token).created(resource)
        except BaseException:
            self.cloud.store.remove(token, id)
            raise
        return self._with(resource, extra)

    def update(self, token: str, urn: str, id: str, inputs: dict[str, Any]) -> Resource:
        """Change a resource in place.

        Raises:
            CloudError: when the cloud refuses or the resource is gone.
        """
        model = self.catalogue.model(token)
        self.refuse_when_down(token)
        with self.cloud.lock:
            old = self._there(token, id)
            model.admit(self.cloud, id, inputs, old)
            outputs = model.outputs(self.cloud, id, inputs, old.outputs)
            new = Resource(token, id, urn, inputs, outputs)
            self.cloud.store.put(new)
        try:
            extra = self._handler(token).updated(old, new)
        except BaseException:
            self.cloud.store.put(old)
            raise
        return self._with(new, extra)

    def read(self, token: str, id: str) -> Resource | None:
        """A resource as the cloud has it now, or None."""
        self.catalogue.model(token)
        self.refuse_when_down(token)
        return self.cloud.store.get(token, id)

    def delete(self, token: str, id: str, *, with_parent: bool = False) -> None:
        """Delete a resource; one that is gone already is no error, as in both clouds.

        Args:
            token: its type.
            id: its id.
            with_parent: the parent goes, so that only what stands behind the resource may refuse.

        Raises:
            CloudError: when the cloud refuses.
        """
        model = self.catalogue.model(token)
        self.refuse_when_down(token)
        resource = self.cloud.store.get(token, id)
        if resource is None:
            return
        if not with_parent:
            model.release(self.cloud, resource)
        for child in model.children(self.cloud, resource):
            self.delete(child.type, child.id, with_parent=True)
        self._handler(token).deleted(resource)
        self.cloud.store.remove(token, id)
        model.after_delete(self.cloud, resource)

    def invoke(self, function: str, arguments: dict[str, Any]) -> Resource:
        """The resource that a plain getter (``getVault``) reads.

        Raises:
            CloudError: when it does not exist.
        """
        self.refuse_when_down(function)
        model = self.catalogue.read_by(function)
        return self._there(model.pulumi_type, model.identify(self.cloud, arguments))

    @contextmanager
    def _alone(self, model: TypeModel, inputs: Mapping[str, Any]) -> Generator[None]:
        """Refuse a create beside another one that needs the same thing for itself."""
        key = model.busy_key(inputs)
        if key is None:
            yield
            return
        with self.cloud.lock:
            if key in self._busy:
                raise model.busy_error(key)
            self._busy.add(key)
        try:
            yield
            time.sleep(model.linger_s)
        finally:
            self._busy.discard(key)

    def _there(self, token: str, id: str) -> Resource:
        found = self.cloud.store.get(token, id)
        if found is None:
            if self.package == "aws":
                raise AwsError(token, "NotFound", f"{id} does not exist")
            raise CloudError(
                f'Status=404 Code="ResourceNotFound" Message="The Resource \'{id}\' was not found."'
            )
        return found

    def _handler(self, token: str) -> Handler:
        return self._effects.get(token, _NOTHING)

    def _with(self, resource: Resource, extra: Mapping[str, Any] | None) -> Resource:
        if extra:
            resource.outputs.update(extra)
            self.cloud.store.put(resource)
        return resource
