"""Rule: disks are encrypted."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen


def problems(machine: Seen) -> Iterator[str]:
    """EBS only where it is asked for; Azure encrypts every managed disk, so it must be one."""
    if machine.type == tokens.LAUNCH_TEMPLATE:
        mappings = list(machine.parts("blockDeviceMappings"))
        if not mappings and machine.get("blockDeviceMappings") in (None, []):
            yield "names no blockDeviceMappings: the image's own volume is not encrypted"
        for mapping in mappings:
            if mapping.differs("ebs.encrypted", True, "true"):
                yield f"volume {mapping.text('deviceName')} is not encrypted"
    elif machine.get("storageProfile.osDisk.managedDisk") is None:
        yield "its system disk is not a managed disk, which alone Azure encrypts by itself"


RULE = Rule(
    name="volumes-encrypted",
    what="Volumes of instances are encrypted; disks of Azure's servers are managed ones, which always are.",
    why="Dumps pass through them.",
    types=frozenset({tokens.LAUNCH_TEMPLATE, tokens.VIRTUAL_MACHINE}),
    problems=problems,
)
