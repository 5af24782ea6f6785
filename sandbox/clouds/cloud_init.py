"""The part of cloud-init that the program's user data uses, and an error for everything else.

Order on a real machine (cloud-init's modules): write_files, then packages, then runcmd, whose commands run
one after the other even when one of them fails.
"""

from __future__ import annotations

import base64
import binascii
import gzip
from dataclasses import dataclass
from typing import Any, cast

import yaml

# EC2 counts before base64 (EC2 user guide, "User data"), Azure after it (VM REST API, customData).
_EC2_LIMIT, _AZURE_LIMIT = 16 * 1024, 64 * 1024 - 1
_TOP = {"packages", "package_update", "write_files", "runcmd"}
_FILE = {"path", "content", "permissions", "owner", "encoding"}


class CloudInitError(ValueError):
    """User data that this simulated machine does not understand; names the file to extend."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}; see sandbox/clouds/cloud_init.py, which knows exactly what is used")


@dataclass(frozen=True)
class File:
    """One entry of ``write_files``; ``permissions`` octal text, ``owner`` as written (both only recorded)."""

    path: str
    content: bytes
    permissions: str
    owner: str


@dataclass(frozen=True)
class CloudConfig:
    """What a machine does at its first boot."""

    packages: tuple[str, ...]
    files: tuple[File, ...]
    commands: tuple[tuple[str, ...], ...]


def decode(encoded: str, cloud: str) -> str:
    """User data as the cloud's API takes it: base64, at most the cloud's size; may be gzip inside.

    Raises:
        CloudInitError: not base64, or too large.
    """
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise CloudInitError(f"user data is not base64 ({error})") from error
    size, limit = (len(data), _EC2_LIMIT) if cloud == "aws" else (len(encoded), _AZURE_LIMIT)
    if size > limit:
        raise CloudInitError(f"user data has {size} bytes, {cloud} takes {limit}")
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return data.decode()


def parse(text: str) -> CloudConfig:
    """Read a ``#cloud-config`` document.

    Raises:
        CloudInitError: anything that is not understood.
    """
    if text.split("\n", 1)[0].strip() != "#cloud-config":
        raise CloudInitError(f"user data starts with {text[:40]!r}, not with '#cloud-config'")
    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CloudInitError(f"user data is not YAML: {error}") from error
    if not isinstance(document, dict):
        raise CloudInitError("user data is not a mapping")
    settings = cast(dict[str, Any], document)
    if unknown := sorted(set(settings) - _TOP):
        raise CloudInitError(f"cloud-config key {unknown[0]!r} is not simulated")
    return CloudConfig(
        packages=tuple(_text(item, "packages") for item in settings.get("packages") or []),
        files=tuple(_file(item) for item in settings.get("write_files") or []),
        commands=tuple(_command(item) for item in settings.get("runcmd") or []),
    )


def _text(item: Any, where: str) -> str:
    if not isinstance(item, str):
        raise CloudInitError(f"{where}: {item!r} is not a text")
    return item


def _file(item: Any) -> File:
    if not isinstance(item, dict) or "path" not in item:
        raise CloudInitError(f"write_files: {item!r} has no path")
    entry = cast(dict[str, Any], item)
    if unknown := sorted(set(entry) - _FILE):
        raise CloudInitError(f"write_files {entry['path']}: key {unknown[0]!r} is not simulated")
    permissions = entry.get("permissions", "0644")
    if not isinstance(permissions, str):
        raise CloudInitError(f"write_files {entry['path']}: permissions must be a quoted text like '0644'")
    content = _text(entry.get("content", ""), f"write_files {entry['path']} content")
    encoding = entry.get("encoding", "text/plain")
    match encoding:
        case "text/plain":
            data = content.encode()
        case "b64" | "base64":
            data = base64.b64decode(content)
        case "gz+b64" | "gzip+base64":
            data = gzip.decompress(base64.b64decode(content))
        case _:
            raise CloudInitError(f"write_files {entry['path']}: encoding {encoding!r} is not simulated")
    return File(entry["path"], data, permissions, str(entry.get("owner", "root:root")))


def _command(item: Any) -> tuple[str, ...]:
    if not isinstance(item, list) or not item:
        raise CloudInitError(f"runcmd: {item!r} is not a list of words (a text would go through a shell)")
    words = tuple(_text(word, "runcmd") for word in cast(list[Any], item))
    if words[0] == "python3" and len(words) == 2:
        return words
    options = words[3:-1]
    if words[:3] == ("systemctl", "enable", "--now") and len(words) > 3 and options in ((), ("--no-block",)):
        return words
    raise CloudInitError(
        f"runcmd: {' '.join(words)!r} is neither 'python3 FILE' nor "
        "'systemctl enable --now [--no-block] UNIT'"
    )
