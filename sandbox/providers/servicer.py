"""A simulated provider behind Pulumi's ResourceProvider protocol (pulumi/proto/pulumi/provider.proto)."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.providers import differ, wire
from sandbox.providers.calls import CallLog
from sandbox.providers.catalogue import UnknownTypeError
from sandbox.providers.engine_killer import kill_peer
from sandbox.providers.errors import CloudError
from sandbox.providers.provider import Provider

_KINDS = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}
_REPLACED_PROVIDER_SETTINGS = {"aws": ("region",)}
"""Provider settings whose change replaces the provider and everything made by it."""


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Answers one engine after another; holds nothing but the provider and the log."""

    def __init__(self, provider: Provider, log: CallLog, report: Callable[[str], None]) -> None:
        self._provider = provider
        self._log = log
        self._report = report

    @contextmanager
    def _call(
        self,
        context: grpc.ServicerContext,
        method: str,
        target: str,
        *,
        type: str = "",
        preview: bool = False,
    ) -> Generator[None]:
        """Log the call, and turn whatever goes wrong in it into the one error that the engine shows."""
        error: str | None = None
        type = type or (target.split("::")[-2].rsplit("$", maxsplit=1)[-1] if "::" in target else target)
        try:
            yield
        except (CloudError, UnknownTypeError) as refusal:
            error = str(refusal)
        except Exception as fault:  # noqa: BLE001 - the process boundary: engine and log get whatever it is
            error = f"{fault.__class__.__name__}: {fault}"
            self._report(traceback.format_exc())
        self._log.write(self._provider.package, method, type, target, preview=preview, error=error)
        if error is not None:
            context.abort(grpc.StatusCode.UNKNOWN, error)
        if not preview and self._provider.cloud.faults.take_kill_after(type, method):
            kill_peer(context.peer())

    # --- the provider itself ---------------------------------------------------------------------------

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Empty:
        return Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        # the engine warns when a provider is older than the SDK that the program uses
        return plugin_pb2.PluginInfo(version=metadata.version(f"pulumi-{self._provider.package}"))

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Empty:
        return Empty()

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        replacing = _REPLACED_PROVIDER_SETTINGS.get(self._provider.package, ())
        found = list(differ.changes(wire.plain(request.old_inputs), wire.plain(request.news)))
        return _diff_response(found, replacing, delete_first=False)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        settings = {key.rsplit(":", 1)[-1]: value for key, value in request.variables.items()}
        with self._call(context, "Configure", request.urn, type=request.type):
            self._provider.configure(settings)
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    # --- resources -------------------------------------------------------------------------------------

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        response = provider_pb2.CheckResponse()
        with self._call(context, "Check", request.urn):
            inputs, problems = self._provider.check(
                request.type, request.name, wire.plain(request.olds), wire.plain(request.news)
            )
            response.inputs.CopyFrom(wire.struct(inputs))
            response.failures.extend(
                provider_pb2.CheckFailure(property=path, reason=f"{path} {reason}")
                for path, reason in problems
            )
        return response

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        response = provider_pb2.DiffResponse()
        with self._call(context, "Diff", request.urn):
            old, new = wire.plain(request.old_inputs), wire.plain(request.news)
            found, model = self._provider.diff(request.type, old, new)
            delete_first = model.collides(old, new, request.name)
            response.CopyFrom(_diff_response(found, model.replace_on, delete_first=delete_first))
        return response

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        response = provider_pb2.CreateResponse()
        with self._call(context, "Create", request.urn, preview=request.preview):
            inputs = wire.plain(request.properties)
            if request.preview:
                response.properties.CopyFrom(
                    wire.struct(self._provider.preview_outputs(request.type, inputs, {}))
                )
            else:
                resource = self._provider.create(request.type, request.urn, inputs)
                response.id = resource.id
                response.properties.CopyFrom(self._outputs(request.type, resource.outputs))
        return response

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        response = provider_pb2.ReadResponse()
        with self._call(context, "Read", request.urn):
            resource = self._provider.read(request.type, request.id)
            if resource:
                response.id = resource.id
                response.properties.CopyFrom(self._outputs(request.type, resource.outputs))
                response.inputs.CopyFrom(wire.struct(resource.inputs))
        return response

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        response = provider_pb2.UpdateResponse()
        with self._call(context, "Update", request.urn, preview=request.preview):
            inputs = wire.plain(request.news)
            if request.preview:
                outputs = self._provider.preview_outputs(request.type, inputs, wire.plain(request.olds))
                response.properties.CopyFrom(self._outputs(request.type, outputs))
            else:
                resource = self._provider.update(request.type, request.urn, request.id, inputs)
                response.properties.CopyFrom(self._outputs(request.type, resource.outputs))
        return response

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Empty:
        with self._call(context, "Delete", request.urn):
            self._provider.delete(request.type, request.id)
        return Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        response = provider_pb2.InvokeResponse()
        with self._call(context, "Invoke", request.tok, type=request.tok):
            resource = self._provider.invoke(request.tok, wire.plain(request.args))
            result = getattr(response, "return")
            result.CopyFrom(self._outputs(resource.type, resource.outputs | {"id": resource.id}))
        return response

    def _outputs(self, token: str, outputs: dict[str, Any]) -> Any:
        return wire.struct(outputs, secrets=self._provider.catalogue.model(token).secret_outputs)


def _diff_response(found: list[differ.Change], replacing: tuple[str, ...], *, delete_first: bool) -> Any:
    response = provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE,
        hasDetailedDiff=True,
    )
    for change in found:
        replaces = differ.touches(change, replacing)
        response.detailedDiff[change.path].CopyFrom(
            provider_pb2.PropertyDiff(kind=_KINDS[change.kind, replaces], inputDiff=True)
        )
        top = change.path.split(".")[0].split("[")[0]
        if top not in response.diffs:
            response.diffs.append(top)
        if replaces and top not in response.replaces:
            response.replaces.append(top)
    response.deleteBeforeReplace = bool(response.replaces) and delete_first
    return response
