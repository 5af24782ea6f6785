"""Runs the program under Pulumi's mocks and prints what it registers: `python -m cli.cost_recorder MODE`.

A process of its own, because Pulumi's runtime is global to one. No engine, no provider and no cloud is asked;
what only a cloud could say stays unknown, as in a preview.
"""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Mapping
from typing import Any, cast

import pulumi
import yaml
from pulumi.output import Unknown
from pulumi.runtime import Mocks, mocks, rpc

from cli.places import CLONE
from costs.catalogue import priced_inputs
from costs.errors import CostError
from costs.resources import Resource, dump_list

STACK = "normal"
OPENED = {"normal": {}, "emergency": {"enablePetclinic": "true"}}
"""Settings beside the mode itself; an emergency is priced with everything in it running."""


class Recorder(Mocks):
    """Takes every custom resource's type, name and inputs."""

    def __init__(self) -> None:
        self.resources: list[Resource] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        inputs = cast("dict[str, object]", args.inputs)
        if args.custom is not False and not args.typ.startswith("pulumi:pulumi:"):
            self.resources.append(Resource(args.typ, args.name, cast("dict[str, object]", _known(inputs))))
        # No outputs: absent ones are unknown, as in a preview before the first deployment. Inputs handed back
        # as outputs would be wrong where the two differ in shape, as the identities of Azure resources do.
        return f"{args.name}-id", {}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise CostError(f"the program calls {args.token}: it must work without asking a cloud")


def _known(value: object) -> object:
    """The value without its unknown parts, which the mocks hand over as None or as a fixed text."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        return {key: _known(part) for key, part in pairs if not _unknown(part)}
    if isinstance(value, list | tuple):
        return [_known(part) for part in cast("list[object]", value) if not _unknown(part)]
    # The engine's protocol knows no integers; 8.0 GB would read oddly in a committed file.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unknown(value: object) -> bool:
    return value is None or value == rpc.UNKNOWN or isinstance(value, Unknown)


def configuration(mode: str) -> dict[str, str]:
    """The production stack's settings as the engine hands them over: defaults, then the stack's file."""
    project = _read("Pulumi.yaml")
    name = str(project["name"])
    declared = cast("dict[str, dict[str, object]]", project["config"])
    values = {f"{name}:{key}": entry["default"] for key, entry in declared.items()}
    values |= cast("dict[str, object]", _read(f"Pulumi.{STACK}.yaml")["config"])
    values |= {f"{name}:{key}": value for key, value in {"mode": mode, **OPENED[mode]}.items()}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def _read(file: str) -> dict[str, object]:
    return cast("dict[str, object]", yaml.safe_load((CLONE / file).read_text(encoding="utf-8")))


def record(mode: str) -> list[Resource]:
    """Everything the production stack registers in `mode`, inputs reduced to those that decide a price.

    Raises:
        CostError: for resource types that nobody has priced or named as free.
    """
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="petclinic-dr", stack=STACK, preview=True)
    pulumi.runtime.set_all_config(configuration(mode))

    @pulumi.runtime.test
    def run() -> None:
        runpy.run_path(str(CLONE / "__main__.py"))

    run()
    return [priced_inputs(resource) for resource in recorder.resources]


def main(argv: list[str]) -> int:
    if len(argv) != 1 or argv[0] not in OPENED:
        print(f"usage: python -m cli.cost_recorder {'|'.join(OPENED)}", file=sys.stderr)
        return 2
    try:
        print(dump_list(record(argv[0])), end="")
    except CostError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
