"""The picture of the steps in the docs: current, and its steps are what the dependencies say."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from cli.steps import Registered, stepped

ROOT = Path(__file__).resolve().parents[2]


def test_a_step_is_one_after_the_latest_that_it_waits_for() -> None:
    resources = [
        Registered("aws:ec2/eip:Eip", "address", "origin", ()),
        Registered("random:index/randomPassword:RandomPassword", "password", "keys", ("address",)),
        Registered("azure-native:keyvault:Secret", "secret", "keys", ("password", "there-already")),
        Registered("azure-native:keyvault:Vault", "vault", "keys", ()),
        Registered("azure-native:compute:VirtualMachine", "machine", "servers", ("vault", "secret")),
    ]
    assert {made.name: (made.cloud, made.step) for made in stepped(resources)} == {
        "address": ("AWS", 1),
        "secret": ("Azure", 2),  # what calls no cloud passes the waiting on and takes no step
        "vault": ("Azure", 1),
        "machine": ("Azure", 3),
    }


@pytest.mark.timeout(300)
def test_the_committed_picture_is_current() -> None:
    command = [sys.executable, "-m", "cli.steps"]
    drawn = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    remedy = "docs/steps.svg is out of date: run `python -m cli.steps --write`"
    assert (ROOT / "docs" / "steps.svg").read_text() == drawn, remedy
    dots = [each for each in ET.fromstring(drawn).iter() if each.tag.endswith("circle")]  # noqa: S314 - ours
    assert len(dots) > 80
