"""In which order the engine makes what: the program's own dependencies, recorded under mocks, as steps.

A process of its own (`python -m cli.steps [--write]`), because Pulumi's runtime is global to one.
"""

from __future__ import annotations

import functools
import runpy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime import mocks

from cli.cost_recorder import STACK, Recorder, configuration
from cli.places import CLONE
from cli.steps_picture import Made, drawing

PICTURE = CLONE / "docs" / "steps.svg"
MODES = ("normal", "emergency")
_NO_CLOUD = ("pulumi:", "random:")


@dataclass(frozen=True)
class Registered:
    """A resource as the program registers it; dependencies by logical name."""

    type: str
    name: str
    component: str
    dependencies: tuple[str, ...]


class _Monitor(mocks.MockMonitor):
    """Keeps the requests: only they show what a resource depends on."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self.seen: list[Registered] = []

    def RegisterResource(self, request: Any) -> Any:
        if request.custom:
            component = request.parent.rsplit("::", 1)[-1]
            depends = tuple(urn.rsplit("::", 1)[-1] for urn in request.dependencies)
            self.seen.append(Registered(request.type, request.name, component, depends))
        return super().RegisterResource(request)


def recorded(mode: str) -> list[Registered]:
    """Everything the production stack registers in ``mode``, by name: the engine registers side by side."""
    recorder = Recorder()
    monitor = _Monitor(recorder)
    pulumi.runtime.set_mocks(recorder, project="petclinic-dr", stack=STACK, preview=True, monitor=monitor)
    pulumi.runtime.set_all_config(configuration(mode))

    @pulumi.runtime.test
    def run() -> None:
        runpy.run_path(str(CLONE / "__main__.py"))

    run()
    return sorted(monitor.seen, key=lambda each: each.name)


def stepped(resources: Sequence[Registered]) -> list[Made]:
    """Each with the step in which it can be made at the earliest: one after the latest that it waits for.

    What is not among ``resources`` is there already. What calls no cloud takes no step and is left out.
    """
    by_name = {each.name: each for each in resources}

    @functools.cache
    def step(name: str) -> int:
        waits = max((step(other) for other in by_name[name].dependencies if other in by_name), default=0)
        return waits + (not by_name[name].type.startswith(_NO_CLOUD))

    return [
        Made(each.name, each.component, "AWS" if each.type.startswith("aws:") else "Azure", step(each.name))
        for each in resources
        if not each.type.startswith(_NO_CLOUD)
    ]


def picture() -> str:
    """The SVG of both modes."""
    normal, emergency = (recorded(mode) for mode in MODES)
    known = {each.name for each in normal}
    return drawing(stepped(normal), stepped([each for each in emergency if each.name not in known]))


def main(argv: list[str]) -> int:
    """Prints the picture, or writes it to its place with ``--write``."""
    if argv not in ([], ["--write"]):
        print("usage: python -m cli.steps [--write]", file=sys.stderr)
        return 2
    if argv:
        PICTURE.write_text(picture(), encoding="utf-8")
    else:
        print(picture(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
