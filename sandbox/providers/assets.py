"""Contents of Pulumi assets (``pulumi.StringAsset``, ``pulumi.FileAsset``) that reach a provider."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.providers.wire import SIGNATURE

_ASSET = "c44067f5952c0a294b673a41bacd8c17"  # sdk/go/common/resource/sig
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"


class AssetError(ValueError):
    """An asset that the simulated clouds cannot read."""


def is_asset(value: Any) -> bool:
    """Whether a wire value is an asset."""
    return isinstance(value, Mapping) and value.get(SIGNATURE) == _ASSET


def is_archive(value: Any) -> bool:
    """Whether a wire value is an archive."""
    return isinstance(value, Mapping) and value.get(SIGNATURE) == _ARCHIVE


def asset_bytes(value: Any, project: Path) -> bytes:
    """The bytes of an asset.

    Args:
        value: the asset as it stands in a resource's inputs.
        project: the folder of the Pulumi program; relative file assets start there.

    Raises:
        AssetError: for archives and remote assets, which the sandbox does not fetch.
        OSError: when the asset's file cannot be read.
    """
    if is_asset(value):
        if "path" in value:
            return (project / value["path"]).read_bytes()
        if "uri" not in value:
            return str(value.get("text", "")).encode()
        raise AssetError(f"the sandbox does not fetch the remote asset {value['uri']}: use a FileAsset")
    raise AssetError(
        "the sandbox reads assets only: make the zip yourself and pass a FileAsset, not an archive"
    )
