"""Cloud-init documents from the files in this folder. Pure: the same input gives the same bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

EC2_USER_DATA_LIMIT = 16 * 1024
"""Bytes before base64: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html"""
AZURE_CUSTOM_DATA_LIMIT = 64 * 1024 - 1
"""Bytes after base64: https://learn.microsoft.com/azure/virtual-machines/custom-data"""

_FOLDER = Path(__file__).parent


class Guest(StrEnum):
    """A kind of machine; its template is the YAML file of that name."""

    BACKUP_INSTANCE = "backup_instance"
    APP_SERVER = "app_server"
    WEB_SERVER = "web_server"


class _Block(str):
    """Text that YAML writes as a readable block."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    pass


def _block(dumper: yaml.SafeDumper, text: _Block) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")


_Dumper.add_representer(_Block, _block)


def cloud_init(guest: Guest, documents: Mapping[str, Any]) -> str:
    """The ``#cloud-config`` of one machine.

    Args:
        guest: which template to fill.
        documents: content for the template's ``document`` entries: text, or anything that JSON can hold.
            Never a secret: user data can be read by every process on the machine.

    Raises:
        KeyError: the template asks for a document that was not given.
        ValueError: the result is larger than the clouds accept.
    """
    template: dict[str, Any] = yaml.safe_load((_FOLDER / f"{guest}.yaml").read_text())
    files: list[dict[str, Any]] = []
    for entry in template["write_files"]:
        if "file" in entry:
            content = (_FOLDER / entry["file"]).read_text()
        else:
            document = documents[entry["document"]]
            content = document if isinstance(document, str) else json.dumps(document, indent=1) + "\n"
        files.append({"path": entry["path"], "permissions": "0644", "content": _Block(content)})
    filled = {"packages": template["packages"], "write_files": files, "runcmd": template["runcmd"]}
    text = "#cloud-config\n" + yaml.dump(filled, Dumper=_Dumper, sort_keys=False, width=1000)
    limit = EC2_USER_DATA_LIMIT if guest is Guest.BACKUP_INSTANCE else AZURE_CUSTOM_DATA_LIMIT * 3 // 4
    if len(text.encode()) > limit:
        raise ValueError(f"cloud-init of {guest} has {len(text.encode())} bytes, the cloud takes {limit}")
    return text


def encoded(text: str) -> str:
    """Base64, as EC2's user data and Azure's custom data want it."""
    return base64.b64encode(text.encode()).decode()
