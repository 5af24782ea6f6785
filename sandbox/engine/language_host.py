"""The Python language host: what the engine asks for every command on a Python program.

The official host is a Go program that is not to be had as a module. The engine attaches this one by
``PULUMI_DEBUG_LANGUAGES=python:PORT`` (pulumi/proto/pulumi/language.proto). It keeps nothing between calls
except the address of the engine behind each connection, so several commands may use it at the same time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import (
    LanguageRuntimeServicer,
    engine_pb2,
    engine_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    plugin_pb2,
)

from sandbox.engine.environment import clean
from sandbox.engine.run_program import ALREADY_SHOWN

_RUNNER = Path(__file__).with_name("run_program.py")


def add_language_host(server: grpc.Server) -> None:
    """Let ``server`` answer as the Python language host."""
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(), server)


class LanguageHost(LanguageRuntimeServicer):
    """Answers the engine; runs every program in a fresh child of this Python."""

    def __init__(self) -> None:
        self._engines: dict[str, str] = {}

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        # Run says nothing about the engine's address, but it comes over the same connection.
        self._engines[context.peer()] = request.engine_address
        while len(self._engines) > 100:
            self._engines.pop(next(iter(self._engines)))
        return language_pb2.LanguageHandshakeResponse()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Empty:
        return Empty()  # the engine closes the connection next, which ends the program

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetRequiredPlugins(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:
        # None: the providers are attached, and without a network there is nothing to install.
        return language_pb2.GetRequiredPackagesResponse()

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        yield language_pb2.InstallDependenciesResponse(
            stdout=b"The sandbox uses the installed Python packages.\n"
        )

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.RuntimeOptionsResponse()

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:
        version = ".".join(map(str, sys.version_info[:3]))
        return language_pb2.AboutResponse(executable=sys.executable, version=version)

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=each.name, version=each.version)
                for each in metadata.distributions()
                if each.name.startswith("pulumi")
            ]
        )

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:
        engine = self._engines.get(context.peer(), "")
        child = subprocess.Popen(
            [sys.executable, "-u", str(_RUNNER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean(os.environ),
        )
        context.add_callback(child.kill)  # the engine went away, or the call is over and this does nothing
        readers = [
            threading.Thread(target=_forward, args=(_pipe(stream), engine), daemon=True)
            for stream in (child.stdout, child.stderr)
        ]
        for reader in readers:
            reader.start()
        # a child that dies at once breaks the pipe; its exit status and its last words say why
        with suppress(BrokenPipeError), _pipe(child.stdin) as stdin:
            json.dump(_request(request, engine), stdin)
        code = child.wait()
        for reader in readers:
            reader.join()
        if code == 0:
            return language_pb2.RunResponse()
        if code == ALREADY_SHOWN:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}")


def _request(request: Any, engine: str) -> Mapping[str, Any]:
    return {
        "project": request.project,
        "stack": request.stack,
        "organization": request.organization or "organization",
        "pwd": request.pwd,
        "program": str(Path(request.info.program_directory or request.pwd)),
        "root_directory": request.info.root_directory,
        "config": dict(request.config),
        "config_secret_keys": list(request.configSecretKeys),
        "dry_run": request.dryRun,
        "parallel": request.parallel,
        "monitor": request.monitor_address,
        "engine": engine,
    }


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("the program was started without pipes")
    return stream


def _forward(stream: IO[str], engine: str) -> None:
    """Show what the program prints as the engine shows the output of its own host: informational messages."""
    if not engine:
        with stream:
            for line in stream:
                print(line, end="", file=sys.stderr, flush=True)
        return
    # An engine that is gone, killed perhaps, would be the one to show it.
    with stream, grpc.insecure_channel(engine) as channel, suppress(grpc.RpcError):
        stub = engine_pb2_grpc.EngineStub(channel)
        for line in stream:
            stub.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=line.rstrip("\n")))
