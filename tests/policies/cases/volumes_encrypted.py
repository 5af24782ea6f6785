"""Encrypted disks, and plain ones."""

from __future__ import annotations

from policies import tokens
from policies.rules.volumes_encrypted import RULE
from tests.policies.case import GONE, Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.LAUNCH_TEMPLATE,
            inputs={"blockDeviceMappings": [{"deviceName": "/dev/sda1", "ebs": {"encrypted": "true"}}]},
        ),
        breaks=[
            Break(at={"blockDeviceMappings": GONE}, says="names no blockDeviceMappings"),
            Break(at={"blockDeviceMappings.0.ebs.encrypted": "false"}, says="volume /dev/sda1 is not"),
            Break(at={"blockDeviceMappings.0.ebs.encrypted": GONE}, says="volume /dev/sda1 is not"),
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.VIRTUAL_MACHINE,
            inputs={"storageProfile": {"osDisk": {"managedDisk": {"storageAccountType": "StandardSSD_LRS"}}}},
        ),
        breaks=[Break(at={"storageProfile.osDisk.managedDisk": GONE}, says="not a managed disk")],
    ),
]
